"""What is asked of a search, in the address or in the body, read in the same way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from ades.errors import InvalidQueryParameterValue
from ades.http import query
from ades.http.query import Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ades.model import JSON

LIMIT: Final = 10
MOST: Final = 1000
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})")
_SHAPES: Final = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"}
)
_OPEN: Final = frozenset({"", ".."})


@dataclass(frozen=True, slots=True)
class Asked:
    """A search, understood."""

    limit: int = LIMIT
    token: str | None = None
    collections: tuple[str, ...] | None = None
    ids: tuple[str, ...] | None = None
    bbox: tuple[float, float, float, float] | None = None
    start: datetime | None = None
    end: datetime | None = None
    intersects: JSON = None


def bbox(numbers: list[Any]) -> tuple[float, float, float, float]:
    """Four numbers, or six of which the heights are left out."""
    if len(numbers) not in {4, 6}:
        raise ValueError("has neither four nor six numbers")
    try:
        found = [float(number) for number in numbers]
    except (TypeError, ValueError):
        raise ValueError("holds something that is no number") from None
    west, south, east, north = (found[n] for n in ((0, 1, 2, 3) if len(found) == 4 else (0, 1, 3, 4)))  # noqa: PLR2004
    if not (-90 <= south <= north <= 90 and -180 <= west <= 180 and -180 <= east <= 180):  # noqa: PLR2004 - the globe
        raise ValueError("is no box on the globe: west, south, east, north in degrees")
    return west, south, east, north


def times(text: str) -> tuple[datetime | None, datetime | None]:
    """A time, or two with a slash between, of which one may be open."""
    first, slash, second = text.partition("/")
    if not slash:
        only = _time(first)
        return only, only
    if first in _OPEN and second in _OPEN:
        raise ValueError("is open on both sides")
    start = None if first in _OPEN else _time(first)
    end = None if second in _OPEN else _time(second)
    if start and end and end < start:
        raise ValueError("ends before it begins")
    return start, end


def _time(text: str) -> datetime:
    if not _TIME.fullmatch(text):
        raise ValueError("is no time like 2024-01-31T12:00:00Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is a time that never was") from None


def shape(found: JSON) -> JSON:
    """A GeoJSON geometry."""
    if not isinstance(found, dict) or found.get("type") not in _SHAPES:
        raise ValueError("is no GeoJSON geometry")
    if not isinstance(found.get("geometries" if found["type"] == "GeometryCollection" else "coordinates"), list):
        raise ValueError("is a GeoJSON geometry without coordinates")  # noqa: TRY004 - what a reader raises
    return found


def _shape_text(values: list[str]) -> JSON:
    try:
        return shape(orjson.loads(values[0]))
    except orjson.JSONDecodeError:
        raise ValueError("is no JSON") from None


_BOX: Final = Parameter(
    "bbox",
    "West, south, east, north in degrees; west is greater than east across the date line.",
    {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6},
    lambda values: bbox(values[0].split(",")),
    explode=False,
)
_DATETIME: Final = Parameter(
    "datetime", "A time, or an interval like `2024-01-01T00:00:00Z/..`.", {"type": "string"},
    lambda values: times(values[0]),
)  # fmt: skip
_INTERSECTS: Final = Parameter("intersects", "A GeoJSON geometry.", {"type": "string"}, _shape_text)

PAGES: Final = (
    query.whole("limit", "How many to return at most.", minimum=1, maximum=MOST),
    query.text("token", "Where to go on, as a `next` link says it.", pattern=r"[A-Za-z0-9_.=~-]{1,500}"),
)
OF_SEARCH: Final = (
    *PAGES,
    _BOX,
    _DATETIME,
    query.words("collections", "Only these collections."),
    query.words("ids", "Only these items."),
    _INTERSECTS,
)


def from_query(found: Mapping[str, Any]) -> Asked:
    """What the address asks for."""
    start, end = found.get("datetime") or (None, None)
    asked = Asked(
        limit=found.get("limit") or LIMIT,
        token=found.get("token"),
        collections=found.get("collections"),
        ids=found.get("ids"),
        bbox=found.get("bbox"),
        start=start,
        end=end,
        intersects=found.get("intersects"),
    )
    return _consistent(asked)


def from_body(body: Mapping[str, JSON]) -> Asked:
    """What the body asks for."""
    start, end = _read(body, "datetime", str, times) or (None, None)
    limit = body.get("limit", LIMIT)
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise _wrong("limit", "is no whole number from 1 on")
    asked = Asked(
        limit=min(limit, MOST),
        token=_read(body, "token", str, str),
        collections=_read(body, "collections", list, _texts),
        ids=_read(body, "ids", list, _texts),
        bbox=_read(body, "bbox", list, bbox),
        start=start,
        end=end,
        intersects=_read(body, "intersects", dict, shape),
    )
    return _consistent(asked)


def _read(body: Mapping[str, JSON], name: str, kind: type, read: Any) -> Any:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, kind):
        raise _wrong(name, f"should be a JSON {_PLAIN[kind]}")
    try:
        return read(value)
    except ValueError as error:
        raise _wrong(name, str(error)) from None


_PLAIN: Final[dict[type, str]] = {str: "string", list: "array", dict: "object"}


def _texts(values: list[Any]) -> tuple[str, ...]:
    if not all(isinstance(value, str) for value in values):
        raise ValueError("holds something that is no text")
    if len(values) > MOST:
        raise ValueError(f"holds more than {MOST} names")
    if any("\0" in value for value in values):
        raise ValueError("holds a NUL, which no name has")
    return tuple(values)


def _consistent(asked: Asked) -> Asked:
    if asked.bbox is not None and asked.intersects is not None:
        raise _wrong("intersects", "cannot be asked for together with bbox")
    return asked


def _wrong(name: str, why: str) -> InvalidQueryParameterValue:
    return InvalidQueryParameterValue(f"{name} {why}.", field=name)
