"""The steps of a job."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from ades.model.nouns import Evolving

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from ades.model.failures import Reason
    from ades.model.nouns import JSON


class StepState(StrEnum):
    """Where a step is in its life."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Its condition was false."""
    DISMISSED = "dismissed"

    @property
    def finished(self) -> bool:
        """Nothing more will happen to the step."""
        return self not in {StepState.PENDING, StepState.RUNNING}


@dataclass(frozen=True, slots=True)
class Step(Evolving):
    """One tool run of a job."""

    job: UUID
    name: str
    """Unique within the attempt: `warp`, for the third of a scatter `warp_3`."""
    attempt: int
    ordinal: int
    """In which order the steps became known."""
    state: StepState
    tool: str = ""
    scatter: int | None = None
    started: datetime | None = None
    finished: datetime | None = None
    exit_code: int | None = None
    reason: Reason | None = None
    message: str = ""
    image: str | None = None
    peak_memory: int | None = None
    """Bytes."""
    cpu_seconds: float | None = None
    log_key: str | None = None
    """Where its log lies in the object store, once it is there."""
    details: dict[str, JSON] = field(default_factory=dict)
    """What only one engine knows: pod, node, requests …"""
