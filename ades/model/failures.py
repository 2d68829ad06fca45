"""Why a job or a step ended as it did."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a job or a step ended as it did: one word for machines beside the sentence for people."""

    EXIT_CODE = "exit-code"
    """The tool ended with a code that its package does not call success."""
    OUTPUT_MISSING = "output-missing"
    """A file or folder that the package promises was not there."""
    OUTPUT_INVALID = "output-invalid"
    """An output was there but cannot be used: no valid JSON, no valid STAC …"""
    TOOL_MISSING = "tool-missing"
    """The command is not on this machine, and there is no container engine to bring it."""
    IMAGE_UNAVAILABLE = "image-unavailable"
    """The container image cannot be pulled."""
    OUT_OF_MEMORY = "out-of-memory"
    TIME_LIMIT = "time-limit"
    CPU_LIMIT = "cpu-limit"
    DISK_LIMIT = "disk-limit"
    OUTPUT_LIMIT = "output-limit"
    PROCESS_LIMIT = "process-limit"
    LOG_LIMIT = "log-limit"
    KILLED = "killed"
    """A signal from outside ended the tool."""
    INVALID_INPUT = "invalid-input"
    """An input turned out not to fit when it was looked at: a reference that cannot be read, a wrong value."""
    STAGE_IN = "stage-in"
    """An input could not be brought here."""
    STAGE_OUT = "stage-out"
    """An output could not be published."""
    EXPRESSION = "expression"
    """An expression in the package failed."""
    PACKAGE = "package"
    """The package itself cannot be executed."""
    UNSCHEDULABLE = "unschedulable"
    EVICTED = "evicted"
    WORKER_LOST = "worker-lost"
    """The worker or runner died, and the attempts are used up."""
    DISK_FULL = "disk-full"
    """The machine, not the job, ran out of space."""
    DISMISSED = "dismissed"
    NESTED = "nested"
    """A process that this one calls has failed."""
    INTERNAL = "internal"
    """The server's own fault; the log of the server knows more."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something failed: for machines, for people, and the last lines that the tool said."""

    reason: Reason
    message: str
    """One readable sentence: what happened, where, what to do."""
    step: str | None = None
    exit_code: int | None = None
    log_tail: str | None = None
