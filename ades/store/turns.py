"""Whose turn it is: fair between the workspaces in which jobs run.

The workspace with the fewest running jobs is next, among equals the one that has waited longest, each up to its own
limit; within a workspace the oldest job. A turn is taken before its job is looked at, under the lock of the workspace's
row, which keeps the limit exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, func, literal_column, select, update

from ades.model import JobStatus
from ades.store.claims import Claim, leased, whole
from ades.store.columns import clock
from ades.store.moves import in_status, move
from ades.store.tables import jobs, turns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from sqlalchemy import ColumnElement, Select

    from ades.store.database import Transaction

UNLIMITED: Final = 2**31 - 1

# It stands in the SQL itself, so that the planner recognises the partial index.
_ZERO: Final[Any] = literal_column("0")


class NothingDue(Exception):
    """It was the turn of a workspace whose jobs are not due yet, or are just being moved by somebody else."""

    def __init__(self, workspace: str) -> None:
        self.workspace = workspace
        super().__init__(workspace)


class Overtaken(Exception):
    """Whoever was served before has taken the last room or the last job of the workspace whose turn it seemed."""


def anybody(tx: Transaction, limit: int) -> bool:
    """Whether there is a job in the queue for which there is room."""
    return tx.first(_next(limit, ())) is not None


def serve(
    tx: Transaction, passed: Sequence[str], worker: str, lease: timedelta, limit: int, message: str
) -> Claim | None:
    """Take the next job of the next workspace, leaving out those in `passed`; None when there is no next."""
    workspace = _take(tx, limit, passed)
    if workspace is None:
        return None
    job = tx.value(_oldest(workspace))
    if job is None:
        raise NothingDue(workspace)
    change = {"attempt": jobs.c.attempt + 1, "started": clock(), "message": message, **leased(worker, lease)}
    return Claim(whole(tx, move(tx, job, JobStatus.ACCEPTED, JobStatus.RUNNING, turn=False, **change)), worker)


def _room(limit: int) -> ColumnElement[bool]:
    return and_(turns.c.queued > _ZERO, turns.c.running < func.coalesce(turns.c.running_limit, limit))


def _next(limit: int, passed: Sequence[str]) -> Select[tuple[str]]:
    waiting = select(turns.c.workspace).where(_room(limit))
    if passed:
        waiting = waiting.where(turns.c.workspace.not_in(tuple(passed)))
    return waiting.order_by(turns.c.running, turns.c.served, turns.c.workspace).limit(1)


def _take(tx: Transaction, limit: int, passed: Sequence[str]) -> str | None:
    """Note a workspace as served.

    On PostgreSQL one passes by those whom others are just serving, and waits for one of them only when nobody else is
    in the queue: for exactly one, since who waits for several holds some while he waits for the next.
    """
    chosen = _next(limit, passed)
    workspace: str | None
    if tx.postgres:
        free = chosen.with_for_update(skip_locked=True).scalar_subquery()
        workspace = _served(tx, turns.c.workspace == free)
        if workspace is not None:
            return workspace
    workspace = tx.value(chosen)
    if workspace is not None and _served(tx, turns.c.workspace == workspace, _room(limit)) is None:
        raise Overtaken
    return workspace


def _served(tx: Transaction, *which: ColumnElement[bool]) -> str | None:
    change = {"queued": turns.c.queued - 1, "running": turns.c.running + 1, "served": clock()}
    workspace: str | None = tx.value(update(turns).where(*which).values(change).returning(turns.c.workspace))
    return workspace


def _oldest(workspace: str) -> Any:
    return (
        select(jobs.c.id)
        .where(in_status(JobStatus.ACCEPTED), jobs.c.executing == workspace, jobs.c.due <= clock())
        .order_by(jobs.c.due, jobs.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
