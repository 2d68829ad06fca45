"""Jobs, what happens to them, and which part of a list of them is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from ades.model.nouns import Evolving

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from ades.model.failures import Failure
    from ades.model.nouns import JSON


class JobStatus(StrEnum):
    """Where a job is in its life."""

    CREATED = "created"
    """Part 4: made, may still be changed, waits to be started."""
    ACCEPTED = "accepted"
    """In the queue."""
    RUNNING = "running"
    """Claimed by a worker, or handed to the cluster."""
    SUCCESSFUL = "successful"
    """Finished; its results can be read."""
    FAILED = "failed"
    """Finished without results; the reason is on the job."""
    DISMISSED = "dismissed"
    """Stopped because somebody asked for it."""

    @property
    def finished(self) -> bool:
        """Nothing more will happen to the job."""
        return self in FINISHED


FINISHED: Final = frozenset({JobStatus.SUCCESSFUL, JobStatus.FAILED, JobStatus.DISMISSED})

TRANSITIONS: Final[dict[JobStatus, frozenset[JobStatus]]] = {
    JobStatus.CREATED: frozenset({JobStatus.ACCEPTED, JobStatus.DISMISSED}),
    JobStatus.ACCEPTED: frozenset({JobStatus.RUNNING, JobStatus.FAILED, JobStatus.DISMISSED}),
    JobStatus.RUNNING: frozenset(
        {JobStatus.ACCEPTED, JobStatus.SUCCESSFUL, JobStatus.FAILED, JobStatus.DISMISSED},
    ),
    JobStatus.SUCCESSFUL: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.DISMISSED: frozenset(),
}
"""Which state may follow which. RUNNING → ACCEPTED hands a job back whose worker was lost or is stopping."""


@dataclass(frozen=True, slots=True)
class Job(Evolving):
    """One execution of a package."""

    id: UUID
    deploying: str
    """The workspace whose process it is; the one in the address."""
    calling: str
    """The workspace for which it was called; results go to its store."""
    executing: str
    """The workspace in which it runs and which is charged."""
    owner: str
    """The name of the actor who called."""
    process_id: str
    revision: int
    digest: str | None
    """The package; None for a process that is part of the server."""
    status: JobStatus
    request: dict[str, JSON]
    """The execution request as it came: inputs, outputs, response, subscriber."""
    created: datetime
    updated: datetime
    message: str = ""
    progress: int = 0
    attempt: int = 0
    """How often it has been claimed."""
    started: datetime | None = None
    finished: datetime | None = None
    failure: Failure | None = None
    preferences: dict[str, JSON] = field(default_factory=dict)
    """What the original request preferred: {"return": "minimal"} …"""
    keep: str | None = None
    """How long what it leaves is kept, as `Keep` reads it; None: for ever."""
    keep_until: datetime | None = None
    """When that time is over; None means never, or that the job has not finished."""
    software: dict[str, str] | None = None
    """Which programs ran it, by name and version; None as long as nobody has said so."""
    usage: dict[str, float] | None = None
    """What it has used: hours of cores and of gigabytes of memory, where the engine accounts for that."""


@dataclass(frozen=True, slots=True)
class JobQuery(Evolving):
    """Which jobs are wanted. What is empty or None does not restrict."""

    workspace: str
    """The workspace in the address."""
    caller: str | None = None
    """A foreign workspace that asks: then only its own jobs in `workspace`. None: all that the workspace may see,
    those it called and those it runs for others."""
    statuses: frozenset[JobStatus] = frozenset()
    process_ids: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    created_from: datetime | None = None
    created_to: datetime | None = None
    min_duration: timedelta | None = None
    max_duration: timedelta | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Event(Evolving):
    """One thing that happened to a job. Ids grow; a reader can resume after the last one it has seen."""

    id: int
    job: UUID
    at: datetime
    kind: str
    """status, step, progress or log."""
    data: dict[str, JSON]


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted."""

    limit: int
    cursor: str | None = None
    """Opaque: the place after which to go on, as the last page's `next` link gave it."""
    skip: int = 0
    """For clients that count instead of following links."""
