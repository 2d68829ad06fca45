"""What becomes of a run that has ended: the row that says so, and the files that nobody needs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ades import telemetry
from ades.errors import NoSuchJob
from ades.model import Failure, Job, JobStatus, Reason
from ades.runner.events import Outcome
from ades.service.handover import prefixes, results_prefix
from ades.service.terms import AGAIN, NO_ROOM, STOPPING

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from ades.objects import ObjectStore
    from ades.runner.events import Ended
    from ades.service.terms import Terms
    from ades.service.watch import Watched
    from ades.store import Store


class Endings:
    """Writes down how runs have ended."""

    def __init__(self, store: Store, objects: ObjectStore, terms: Terms) -> None:
        self._store = store
        self._objects = objects
        self._terms = terms
        self._untidy: list[Job] = []
        self._log = telemetry.log()

    def news(self, watch: Watched) -> None:
        """Write what has been heard since the last time."""
        news = watch.news
        if news.steps:
            self._store.steps.put(watch.claim, *news.steps)
        if (news.percent is not None or news.message is not None) and not watch.ended:
            self._store.queue.progress(watch.claim, news.percent, news.message)
        watch.written(news)

    def end(self, watch: Watched, ended: Ended, *, stopping: bool) -> Job:
        """Write how a run has ended; from this moment it is visible."""
        job = self._written(watch, ended, stopping=stopping)
        if job.status is JobStatus.FAILED:
            self.untidy(job)
        self._tell(job)
        return job

    def _written(self, watch: Watched, ended: Ended, *, stopping: bool) -> Job:
        queue, claim = self._store.queue, watch.claim
        told: Any = {"software": ended.software, "usage": ended.usage}
        if ended.outcome is Outcome.SUCCESSFUL:
            return queue.finish(claim, JobStatus.SUCCESSFUL, watch.results, **told)
        if ended.outcome is Outcome.FAILED:
            unsaid = Failure(Reason.INTERNAL, "The job failed without saying why.")
            return queue.finish(claim, JobStatus.FAILED, failure=ended.failure or unsaid, **told)
        if watch.surrendered or stopping:
            delay = timedelta(seconds=AGAIN if watch.surrendered == NO_ROOM else 0)
            return queue.hand_back(claim, watch.surrendered or STOPPING, delay=delay)
        return queue.lose(claim, self._terms.attempts, ended.failure)

    def _tell(self, job: Job) -> None:
        self._log.info("A job has come to rest", job=str(job.id), status=job.status.value, message=job.message)
        if job.status.finished:
            telemetry.jobs_finished.labels(job.status.value, job.failure.reason.value if job.failure else "").inc()
            if job.started and job.finished:
                telemetry.job_seconds.observe(max(0.0, (job.finished - job.started).total_seconds()))

    # -- files -----------------------------------------------------------------------------------------------------

    def untidy(self, job: Job) -> None:
        """Note that there may be files of a run that was not successful."""
        self._untidy.append(job)

    def tidy(self, running: Collection[UUID]) -> None:
        """Delete partial results of what has failed or was dismissed, and everything of what was removed."""
        while self._untidy:
            job = self._untidy[-1]
            if job.id not in running:
                self._tidy(job)
            self._untidy.pop()

    def _tidy(self, job: Job) -> None:
        try:
            now = self._store.jobs.get(job.id)
        except NoSuchJob:
            for prefix in prefixes(job):
                self._objects.delete(prefix)
            return
        if now.status in {JobStatus.FAILED, JobStatus.DISMISSED}:
            self._objects.delete(results_prefix(now))
