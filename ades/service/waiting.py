"""Synchronous execution: the same path as any job, and a bounded wait for its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import threading

    from ades.model import Job
    from ades.store import Store

LOOK: Final = 5.0
"""Seconds after which a waiting request looks although nobody has rung."""


class Waiting:
    """Requests that wait for jobs. There are never so many that nobody else could be answered."""

    def __init__(self, store: Store, seats: threading.BoundedSemaphore) -> None:
        self._store = store
        self._seats = seats

    def until_finished(self, job: Job, seconds: float) -> Job:
        """The job when it has finished, or as it is when the time is over or when too many are waiting already."""
        if seconds <= 0 or job.status.finished or not self._seats.acquire(blocking=False):
            return job
        try:
            return self._wait(job, time.monotonic() + seconds)
        finally:
            self._seats.release()

    def _wait(self, job: Job, deadline: float) -> Job:
        with self._store.bell.listen(str(job.id)) as ear:
            while True:
                job = self._store.jobs.get(job.id)
                left = deadline - time.monotonic()
                if job.status.finished or left <= 0:
                    return job
                ear.wait(min(left, LOOK))
