"""Releases: chosen results of a job are copied to where others find them, and can be withdrawn again.

A request leaves a row; a worker does the work, one of several under a lease, file by file with its checksum. In the
release store lie `<workspace>/<collection>/<release>/<output>/…` with a catalogue for the release and one above it for the
collection, which is written anew from the rows. All addresses are relative, so that the store can be served as it is.
"""

from __future__ import annotations

import hashlib
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO, Final, cast
from uuid import uuid4

import orjson

from ades import telemetry
from ades.errors import AdesError, BadRequest, Conflict, NoSuchJob, NoSuchOutput
from ades.model import Release, ReleaseStatus, ResultKind
from ades.objects import open_store
from ades.objects.stac import DOCUMENT, VERSION
from ades.service.handover import results_prefix
from ades.service.results import check_successful
from ades.store.releases import BELL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ades.model import JSON, Job
    from ades.objects import ObjectStore
    from ades.settings import Settings
    from ades.store import Store

COLLECTION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
LEASE: Final = timedelta(minutes=10)
"""For one file; renewed with each."""
LOOK: Final = 5.0
"""Seconds between two looks for what the doorbell did not tell."""
_AGAIN: Final = 30.0
"""Seconds until the next try when a store does not answer."""


class Releases:
    """What callers do."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._stores = settings.released_to
        self._store = store

    def request(
        self, job: Job, to: str, by: str, outputs: Sequence[str] | None = None, collection: str | None = None
    ) -> Release:
        """Have chosen results copied to a release store; without a choice, all of them."""
        if to not in self._stores:
            known = ", ".join(self._stores) or "none; the operator names some with ADES_RELEASE_STORES"
            raise BadRequest(f"There is no release store {to[:80]!r}. There is {known}.", field="to")
        collection = collection or job.process_id
        if not COLLECTION.fullmatch(collection):
            raise BadRequest(
                "A collection is named by letters, digits, dots, hyphens and underscores.", field="collection"
            )
        check_successful(job)
        present = dict.fromkeys(row.output for row in self._store.results.list(job.id))
        for name in outputs or ():
            if name not in present:
                has = ", ".join(present) or "none"
                raise NoSuchOutput(f"The job has no result {name[:80]!r}; it has {has}.", field="outputs")
        if not present:
            raise Conflict("The job has no results that could be released.")
        return self._store.releases.add(
            Release(
                id=uuid4(),
                workspace=job.calling,
                job=job.id,
                process_id=job.process_id,
                store=to,
                collection=collection,
                outputs=tuple(dict.fromkeys(outputs or present)),
                status=ReleaseStatus.REQUESTED,
                requested=datetime.now(UTC),
                requested_by=by,
                message="The results are copied.",
            )
        )

    def withdraw(self, release: Release, by: str) -> Release:
        """Have a release deleted where it was copied to; its row stays."""
        if release.status in {ReleaseStatus.WITHDRAWING, ReleaseStatus.WITHDRAWN}:
            return release
        told = {"withdrawn_by": by, "message": "The release is withdrawn."}
        if not self._store.releases.move(release, ReleaseStatus.WITHDRAWING, **told):
            raise Conflict("The release has just changed; look at it again.")
        return self._store.releases.get(release.workspace, release.id)


class Copier:
    """A thread of a worker that copies what was requested and deletes what is withdrawn."""

    def __init__(self, store: Store, objects: ObjectStore, settings: Settings) -> None:
        self._store = store
        self._objects = objects
        self._settings = settings
        self._holder = uuid4().hex
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ades-releases", daemon=True)
        self._log = telemetry.log()

    def start(self) -> None:
        """Begin, where there is a release store."""
        if self._settings.release_stores:
            self._thread.start()

    def stop(self) -> None:
        """Begin nothing new; what is half copied is begun again by the next worker."""
        self._stopping.set()

    def turn(self) -> bool:
        """All that is due and that nobody else does; whether all of it could be done."""
        well = True
        for release in self._store.releases.due():
            name = f"release/{release.id}"
            if self._stopping.is_set() or not self._store.leases.acquire(name, self._holder, LEASE):
                continue
            try:
                self._one(release)
            except (AdesError, OSError) as error:  # its store, or its workspace's; others are not held up
                well = False
                self._log.warning(
                    "A release could not go on; it does later", release=str(release.id), reason=str(error)
                )
            finally:
                self._store.leases.release(name, self._holder)
        return well

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._store.bell.listen(BELL) as ear:
                    while not self._stopping.is_set():
                        ear.wait(LOOK if self.turn() else _AGAIN)
            except Exception as error:  # noqa: BLE001 - the border of a loop's turn
                self._log.warning("Releases could not go on; they do later", reason=str(error))
                self._stopping.wait(_AGAIN)

    def _one(self, release: Release) -> None:
        place = self._settings.released_to.get(release.store)
        if place is None:
            self._fail(release, f"The release store {release.store} is no longer configured.")
            return
        target = open_store(self._settings.model_copy(update={"objects": place}))
        if release.status is ReleaseStatus.WITHDRAWING:
            target.delete(release.place)
            if self._store.releases.move(release, ReleaseStatus.WITHDRAWN, withdrawn=datetime.now(UTC)):
                self._collection(release, target)
            return
        try:
            files = list(self._copied(release, target))
        except _Wrong as error:
            target.delete(release.place)
            self._fail(release, str(error))
            return
        done = {"released": datetime.now(UTC), "files": files, "message": "The results are released."}
        if self._store.releases.move(release, ReleaseStatus.RELEASED, **done):
            self._collection(release, target)
            self._log.info("Results were released", release=str(release.id), to=release.store, files=len(files))
        elif self._store.releases.get(release.workspace, release.id).status is ReleaseStatus.WITHDRAWN:
            target.delete(release.place)  # by somebody else, since a single file took longer than our lease

    def _fail(self, release: Release, why: str) -> None:
        done = ReleaseStatus.WITHDRAWN if release.status is ReleaseStatus.WITHDRAWING else ReleaseStatus.FAILED
        self._store.releases.move(release, done, message=why)

    # -- copying ---------------------------------------------------------------------------------------------------

    def _copied(self, release: Release, target: ObjectStore) -> Iterator[dict[str, JSON]]:
        """Each file as it has arrived, with what it is; the catalogue comes last."""
        job = self._job(release)
        rows = [row for row in self._store.results.list(release.job) if row.output in release.outputs]
        promised = {row.key: row.checksum for row in rows if row.kind is ResultKind.FILE}
        prefix, children = results_prefix(job), []
        for name in release.outputs:
            values = [row.value for row in rows if row.output == name and row.kind is ResultKind.VALUE]
            if values:
                many = next(row.many for row in rows if row.output == name)
                body = orjson.dumps(values if many else values[0])
                target.put(f"{release.place}/{name}/value.json", body, "application/json")
                yield _told(f"{name}/value.json", len(body), hashlib.sha256(body).hexdigest())
            for info in self._objects.list(f"{prefix}/{name}"):
                path = info.key.removeprefix(f"{prefix}/")
                yield self._copy(release, info.key, path, target, promised.get(info.key))
                if path == f"{name}/catalog.json" or re.fullmatch(rf"{re.escape(name)}/\d+/catalog\.json", path):
                    children.append(path)
                self._store.leases.renew(f"release/{release.id}", self._holder, LEASE)
        links = [_link("root", "../catalog.json"), _link("parent", "../catalog.json")]
        title = f"Results of {release.process_id}, job {release.job}"
        links += [_link("child", path) for path in children]
        _write(target, f"{release.place}/catalog.json", str(release.id), title, links)

    def _job(self, release: Release) -> Job:
        try:
            return self._store.jobs.get(release.job)
        except NoSuchJob as error:
            raise _Wrong("The job was removed before its results were copied.") from error

    def _copy(
        self, release: Release, key: str, path: str, target: ObjectStore, promised: str | None
    ) -> dict[str, JSON]:
        try:
            media_type = self._objects.stat(key).media_type
            with self._objects.open(key) as source:
                reading = _Hashing(source)
                size = target.put(f"{release.place}/{path}", cast("BinaryIO", reading), media_type).size
        except FileNotFoundError as error:
            raise _Wrong(f"{path} was removed before it was copied.") from error
        found = reading.digest.hexdigest()
        if promised is not None and promised != f"sha256:{found}":
            raise _Wrong(f"{path} is no longer what the job has stored: its checksum is another one.")
        return _told(path, size, found)

    def _collection(self, release: Release, target: ObjectStore) -> None:
        """The catalogue above the releases of a collection, as the rows have it."""
        place = f"{release.workspace}/{release.collection}/catalog.json"
        standing = self._store.releases.standing(release)
        if not standing:
            target.delete(place)
            return
        links = [_link("root", "./catalog.json"), *(_link("child", f"./{one.id}/catalog.json") for one in standing)]
        _write(target, place, release.collection, f"Released by {release.workspace}", links)


class _Wrong(Exception):
    """It cannot be released, and trying again would not help."""


class _Hashing:
    """A source that reckons its checksum while it is read."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        found = self._source.read(size)
        self.digest.update(found)
        return found


def _told(path: str, size: int, sha256: str) -> dict[str, JSON]:
    return {"path": path, "size": size, "sha256": sha256}


def _link(rel: str, href: str) -> dict[str, JSON]:
    return {"rel": rel, "href": href if href.startswith(".") else f"./{href}", "type": "application/json"}


def _write(target: ObjectStore, key: str, name: str, title: str, links: list[dict[str, JSON]]) -> None:
    document = {"type": "Catalog", "stac_version": VERSION, "id": name, "description": title, "links": links}
    target.put(key, orjson.dumps(document, option=orjson.OPT_INDENT_2), DOCUMENT)
