"""How a job goes from one status to the next: one compare-and-set that leaves its event, its counters and its mail.

Nobody else writes the status of a job. What does not find the job as expected raises `StaleClaim` and has written
nothing, since the whole transaction ends with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import case, literal_column, select, update

from ades.errors import NoSuchJob, StaleClaim
from ades.model import TRANSITIONS, JobStatus, Reason, StepState
from ades.store import counters, events, outbox
from ades.store.columns import clock
from ades.store.rows import JOB_COLUMNS
from ades.store.tables import jobs, steps

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import ColumnElement, Row

    from ades.store.database import Transaction

QUEUE: Final = "queue"
"""The topic of the doorbell that rings when there may be something to claim."""

FACTS: Final = (*JOB_COLUMNS, jobs.c.served, jobs.c.subscribed, jobs.c.worker, jobs.c.losses)
"""What a move needs to know of the job it has moved."""

_NO_WORKER: Final = {"worker": None, "lease_until": None, "lease_length": None}
_OPEN: Final = steps.c.state.in_([StepState.PENDING.value, StepState.RUNNING.value])


def in_status(status: JobStatus) -> ColumnElement[bool]:
    """The condition in words that a planner finds in the partial indexes."""
    return jobs.c.status == literal_column(f"'{status.value}'")


def move(
    tx: Transaction,
    job: UUID,
    old: JobStatus,
    new: JobStatus,
    *guards: ColumnElement[bool],
    turn: bool = True,
    left: Reason | None = None,
    **values: Any,
) -> Row[Any]:
    """Take a job from one status to the next. `left` is the reason for steps that are still open."""
    if new not in TRANSITIONS[old]:
        raise StaleClaim(f"A job does not go from {old} to {new}.")
    if old is JobStatus.RUNNING:
        values |= _NO_WORKER
    statement = update(jobs).where(jobs.c.id == job, in_status(old), *guards)
    row = tx.first(statement.values(status=new.value, updated=clock(), **values).returning(*FACTS))
    if row is None:
        raise StaleClaim(f"Job {job} is no longer {old} in these hands; nothing was written.")
    counters.shift(tx, row, old, new, turn=turn)
    if old is JobStatus.RUNNING:
        _close_steps(tx, row, left)
        tx.ring(QUEUE)
    announce(tx, row)
    return row


def announce(tx: Transaction, row: Row[Any]) -> None:
    """Tell what a job's status now is: to the events, to subscribers, and at the doorbell."""
    data = {"status": row.status, "message": row.message, "progress": row.progress, "attempt": row.attempt}
    events.append(tx, row, "status", data)
    if row.subscribed:
        outbox.post(tx, row.id, JobStatus(row.status), data)
    tx.ring(str(row.id))
    if row.status == JobStatus.ACCEPTED:
        tx.ring(QUEUE)


def held(tx: Transaction, job: UUID) -> Row[Any]:
    """Look at a job and keep others from moving it until the end of the transaction."""
    row = tx.first(select(*FACTS).where(jobs.c.id == job).with_for_update())
    if row is None:
        raise NoSuchJob(f"There is no job {job}.")
    return row


def _close_steps(tx: Transaction, row: Row[Any], reason: Reason | None) -> None:
    """A job that does not run has no running steps."""
    lost = reason is Reason.WORKER_LOST
    running = StepState.FAILED if lost else StepState.DISMISSED
    statement = update(steps).where(steps.c.job == row.id, steps.c.attempt == row.attempt, _OPEN)
    began = steps.c.started.is_not(None)
    tx.run(
        statement.values(
            state=case((began, running.value), else_=StepState.DISMISSED.value),
            finished=case((began, clock()), else_=None),
            reason=(reason or Reason.DISMISSED).value,
        )
    )
