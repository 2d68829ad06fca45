"""The steps of a job as a time line: when each of them ran, drawn by the server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_TINY = 0.005
_MINUTE = 60
_HOUR = 3600
_DAY = 86400
_SHOWN = 1000
"""Of the whole line, in thousandths."""
_LEAST = 6
"""So much of the line is drawn at least, so that a short step can be seen."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One step on the line."""

    step: Mapping[str, Any]
    start: int
    """In thousandths of the line."""
    width: int
    """0 for a step that has not begun."""
    took: str


def bars(steps: Sequence[Mapping[str, Any]], now: datetime) -> tuple[Bar, ...]:
    """The line from the first start to the last end, or to now while something runs; what has not begun comes last."""
    steps = sorted(steps, key=lambda step: moment(step.get("started")) or _NEVER)
    begun = [start for step in steps if (start := moment(step.get("started")))]
    if not begun:
        return tuple(Bar(step, 0, 0, "") for step in steps)
    first, last = min(begun), max(_ends(steps, now))
    whole = max((last - first).total_seconds(), 0.001)
    return tuple(_bar(step, first, whole, now) for step in steps)


def duration(started: Any, finished: Any, now: datetime) -> str:
    """How long something took, or has been taking."""
    start = moment(started)
    return words((moment(finished) or now) - start) if start else ""


def words(span: timedelta) -> str:
    """A span of time for people: < 0.01 s, 0.42 s, 12.3 s, 4 min 5 s, 2 h 3 min, 1 d 2 h."""
    seconds = max(span.total_seconds(), 0.0)
    if seconds < _TINY:
        return "< 0.01 s"
    if seconds < _MINUTE:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    whole = int(seconds)
    for unit, name, smaller, small in ((_DAY, "d", _HOUR, "h"), (_HOUR, "h", _MINUTE, "min")):
        if whole >= unit:
            return f"{whole // unit} {name} {whole % unit // smaller} {small}"
    return f"{whole // _MINUTE} min {whole % _MINUTE} s"


def moment(text: Any) -> datetime | None:
    """A time of a document; None for what is none."""
    if isinstance(text, datetime):
        return text
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _ends(steps: Sequence[Mapping[str, Any]], now: datetime) -> Iterable[datetime]:
    for step in steps:
        if start := moment(step.get("started")):
            yield max(moment(step.get("finished")) or now, start)


def _bar(step: Mapping[str, Any], first: datetime, whole: float, now: datetime) -> Bar:
    start = moment(step.get("started"))
    if start is None:
        return Bar(step, 0, 0, "")
    end = max(moment(step.get("finished")) or now, start)
    left = round((start - first).total_seconds() / whole * _SHOWN)
    wide = max(round((end - start).total_seconds() / whole * _SHOWN), _LEAST)
    return Bar(step, min(left, _SHOWN - _LEAST), min(wide, _SHOWN - min(left, _SHOWN - _LEAST)), words(end - start))
