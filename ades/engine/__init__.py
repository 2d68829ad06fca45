"""Where a job runs: on this machine, or in a cluster. Nothing in here decides what runs next."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from ades.runner.events import Event

if TYPE_CHECKING:
    from ades.runner.document import JobDocument

OnEvent = Callable[[UUID, int, Event], None]
"""Called with job, attempt and event, for each job in order and never twice at the same time for one job.

It comes from a thread of the engine; what it raises is logged and changes nothing for the job."""


class Engine(Protocol):
    """The seam. An engine is made with its settings and with an `OnEvent`, and tells everything through that."""

    def start(self, document: JobDocument) -> None:
        """Begin to run a job. Raises `Unavailable` when there is no room for it now.

        Where jobs outlive their worker, the next one calls it again, and it goes on with what is there.
        """
        ...

    def kill(self, job: UUID) -> None:
        """End a job now. When nothing of it is left, `Ended` comes; for a job that does not run here, nothing happens."""
        ...

    def running(self) -> frozenset[UUID]:
        """The jobs that have been started here and have not ended."""
        ...

    def free(self) -> int:
        """How many more jobs could be started now."""
        ...

    def read_log(self, job: UUID, name: str, start: int = 0, length: int | None = None) -> bytes | None:
        """A part of a log that is still being written: of a step, or of the job itself under the name `job`.

        A negative `start` counts from its end. None when there is no such log (any more): then it lies in the object
        store. Works in any process, also in one whose engine never started a job.
        """
        ...

    def close(self, grace: float = 0) -> None:
        """Wait up to `grace` seconds for what runs, then kill it; jobs killed like that end as lost.

        Where jobs outlive their worker, they run on and nothing is told of them.
        """
        ...
