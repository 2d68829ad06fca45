"""The job table as a queue.

A worker claims a job for the length of a lease and renews it while it works. Every write of a worker is guarded by its
claim, so one that stalled while its job was claimed again can write nothing. The name of a worker must be new with each
of its lives. All times are the database's.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, case, func, or_, select, update

from ades.errors import StaleClaim
from ades.model import Failure, JobStatus, Reason
from ades.store import events, outbox, results, rows
from ades.store.claims import Claim, guards, hold, leased, whole
from ades.store.columns import clock, micros
from ades.store.moves import FACTS, held, in_status, move
from ades.store.tables import jobs
from ades.store.turns import UNLIMITED, NothingDue, Overtaken, anybody, serve

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement, Row

    from ades.model import JSON, Job, Result
    from ades.store.database import Database

_JUMP: Final = 5.0
"""Seconds by which the database's clock may drift from ours between two looks before it counts as a jump."""
_HANDFUL: Final = 1000
_RUNNING: Final = in_status(JobStatus.RUNNING)


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
        over = and_(jobs.c.id == job, _RUNNING, jobs.c.lease_until <= clock())
        with self._database.write() as tx:
            row = tx.first(update(jobs).where(over).values(leased(worker, lease)).returning(*FACTS))
            return None if row is None else Claim(whole(tx, row), worker)

    def renew(self, claims: Iterable[Claim]) -> list[Claim]:
        """Prolong leases by their own length; returns the claims that are lost."""
        held = {claim.id: claim for claim in claims}
        if not held:
            return []
        mine = or_(*(and_(*guards(claim)) for claim in held.values()))
        prolonged = update(jobs).where(_RUNNING, mine).values(lease_until=clock() + jobs.c.lease_length)
        with self._database.write() as tx:
            kept = {row.id for row in tx.all(prolonged.returning(jobs.c.id))}
        return [claim for claim in held.values() if claim.id not in kept]

    def progress(
        self,
        claim: Claim,
        percent: int | None = None,
        message: str | None = None,
        *,
        started: datetime | None = None,
    ) -> None:
        """Note how far a job is. Progress never goes back; `started` corrects when it really began."""
        values: dict[str, Any] = {"updated": clock()}
        if percent is not None:
            bounded = min(max(percent, 0), 100)
            values["progress"] = case((jobs.c.progress > bounded, jobs.c.progress), else_=bounded)
        if message is not None:
            values["message"] = message
        if started is not None:
            values["started"] = started
        with self._database.write() as tx:
            row = hold(tx, claim, **values)
            data = {"progress": row.progress, "message": row.message}
            events.append(tx, row, "progress", data)
            if row.subscribed:
                outbox.post(tx, row.id, JobStatus.RUNNING, {"status": row.status, **data, "attempt": row.attempt})

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
    ) -> Job:
        """End a job: its status and its results become visible in one moment."""
        if not status.finished:
            raise StaleClaim(f"A job does not finish as {status}.")
        values: dict[str, Any] = {"finished": clock(), "failure": rows.failure_document(failure)}
        if status is JobStatus.SUCCESSFUL:
            values["progress"] = 100
        last_word = failure.message if failure else f"The job is {status}."
        values["message"] = last_word if message is None else message
        values["left"] = failure.reason if failure else None
        with self._database.write() as tx:
            row = move(tx, claim.id, JobStatus.RUNNING, status, *guards(claim), **values)
            results.put(tx, claim.id, found)
            return whole(tx, row)

    def hand_back(self, claim: Claim, why: str, *, delay: timedelta = timedelta(0)) -> Job:
        """Put a job back to its place in the queue, or behind a delay. It loses none of its attempts by that."""
        due = clock() + micros(delay) if delay else jobs.c.due
        values: dict[str, Any] = {"due": due, "started": None, "message": why}
        with self._database.write() as tx:
            return whole(tx, move(tx, claim.id, JobStatus.RUNNING, JobStatus.ACCEPTED, *guards(claim), **values))

    def lose(self, claim: Claim, max_attempts: int) -> Job:
        """The worker lives, but its runner has died without a word: as if the worker itself were lost."""
        with self._database.write() as tx:
            losses = held(tx, claim.id).losses + 1
            status, values = _after_loss(claim.worker, losses, max_attempts, what="runner")
            row = move(tx, claim.id, JobStatus.RUNNING, status, *guards(claim), left=Reason.WORKER_LOST, **values)
            return whole(tx, row)

    def workers(self) -> frozenset[str]:
        """Who holds jobs at the moment."""
        with self._database.read() as tx:
            return frozenset(row.worker for row in tx.all(select(jobs.c.worker).where(_RUNNING).distinct()))

    def stale(self, limit: int = _HANDFUL) -> list[Job]:
        """Running jobs whose lease has run out."""
        self._forgive_jump()
        over = select(*FACTS).where(_RUNNING, jobs.c.lease_until <= clock())
        with self._database.read() as tx:
            return [rows.job(row, {}) for row in tx.all(over.order_by(jobs.c.lease_until).limit(limit))]

    def expire(self, max_attempts: int, *, dead: Collection[str] = (), spare: Collection[UUID] = ()) -> list[Job]:
        """Queue the jobs of lost workers again, or fail them when that has happened too often.

        `dead` workers are known to be gone, whatever their leases say; `spare` jobs are somebody's who adopts them.
        """
        self._forgive_jump()
        over = or_(jobs.c.lease_until <= clock(), jobs.c.worker.in_(tuple(dead)))
        lost = select(jobs.c.id, jobs.c.worker, jobs.c.attempt, jobs.c.losses).where(_RUNNING, over)
        with self._database.read() as tx:
            found = tx.all(lost.order_by(jobs.c.lease_until).limit(_HANDFUL + len(spare)))
        ended = [self._expire(row, max_attempts, over) for row in found if row.id not in spare]
        return [job for job in ended if job is not None]

    def _expire(self, lost: Row[Any], max_attempts: int, over: ColumnElement[bool]) -> Job | None:
        here = (jobs.c.worker == lost.worker, jobs.c.attempt == lost.attempt, over)
        status, values = _after_loss(lost.worker, lost.losses + 1, max_attempts)
        try:
            with self._database.write() as tx:
                row = move(tx, lost.id, JobStatus.RUNNING, status, *here, left=Reason.WORKER_LOST, **values)
                return whole(tx, row)
        except StaleClaim:
            return None

    def next_expiry(self) -> timedelta | None:
        """How long until the first lease ends; None when nothing runs."""
        first = select(func.min(jobs.c.lease_until).label("end"), clock().label("now"))
        with self._database.read() as tx:
            row = tx.first(first.where(_RUNNING))
        return None if row is None or row.end is None else max(row.end - row.now, timedelta(0))

    def of_worker(self, worker: str) -> list[Claim]:
        """What a worker holds."""
        mine = select(*FACTS).where(_RUNNING, jobs.c.worker == worker)
        with self._database.read() as tx:
            return [Claim(whole(tx, row), worker) for row in tx.all(mine)]

    def _forgive_jump(self) -> None:
        """Let all leases begin anew when the database's clock has jumped or the machine has slept.

        They mean nothing then; whoever still lives renews his in time.
        """
        with self._database.read() as tx:
            look = (time.monotonic(), tx.value(select(clock())))
        last, self._last_look = self._last_look, look
        if last is None or abs((look[1] - last[1]).total_seconds() - (look[0] - last[0])) < _JUMP:
            return
        with self._database.write() as tx:
            tx.run(update(jobs).where(_RUNNING).values(lease_until=clock() + jobs.c.lease_length))


def _after_loss(worker: str, losses: int, most: int, what: str = "worker") -> tuple[JobStatus, dict[str, Any]]:
    if losses < most:
        message = f"The {what} was lost; the job waits for attempt {losses + 1} of {most}."
        return JobStatus.ACCEPTED, {"started": None, "losses": losses, "message": message}
    times = "once" if losses == 1 else f"{losses} times"
    where = worker if what == "worker" else f"on {worker}"
    message = f"A {what} was lost {times} while it ran this job, the last time {where}."
    failure = rows.failure_document(Failure(Reason.WORKER_LOST, message))
    return JobStatus.FAILED, {"finished": clock(), "losses": losses, "message": message, "failure": failure}
