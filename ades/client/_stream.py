"""A job as it goes, told by the server itself: its event stream, taken up again where it broke."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from ades.client._http import NotFound, Rejected, ServerTrouble, Unreachable
from ades.client._transport import FAULTS
from ades.client._update import Update

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.client._job import Job
    from ades.client._transport import Answer

_STREAM: Final = "text/event-stream"
_BEGINNING: Final = "0-1-0"
"""Before the first event and the first byte of the log."""
_NOTHING_MORE: Final = 204
_PAUSE: Final = 0.5


class NoStream(Exception):
    """The server has no stream for this job, or no seat free."""


def streamed(job: Job, *, step: str | None, patience: float) -> Iterator[Update]:
    """Updates as they happen, until the job has finished; raises NoStream before anything has been told."""
    story = _Story(job)
    answer: Answer | None = _opened(job, step, _BEGINNING, first=True)
    lost_since: float | None = None
    while True:
        try:
            answer = answer or _opened(job, step, story.place)
            for event in _events(answer):
                if lost_since is not None or event:
                    yield story.told(event)
                lost_since = None
            job.refresh()
            lost = ""
        except (*FAULTS, Unreachable, ServerTrouble) as error:
            lost_since = lost_since or time.monotonic()
            if time.monotonic() - lost_since > patience:
                raise
            lost = str(error) if isinstance(error, Unreachable | ServerTrouble) else "The connection broke."
        answer = None
        if job.finished and not lost:
            yield story.ended(step)
            return
        if lost:
            yield story.update(lost=lost)
        time.sleep(_PAUSE)


def _opened(job: Job, step: str | None, place: str, *, first: bool = False) -> Answer:
    try:
        answer = job.events(place, step)
    except (NotFound, Rejected, ServerTrouble) as error:
        if first:
            raise NoStream from error
        if isinstance(error, ServerTrouble):
            raise
        raise ServerTrouble(str(error), status=error.status) from error
    if first and not str(answer.headers.get("Content-Type", "")).startswith(_STREAM):
        answer.close()
        raise NoStream
    return answer


def _events(answer: Answer) -> Iterator[dict[str, Any]]:
    """What a stream says: `id`, `event` and `data` of each message, and nothing for a sign of life."""
    if answer.status_code == _NOTHING_MORE:
        return
    rest, fields = b"", {}
    with answer:
        for piece in answer.pieces(1 << 16):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                name, _, value = line.decode(errors="replace").rstrip("\r").partition(":")
                if name:
                    fields[name] = value.removeprefix(" ")
                elif fields.get("data"):
                    yield fields
                    fields = {}
                else:
                    fields = {}
                    yield {}


class _Story:
    """What is known of the job, message by message."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._now = (job.status, job.progress, job.message)
        self._steps: dict[str, dict[str, Any]] = {}
        self._heard = False
        self.place = _BEGINNING

    def told(self, event: dict[str, Any]) -> Update:
        """Take a message in."""
        data = json.loads(event["data"]) if event else {}
        self.place = event.get("id", self.place)
        status, percent, message = self._now
        match event.get("event"):
            case "status":
                self._now = (data.get("status", status), data.get("progress", percent), data.get("message", message))
            case "progress":
                self._now = (status, data.get("progress", percent), data.get("message", message))
            case "step":
                name = str(data.get("name"))
                self._steps[name] = self._steps.get(name, {}) | data
            case "log":
                self._heard = True
                return self.update(lines=tuple(data.get("lines", ())))
        return self.update()

    def ended(self, step: str | None) -> Update:
        """The last update, of the finished job."""
        job = self._job
        if step is not None and not self._heard:
            job.log_from(0, step)  # a step that never was is an error
        self._now = (job.status, job.progress, job.message)
        return self.update()

    def update(self, lines: tuple[str, ...] = (), lost: str = "") -> Update:
        """What is known now."""
        status, percent, message = self._now
        return Update(str(status), int(percent or 0), str(message or ""), tuple(self._steps.values()), lines, lost)
