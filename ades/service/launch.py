"""From a claim to a started runner. Whatever goes wrong on the way becomes the end of the run, never an exception."""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ades import telemetry
from ades.errors import AdesError, StorageFull, Unavailable
from ades.model import Failure, Reason
from ades.runner.document import JobDocument
from ades.runner.events import Ended, Outcome
from ades.runner.record import DOCUMENT
from ades.service.engines import is_native
from ades.service.handover import CannotRun, is_deferred, logs_prefix, results_prefix
from ades.service.terms import NO_ROOM

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from ades.engine import Engine
    from ades.objects import ObjectStore
    from ades.service.handover import Handover
    from ades.service.watch import Watched
    from ades.store import Claim


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job document, or why there is none."""

    job: UUID
    attempt: int
    document: JobDocument | None
    error: Exception | None = None


class Gone(Exception):
    """The job was run by a worker that is no more, and nothing is left of it."""


class Launch:
    """Prepares job documents and starts runners."""

    def __init__(
        self, handover: Handover, objects: ObjectStore, engine: Engine, done: Callable[[Prepared], None]
    ) -> None:
        self._handover = handover
        self._objects = objects
        self._engine = engine
        self._done = done
        self._readers = ThreadPoolExecutor(4, "ades-inputs")
        self._closed = False
        self._log = telemetry.log()

    def prepare(self, claim: Claim) -> None:
        """Make the job document; in another thread, when that may have to wait for other servers."""
        if is_deferred(claim.job.request):
            self._readers.submit(lambda: self._done(self._prepared(claim)))
        else:
            self._done(self._prepared(claim))

    def resume(self, claim: Claim) -> None:
        """Go on with a job that another worker has begun: with the document that its runner got, if it got one.

        What ran beside that worker has gone with it.
        """
        self._readers.submit(lambda: self._done(self._resumed(claim)))

    def _resumed(self, claim: Claim) -> Prepared:
        try:
            with self._objects.open(f"{logs_prefix(claim.job)}/{DOCUMENT}") as source:
                document = JobDocument.from_json(source.read())
        except FileNotFoundError:
            prepared = self._prepared(claim)
            native = prepared.document is not None and is_native(prepared.document.executable)
            return replace(prepared, document=None, error=Gone()) if native else prepared
        except Exception as error:  # noqa: BLE001 - the border of a job
            return Prepared(claim.id, claim.attempt, None, error)
        if document.attempt != claim.attempt:
            return self._prepared(claim)
        return Prepared(claim.id, claim.attempt, document)

    def _prepared(self, claim: Claim) -> Prepared:
        try:
            if claim.attempt > 1:
                self._objects.delete(results_prefix(claim.job))
            return Prepared(claim.id, claim.attempt, self._handover.document(claim.job))
        except Exception as error:  # noqa: BLE001 - the border of a job
            return Prepared(claim.id, claim.attempt, None, error)

    def start(self, watch: Watched, prepared: Prepared) -> None:
        """Start the runner, unless the job has ended already, or this worker does."""
        if watch.ended is not None or self._closed:
            return
        error = prepared.error or self._started(prepared.document)
        if error is not None:
            self._refused(watch, error)

    def _started(self, document: Any) -> Exception | None:
        try:
            self._engine.start(document)
        except Exception as error:  # noqa: BLE001 - the border of a job
            return error
        return None

    def _refused(self, watch: Watched, error: Exception) -> None:
        if isinstance(error, Unavailable) and not isinstance(error, StorageFull):
            self._log.warning("A job could not be started just now", job=str(watch.job), reason=error.detail)
            watch.surrendered = NO_ROOM
            watch.ended = Ended(Outcome.LOST)
        elif isinstance(error, Gone):
            watch.ended = Ended(Outcome.LOST, Failure(Reason.WORKER_LOST, "The worker that ran the job has gone."))
        else:
            watch.ended = Ended(Outcome.FAILED, self._failure(watch.job, error))

    def _failure(self, job: UUID, error: Exception) -> Failure:
        if isinstance(error, CannotRun):
            return error.failure
        if isinstance(error, StorageFull) or (isinstance(error, OSError) and error.errno == errno.ENOSPC):
            return Failure(Reason.DISK_FULL, "There is no space left on the disk of the server to run the job.")
        if isinstance(error, AdesError):
            return Failure(Reason.PACKAGE, error.detail)
        self._log.error("A job could not be started", job=str(job), exc_info=error)
        return Failure(Reason.INTERNAL, "The server could not start the job; its log knows more.")

    def close(self) -> None:
        """Start nothing any more, and wait for nothing."""
        self._closed = True
        self._readers.shutdown(wait=False, cancel_futures=True)
