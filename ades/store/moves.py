"""How a job goes from one status to the next: one compare-and-set that leaves its event, its counters and its mail.

Nobody else writes the status of a job. The moves are made once, when their module is loaded, and must be among
`model.TRANSITIONS`. What does not find the job as expected raises `StaleClaim` and has written nothing, since the whole
transaction ends with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, case, func, literal_column, select, update

from ades.errors import NoSuchJob, StaleClaim
from ades.model import TRANSITIONS, JobStatus, Reason, StepState
from ades.store import counters, events, outbox
from ades.store.columns import clock
from ades.store.rows import JOB_COLUMNS
from ades.store.tables import jobs, steps

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.sql.base import Executable

    from ades.store.database import Transaction

QUEUE: Final = "queue"
"""The topic of the doorbell that rings when there may be something to claim."""

FACTS: Final = (*JOB_COLUMNS, jobs.c.served, jobs.c.subscribed, jobs.c.worker, jobs.c.losses)
"""What a move needs to know of the job it has moved."""

_NO_WORKER: Final = {"worker": None, "lease_until": None, "lease_length": None}
_HELD: Final = select(*FACTS).where(jobs.c.id == bindparam("job_id")).with_for_update()
_CLOSE_STEPS: Final = (
    update(steps)
    .where(
        steps.c.job == bindparam("of_job"),
        steps.c.attempt == bindparam("of_attempt"),
        steps.c.state.in_([StepState.PENDING.value, StepState.RUNNING.value]),
    )
    .values(
        state=case((steps.c.started.is_not(None), bindparam("of_running")), else_=StepState.DISMISSED.value),
        finished=case((steps.c.started.is_not(None), clock()), else_=None),
        reason=bindparam("why"),
    )
)


@dataclass(frozen=True, slots=True)
class Move:
    """One way from a status to another."""

    old: JobStatus
    new: JobStatus
    statement: Executable


def a_move(old: JobStatus, new: JobStatus, *guards: ColumnElement[bool], **values: Any) -> Move:
    """Prepare a move; `values` are expressions, or parameters by `given`."""
    if new not in TRANSITIONS[old]:
        raise ValueError(f"A job does not go from {old} to {new}.")
    if old is JobStatus.RUNNING:
        values |= _NO_WORKER
    if new.finished:
        values["keep_until"] = func.coalesce(jobs.c.keep_until, clock() + jobs.c.kept_for)
    statement = update(jobs).where(jobs.c.id == bindparam("job_id"), in_status(old), *guards)
    return Move(old, new, statement.values(status=new.value, updated=clock(), **values).returning(*FACTS))


def given(*names: str) -> dict[str, Any]:
    """Columns that are set to parameters; `news` names these."""
    return {name: bindparam(f"new_{name}") for name in names}


def news(**values: Any) -> dict[str, Any]:
    """The parameters of `given`."""
    return {f"new_{name}": value for name, value in values.items()}


def in_status(status: JobStatus) -> ColumnElement[bool]:
    """The condition in words that a planner finds in the partial indexes."""
    return jobs.c.status == literal_column(f"'{status.value}'")


def move(
    tx: Transaction,
    which: Move,
    job: UUID,
    values: dict[str, Any],
    *,
    turn: bool = True,
    left: Reason = Reason.DISMISSED,
) -> Row[Any]:
    """Take a job from one status to the next. `left` is the reason of steps that are still open."""
    row = tx.first(which.statement, {"job_id": job, **values})
    if row is None:
        raise StaleClaim(f"Job {job} is no longer {which.old} in these hands; nothing was written.")
    counters.shift(tx, row, which.old, which.new, turn=turn)
    if which.old is JobStatus.RUNNING:
        _close_steps(tx, row, left)
        tx.ring(QUEUE)
    announce(tx, row)
    return row


def announce(tx: Transaction, row: Any) -> None:
    """Tell what a job's status now is: to the events, to subscribers, and at the doorbell."""
    data = {"status": row.status, "message": row.message, "progress": row.progress, "attempt": row.attempt}
    events.append(tx, row, "status", data)
    if row.subscribed:
        outbox.post(tx, row.id, JobStatus(row.status), data)
    if row.status == JobStatus.ACCEPTED:
        tx.ring(QUEUE)


def held(tx: Transaction, job: UUID) -> Row[Any]:
    """Look at a job and keep others from moving it until the end of the transaction."""
    row = tx.first(_HELD, {"job_id": job})
    if row is None:
        raise NoSuchJob(f"There is no job {job}.")
    return row


def _close_steps(tx: Transaction, row: Row[Any], reason: Reason) -> None:
    """A job that does not run has no running steps."""
    running = StepState.FAILED if reason is Reason.WORKER_LOST else StepState.DISMISSED
    values = {"of_job": row.id, "of_attempt": row.attempt, "of_running": running.value, "why": reason.value}
    tx.run(_CLOSE_STEPS, values)
