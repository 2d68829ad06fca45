"""Mail to subscribers: written with the transition it tells of, delivered by whoever claims it, however often it takes.

A subscriber waits for one occasion: `success`, `failed` or `progress`. Each change of the status is told; of how far a
job is only the newest is kept, since nobody wants to hear late that it was at 3 percent. Each subscriber of a job gets his mail in its order. How it goes
with him is kept with his own row, so that who cannot be reached is left in peace for a while also when there is news,
and so that people can see it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import case, delete, exists, func, literal, select, true, update

from ades.model import JobStatus
from ades.store.columns import Json, clock, micros
from ades.store.tables import outbox, subscribers

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from ades.store.database import Database, Transaction

TOPIC: Final = "outbox"
PLAIN: Final = "plain"

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
    target: str = ""
    """Whom it means: what subscribers with the same word share is delivered to a few at a time."""
    form: str = PLAIN
    """In which form he wants to be told."""


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
    """How often in a row this subscriber was tried, this time included."""
    worker: str
    target: str
    form: str


@dataclass(frozen=True, slots=True)
class State:
    """How it goes with one subscriber."""

    subscriber: Subscriber
    sent: int
    waiting: int
    """Pieces of mail that are not delivered yet."""
    tries: int
    """How often in a row he could not be reached."""
    tried: datetime | None
    trouble: str | None
    next_try: datetime | None
    given_up: datetime | None


class Outbox:
    """The deliverer's side."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, worker: str, lease: timedelta, limit: int = 10, *, busy: Collection[str] = ()) -> list[Delivery]:
        """Take mail that is due, except for the `busy` targets; it is due again when the lease ends without a word."""
        due = _due(busy).limit(limit)
        with self._database.read() as tx:
            if not tx.all(due.limit(1)):
                return []
        statement = update(outbox).where(outbox.c.id.in_(due.with_for_update(skip_locked=True, of=outbox)))
        with self._database.write() as tx:
            rows = tx.all(
                statement.values(due=clock() + micros(lease), tries=outbox.c.tries + 1, worker=worker).returning(outbox)
            )
        return [_delivery(row) for row in sorted(rows, key=lambda row: row.id)]

    def done(self, delivery: Delivery) -> None:
        """It was delivered, and is gone."""
        with self._database.write() as tx:
            if not tx.count(delete(outbox).where(*_mine(delivery))):
                return
            tx.run(update(outbox).where(*_same(delivery), outbox.c.worker.is_(None)).values(due=clock()))
            tx.run(
                update(subscribers)
                .where(*_whose(delivery))
                .values(
                    sent=func.coalesce(subscribers.c.sent, 0) + 1,
                    tried=clock(),
                    **dict.fromkeys(("tries", "trouble", "failing", "rests")),
                )
            )
            tx.ring(TOPIC)

    def failed(self, delivery: Delivery, trouble: str, delay: timedelta, patience: timedelta) -> bool:
        """He could not be reached: try again after a while, unless that has been so for too long; whether it has."""
        with self._database.write() as tx:
            if not tx.count(update(outbox).where(*_mine(delivery)).values(due=clock() + micros(delay), worker=None)):
                return False
            tx.run(
                update(subscribers)
                .where(*_whose(delivery))
                .values(
                    tries=delivery.tries,
                    tried=clock(),
                    trouble=trouble,
                    failing=func.coalesce(subscribers.c.failing, clock()),
                    rests=clock() + micros(delay),
                )
            )
            over = subscribers.c.failing <= clock() - micros(patience)
            given_up = tx.count(update(subscribers).where(*_whose(delivery), over).values(given_up=clock()))
            if given_up:
                tx.run(delete(outbox).where(*_same(delivery)))
                tx.ring(TOPIC)
            return bool(given_up)

    def postponed(self, delivery: Delivery, delay: timedelta) -> None:
        """It could not be tried, which is no fault of his: nothing is counted against him."""
        with self._database.write() as tx:
            values = {"due": clock() + micros(delay), "tries": delivery.tries - 1, "worker": None}
            tx.run(update(outbox).where(*_mine(delivery)).values(**values))

    def next_due(self) -> float | None:
        """In how many seconds something is due next that is not due now; None when nothing is."""
        with self._database.read() as tx:
            row = tx.first(
                select(func.min(outbox.c.due).label("due"), clock().label("now")).where(outbox.c.due > clock())
            )
        return None if row is None or row.due is None else float((row.due - row.now).total_seconds())

    def waiting(self, job: UUID) -> int:
        """How many pieces of mail of a job are not delivered yet."""
        with self._database.read() as tx:
            return len(tx.all(select(outbox.c.id).where(outbox.c.job == job)))

    def states(self, job: UUID) -> list[State]:
        """How it goes with each subscriber of a job."""
        s = subscribers.c
        same = (outbox.c.job == s.job, outbox.c.occasion == s.occasion, outbox.c.url == s.url)
        waiting = select(func.count()).select_from(outbox).where(*same).scalar_subquery()
        due = select(outbox.c.due).where(*same).order_by(outbox.c.id).limit(1).scalar_subquery()
        statement = select(subscribers, waiting.label("waiting"), due.label("due")).where(s.job == job)
        with self._database.read() as tx:
            return [_state(row) for row in tx.all(statement.order_by(s.occasion, s.url))]


def _due(busy: Collection[str]) -> Any:
    """What is due, oldest first: of each subscriber of a job only the first."""
    earlier = outbox.alias("earlier")
    before = (earlier.c.job == outbox.c.job, earlier.c.url == outbox.c.url, earlier.c.id < outbox.c.id)
    due = select(outbox.c.id).where(outbox.c.due <= clock(), ~exists().where(*before))
    if busy:
        due = due.where(func.coalesce(outbox.c.target, "").not_in(sorted(busy)))
    return due.order_by(outbox.c.due, outbox.c.id)


def _delivery(row: Any) -> Delivery:
    return Delivery(
        row.id, row.job, row.occasion, row.url, row.payload, row.created, row.tries, row.worker,
        target=row.target or "", form=row.form or PLAIN,
    )  # fmt: skip


def _state(row: Any) -> State:
    return State(
        Subscriber(row.occasion, row.url, row.target or "", row.form or PLAIN),
        sent=row.sent or 0,
        waiting=row.waiting,
        tries=row.tries or 0,
        tried=row.tried,
        trouble=row.trouble,
        next_try=row.due if row.trouble else None,
        given_up=row.given_up,
    )


def _mine(delivery: Delivery) -> tuple[Any, ...]:
    return (outbox.c.id == delivery.id, outbox.c.tries == delivery.tries, outbox.c.worker == delivery.worker)


def _same(delivery: Delivery) -> tuple[Any, ...]:
    """All mail of the same subscriber."""
    return tuple(outbox.c[name] == getattr(delivery, name) for name in ("job", "occasion", "url"))


def _whose(delivery: Delivery) -> tuple[Any, ...]:
    s = subscribers.c
    return (s.job == delivery.job, s.occasion == delivery.occasion, s.url == delivery.url)


def subscribe(tx: Transaction, job: UUID, wanted: Sequence[Subscriber]) -> None:
    """Remember who wants to hear of a job."""
    unique = {(one.occasion, one.url): one for one in wanted}
    if unique:
        tx.run(
            subscribers.insert(),
            [
                {"job": job, "occasion": one.occasion, "url": one.url, "target": one.target, "form": one.form}
                for _, one in sorted(unique.items())
            ],
        )


def unsubscribe(tx: Transaction, job: UUID) -> None:
    """Forget who wanted to hear of a job."""
    tx.run(delete(subscribers).where(subscribers.c.job == job))


def post(tx: Transaction, job: UUID, status: JobStatus, payload: dict[str, Any], *, minor: bool = False) -> None:
    """Write to everybody who waits for this; what is `minor` is no reason to write to people."""
    occasion = _OCCASIONS.get(status)
    if occasion is None:
        return
    addressed = [subscribers.c.job == job, subscribers.c.occasion == occasion, subscribers.c.given_up.is_(None)]
    if minor:
        addressed.append(subscribers.c.url.not_like("mailto:%"))
    tx.run(delete(outbox).where(outbox.c.job == job, outbox.c.minor.is_(true()), outbox.c.worker.is_(None)))
    due = case((subscribers.c.rests > clock(), subscribers.c.rests), else_=clock())
    chosen = select(
        subscribers.c.job,
        subscribers.c.occasion,
        subscribers.c.url,
        subscribers.c.target,
        subscribers.c.form,
        literal(payload, Json),
        clock(),
        due,
        func.coalesce(subscribers.c.tries, 0),
        literal(minor),
    ).where(*addressed)
    names = ["job", "occasion", "url", "target", "form", "payload", "created", "due", "tries", "minor"]
    tx.run(outbox.insert().from_select(names, chosen))
    tx.ring(TOPIC)
