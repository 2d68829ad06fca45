"""A job as it goes: by the event stream of its server, or by looking again and again where there is none."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Final

from ades.client._http import ClientError, NotFound, ServerTrouble, Unreachable
from ades.client._stream import NoStream, streamed
from ades.client._update import Update

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.client._job import Job

_FIRST: Final = 0.1
_LONGEST: Final = 2.0
"""Seconds between two looks at a job in which nothing happens."""


def follow(job: Job, *, step: str | None, patience: float, until: float | None = None) -> Iterator[Update]:
    """Updates, whenever something has changed; the last one is of the finished job."""
    if until is None and job.has_stream:  # a stream says something each few seconds only, too seldom for a deadline
        try:
            yield from streamed(job, step=step, patience=patience)
        except NoStream:
            pass
        else:
            return
    yield from looked(job, step=step, patience=patience, until=until)


def looked(job: Job, *, step: str | None, patience: float, until: float | None = None) -> Iterator[Update]:
    """The same by asking for state, steps and log in turn, as any server can be asked."""
    look = _Look(job, step)
    told, pause, lost_since = None, _FIRST, None
    while True:
        try:
            now = look.again()
        except (Unreachable, ServerTrouble) as error:
            lost_since = lost_since or time.monotonic()
            if time.monotonic() - lost_since > patience:
                raise
            now = Update(job.status, job.progress, job.message, look.steps, (), str(error))
        else:
            lost_since = None
        if now.lines or now != told:
            yield now
            pause = _FIRST
        left = math.inf if until is None else until - time.monotonic()
        if look.ended or left <= 0:
            return
        told = Update(now.status, now.percent, now.message, now.steps, (), now.lost)
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST)


class _Look:
    """Asks how a job goes, and remembers what has been told."""

    def __init__(self, job: Job, step: str | None) -> None:
        self._job = job
        self._step = step
        self._place = 0
        self._rest = b""
        self._has_steps = True
        self.steps: tuple[dict[str, Any], ...] = ()
        self.ended = False

    def again(self) -> Update:
        job = self._job
        if not job.finished:
            job.refresh()
        ended = job.finished  # read before the log: what is written until then belongs to it
        self._read_steps()
        lines = self._read_log(ended=ended)
        if ended and self._rest:
            lines, self._rest = (*lines, self._rest.decode(errors="replace")), b""
        self.ended = ended
        return Update(job.status, job.progress, job.message, self.steps, lines)

    def _read_steps(self) -> None:
        if self._has_steps and self._job.id:
            try:
                self.steps = tuple(self._job.steps())
            except (Unreachable, ServerTrouble):
                raise
            except ClientError:
                self._has_steps = False

    def _read_log(self, *, ended: bool) -> tuple[str, ...]:
        if not self._job.id:
            return ()
        try:
            fresh = self._job.log_from(self._place, self._step)
        except NotFound:
            if ended:
                raise
            return ()  # a step that has not begun has no log yet
        self._place += len(fresh)
        *lines, self._rest = (self._rest + fresh).split(b"\n")
        return tuple(line.decode(errors="replace") for line in lines)
