"""How a run is closed: its record read, or written for a runner that could not, and its Job removed.

The order makes it safe to die in between: first the record is in the object store, then the Job goes, and only then is
the end told. Whoever comes later finds the record and comes to the same end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ades.engine.kubernetes import names, places, salvage
from ades.engine.kubernetes.api import NOT_FOUND, ApiError
from ades.engine.kubernetes.launcher import read_record
from ades.runner.events import Ended, Event, Outcome
from ades.runner.record import Record, record_key

if TYPE_CHECKING:
    from ades.engine.kubernetes.api import Api
    from ades.engine.kubernetes.launcher import Launcher
    from ades.engine.kubernetes.seen import PodSeen
    from ades.objects import ObjectStore
    from ades.runner.document import JobDocument


class Closing:
    """Closes runs. Its methods wait for the cluster and for the object store, and may be called again."""

    def __init__(self, api: Api, objects: ObjectStore, launcher: Launcher, keep: float) -> None:
        self._api = api
        self._objects = objects
        self._launcher = launcher
        self._keep = keep

    def close(
        self,
        document: JobDocument,
        namespace: str,
        runner: PodSeen | None,
        otherwise: tuple[Event, ...],
        *,
        grace: int | None = None,
        believe: bool = True,
    ) -> Record:
        """The record of a run that is over, after which nothing of it is left.

        `otherwise` are its events where the runner has left no record, or where it is not to be believed, because we
        have ended it ourselves for a reason that it cannot know.
        """
        record = read_record(self._objects, document) if believe else None
        if record is None:
            record = self._written(document, namespace, runner, otherwise)
        self._remove(namespace, names.job_name(document.job), grace)
        return record

    def _written(
        self, document: JobDocument, namespace: str, runner: PodSeen | None, events: tuple[Event, ...]
    ) -> Record:
        *steps, end = events
        stored = salvage.keep(self._api, self._objects, document, namespace, runner)
        record = Record(document.job, document.attempt, (*steps, *stored, _without_dismissal(end)))
        self._objects.put(record_key(document), record.to_json(), "application/json")
        return record

    def _remove(self, namespace: str, name: str, grace: int | None) -> None:
        if not self._keep or grace is not None:
            self._launcher.remove(namespace, name, None, grace)
            return
        kept = {
            "metadata": {"labels": {names.RECORDED: "true"}},
            "spec": {"ttlSecondsAfterFinished": int(self._keep)},
        }
        try:
            self._api.merge(places.jobs(namespace, name), kept)
            self._api.delete(places.core(namespace, "secrets", name), None)
        except ApiError as error:
            if error.code != NOT_FOUND:
                raise


def _without_dismissal(end: Event) -> Event:
    """A record outlives whoever asked for the end; only the database knows that somebody has."""
    if isinstance(end, Ended) and end.outcome is Outcome.DISMISSED:
        return Ended(Outcome.LOST)
    return end
