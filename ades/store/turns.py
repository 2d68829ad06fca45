"""Whose turn it is: fair between the workspaces in which jobs run.

The workspace with the fewest running jobs is next, among equals the one that has waited longest, each up to its own
limit; within a workspace the oldest job. A turn is taken before its job is looked at, under the lock of the workspace's
row, which keeps the limit exact.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, and_, bindparam, func, literal_column, select, update

from ades.model import JobStatus
from ades.store.claims import LEASED, Claim, lease_of, whole
from ades.store.columns import clock
from ades.store.moves import a_move, given, in_status, move, news
from ades.store.tables import jobs, turns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from sqlalchemy import Select, Update

    from ades.store.database import Transaction

UNLIMITED: Final = 2**31 - 1

# The zero stands in the SQL itself, so that the planner recognises the partial index.
_ROOM: Final = and_(
    turns.c.queued > literal_column("0"),
    turns.c.running < func.coalesce(turns.c.running_limit, bindparam("default_limit", type_=BigInteger)),
)
_OLDEST: Final = (
    select(jobs.c.id)
    .where(in_status(JobStatus.ACCEPTED), jobs.c.executing == bindparam("of_workspace"), jobs.c.due <= clock())
    .order_by(jobs.c.due, jobs.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_CLAIM: Final = a_move(
    JobStatus.ACCEPTED,
    JobStatus.RUNNING,
    attempt=jobs.c.attempt + 1,
    started=clock(),
    **given("message"),
    **LEASED,
)


class NothingDue(Exception):
    """It was the turn of a workspace whose jobs are not due yet, or are just being moved by somebody else."""

    def __init__(self, workspace: str) -> None:
        self.workspace = workspace
        super().__init__(workspace)


class Overtaken(Exception):
    """Whoever was served before has taken the last room or the last job of the workspace whose turn it seemed."""


def anybody(tx: Transaction, limit: int) -> bool:
    """Whether there is a job in the queue for which there is room."""
    return tx.first(_next(passing=False), {"default_limit": limit}) is not None


def serve(
    tx: Transaction, passed: Sequence[str], worker: str, lease: timedelta, limit: int, message: str
) -> Claim | None:
    """Take the next job of the next workspace, leaving out those in `passed`; None when there is no next."""
    workspace = _take(tx, limit, passed)
    if workspace is None:
        return None
    job = tx.value(_OLDEST, {"of_workspace": workspace})
    if job is None:
        raise NothingDue(workspace)
    row = move(tx, _CLAIM, job, {**news(message=message), **lease_of(worker, lease)}, turn=False)
    return Claim(whole(tx, row), worker)


def _take(tx: Transaction, limit: int, passed: Sequence[str]) -> str | None:
    """Note a workspace as served.

    On PostgreSQL one passes by those whom others are just serving, and waits for one of them only when nobody else is
    in the queue: for exactly one, since who waits for several holds some while he waits for the next.
    """
    values: dict[str, Any] = {"default_limit": limit, **({"passed": list(passed)} if passed else {})}
    workspace: str | None
    if tx.postgres:
        workspace = tx.value(_serve_free(passing=bool(passed)), values)
        if workspace is not None:
            return workspace
    workspace = tx.value(_next(passing=bool(passed)), values)
    if workspace is not None and not tx.value(_serve_one(), {"default_limit": limit, "of_workspace": workspace}):
        raise Overtaken
    return workspace


@cache
def _next(*, passing: bool) -> Select[tuple[str]]:
    waiting = select(turns.c.workspace).where(_ROOM)
    if passing:
        waiting = waiting.where(turns.c.workspace.not_in(bindparam("passed", expanding=True)))
    return waiting.order_by(turns.c.running, turns.c.served, turns.c.workspace).limit(1)


@cache
def _serve_free(*, passing: bool) -> Any:
    free = _next(passing=passing).with_for_update(skip_locked=True).scalar_subquery()
    return _served().where(turns.c.workspace == free).returning(turns.c.workspace)


@cache
def _serve_one() -> Any:
    return _served().where(turns.c.workspace == bindparam("of_workspace"), _ROOM).returning(turns.c.workspace)


def _served() -> Update:
    return update(turns).values(queued=turns.c.queued - 1, running=turns.c.running + 1, served=clock())
