"""How a run is closed: its record read, or written for a runner that could not, and its Job removed.

The order makes it safe to die in between: first the record is in the object store, then the Job goes, and only then is
the end told. Whoever comes later finds the record and comes to the same end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ades import telemetry
from ades.engine.kubernetes import clearing, names, places, salvage
from ades.engine.kubernetes.api import NOT_FOUND, ApiError
from ades.engine.kubernetes.launcher import read_record
from ades.runner.events import Ended, Event, Outcome
from ades.runner.record import Record, record_key

if TYPE_CHECKING:
    from ades.engine.kubernetes.api import Api
    from ades.engine.kubernetes.launcher import Launcher
    from ades.engine.kubernetes.placement import Placement
    from ades.engine.kubernetes.seen import PodSeen
    from ades.objects import ObjectStore
    from ades.runner.document import JobDocument
    from ades.settings import Settings


class Closing:
    """Closes runs. Its methods wait for the cluster and for the object store, and may be called again."""

    def __init__(self, api: Api, objects: ObjectStore, launcher: Launcher, settings: Settings) -> None:
        self._api = api
        self._instance = settings.kubernetes_instance
        self._log = telemetry.log()
        self._objects = objects
        self._launcher = launcher
        self._keep = settings.kubernetes_keep

    def close(
        self,
        document: JobDocument,
        namespace: str,
        placement: Placement,
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
            self.clear(document, namespace, placement)
        self._remove(namespace, names.job_name(document.job), grace)
        return record

    def clear(self, document: JobDocument, namespace: str, placement: Placement) -> None:
        """Have removed what a runner has left that could not do it by itself. Where that is refused, it stays."""
        try:
            clearing.clear(self._api, document, namespace, placement, self._instance)
        except ApiError as error:
            if error.transient:
                raise
            self._log.warning("The folder of a job stays on its volume", job=str(document.job), reason=str(error))

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
