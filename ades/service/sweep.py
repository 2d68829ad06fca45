"""Deletes what need not be kept: jobs whose time is over, and what belongs to nothing any more.

Rows go before files. Whoever is stopped in between leaves files that belong to no job, and those are found by the next
look through all files. Nothing young is touched there, since whoever writes it may not be done.

Workspaces may keep their files in buckets of their own: one that does not answer holds up no other workspace.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Final
from uuid import UUID

from ades import telemetry
from ades.errors import AdesError, Conflict, NoSuchJob
from ades.model import JobStatus, Keep
from ades.objects import Untidy
from ades.service.handover import prefixes, results_prefix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ades.model import Job
    from ades.objects import ObjectInfo, ObjectStore
    from ades.settings import Settings
    from ades.store import Store

AT_ONCE: Final = 100
"""Jobs that are looked up together."""
MOST: Final = 10_000
"""Jobs that one sweep names."""
YOUNG: Final = timedelta(hours=1)
"""So long files without a job are left alone."""
UNFINISHED: Final = timedelta(days=1)
"""So long a single upload may take."""
_WITHOUT_RESULTS: Final = frozenset({JobStatus.FAILED, JobStatus.DISMISSED})


class Kind(StrEnum):
    """What is swept."""

    JOB = "job"
    RESULTS = "results"
    UNSTARTED = "unstarted-job"
    UPLOAD = "upload"
    ORPHAN = "orphan"
    REMAINS = "unfinished-write"
    PACKAGE = "package"


@dataclass(frozen=True, slots=True)
class Swept:
    """One thing that was deleted, or that would be."""

    kind: Kind
    name: str
    why: str
    files: int = 0
    size: int = 0


class Sweeper:
    """What is due is found and deleted one by one; with `dry_run` it is only told."""

    def __init__(self, store: Store, objects: ObjectStore, settings: Settings, *, dry_run: bool = False) -> None:
        self._store = store
        self._objects = objects
        self._settings = settings
        self._dry_run = dry_run

    def sweep(self, *, files: bool = True) -> Iterator[Swept]:
        """All that is due; `files` also looks through all files for those that belong to nothing."""
        for found in self._everything(files=files):
            if not self._dry_run:
                telemetry.swept.labels(found.kind.value).inc(max(1, found.files) if found.kind is Kind.REMAINS else 1)
                telemetry.swept_bytes.labels(found.kind.value).inc(found.size)
                telemetry.log().info("Swept", kind=found.kind.value, name=found.name, why=found.why, size=found.size)
            yield found

    def _everything(self, *, files: bool) -> Iterator[Swept]:
        yield from self._lapsed()
        yield from self._unstarted()
        if files:
            for workspace in self._store.workspaces.list():
                with self._left_for_later(workspace.name):
                    yield from self._uploads(workspace.name)
                    yield from self._orphans(workspace.name)
            with self._left_for_later("what killed writers left"):
                yield from self._remains()
        yield from self._packages()

    @contextmanager
    def _left_for_later(self, name: str) -> Iterator[None]:
        """Where files lie in a place that does not answer, the next sweep tries again."""
        try:
            yield
        except (AdesError, OSError) as error:
            telemetry.log().warning("Could not be swept; the next sweep tries again", name=name, reason=str(error))

    # -- rows ------------------------------------------------------------------------------------------------------

    def _lapsed(self) -> Iterator[Swept]:
        for job in self._each(self._store.jobs.lapsed):
            with self._left_for_later(_named(job)):
                if job.keep is not None and not Keep.read(job.keep).results:
                    yield self._results_of(job)
                else:
                    yield self._whole(job, Kind.JOB, f"it was kept until {_day(job.keep_until)}")

    def _unstarted(self) -> Iterator[Swept]:
        age = timedelta(days=self._settings.keep_unstarted)
        for job in self._each(lambda limit: self._store.jobs.unstarted(age, limit)):
            with self._left_for_later(_named(job)):
                yield self._whole(job, Kind.UNSTARTED, f"it was made on {_day(job.created)} and never started")

    def _each(self, find: Callable[[int], list[Job]]) -> Iterator[Job]:
        """What is found again and again until there is no more; when nothing is deleted, once."""
        if self._dry_run:
            yield from find(MOST)
            return
        seen: set[UUID] = set()
        limit = AT_ONCE
        while found := find(limit):
            fresh = [job for job in found if job.id not in seen]
            if not fresh and len(found) < limit:
                return
            limit = AT_ONCE + len(found) - len(fresh)  # what could not be deleted stands before what comes
            for job in fresh:
                seen.add(job.id)
                yield job

    def _whole(self, job: Job, kind: Kind, why: str) -> Swept:
        count, size = self._measure(*prefixes(job))
        if not self._dry_run:
            try:
                self._store.jobs.remove(job.id)
            except (NoSuchJob, Conflict):  # somebody has removed or started it this very moment
                return Swept(kind, _named(job), "somebody else was quicker")
            for prefix in prefixes(job):
                self._objects.delete(prefix)
        return Swept(kind, _named(job), why, count, size)

    def _results_of(self, job: Job) -> Swept:
        """The rows of the results, the files, and last of all the mark that they are due."""
        count, size = self._measure(results_prefix(job))
        if not self._dry_run:
            self._store.jobs.forget_results(job.id)
            self._objects.delete(results_prefix(job))
            self._store.jobs.keep(job.id, None)
        return Swept(Kind.RESULTS, _named(job), "it keeps no results", count, size)

    def _packages(self) -> Iterator[Swept]:
        if not self._dry_run and (count := self._store.processes.sweep_packages()):
            yield Swept(Kind.PACKAGE, f"{count} packages", "no process and no job refers to them")

    # -- files -----------------------------------------------------------------------------------------------------

    def _uploads(self, workspace: str) -> Iterator[Swept]:
        age = timedelta(days=self._settings.keep_uploads)
        for prefix, infos in _groups(self._objects.list(f"{workspace}/uploads"), 3):
            newest = max(info.modified for info in infos)
            if datetime.now(UTC) - newest >= age:
                yield self._gone(Kind.UPLOAD, prefix, f"nobody went on with it since {_day(newest)}", infos)

    def _orphans(self, workspace: str) -> Iterator[Swept]:
        for top, depth in ((f"{workspace}/processing-results", 4), (f"{workspace}/jobs", 3)):
            batch: list[tuple[str, UUID, list[ObjectInfo]]] = []
            for prefix, infos in _groups(self._objects.list(top), depth):
                job = _job_of(prefix)
                if job is not None and datetime.now(UTC) - max(info.modified for info in infos) >= YOUNG:
                    batch.append((prefix, job, infos))
                if len(batch) == AT_ONCE:
                    yield from self._orphans_among(batch)
                    batch = []
            yield from self._orphans_among(batch)

    def _orphans_among(self, batch: list[tuple[str, UUID, list[ObjectInfo]]]) -> Iterator[Swept]:
        known = self._store.jobs.having(job for _, job, _ in batch)
        for prefix, job, infos in batch:
            status = known.get(job)
            if status is None:
                yield self._gone(Kind.ORPHAN, prefix, "there is no such job", infos)
            elif status in _WITHOUT_RESULTS and "/processing-results/" in prefix:
                yield self._gone(Kind.ORPHAN, prefix, f"the job is {status.value} and has no results", infos)

    def _remains(self) -> Iterator[Swept]:
        if isinstance(self._objects, Untidy):
            found = self._objects.abandoned(datetime.now(UTC) - UNFINISHED, remove=not self._dry_run)
            if found:
                yield Swept(Kind.REMAINS, ", ".join(found[:3]), "their writers are gone", len(found))

    def _gone(self, kind: Kind, prefix: str, why: str, infos: Iterable[ObjectInfo]) -> Swept:
        sizes = [info.size for info in infos]
        if not self._dry_run:
            self._objects.delete(prefix)
        return Swept(kind, prefix, why, len(sizes), sum(sizes))

    def _measure(self, *prefixes: str) -> tuple[int, int]:
        sizes = [info.size for prefix in prefixes for info in self._objects.list(prefix)]
        return len(sizes), sum(sizes)


def _groups(found: Iterable[ObjectInfo], depth: int) -> Iterator[tuple[str, list[ObjectInfo]]]:
    """What lies below the same first parts of the key; lists are sorted, so that it stands together."""
    for parts, infos in groupby(found, lambda info: info.key.split("/")[:depth]):
        if len(parts) == depth:
            yield "/".join(parts), list(infos)


def _job_of(prefix: str) -> UUID | None:
    try:
        return UUID(prefix.rpartition("/")[2])
    except ValueError:
        return None


def _named(job: Job) -> str:
    return f"{job.id} ({job.process_id} of {job.calling})"


def _day(moment: datetime | None) -> str:
    return "?" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
