"""What a runner tells while it runs a job: one JSON object a line, in the order in which things happened.

The last event of a job is always `Ended`; after it nothing of the job runs any more and its folder is gone. Where the
runner cannot say so itself, because it was killed, the engine says it in its place.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import orjson

from ades.model import Failure, Reason, Result, ResultKind, StacCollection, StacItem, Step, StepState


@dataclass(frozen=True, slots=True)
class StepChanged:
    """A step is known, has begun, or has ended. The step is told whole each time."""

    step: Step


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the job is, in whole percent; never less than before."""

    percent: int


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence for people about what is being done now."""

    text: str


@dataclass(frozen=True, slots=True)
class LogStored:
    """A log has come to rest in the object store."""

    name: str
    """The name of the step, or `job`."""
    key: str
    size: int


@dataclass(frozen=True, slots=True)
class ResultStored:
    """One output (or one element of it) is complete: its files are in the object store."""

    result: Result


class Outcome(StrEnum):
    """How a run ended."""

    SUCCESSFUL = "successful"
    FAILED = "failed"
    """The failure says why; running it again would end the same way."""
    DISMISSED = "dismissed"
    """It was killed because the engine was asked to."""
    LOST = "lost"
    """The runner died without a word: not the fault of the job, it may run again."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The run is over, and nothing of it is left."""

    outcome: Outcome
    failure: Failure | None = None
    empty: tuple[str, ...] = ()
    """Outputs that are an empty array, and so have no result of their own."""
    software: dict[str, str] | None = None
    """The programs that ran the job, by name and version."""
    usage: dict[str, float] | None = None
    """What the job has used: `cpuHours` and `ramGigabyteHours`, where the engine accounts for that."""


Event = StepChanged | Progress | Message | LogStored | ResultStored | Ended

_KINDS: Final[dict[str, type[Any]]] = {
    "step": StepChanged,
    "progress": Progress,
    "message": Message,
    "log": LogStored,
    "result": ResultStored,
    "end": Ended,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}
_FIELDS: Final = {kind: tuple(field.name for field in fields(kind)) for kind in _NAMES}


def encode(event: Event) -> bytes:
    """The event as a line, with the newline."""
    kind = type(event)
    told = {name: getattr(event, name) for name in _FIELDS[kind]}
    return orjson.dumps({"event": _NAMES[kind], **told}, option=orjson.OPT_APPEND_NEWLINE)


def decode(line: bytes | str) -> Event:
    """The event of a line. Raises ValueError for anything else."""
    raw = orjson.loads(line)
    if not isinstance(raw, dict) or raw.get("event") not in _KINDS:
        raise ValueError(f"not an event: {line!r:.100}")
    kind = _KINDS[raw.pop("event")]
    try:
        event: Event = kind(**{name: _READERS.get((kind, name), _same)(value) for name, value in raw.items()})
    except (KeyError, TypeError) as error:
        raise ValueError(f"not an event: {line!r:.100}: {error}") from error
    return event


def _same(value: Any) -> Any:
    return value


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _step(raw: dict[str, Any]) -> Step:
    return Step(
        **{
            **raw,
            "job": UUID(raw["job"]),
            "state": StepState(raw["state"]),
            "started": _time(raw.get("started")),
            "finished": _time(raw.get("finished")),
            "reason": _reason(raw.get("reason")),
        }
    )


def _result(raw: dict[str, Any]) -> Result:
    return Result(
        **{
            **raw,
            "job": UUID(raw["job"]),
            "kind": ResultKind(raw["kind"]),
            "collections": tuple(StacCollection(**one) for one in raw.get("collections", ())),
            "items": tuple(_item(one) for one in raw.get("items", ())),
        }
    )


def _item(raw: dict[str, Any]) -> StacItem:
    bbox = raw.get("bbox")
    return StacItem(
        **{
            **raw,
            "bbox": None if bbox is None else tuple(bbox),
            "start": _time(raw.get("start")),
            "end": _time(raw.get("end")),
        }
    )


def _reason(value: str | None) -> Reason | None:
    return None if value is None else Reason(value)


def _failure(raw: dict[str, Any] | None) -> Failure | None:
    return None if raw is None else Failure(**{**raw, "reason": Reason(raw["reason"])})


_READERS: Final[dict[tuple[type[Any], str], Any]] = {
    (StepChanged, "step"): _step,
    (ResultStored, "result"): _result,
    (Ended, "outcome"): Outcome,
    (Ended, "failure"): _failure,
    (Ended, "empty"): tuple,
}
