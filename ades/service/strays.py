"""What runs although nobody wants it: Jobs in a cluster whose row is gone, finished, or in the queue again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.errors import NoSuchJob
from ades.model import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from ades.store.jobs import Jobs

GRACE: Final = 30.0
"""Seconds after which what has no running row is unwanted: a row may be written a little later than its Job is seen."""


class Strays:
    """Remembers since when something has been running without anybody who watches it."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._since: dict[UUID, float] = {}

    def unwanted(self, found: Iterable[UUID], now: float) -> list[UUID]:
        """Those of `found` that have been without a running row for longer than the grace."""
        self._since = {job: self._since.get(job, now) for job in found}
        return [job for job, since in self._since.items() if now - since >= GRACE and not self._runs(job)]

    def _runs(self, job: UUID) -> bool:
        try:
            return self._jobs.get(job).status is JobStatus.RUNNING
        except NoSuchJob:
            return False
