"""Mail to subscribers: written with the transition it tells of, delivered by whoever claims it, however often it takes.

A subscriber waits for one occasion: `success`, `failed` or `progress`. Of progress only the newest is kept, since
nobody wants to hear late that a job was at 3 percent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, literal, select, update

from ades.model import JobStatus
from ades.store.columns import Json, clock, micros
from ades.store.tables import outbox, subscribers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from ades.store.database import Database, Transaction

TOPIC: Final = "outbox"

_OCCASIONS: Final = {
    JobStatus.ACCEPTED: "progress",
    JobStatus.RUNNING: "progress",
    JobStatus.SUCCESSFUL: "success",
    JobStatus.FAILED: "failed",
    JobStatus.DISMISSED: "failed",
}


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who wants to hear of a job, and of what."""

    occasion: str
    """success, failed or progress."""
    url: str
    """http(s):, mailto: …; what it means is the deliverer's business."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One piece of mail that is being delivered."""

    id: int
    job: UUID
    occasion: str
    url: str
    payload: dict[str, Any]
    """Status, message, progress and attempt at that moment."""
    created: datetime
    tries: int
    """How often it was tried, this time included."""
    worker: str


class Outbox:
    """The deliverer's side."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, worker: str, lease: timedelta, limit: int = 10) -> list[Delivery]:
        """Take mail that is due; it is due again when the lease ends without a word."""
        due = select(outbox.c.id).where(outbox.c.due <= clock()).order_by(outbox.c.due, outbox.c.id).limit(limit)
        with self._database.read() as tx:
            if not tx.all(due.limit(1)):
                return []
        statement = update(outbox).where(outbox.c.id.in_(due.with_for_update(skip_locked=True)))
        with self._database.write() as tx:
            rows = tx.all(
                statement.values(due=clock() + micros(lease), tries=outbox.c.tries + 1, worker=worker).returning(outbox)
            )
        return [
            Delivery(row.id, row.job, row.occasion, row.url, row.payload, row.created, row.tries, row.worker)
            for row in sorted(rows, key=lambda row: row.id)
        ]

    def done(self, delivery: Delivery) -> None:
        """Delivered, or given up: it is gone."""
        with self._database.write() as tx:
            tx.run(delete(outbox).where(*_mine(delivery)))

    def retry(self, delivery: Delivery, delay: timedelta) -> None:
        """Try again after a while."""
        with self._database.write() as tx:
            tx.run(update(outbox).where(*_mine(delivery)).values(due=clock() + micros(delay), worker=None))

    def waiting(self, job: UUID) -> int:
        """How many pieces of mail of a job are not delivered yet."""
        with self._database.read() as tx:
            return len(tx.all(select(outbox.c.id).where(outbox.c.job == job)))


def _mine(delivery: Delivery) -> tuple[Any, ...]:
    return (outbox.c.id == delivery.id, outbox.c.tries == delivery.tries, outbox.c.worker == delivery.worker)


def subscribe(tx: Transaction, job: UUID, wanted: Sequence[Subscriber]) -> None:
    """Remember who wants to hear of a job."""
    unique = {(one.occasion, one.url) for one in wanted}
    if unique:
        tx.run(subscribers.insert(), [{"job": job, "occasion": o, "url": u} for o, u in sorted(unique)])


def unsubscribe(tx: Transaction, job: UUID) -> None:
    """Forget who wants to hear of a job."""
    tx.run(delete(subscribers).where(subscribers.c.job == job))


def post(tx: Transaction, job: UUID, status: JobStatus, payload: dict[str, Any]) -> None:
    """Write to everybody who waits for this."""
    occasion = _OCCASIONS.get(status)
    if occasion is None:
        return
    if occasion == "progress":
        tx.run(delete(outbox).where(outbox.c.job == job, outbox.c.occasion == occasion, outbox.c.worker.is_(None)))
    chosen = select(
        subscribers.c.job,
        subscribers.c.occasion,
        subscribers.c.url,
        literal(payload, Json),
        clock(),
        clock(),
        literal(0),
    ).where(subscribers.c.job == job, subscribers.c.occasion == occasion)
    names = ["job", "occasion", "url", "payload", "created", "due", "tries"]
    tx.run(outbox.insert().from_select(names, chosen))
    tx.ring(TOPIC)
