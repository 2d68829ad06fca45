"""What a job and its steps have used: hours of cores and of gigabytes of memory.

Clusters account for what was asked for, not for what was made of it: a core that is kept free costs like a busy one.
The runner's report counts every pod; where there is none, the pods that were seen must do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ades.engine.kubernetes.placement import amount
from ades.runner.events import Ended, StepChanged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ades.model import Step
    from ades.runner.events import Event
    from ades.runner.record import Record

_HOUR: Final = 3600
_GIGABYTE: Final = 1000**3
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Used:
    """Hours."""

    cores: float
    gigabytes: float

    def document(self) -> dict[str, float]:
        """As it is told."""
        return {"cpuHours": round(self.cores, _DIGITS), "ramGigabyteHours": round(self.gigabytes, _DIGITS)}


def asked(step: Step) -> Used:
    """What a step had asked for, for as long as it ran."""
    requests: Any = step.details.get("requests") or {}
    if step.started is None or step.finished is None:
        return Used(0, 0)
    hours = max(0.0, (step.finished - step.started).total_seconds()) / _HOUR
    memory = amount(requests["memory"]) / _GIGABYTE if "memory" in requests else 0
    return Used(amount(requests["cpu"]) * hours if "cpu" in requests else 0, memory * hours)


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one job."""

    whole: Used
    steps: Mapping[str, Used]

    @classmethod
    def of(cls, record: Record, seen: Mapping[str, Used]) -> Usage:
        """By the runner's own report, else by what was seen of its pods."""
        report: Any = record.usage
        if not report:
            return cls(Used(sum(one.cores for one in seen.values()), sum(one.gigabytes for one in seen.values())), seen)
        steps = {name: _read(entry) for name, entry in (report.get("steps") or {}).items()}
        return cls(_read(report), {**seen, **steps})

    def on(self, event: Event) -> Event:
        """The event, with what was used."""
        if isinstance(event, Ended):
            return replace(event, usage=self.whole.document()) if self.steps else event
        if isinstance(event, StepChanged) and event.step.name in self.steps:
            used = self.steps[event.step.name].document()
            return StepChanged(event.step.evolve(details={**event.step.details, "usage": used}))
        return event


def _read(report: Mapping[str, Any]) -> Used:
    return Used(float(report.get("cpu_hours") or 0), float(report.get("ram_hours") or 0))
