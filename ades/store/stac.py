"""The STAC of results, by which their documents in the object store are found.

The rows come with the transaction that makes a job successful and go with the job. Where jobs have published the same
item of the same collection, the newest counts, and the one before it shows again when the newest is removed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, func, or_, select, tuple_, type_coerce

from ades.model import StacCollection, StacItem
from ades.store import ids
from ades.store.columns import Instant, clock, micros
from ades.store.tables import collections, items, jobs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement, Row

    from ades.model import Page, Result
    from ades.store.database import Database, Transaction

HALF: Final = 180.0
_LISTING: Final = "i"


@dataclass(frozen=True, slots=True)
class StacQuery:
    """Which items are wanted. Empty and None mean: all."""

    workspace: str
    collections: tuple[str, ...] | None = None
    ids: tuple[str, ...] | None = None
    bbox: tuple[float, float, float, float] | None = None
    start: datetime | None = None
    end: datetime | None = None
    process: str | None = None
    job: UUID | None = None
    """Of one job all items count, also those that a later job has published again."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What the items of a collection span together."""

    items: int
    bbox: tuple[float, float, float, float] | None
    start: datetime | None
    end: datetime | None


class Stac:
    """The read side."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def search(self, query: StacQuery, page: Page) -> tuple[list[StacItem], str | None]:
        """A page of items, the newest first, and the cursor of the next."""
        statement = select(items).where(*_conditions(query)).order_by(items.c.at.desc(), items.c.place.desc())
        if page.cursor is not None:
            at, place = ids.numbered_place(_LISTING, page.cursor)
            statement = statement.where(tuple_(items.c.at, items.c.place) < tuple_(at, place))
        with self._database.read() as tx:
            found = tx.all(statement.limit(page.limit + 1).offset(page.skip))
        last = found[page.limit - 1] if len(found) > page.limit else None
        cursor = None if last is None else ids.cursor(_LISTING, micros(last.at), str(last.place))
        return [_item(row) for row in found[: page.limit]], cursor

    def collections(self, query: StacQuery, page: Page) -> tuple[list[StacCollection], str | None]:
        """A page of collections, the newest first, each id once."""
        newest = func.max(collections.c.place).label("place")
        latest = select(newest).where(*_of(collections, query)).group_by(collections.c.id).subquery()
        statement = select(collections).where(collections.c.place.in_(select(latest.c.place)))
        if query.collections is not None:
            statement = statement.where(collections.c.id.in_(query.collections))
        if page.cursor is not None:
            statement = statement.where(collections.c.place < ids.place("c", page.cursor)[0])
        with self._database.read() as tx:
            found = tx.all(statement.order_by(collections.c.place.desc()).limit(page.limit + 1))
        last = found[page.limit - 1] if len(found) > page.limit else None
        cursor = None if last is None else ids.cursor("c", last.place, "")
        return [StacCollection(row.id, row.key) for row in found[: page.limit]], cursor

    def catalogues(self, query: StacQuery, page: Page) -> list[str]:
        """What the results are grouped by: the processes that have any, or the jobs of one as `cat_<job>`."""
        column = items.c.process_id if query.process is None else items.c.job
        statement = select(column).where(*_of(items, query)).group_by(column).order_by(func.max(items.c.place).desc())
        with self._database.read() as tx:
            found = tx.all(statement.limit(page.limit))
        return [str(row[0]) if query.process is None else f"cat_{row[0]}" for row in found]

    def extent(self, query: StacQuery) -> Extent:
        """What the items of a query span together."""
        # Whatever crosses the date line makes the whole go around.
        statement = select(
            func.count().label("items"),
            func.min(items.c.west).label("west"),
            func.min(items.c.south).label("south"),
            func.max(items.c.east).label("east"),
            func.max(items.c.north).label("north"),
            func.min(items.c.start).label("start"),
            func.max(items.c.end).label("end"),
            func.max(items.c.west - items.c.east).label("crossing"),
        ).where(*_conditions(query))
        with self._database.read() as tx:
            row = tx.first(statement)
        if row is None:
            return Extent(0, None, None, None)
        bbox = None
        if row.west is not None:
            around = row.crossing > 0
            bbox = (-HALF if around else row.west, row.south, HALF if around else row.east, row.north)
        return Extent(row.items, bbox, row.start, row.end)


def put(tx: Transaction, job: UUID, found: Sequence[Result]) -> None:
    """Write what the results of a job are found by."""
    if not any(result.items or result.collections for result in found):
        return
    statement = select(jobs.c.calling, jobs.c.process_id, type_coerce(clock(), Instant).label("now"))
    owner = tx.first(statement.where(jobs.c.id == job))
    if owner is None:
        return
    common = {"job": job, "workspace": owner.calling, "process_id": owner.process_id}
    rows = [
        {**common, "output": result.output, "id": one.id, "key": one.key}
        for result in found
        for one in result.collections
    ]
    if rows:
        tx.run(collections.insert(), rows)
    rows = [{**common, "output": result.output, **_values(one, owner.now)} for result in found for one in result.items]
    if rows:
        tx.run(items.insert(), rows)


def _values(item: StacItem, now: datetime) -> dict[str, Any]:
    west, south, east, north = item.bbox or (None, None, None, None)
    return {
        "collection": item.collection,
        "id": item.id,
        "key": item.key,
        "west": west,
        "south": south,
        "east": east,
        "north": north,
        "start": item.start or item.end,
        "end": item.end or item.start,
        "at": item.end or item.start or now,
    }


def _item(row: Row[Any]) -> StacItem:
    bbox = None if row.west is None else (row.west, row.south, row.east, row.north)
    return StacItem(row.collection, row.id, row.key, bbox, row.start, row.end)


def _replaced() -> ColumnElement[bool]:
    """A later job has published the same item."""
    newer = items.alias("newer")
    return (
        select(newer.c.place)
        .where(
            newer.c.workspace == items.c.workspace,
            newer.c.collection == items.c.collection,
            newer.c.id == items.c.id,
            newer.c.place > items.c.place,
        )
        .exists()
    )


def _of(table: Any, query: StacQuery) -> list[ColumnElement[bool]]:
    found = [table.c.workspace == query.workspace]
    if query.process is not None:
        found.append(table.c.process_id == query.process)
    if query.job is not None:
        found.append(table.c.job == query.job)
    return found


def _conditions(query: StacQuery) -> list[ColumnElement[bool]]:
    found = _of(items, query)
    if query.job is None:
        found.append(~_replaced())
    if query.collections is not None:
        found.append(items.c.collection.in_(query.collections))
    if query.ids is not None:
        found.append(items.c.id.in_(query.ids))
    if query.start is not None:
        found.append(items.c.end >= query.start)
    if query.end is not None:
        found.append(items.c.start <= query.end)
    if query.bbox is not None:
        west, south, east, north = query.bbox
        spans = [(west, east)] if west <= east else [(west, HALF), (-HALF, east)]
        found += [items.c.south <= north, items.c.north >= south, or_(*(_meets(*span) for span in spans))]
    return found


def _meets(west: float, east: float) -> ColumnElement[bool]:
    """Items whose longitudes meet this span, which does not cross the date line, though they may."""
    begins, ends = items.c.west <= east, items.c.east >= west
    return or_(and_(items.c.west <= items.c.east, begins, ends), and_(items.c.west > items.c.east, or_(begins, ends)))
