"""The job table as a queue.

A worker claims a job for the length of a lease and renews it while it works. Every write of a worker is guarded by its
claim, so one that stalled while its job was claimed again can write nothing. The name of a worker must be new with each
of its lives. All times are the database's.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Boolean, bindparam, case, func, or_, select, tuple_, update

from ades.errors import StaleClaim
from ades.model import FINISHED, Failure, JobStatus, Reason
from ades.store import events, outbox, results, rows
from ades.store.claims import GUARDS, LEASED, Claim, hold, holding, lease_of, whole
from ades.store.columns import Instant, Prose, clock, micros
from ades.store.moves import FACTS, Move, a_move, given, held, in_status, move, news
from ades.store.tables import jobs
from ades.store.turns import UNLIMITED, NothingDue, Overtaken, anybody, serve

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Row

    from ades.model import JSON, Job, Result
    from ades.store.database import Database

_JUMP: Final = 5.0
"""Seconds by which the database's clock may drift from ours between two looks before it counts as a jump."""
_HANDFUL: Final = 1000

_RUNNING: Final = in_status(JobStatus.RUNNING)
_OVER: Final = jobs.c.lease_until <= clock()

_FINISH: Final = {
    status: a_move(
        JobStatus.RUNNING,
        status,
        *GUARDS,
        finished=clock(),
        progress=100 if status is JobStatus.SUCCESSFUL else jobs.c.progress,
        **given("message", "failure", "software", "usage"),
    )
    for status in FINISHED
}
_HAND_BACK: Final = a_move(
    JobStatus.RUNNING, JobStatus.ACCEPTED, *GUARDS, due=jobs.c.due, started=None, **given("message")
)
_HAND_BACK_LATER: Final = a_move(
    JobStatus.RUNNING, JobStatus.ACCEPTED, *GUARDS, due=clock() + bindparam("delay"), started=None, **given("message")
)
_LOST: Final = (*GUARDS, or_(_OVER, bindparam("known", type_=Boolean)))
_QUEUE_AGAIN: Final = a_move(JobStatus.RUNNING, JobStatus.ACCEPTED, *_LOST, started=None, **given("message", "losses"))
_GIVE_UP: Final = a_move(
    JobStatus.RUNNING, JobStatus.FAILED, *_LOST, finished=clock(), **given("message", "losses", "failure")
)
_PROGRESS: Final = holding(
    updated=clock(),
    progress=case((jobs.c.progress < bindparam("percent"), bindparam("percent")), else_=jobs.c.progress),
    message=func.coalesce(bindparam("new_message", type_=Prose), jobs.c.message),
    started=func.coalesce(bindparam("new_started", type_=Instant), jobs.c.started),
)
_ADOPT: Final = update(jobs).where(jobs.c.id == bindparam("job_id"), _RUNNING, _OVER).values(LEASED).returning(*FACTS)
_INHERIT: Final = update(jobs).where(_RUNNING).values(LEASED).returning(*FACTS)
_RENEW: Final = (
    update(jobs)
    .where(
        _RUNNING,
        jobs.c.worker == bindparam("held_worker"),
        tuple_(jobs.c.id, jobs.c.attempt).in_(bindparam("held", expanding=True)),
    )
    .values(lease_until=clock() + jobs.c.lease_length)
    .returning(jobs.c.id, jobs.c.attempt)
)
_STALE: Final = select(*FACTS).where(_RUNNING, _OVER).order_by(jobs.c.lease_until).limit(bindparam("most"))
_LOSING: Final = (
    select(jobs.c.id, jobs.c.worker, jobs.c.attempt, jobs.c.losses)
    .where(_RUNNING, or_(_OVER, jobs.c.worker.in_(bindparam("dead", expanding=True))))
    .order_by(jobs.c.lease_until)
    .limit(bindparam("most"))
)
_MINE: Final = select(*FACTS).where(_RUNNING, jobs.c.worker == bindparam("held_worker"))
_WORKERS: Final = select(jobs.c.worker).where(_RUNNING).distinct()
_NOW: Final = select(clock())


class Queue:
    """What workers do with jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last_look: tuple[float, datetime] | None = None

    def claim(
        self,
        worker: str,
        lease: timedelta,
        *,
        running_limit: int | None = None,
        message: str = "The job is running.",
    ) -> Claim | None:
        """Take the next job, if there is one for which there is room.

        `running_limit` holds for workspaces that have no `running` of their own in their settings.
        """
        limit = UNLIMITED if running_limit is None else running_limit
        with self._database.read() as tx:
            if not anybody(tx, limit):
                return None
        passed: list[str] = []
        while True:
            try:
                with self._database.write() as tx:
                    return serve(tx, passed, worker, lease, limit, message)
            except NothingDue as nothing:
                passed.append(nothing.workspace)
            except Overtaken:
                continue

    def adopt(self, job: UUID, worker: str, lease: timedelta) -> Claim | None:
        """Take over a running job whose worker has let its lease run out, in the same attempt.

        For engines whose jobs outlive their worker. None when somebody else was quicker.
        """
        with self._database.write() as tx:
            row = tx.first(_ADOPT, {"job_id": job, **lease_of(worker, lease)})
            return None if row is None else Claim(whole(tx, row), worker)

    def inherit(self, worker: str, lease: timedelta) -> list[Claim]:
        """Take over all running jobs, in the same attempt and without waiting for the leases of whoever had them.

        For a worker that has made sure that it is the only one.
        """
        with self._database.write() as tx:
            return [Claim(whole(tx, row), worker) for row in tx.all(_INHERIT, lease_of(worker, lease))]

    def renew(self, claims: Iterable[Claim]) -> list[Claim]:
        """Prolong leases by their own length; returns the claims that are lost."""
        mine = list(claims)
        kept = set()
        for worker in {claim.worker for claim in mine}:
            those = [(claim.id, claim.attempt) for claim in mine if claim.worker == worker]
            with self._database.write() as tx:
                found = tx.all(_RENEW, {"held_worker": worker, "held": those})
            kept |= {(worker, row.id, row.attempt) for row in found}
        return [claim for claim in mine if (claim.worker, claim.id, claim.attempt) not in kept]

    def progress(
        self,
        claim: Claim,
        percent: int | None = None,
        message: str | None = None,
        *,
        started: datetime | None = None,
    ) -> None:
        """Note how far a job is. Progress never goes back; `started` corrects when it really began."""
        values = {
            "percent": -1 if percent is None else min(max(percent, 0), 100),
            "new_message": message,
            "new_started": started,
        }
        with self._database.write() as tx:
            row = hold(tx, claim, _PROGRESS, values)
            data = {"progress": row.progress, "message": row.message}
            events.append(tx, row, "progress", data)
            if row.subscribed:
                outbox.post(
                    tx, row.id, JobStatus.RUNNING, {"status": row.status, **data, "attempt": row.attempt}, minor=True
                )

    def event(self, claim: Claim, kind: str, data: dict[str, JSON]) -> None:
        """Note something else that happened to a job."""
        with self._database.write() as tx:
            events.append(tx, hold(tx, claim), kind, data)

    def finish(
        self,
        claim: Claim,
        status: JobStatus,
        found: Sequence[Result] = (),
        failure: Failure | None = None,
        message: str | None = None,
        software: dict[str, str] | None = None,
        usage: dict[str, float] | None = None,
    ) -> Job:
        """End a job: its status and its results become visible in one moment."""
        if not status.finished:
            raise StaleClaim(f"A job does not finish as {status}.")
        if message is None:
            message = failure.message if failure else f"The job is {status}."
        told = {"message": message, "failure": rows.failure_document(failure), "software": software, "usage": usage}
        values = {**claim.proof, **news(**told)}
        left = failure.reason if failure else Reason.DISMISSED
        with self._database.write() as tx:
            row = move(tx, _FINISH[status], claim.id, values, left=left)
            results.put(tx, claim.id, found)
            return whole(tx, row)

    def hand_back(self, claim: Claim, why: str, *, delay: timedelta = timedelta(0)) -> Job:
        """Put a job back to its place in the queue, or behind a delay. It loses none of its attempts by that."""
        values = {**claim.proof, **news(message=why), **({"delay": micros(delay)} if delay else {})}
        with self._database.write() as tx:
            return whole(tx, move(tx, _HAND_BACK_LATER if delay else _HAND_BACK, claim.id, values))

    def lose(self, claim: Claim, max_attempts: int, why: Failure | None = None) -> Job:
        """The worker lives, but its runner has died: as if the worker itself were lost. `why`, if that is known."""
        with self._database.write() as tx:
            losses = held(tx, claim.id).losses + 1
            which, values = _after_loss(claim.worker, losses, max_attempts, "runner", why)
            row = move(tx, which, claim.id, {**claim.proof, "known": True, **values}, left=Reason.WORKER_LOST)
            return whole(tx, row)

    def workers(self) -> frozenset[str]:
        """Who holds jobs at the moment."""
        with self._database.read() as tx:
            return frozenset(row.worker for row in tx.all(_WORKERS))

    def stale(self, limit: int = _HANDFUL) -> list[Job]:
        """Running jobs whose lease has run out."""
        self._forgive_jump()
        with self._database.read() as tx:
            return [rows.job(row, {}) for row in tx.all(_STALE, {"most": limit})]

    def expire(self, max_attempts: int, *, dead: Collection[str] = (), spare: Collection[UUID] = ()) -> list[Job]:
        """Queue the jobs of lost workers again, or fail them when that has happened too often.

        `dead` workers are known to be gone, whatever their leases say; `spare` jobs are somebody's who adopts them.
        """
        self._forgive_jump()
        with self._database.read() as tx:
            found = tx.all(_LOSING, {"dead": list(dead), "most": _HANDFUL + len(spare)})
        ended = [self._expire(row, max_attempts, row.worker in dead) for row in found if row.id not in spare]
        return [job for job in ended if job is not None]

    def _expire(self, lost: Row[Any], max_attempts: int, known: bool) -> Job | None:  # noqa: FBT001
        which, values = _after_loss(lost.worker, lost.losses + 1, max_attempts)
        values |= {"held_worker": lost.worker, "held_attempt": lost.attempt, "known": known}
        try:
            with self._database.write() as tx:
                return whole(tx, move(tx, which, lost.id, values, left=Reason.WORKER_LOST))
        except StaleClaim:
            return None

    def of_worker(self, worker: str) -> list[Claim]:
        """What a worker holds."""
        with self._database.read() as tx:
            return [Claim(whole(tx, row), worker) for row in tx.all(_MINE, {"held_worker": worker})]

    def _forgive_jump(self) -> None:
        """Let all leases begin anew when the database's clock has jumped or the machine has slept.

        They mean nothing then; whoever still lives renews his in time.
        """
        with self._database.read() as tx:
            look = (time.monotonic(), tx.value(_NOW))
        last, self._last_look = self._last_look, look
        if last is None or abs((look[1] - last[1]).total_seconds() - (look[0] - last[0])) < _JUMP:
            return
        with self._database.write() as tx:
            tx.run(update(jobs).where(_RUNNING).values(lease_until=clock() + jobs.c.lease_length))


def _after_loss(
    worker: str, losses: int, most: int, what: str = "worker", why: Failure | None = None
) -> tuple[Move, dict[str, Any]]:
    known = why if why is not None and why.reason is not Reason.WORKER_LOST else None
    if losses < most:
        begin = known.message if known else f"The {what} was lost."
        message = f"{begin.rstrip('.')}; the job waits for attempt {losses + 1} of {most}."
        return _QUEUE_AGAIN, news(message=message, losses=losses)
    if known is not None:
        return _GIVE_UP, news(message=known.message, losses=losses, failure=rows.failure_document(known))
    times = "once" if losses == 1 else f"{losses} times"
    where = worker if what == "worker" else f"on {worker}"
    message = f"A {what} was lost {times} while it ran this job, the last time {where}."
    failure = rows.failure_document(Failure(Reason.WORKER_LOST, message))
    return _GIVE_UP, news(message=message, losses=losses, failure=failure)
