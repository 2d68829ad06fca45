"""What happened to jobs, in the order in which it became visible."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, and_, bindparam, func, or_, select, type_coerce, union_all

from ades.store import rows
from ades.store.columns import clock, micros, oldest_transaction, oldest_writing, transaction_id
from ades.store.tables import events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Select

    from ades.model import Event
    from ades.store.database import Database, Transaction

_COLUMNS: Final = (events.c.id, events.c.job, events.c.at, events.c.kind, events.c.data)

_STUCK: Final = micros(timedelta(seconds=30))
"""A foreign transaction that stays open longer than this no longer holds back the events of a workspace."""


class Events:
    """The read side, and what is said of a job besides its transitions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def after(
        self, *, job: UUID | None = None, workspace: str | None = None, event: int = 0, limit: int = 1000
    ) -> list[Event]:
        """Events of one job, or of all jobs that a workspace may see, newer than `event`; oldest first."""
        statement = _OF_WORKSPACE if job is None else _OF_JOB
        values = {"event": event, "most": limit, "whose": workspace if job is None else job}
        with self._database.read() as tx:
            if job is None:  # asked before the events are: who ends in between is seen with what he has written
                values["before"] = tx.value(_OLDEST)
            return [rows.event(row) for row in tx.all(statement, values)]

    def last(self, job: UUID | None = None) -> int:
        """The id of the newest event of all, or of a job: where a reader starts who wants only what is to come."""
        newest = select(func.max(events.c.id))
        with self._database.read() as tx:
            return tx.value(newest if job is None else newest.where(events.c.job == job)) or 0


def append(tx: Transaction, job: Any, kind: str, data: dict[str, Any]) -> None:
    """Note what happened. `job` is a row with id, calling and served, held by this transaction."""
    append_all(tx, job, kind, [data])


def append_all(tx: Transaction, job: Any, kind: str, several: Sequence[dict[str, Any]]) -> None:
    """The same for several at once."""
    common = {"job": job.id, "calling": job.calling, "served": job.served, "kind": kind}
    tx.run(_APPEND, [{**common, "data": data} for data in several])
    tx.ring(str(job.id), *(topic(workspace) for workspace in (job.calling, job.served) if workspace))


def topic(workspace: str) -> str:
    """What rings when something has happened to a job that a workspace may see."""
    return f"jobs of {workspace}"


def _settled() -> Any:
    """Nothing is shown that a transaction still open may write before.

    Ids are given out before the commit: a reader who has seen 5 would never see 4 if that is committed later. Whoever
    holds 4 began before 5 was written; his transaction may yet have a higher number than that of 5, so that numbers
    alone do not tell. The events of one job need no such care, since their writers hold the job's row.
    """
    complete = and_(
        events.c.writer < oldest_transaction(),
        type_coerce(events.c.at, BigInteger) < bindparam("before", type_=BigInteger),
    )
    return or_(complete, events.c.at < clock() - _STUCK)


def _newer(*whose: Any) -> Select[Any]:
    return (
        select(*_COLUMNS)
        .where(events.c.id > bindparam("event", type_=BigInteger), *whose)
        .order_by(events.c.id)
        .limit(bindparam("most", type_=BigInteger))
    )


def _of_workspace() -> Select[Any]:
    walks = [
        _newer(column == bindparam("whose"), _settled()).subquery() for column in (events.c.calling, events.c.served)
    ]
    both = union_all(*(select(walk) for walk in walks)).subquery()
    return select(both).order_by(both.c.id).limit(bindparam("most", type_=BigInteger))


_OLDEST: Final = select(oldest_writing())
_OF_JOB: Final = _newer(events.c.job == bindparam("whose"))
_OF_WORKSPACE: Final = _of_workspace()
_APPEND: Final = events.insert().values(
    at=clock(),
    writer=transaction_id(),
    **{name: bindparam(name) for name in ("job", "calling", "served", "kind", "data")},
)
