"""Jobs as clients see them: submitted, read, changed before they start, dismissed, removed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, exc, select, update

from ades.errors import Conflict, KeyReused, Locked, NoSuchJob, NoSuchProcess
from ades.model import JobStatus
from ades.store import counters, listing, outbox, rows
from ades.store.columns import clock, micros
from ades.store.moves import a_move, announce, given, held, in_status, move, news
from ades.store.rows import JOB_COLUMNS
from ades.store.tables import collections, idempotency, items, jobs, requests, results

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from ades.model import JSON, Failure, Job, JobQuery, Page
    from ades.store.counters import Totals
    from ades.store.database import Database, Transaction
    from ades.store.outbox import Subscriber

_GET: Final = (
    select(*JOB_COLUMNS, requests.c.request)
    .join_from(jobs, requests, requests.c.job == jobs.c.id, isouter=True)
    .where(jobs.c.id == bindparam("id"))
)
_INSERT: Final = jobs.insert().values(
    due=clock(), **{name: bindparam(name) for name in (*rows.JOB_NAMES, "served", "kept_for", "losses", "subscribed")}
)
_INSERT_REQUEST: Final = requests.insert()
_EARLIER: Final = select(idempotency.c.job, idempotency.c.fingerprint).where(
    idempotency.c.workspace == bindparam("workspace"),
    idempotency.c.owner == bindparam("owner"),
    idempotency.c.key == bindparam("key"),
)
_START: Final = a_move(JobStatus.CREATED, JobStatus.ACCEPTED, due=clock(), **given("message"))
_REFUSE: Final = a_move(JobStatus.ACCEPTED, JobStatus.FAILED, finished=clock(), **given("message", "failure"))
_DISMISS: Final = {
    status: a_move(status, JobStatus.DISMISSED, finished=clock(), **given("message"))
    for status in (JobStatus.CREATED, JobStatus.ACCEPTED, JobStatus.RUNNING)
}
_SUBMITTED: Final = frozenset({JobStatus.CREATED, JobStatus.ACCEPTED})


class Jobs:
    """The jobs of all workspaces. Who may see which is the policy's business."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(
        self,
        job: Job,
        idempotency_key: str | None = None,
        subscribers: Sequence[Subscriber] = (),
        *,
        fingerprint: str | None = None,
    ) -> Job:
        """Put a job into the queue, or beside it when its status is `created`.

        A key that the same owner has used for the same workspace before gives the job of that time, and no new one.
        The fingerprint stands for all that was sent: a key that comes with another one is refused.
        """
        if job.status not in _SUBMITTED:
            raise Conflict(f"A new job is created or accepted, not {job.status}.")
        earlier = self._earlier(job, idempotency_key, fingerprint)
        if earlier is not None:
            return earlier
        try:
            with self._database.write() as tx:
                _insert(tx, job, subscribers)
                if idempotency_key is not None:
                    _claim_key(tx, job, idempotency_key, fingerprint)
        except _KeyTaken:
            return self.submit(job, idempotency_key, subscribers, fingerprint=fingerprint)
        except exc.IntegrityError as error:
            raise _refused(job, error) from error
        return job

    def _earlier(self, job: Job, key: str | None, fingerprint: str | None) -> Job | None:
        if key is None:
            return None
        with self._database.read() as tx:
            earlier = tx.first(_EARLIER, {"workspace": job.calling, "owner": job.owner, "key": key})
            if earlier is None:
                return None
            if earlier.fingerprint not in {None, fingerprint}:
                raise KeyReused(
                    f"The Idempotency-Key {key!r} was sent before with another request, which made the job "
                    f"{earlier.job}. Take a new key for a new request.",
                    field="Idempotency-Key",
                )
            return _get(tx, earlier.job)

    def get(self, job: UUID) -> Job:
        """One job, with its request."""
        with self._database.read() as tx:
            return _get(tx, job)

    def find(self, query: JobQuery, page: Page) -> tuple[list[Job], str | None]:
        """A page of jobs, newest first, and the cursor of the next.

        Jobs in lists come without their request, which may be megabytes each: `get` has it.
        """
        with self._database.read() as tx:
            return listing.find(tx, query, page)

    def total(self, query: JobQuery) -> int | None:
        """How many jobs a query matches, as far as the counters know: None when it asks for more than statuses."""
        if listing.asks_for_nothing(query):
            return 0
        if not listing.only_statuses(query):
            return None
        seen = self.totals(query.workspace, query.caller)
        return sum(seen.statuses.get(status, 0) for status in query.statuses) if query.statuses else seen.jobs

    def totals(self, workspace: str, caller: str | None = None) -> Totals:
        """The numbers of what a workspace, or a foreign caller in it, may see."""
        with self._database.read() as tx:
            return counters.totals(tx, workspace, None if caller == workspace else caller)

    def update_definition(
        self,
        job: UUID,
        request: JSON,
        preferences: dict[str, JSON] | None = None,
        subscribers: Sequence[Subscriber] | None = None,
        **values: Any,
    ) -> Job:
        """Change what a job will do that has not been started. `values`: process_id, revision, digest, message."""
        with self._database.write() as tx:
            row = held(tx, job)
            _unstarted(row)
            if preferences is not None:
                values["preferences"] = preferences
            if subscribers is not None:
                outbox.unsubscribe(tx, job)
                outbox.subscribe(tx, job, subscribers)
                values["subscribed"] = bool(subscribers)
            tx.run(update(jobs).where(jobs.c.id == job).values(updated=clock(), **values))
            tx.run(update(requests).where(requests.c.job == job).values(request=request))
            return _get(tx, job)

    def start(self, job: UUID, message: str = "") -> Job:
        """Queue a job that has only been created."""
        with self._database.write() as tx:
            row = held(tx, job)
            _unstarted(row)
            move(tx, _START, job, news(message=message))
            return _get(tx, job)

    def refuse(self, job: UUID, failure: Failure) -> Job:
        """Fail a queued job that cannot be run, without a worker having looked at it."""
        values = news(message=failure.message, failure=rows.failure_document(failure))
        with self._database.write() as tx:
            held(tx, job)
            move(tx, _REFUSE, job, values, left=failure.reason)
            return _get(tx, job)

    def dismiss(self, job: UUID, message: str = "The job was dismissed.") -> Job:
        """Stop a job, whatever it is doing: from this moment its worker can write nothing more for it."""
        with self._database.write() as tx:
            status = JobStatus(held(tx, job).status)
            if status.finished:
                raise Conflict(f"Job {job} has finished already: it is {status}.")
            move(tx, _DISMISS[status], job, news(message=message))
            return _get(tx, job)

    def remove(self, job: UUID) -> None:
        """Delete a job that will not run any more, and its steps, results and events. Its files are not ours."""
        with self._database.write() as tx:
            row = held(tx, job)
            status = JobStatus(row.status)
            if status in {JobStatus.ACCEPTED, JobStatus.RUNNING}:
                raise Conflict(f"Job {job} is {status}; dismiss it first.")
            tx.run(delete(jobs).where(jobs.c.id == job))
            counters.shift(tx, row, status, None)
            tx.ring(str(job))

    def retain(self, job: UUID, keep: str) -> Job:
        """Say for how long after its end it is kept; of one that has finished, from its end on."""
        length = rows.kept_for(keep)
        until = None if length is None else jobs.c.finished + length
        with self._database.write() as tx:
            if not tx.count(update(jobs).where(jobs.c.id == job).values(keep=keep, kept_for=length, keep_until=until)):
                raise NoSuchJob(f"There is no job {job}.")
            return _get(tx, job)

    def keep(self, job: UUID, until: datetime | None) -> None:
        """Say when results and logs may be deleted; None: never."""
        with self._database.write() as tx:
            if not tx.count(update(jobs).where(jobs.c.id == job).values(keep_until=until)):
                raise NoSuchJob(f"There is no job {job}.")

    def forget_results(self, job: UUID) -> None:
        """Delete the results of a job; it stays due (`keep_until`) until its files are gone too."""
        with self._database.write() as tx:
            for table in (results, collections, items):
                tx.run(delete(table).where(table.c.job == job))
            tx.run(update(jobs).where(jobs.c.id == job).values(updated=clock()))
            tx.ring(str(job))

    def unstarted(self, age: timedelta, limit: int = 100) -> list[Job]:
        """Jobs that were made so long ago, and never started."""
        statement = (
            select(*JOB_COLUMNS)
            .where(in_status(JobStatus.CREATED), jobs.c.updated <= clock() - micros(age))
            .order_by(jobs.c.updated, jobs.c.id)
            .limit(limit)
        )
        with self._database.read() as tx:
            return [rows.job(row, {}) for row in tx.all(statement)]

    def having(self, ids: Iterable[UUID]) -> dict[UUID, JobStatus]:
        """Those of these jobs that there are, and how they are."""
        statement = select(jobs.c.id, jobs.c.status).where(jobs.c.id.in_(list(ids)))
        with self._database.read() as tx:
            return {row.id: JobStatus(row.status) for row in tx.all(statement)}

    def lapsed(self, limit: int = 100) -> list[Job]:
        """Finished jobs whose time is over, longest first."""
        statement = (
            select(*JOB_COLUMNS)
            .where(jobs.c.keep_until.is_not(None), jobs.c.keep_until <= clock(), jobs.c.finished.is_not(None))
            .order_by(jobs.c.keep_until)
            .limit(limit)
        )
        with self._database.read() as tx:
            return [rows.job(row, {}) for row in tx.all(statement)]


class _KeyTaken(Exception):
    """Somebody else has just used the same idempotency key."""


def _get(tx: Transaction, job: UUID) -> Job:
    row = tx.first(_GET, {"id": job})
    if row is None:
        raise NoSuchJob(f"There is no job {job}.")
    return rows.job(row, row.request)


def _insert(tx: Transaction, job: Job, wanted: Sequence[Subscriber]) -> None:
    values = rows.job_values(job) | {"losses": 0, "subscribed": bool(wanted)}
    tx.run(_INSERT, values)
    tx.run(_INSERT_REQUEST, {"job": job.id, "request": job.request})
    outbox.subscribe(tx, job.id, wanted)
    row = SimpleNamespace(**values)
    counters.shift(tx, row, None, job.status)
    announce(tx, row)


def _claim_key(tx: Transaction, job: Job, key: str, fingerprint: str | None) -> None:
    row = {"workspace": job.calling, "owner": job.owner, "key": key, "job": job.id, "fingerprint": fingerprint}
    if not tx.count(tx.insert(idempotency).values(row).on_conflict_do_nothing()):
        raise _KeyTaken


def _unstarted(row: Any) -> None:
    if row.status != JobStatus.CREATED:
        raise Locked(f"Job {row.id} has been started: it is {row.status}, and can no longer be changed or started.")


def _refused(job: Job, error: exc.IntegrityError) -> Exception:
    if "foreign key" in str(error.orig).lower():
        return NoSuchProcess(f"The process {job.process_id} has been undeployed and its package is gone.")
    return Conflict(f"There is a job {job.id} already.")
