"""Lists of jobs, newest first, at the same price on every page.

A page is read by walking indexes in their own order: one walk for each view (own jobs, jobs run for others) and each
status or process that is asked for, each stopping after a page, merged at the end. The statements are built once for
each shape of a question.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, String, Uuid, bindparam, func, select, tuple_, type_coerce, union_all

from ades.model import JobStatus
from ades.store import ids, rows
from ades.store.columns import Instant, clock, micros
from ades.store.rows import JOB_COLUMNS
from ades.store.tables import jobs

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, CompoundSelect, Select

    from ades.model import Job, JobQuery, Page
    from ades.store.database import Transaction

_TIMED: Final = frozenset({JobStatus.RUNNING, JobStatus.SUCCESSFUL, JobStatus.FAILED, JobStatus.DISMISSED})
_TYPE: Final = "process"
"""What every job here is."""
_WALKS: Final = 8
"""With more statuses or processes than this, one walk with a filter is cheaper than a walk for each."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a statement depends on besides its parameters."""

    foreign: bool
    statuses: int
    processes: int
    after: bool
    filters: tuple[str, ...]


def find(tx: Transaction, query: JobQuery, page: Page) -> tuple[list[Job], str | None]:
    """A page of jobs and the cursor of the next."""
    if asks_for_nothing(query):
        return [], None
    values = _values(query, page)
    found = tx.all(_statement(_shape(query, page)), values)
    page_of_jobs = [rows.job(row, {}) for row in found[: page.limit]]
    last = page_of_jobs[-1] if len(found) > page.limit else None
    return page_of_jobs, None if last is None else ids.cursor("j", micros(last.created), last.id.hex)


def only_statuses(query: JobQuery) -> bool:
    """Whether the counters can answer a query."""
    bounds = (query.created_from, query.created_to, query.min_duration, query.max_duration, query.owner)
    return not query.process_ids and all(bound is None for bound in bounds)


def asks_for_nothing(query: JobQuery) -> bool:
    """Whether a query asks for types of jobs that there are not, or for the duration of jobs that have none."""
    return bool((query.types and _TYPE not in query.types) or (query.statuses and not _statuses(query)))


def _statuses(query: JobQuery) -> frozenset[JobStatus]:
    if query.min_duration is None and query.max_duration is None:
        return query.statuses
    return query.statuses & _TIMED if query.statuses else _TIMED


def _shape(query: JobQuery, page: Page) -> _Shape:
    names = ("created_from", "created_to", "min_duration", "max_duration", "owner")
    return _Shape(
        foreign=query.caller is not None and query.caller != query.workspace,
        statuses=len(_statuses(query)),
        processes=min(len(query.process_ids), _WALKS + 1),
        after=page.cursor is not None,
        filters=tuple(name for name in names if getattr(query, name) is not None),
    )


def _values(query: JobQuery, page: Page) -> dict[str, Any]:
    statuses = sorted(status.value for status in _statuses(query))
    values: dict[str, Any] = {
        "workspace": query.workspace,
        "rows": page.skip + page.limit + 1,
        "page": page.limit + 1,
        "skip": page.skip,
        "statuses": statuses,
        "processes": sorted(query.process_ids),
        **{f"status{n}": status for n, status in enumerate(statuses)},
        **{f"process{n}": process for n, process in enumerate(sorted(query.process_ids))},
    }
    if query.caller is not None:
        values["caller"] = query.caller
    if page.cursor is not None:
        values["place"], values["id"] = ids.job_place(page.cursor)
    for name in ("created_from", "created_to", "min_duration", "max_duration"):
        bound = getattr(query, name)
        if bound is not None:
            values[name] = micros(bound)
    if query.owner is not None:
        values["owner"] = query.owner
    return values


@lru_cache(maxsize=512)
def _statement(shape: _Shape) -> Select[Any] | CompoundSelect[Any]:
    walks = [_walk([*view, *narrowed], shape) for view in _views(shape.foreign) for narrowed in _narrowed(shape)]
    if len(walks) == 1:
        return walks[0].limit(_number("page")).offset(_number("skip"))
    merged = union_all(*(select(walk.limit(_number("rows")).subquery()) for walk in walks)).subquery()
    return (
        select(merged)
        .order_by(merged.c.created.desc(), merged.c.id.desc())
        .limit(_number("page"))
        .offset(_number("skip"))
    )


def _views(foreign: bool) -> list[list[ColumnElement[bool]]]:  # noqa: FBT001
    workspace = bindparam("workspace", type_=String)
    if foreign:
        caller = bindparam("caller", type_=String)
        return [[jobs.c.deploying == workspace, jobs.c.calling == caller, jobs.c.deploying != jobs.c.calling]]
    # A job that a workspace runs for others is not one that it called: the two never overlap.
    return [[jobs.c.calling == workspace], [jobs.c.served == workspace, jobs.c.served.is_not(None)]]


def _narrowed(shape: _Shape) -> list[list[ColumnElement[bool]]]:
    """The conditions of each walk: by process where that is asked for, otherwise by status."""
    statuses = [jobs.c.status.in_(bindparam("statuses", expanding=True))] if shape.statuses else []
    if 0 < shape.processes <= _WALKS:
        return [
            [jobs.c.process_id == bindparam(f"process{n}", type_=String), *statuses] for n in range(shape.processes)
        ]
    if shape.processes:
        return [[jobs.c.process_id.in_(bindparam("processes", expanding=True)), *statuses]]
    if shape.statuses:
        return [[jobs.c.status == bindparam(f"status{n}", type_=String)] for n in range(shape.statuses)]
    return [[]]


def _walk(conditions: list[ColumnElement[bool]], shape: _Shape) -> Select[Any]:
    statement = select(*JOB_COLUMNS).where(*conditions, *(_FILTERS[name] for name in shape.filters))
    if {"min_duration", "max_duration"} & set(shape.filters):
        statement = statement.where(jobs.c.started.is_not(None))
    if shape.after:
        place = (bindparam("place", type_=BigInteger), bindparam("id", type_=Uuid))
        statement = statement.where(tuple_(jobs.c.created, jobs.c.id) < tuple_(*place))
    return statement.order_by(jobs.c.created.desc(), jobs.c.id.desc())


def _number(name: str) -> Any:
    return bindparam(name, type_=BigInteger)


def _duration() -> Any:
    end = func.coalesce(jobs.c.finished, clock(), type_=Instant)
    return type_coerce(end, BigInteger) - type_coerce(jobs.c.started, BigInteger)


_FILTERS: Final[dict[str, ColumnElement[bool]]] = {
    "created_from": jobs.c.created >= bindparam("created_from", type_=BigInteger),
    "created_to": jobs.c.created <= bindparam("created_to", type_=BigInteger),
    "min_duration": _duration() >= bindparam("min_duration", type_=BigInteger),
    "max_duration": _duration() <= bindparam("max_duration", type_=BigInteger),
    "owner": jobs.c.owner == bindparam("owner", type_=String),
}
