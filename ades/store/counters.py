"""What is counted, so that nobody has to count: the jobs that each view shows, the queue of each workspace.

Changed in the transaction that makes, moves or removes a job, always turns before views and each in the order of its
keys, so that no two transactions wait for each other in a circle.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, func, literal, select, update

from ades.model import JobStatus
from ades.store.database import inserting
from ades.store.tables import jobs, turns, views

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ades.store.database import Transaction


_MOVE_TURN: Final = (
    update(turns)
    .where(turns.c.workspace == bindparam("of_workspace"))
    .values(queued=turns.c.queued + bindparam("more_queued"), running=turns.c.running + bindparam("more_running"))
)
_VIEW: Final = select(views.c.status, views.c.jobs).where(
    views.c.workspace == bindparam("workspace"), views.c.caller == bindparam("caller"), views.c.jobs > 0
)
_TURN: Final = select(turns.c.queued, turns.c.running).where(turns.c.workspace == bindparam("workspace"))


@dataclass(frozen=True, slots=True)
class Totals:
    """The numbers of one workspace."""

    jobs: int
    """How many it may see."""
    statuses: dict[JobStatus, int] = field(default_factory=dict)
    """The same by status."""
    queued: int = 0
    """How many wait to run in it."""
    running: int = 0
    """How many run in it."""


def shift(tx: Transaction, job: Any, old: JobStatus | None, new: JobStatus | None, *, turn: bool = True) -> None:
    """Count a job that goes from one status to another; None is outside. A claim has taken its turn already."""
    if turn:
        _shift_turn(tx, job.executing, old, new)
    rows = [
        {"workspace": workspace, "caller": caller, "status": status.value, "jobs": change}
        for workspace, caller in views_of(job.deploying, job.calling, job.served)
        for status, change in ((old, -1), (new, 1))
        if status is not None
    ]
    rows.sort(key=lambda row: (row["workspace"], row["caller"], row["status"]))
    tx.run(_count_views(tx.postgres), rows)


def _shift_turn(tx: Transaction, workspace: str, old: JobStatus | None, new: JobStatus | None) -> None:
    queued = (new is JobStatus.ACCEPTED) - (old is JobStatus.ACCEPTED)
    running = (new is JobStatus.RUNNING) - (old is JobStatus.RUNNING)
    if not queued and not running:
        return
    values = {"of_workspace": workspace, "more_queued": queued, "more_running": running}
    if not tx.count(_MOVE_TURN, values):
        insert = tx.insert(turns).values(workspace=workspace, queued=queued, running=running, served=0)
        change = {"queued": turns.c.queued + queued, "running": turns.c.running + running}
        tx.run(insert.on_conflict_do_update(index_elements=[turns.c.workspace], set_=change))


@cache
def _count_views(postgres: bool) -> Any:  # noqa: FBT001
    insert = inserting(views, postgres).values({column.name: bindparam(column.name) for column in views.c})
    return insert.on_conflict_do_update(
        index_elements=[views.c.workspace, views.c.caller, views.c.status],
        set_={"jobs": views.c.jobs + insert.excluded.jobs},
    )


def views_of(deploying: str, calling: str, served: str | None) -> list[tuple[str, str]]:
    """Who sees a job: (workspace, caller), the caller empty for a workspace's own view."""
    views = [(calling, "")]
    if served is not None:
        views.append((served, ""))
    if deploying != calling:
        views.append((deploying, calling))
    return views


def totals(tx: Transaction, workspace: str, caller: str | None = None) -> Totals:
    """The numbers of a view."""
    seen = tx.all(_VIEW, {"workspace": workspace, "caller": caller or ""})
    statuses = {JobStatus(row.status): row.jobs for row in seen}
    turn = tx.first(_TURN, {"workspace": workspace})
    return Totals(
        jobs=sum(statuses.values()),
        statuses=statuses,
        queued=turn.queued if turn else 0,
        running=turn.running if turn else 0,
    )


def remove_called(tx: Transaction, calling: str) -> None:
    """Delete all jobs that a workspace has called, none of which waits or runs."""
    gone = delete(jobs).where(jobs.c.calling == calling)
    seen = Counter(tx.all(gone.returning(jobs.c.deploying, jobs.c.calling, jobs.c.served, jobs.c.status)))
    less: Counter[tuple[str, str, str]] = Counter()
    for row, number in seen.items():
        for workspace, caller in views_of(row.deploying, row.calling, row.served):
            less[workspace, caller, row.status] -= number
    if less:
        rows = [{"workspace": w, "caller": c, "status": s, "jobs": n} for (w, c, s), n in sorted(less.items())]
        tx.run(_count_views(tx.postgres), rows)


def limit(tx: Transaction, workspace: str, running: int | None) -> None:
    """Remember how many jobs may run in a workspace at once; None: as many as the default says."""
    insert = tx.insert(turns).values(workspace=workspace, queued=0, running=0, served=0, running_limit=running)
    tx.run(insert.on_conflict_do_update(index_elements=[turns.c.workspace], set_={"running_limit": running}))


def forget(tx: Transaction, workspace: str) -> None:
    """Drop the numbers of a workspace without jobs."""
    tx.run(delete(turns).where(turns.c.workspace == workspace, turns.c.queued == 0, turns.c.running == 0))
    tx.run(delete(views).where(views.c.workspace == workspace, views.c.jobs == 0))


def counted(tx: Transaction) -> tuple[dict[tuple[str, str, str], int], dict[str, tuple[int, int]]]:
    """The true numbers, by looking at every job: views, and (queued, running) of each executing workspace."""
    group = (jobs.c.deploying, jobs.c.calling, jobs.c.executing, jobs.c.served, jobs.c.status)
    seen: dict[tuple[str, str, str], int] = {}
    work: dict[str, tuple[int, int]] = {}
    for row in tx.all(select(*group, func.count().label("jobs")).group_by(*group)):
        for workspace, caller in views_of(row.deploying, row.calling, row.served):
            key = (workspace, caller, row.status)
            seen[key] = seen.get(key, 0) + row.jobs
        queued, running = work.get(row.executing, (0, 0))
        work[row.executing] = (
            queued + row.jobs * (row.status == JobStatus.ACCEPTED),
            running + row.jobs * (row.status == JobStatus.RUNNING),
        )
    return seen, work


def recount(tx: Transaction) -> None:
    """Set all numbers anew from the jobs themselves, after a repair or a bulk load."""
    seen, work = counted(tx)
    tx.run(delete(views))
    _each(tx, views, ({"workspace": w, "caller": c, "status": s, "jobs": n} for (w, c, s), n in seen.items()))
    tx.run(update(turns).values(queued=0, running=0))
    for workspace, (queued, running) in sorted(work.items()):
        insert = tx.insert(turns).values(workspace=workspace, queued=queued, running=running, served=literal(0))
        tx.run(
            insert.on_conflict_do_update(
                index_elements=[turns.c.workspace], set_={"queued": queued, "running": running}
            )
        )


def _each(tx: Transaction, table: Any, rows: Iterable[dict[str, Any]]) -> None:
    values = list(rows)
    if values:
        tx.run(table.insert(), values)
