"""What is told while a job runs: steps, progress and messages, from whichever thread they come."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ades.model import Failure, Step, StepState
from ades.runner.events import Event, Message, Progress, StepChanged
from ades.runner.failures import RunFailed
from ades.runner.logs import JOB
from ades.runner.progress import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from ades.model import JSON
    from ades.runner.logs import Logs

_QUIET = 0.2
"""Seconds between two messages of a tool; what comes faster nobody can read."""


class Report:
    """The running account of one job."""

    def __init__(self, job: UUID, attempt: int, logs: Logs, emit: Callable[[Event], None]) -> None:
        self._job = job
        self._attempt = attempt
        self.logs = logs
        self._emit = emit
        self._lock = threading.RLock()
        self._steps: dict[str, Step] = {}
        self._percent = 0
        self._spoke = 0.0
        self.whole = Part()
        """The whole job, as progress counts it."""
        self.failure: Failure | None = None
        """The first thing that went wrong: what comes after follows from it."""

    # -- steps

    def plan(self, name: str, *, image: str | None = None) -> str:
        """A step is known but has not begun; the name it got, which is unique."""
        with self._lock:
            name = self._free(name)
            self._tell(self._new(name, StepState.PENDING, image=image))
            return name

    def is_free(self, name: str) -> bool:
        """Whether no step has this name yet."""
        return name not in self._steps

    def begin(
        self,
        name: str,
        *,
        tool: str,
        scatter: int | None = None,
        image: str | None = None,
        details: dict[str, JSON] | None = None,
    ) -> str:
        """A step begins; the name it got."""
        with self._lock:
            known = self._steps.get(name)
            if known is None or known.state is not StepState.PENDING:
                name = self._free(name)
                known = self._new(name, StepState.PENDING)
            changes = {"state": StepState.RUNNING, "started": _now(), "tool": tool, "scatter": scatter}
            self._tell(known.evolve(**changes, image=image or known.image, details=details or known.details))
            return name

    def succeed(self, name: str, **used: object) -> None:
        """A step has done its work."""
        self._end(name, StepState.SUCCESSFUL, **used)

    def fail(self, name: str | None, failure: Failure, **used: object) -> None:
        """A step, or the job outside of its steps, cannot go on."""
        with self._lock:
            if self.failure is None:
                self.failure = failure
            if name is not None:
                self._end(name, StepState.FAILED, reason=failure.reason, message=failure.message, **used)

    def skip(self, name: str) -> None:
        """The condition of a step was false."""
        with self._lock:
            if name in self._steps and self._steps[name].state is StepState.PENDING:
                self._end(name, StepState.SKIPPED, message="Its condition was false.")

    def close(self) -> None:
        """The run is over: no step stays as if it would go on."""
        with self._lock:
            for name, step in list(self._steps.items()):
                if step.state is StepState.PENDING and self.failure is None:
                    self._end(name, StepState.SKIPPED, message="It was not needed.")
                elif not step.state.finished:
                    self._end(name, StepState.DISMISSED, message="The job ended before it.")

    # -- progress and words

    def advance(self, part: Part, fraction: float = 1.0) -> None:
        """A part of the job is as far as this."""
        with self._lock:
            part.reach(fraction)
            # A whole percent is told when it is complete; 100 only by the end of the job.
            percent = min(99, int(self.whole.fraction * 100 + 1e-6))
            if percent > self._percent:
                self._percent = percent
                self._emit(Progress(percent))

    def say(self, text: str) -> None:
        """A sentence for people."""
        with self._lock:
            if text and time.monotonic() - self._spoke >= _QUIET:
                self._spoke = time.monotonic()
                self._emit(Message(text[:500]))

    def tell(self, part: Part, percent: int, text: str) -> None:
        """What a tool says of itself."""
        self.advance(part, percent / 100)
        self.say(text)

    def note(self, line: str) -> None:
        """A line for the log of the job itself."""
        self.log(JOB, f"{_now():%Y-%m-%d %H:%M:%S} {line}\n")

    def log(self, name: str, text: str) -> None:
        """Something of ours for the log of a step."""
        with self._lock, self.logs.append_to(name) as log:
            log.write(text.encode(errors="replace"))

    @contextmanager
    def step(self, name: str, *, tool: str) -> Iterator[str]:
        """A step whose work is the body of the `with`; RunFailed passes through."""
        name = self.begin(name, tool=tool)
        try:
            yield name
        except RunFailed as error:
            failure = replace(error.failure, step=name)
            self.fail(name, failure)
            raise RunFailed(failure) from error
        self.succeed(name)

    # -- inside

    def _new(self, name: str, state: StepState, image: str | None = None) -> Step:
        return Step(job=self._job, name=name, attempt=self._attempt, ordinal=len(self._steps), state=state, image=image)

    def _free(self, name: str) -> str:
        count, free = 1, name
        while free in self._steps:
            count += 1
            free = f"{name}_{count}"
        return free

    def _end(self, name: str, state: StepState, **changes: object) -> None:
        with self._lock:
            step = self._steps[name]
            if not step.state.finished:
                self._tell(step.evolve(state=state, finished=_now(), **changes))

    def _tell(self, step: Step) -> None:
        self._steps[step.name] = step
        self._emit(StepChanged(step))


def _now() -> datetime:
    return datetime.now(UTC)
