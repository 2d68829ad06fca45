"""From a job document to a Job in the cluster, in steps of which each may be the last that this server does.

The Job comes first and is suspended, so that nothing runs before everything is there; what it owns goes when it goes.
The document comes last before the start. So whoever finds
- no Job and no document knows that nothing has run: it may begin,
- a suspended Job knows that nothing has run: it goes on,
- a Job that is not suspended leaves it alone,
- a document of this attempt without a Job knows that it has run: the record in the object store says how it ended.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ades.engine.kubernetes import manifests, names, places
from ades.engine.kubernetes.api import CONFLICT, NOT_FOUND, ApiError
from ades.engine.kubernetes.registries import PullSecrets, pulling
from ades.engine.kubernetes.seen import JobSeen
from ades.errors import Unavailable
from ades.objects import job_credentials
from ades.runner.document import JobDocument
from ades.runner.record import Record, document_key, record_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ades.engine.kubernetes.api import Api
    from ades.engine.kubernetes.placement import Placement
    from ades.engine.kubernetes.provision import Provision
    from ades.objects import Credentials, ObjectStore
    from ades.settings import Settings

BACKGROUND: Final = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}


@dataclass(frozen=True, slots=True)
class Launched:
    """The Job runs, or soon will."""

    seen: JobSeen
    expires: datetime | None = None
    """When its credentials end."""


@dataclass(frozen=True, slots=True)
class Occupied:
    """There is a Job of that name already."""

    seen: JobSeen


@dataclass(frozen=True, slots=True)
class Over:
    """It has run before, and its Job is gone. Without a record nobody knows how it ended."""

    record: Record | None


Launch = Launched | Occupied | Over


class Launcher:
    """Makes Jobs. Its methods wait for the cluster; they hold no state and may be called again after any failure."""

    def __init__(
        self,
        api: Api,
        objects: ObjectStore,
        settings: Settings,
        storage: Callable[[str], Settings],
        registries: Callable[[str], str | None],
        provision: Provision | None,
    ) -> None:
        self._api = api
        self._objects = objects
        self._storage = storage
        self._instance = settings.kubernetes_instance
        self._registries = registries
        self._pulls = PullSecrets(api, settings.kubernetes_instance)
        self._provision = provision

    def launch(self, document: JobDocument, namespace: str, placement: Placement) -> Launch:
        """Begin a job of which no Job is known. Raises ApiError, Unavailable."""
        if self._has_run(document):
            return Over(read_record(self._objects, document))
        credentials, keys = self._credentials(document), self._registries(document.executing)
        placement = pulling(placement) if keys else placement
        settings = self._storage(document.calling)
        manifest = manifests.job(document, placement, settings, secret=credentials is not None)
        try:
            raw = self._create(namespace, manifest, placement)
        except ApiError as error:
            if error.code != CONFLICT:
                raise
            return self._occupied(namespace, manifest["metadata"]["name"], error)
        return self._go_on(document, namespace, placement, raw, credentials, keys)

    def go_on(self, document: JobDocument, namespace: str, placement: Placement) -> Launch:
        """Bring a job on its way whose Job was found suspended."""
        raw = self._api.get(places.jobs(namespace, names.job_name(document.job)))
        credentials, keys = self._credentials(document), self._registries(document.executing)
        return self._go_on(document, namespace, pulling(placement) if keys else placement, raw, credentials, keys)

    def renew(self, document: JobDocument, namespace: str) -> datetime | None:
        """Give a running job new credentials; when they end."""
        credentials = self._credentials(document)
        if credentials is None:
            return None
        change = {"stringData": {manifests.CREDENTIALS: credentials.to_json().decode()}}
        self._api.merge(places.core(namespace, "secrets", names.job_name(document.job)), change)
        return credentials.expires

    def remove(self, namespace: str, name: str, uid: str | None, grace: int | None = None) -> None:
        """Delete a Job, which takes along all that it owns; with `grace`, its pods are told at once."""
        options: dict[str, Any] = {**BACKGROUND, **({"preconditions": {"uid": uid}} if uid else {})}
        try:
            self._api.delete(places.jobs(namespace, name), options)
        except ApiError as error:
            # Gone, or another Job of that name: not ours to delete.
            if error.code not in {NOT_FOUND, CONFLICT}:
                raise
        if grace is not None:
            self._api.delete(
                places.pods(namespace),
                {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": grace},
                labelSelector=f"{names.JOB}={name.removeprefix('job-')}",
                gracePeriodSeconds=str(grace),
            )

    def find(self, namespace: str, name: str) -> JobSeen | None:
        """A Job as it is now."""
        try:
            return JobSeen.read(self._api.get(places.jobs(namespace, name)))
        except ApiError as error:
            if error.code == NOT_FOUND:
                return None
            raise

    # -- inside

    def _has_run(self, document: JobDocument) -> bool:
        try:
            with self._objects.open(document_key(document)) as source:
                return JobDocument.from_json(source.read()).attempt == document.attempt
        except FileNotFoundError:
            return False

    def _credentials(self, document: JobDocument) -> Credentials | None:
        name = f"ades-{document.job.hex}"
        write = [document.results_prefix, document.logs_prefix]
        return job_credentials(self._storage(document.calling), name, write, [document.calling])

    def _create(self, namespace: str, manifest: Any, placement: Placement) -> Any:
        if self._provision is not None:
            self._provision.provide(namespace, placement)
        try:
            return self._api.create(places.jobs(namespace), manifest)
        except ApiError as error:
            if error.code != NOT_FOUND or self._provision is None:
                raise
        self._provision.provide(namespace, placement, anew=True)  # somebody has removed the namespace
        return self._api.create(places.jobs(namespace), manifest)

    def _occupied(self, namespace: str, name: str, error: ApiError) -> Launch:
        there = self.find(namespace, name)
        if there is None:
            raise ApiError(503, error.reason, error.message) from error  # just gone: the next try will find room
        return Occupied(there)

    def _go_on(
        self,
        document: JobDocument,
        namespace: str,
        placement: Placement,
        raw: Any,
        credentials: Credentials | None,
        keys: str | None,
    ) -> Launch:
        self._pulls.keep(namespace, document.executing, keys)
        if credentials is not None:
            secret = manifests.secret(document, raw, credentials.to_json(), self._instance)
            self._put(namespace, "secrets", secret)
        volume = manifests.volume(document, raw, placement, self._instance)
        if volume is not None:
            self._put(namespace, "persistentvolumeclaims", volume)
        labels = {**names.labels(document, self._instance), names.COMPONENT: "step"}
        whole = replace(document, pods=placement.pods(document.limits, labels))
        self._objects.put(document_key(document), whole.to_json(), "application/json")
        raw = self._api.merge(places.jobs(namespace, raw["metadata"]["name"]), {"spec": {"suspend": False}})
        seen = JobSeen.read(raw)
        if seen is None:
            raise Unavailable("Somebody has taken the labels from a Job; the job cannot be followed.")
        return Launched(seen, credentials.expires if credentials else None)

    def _put(self, namespace: str, kind: str, manifest: Any) -> None:
        """Make something that may be there from an earlier try; credentials of then may be old."""
        try:
            self._api.create(places.core(namespace, kind), manifest)
        except ApiError as error:
            if error.code != CONFLICT:
                raise
            if kind == "secrets":
                where = places.core(namespace, kind, manifest["metadata"]["name"])
                self._api.merge(where, {"stringData": manifest["stringData"]})


def read_record(objects: ObjectStore, document: JobDocument) -> Record | None:
    """How the run of this attempt ended, as its runner has left it."""
    try:
        with objects.open(record_key(document)) as source:
            record = Record.from_json(source.read())
    except (FileNotFoundError, ValueError):
        return None
    return record if (record.job, record.attempt) == (document.job, document.attempt) else None
