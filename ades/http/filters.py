"""The ways to narrow the list of jobs, as links on its page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from ades.model import JobStatus

if TYPE_CHECKING:
    from ades.http.call import Call

_FIRST_PAGE: Final = {"cursor": None, "skip": None}


def filters(call: Call) -> dict[str, Any]:
    """Each way is a link with a stable address, since a form without scripts cannot leave out what is empty."""
    now = datetime.now(UTC)
    asked = {name: call.args.get(name, "") for name in ("status", "processID", "datetime")}
    statuses = [("any", ""), *((status.value, status.value) for status in JobStatus)]
    times = [("at any time", ""), *_spans(now)]
    if asked["datetime"] not in {value for _, value in times}:
        times.append((asked["datetime"], asked["datetime"]))
    return {
        "now": now,
        "narrowed": any(asked.values()),
        "filters": [
            {"name": "Status", "choices": [_choice(call, "status", *choice, asked) for choice in statuses]},
            {"name": "Made", "choices": [_choice(call, "datetime", *choice, asked) for choice in times]},
        ],
        "kept": [(name, asked[name]) for name in ("status", "datetime") if asked[name]],
        "process": asked["processID"],
        "any_process": call.here(processID=None, **_FIRST_PAGE),
    }


def _choice(call: Call, name: str, label: str, value: str, asked: dict[str, str]) -> dict[str, Any]:
    href = call.here(**_FIRST_PAGE | {name: value or None})
    return {"label": label, "href": href, "chosen": asked[name] == value}


def _spans(now: datetime) -> list[tuple[str, str]]:
    """Since when; counted from midnight in UTC, so that the address stays the same for a day."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = (
        ("today", today),
        ("this week", today - timedelta(days=today.weekday())),
        ("this month", today.replace(day=1)),
    )
    return [(label, f"{start:%Y-%m-%dT%H:%M:%SZ}/..") for label, start in starts]
