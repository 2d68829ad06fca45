"""The record of a run: how a job ended, as the runner of a cluster leaves it in the object store.

It is uploaded last of all, and is the truth: whoever finds it needs neither the runner nor its pod any more. What the
runner says when it ends (the termination message of its container) is a hint that the record is there, no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

import orjson

from ades.runner.events import Ended, Event, decode, encode

if TYPE_CHECKING:
    from ades.model import JSON
    from ades.runner.document import JobDocument

DOCUMENT: Final = "document.json"
"""The name of the job document below the prefix of the logs."""
HINT_BYTES: Final = 4096
"""What Kubernetes keeps of a termination message."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is to be known of a run that is over."""

    job: UUID
    attempt: int
    events: tuple[Event, ...]
    """The last state of each step, then what was stored, and `Ended` exactly once, at the end."""
    usage: dict[str, JSON] = field(default_factory=dict)
    """`cpu_hours` and `ram_hours` (gigabytes times hours) of the job and, below `steps`, of each step."""

    def __post_init__(self) -> None:
        ends = [place for place, event in enumerate(self.events, start=1) if isinstance(event, Ended)]
        if ends != [len(self.events)]:
            raise ValueError("a record has exactly one end, and that comes last")

    @property
    def end(self) -> Ended:
        """How the run ended."""
        last = self.events[-1]
        if not isinstance(last, Ended):
            raise TypeError("a record has an end")
        return last

    def to_json(self) -> bytes:
        """The record as it is stored."""
        events = [orjson.Fragment(encode(event)) for event in self.events]
        return orjson.dumps({"job": self.job, "attempt": self.attempt, "events": events, "usage": self.usage})

    @classmethod
    def from_json(cls, text: bytes | str) -> Self:
        """The record as it was found. Raises ValueError for anything else."""
        raw = orjson.loads(text)
        try:
            events = tuple(decode(orjson.dumps(event)) for event in raw["events"])
            return cls(UUID(raw["job"]), raw["attempt"], events, raw.get("usage") or {})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not the record of a run: {error!r}") from error

    def hint(self) -> bytes:
        """The end in so few bytes that Kubernetes keeps them."""
        failure = self.end.failure
        message = "" if failure is None else failure.message
        told = {"outcome": self.end.outcome, "reason": failure and failure.reason, "step": failure and failure.step}
        while True:
            text = orjson.dumps({**told, "message": message})
            if len(text) <= HINT_BYTES:
                return text
            message = message[: len(message) * 3 // 4]


def record_key(document: JobDocument) -> str:
    """Where the record of a job lies in the object store."""
    return f"{document.logs_prefix}/job.json"


def document_key(document: JobDocument) -> str:
    """Where the job document lies for the runner to read."""
    return f"{document.logs_prefix}/{DOCUMENT}"


def usage_key(document: JobDocument) -> str:
    """Where the report on the use of the cluster lies."""
    return f"{document.logs_prefix}/usage.json"
