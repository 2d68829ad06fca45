"""One running job as its worker sees it: what its runner has told and what of that is not yet in the database."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ades.model import Result, ResultKind
from ades.runner import events

if TYPE_CHECKING:
    from uuid import UUID

    from ades.model import Step
    from ades.store import Claim


@dataclass(slots=True)
class Watched:
    """A claim and what has been heard of it. All times are those of the worker's own unjumping clock."""

    claim: Claim
    good_until: float
    """Until when the lease certainly holds."""
    results: list[Result] = field(default_factory=list)
    ended: events.Ended | None = None
    surrendered: str | None = None
    """Why the runner was killed by us although nobody had asked for it: the job goes back to the queue."""
    lost: bool = False
    """The job is somebody else's now, or nobody's: nothing may be written for it any more."""
    retry_at: float = 0
    """When to try again to write what could not be written."""
    _steps: dict[str, Step] = field(default_factory=dict)
    _changed: dict[str, Step] = field(default_factory=dict)
    _percent: int | None = None
    _message: str | None = None
    _since: float | None = None

    @property
    def job(self) -> UUID:
        """The job's id."""
        return self.claim.id

    def hear(self, event: events.Event, now: float) -> None:
        """Take in what the runner tells."""
        match event:
            case events.StepChanged(step):
                self._note(step)
            case events.LogStored(name, key, _) if name in self._steps:
                self._note(replace(self._steps[name], log_key=key))
            case events.Progress(percent):
                self._percent = max(percent, self._percent or 0)
            case events.Message(text):
                self._message = text
            case events.ResultStored(result):
                self.results.append(result)
            case events.Ended():
                self.ended = event
                self.results += [self._empty(output) for output in event.empty]
            case _:
                return
        if self._since is None:
            self._since = now

    def _empty(self, output: str) -> Result:
        """An array without elements is one value."""
        return Result(self.job, output, 0, ResultKind.VALUE, "application/json", value=[])

    def _note(self, step: Step) -> None:
        self._steps[step.name] = self._changed[step.name] = step

    def due(self, window: float) -> float | None:
        """When what has been heard should be written: together with what comes within the window, or at the end."""
        if self.lost:
            return 0.0 if self.ended else None
        if self._since is None and self.ended is None:
            return None
        wanted = 0.0 if self.ended else (self._since or 0.0) + window
        return max(wanted, self.retry_at)

    @property
    def news(self) -> News:
        """What is not written yet."""
        return News(tuple(self._changed.values()), self._percent, self._message)

    def written(self, news: News) -> None:
        """Forget what is in the database now; what has changed again meanwhile stays."""
        for step in news.steps:
            if self._changed.get(step.name) is step:
                del self._changed[step.name]
        if self._percent == news.percent:
            self._percent = None
        if self._message == news.message:
            self._message = None
        self._since = None


@dataclass(frozen=True, slots=True)
class News:
    """What has changed since the last time."""

    steps: tuple[Step, ...] = ()
    percent: int | None = None
    message: str | None = None
