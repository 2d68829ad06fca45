"""What somebody hears who follows a job or a workspace: events as they are written, and the lines of a log.

Each message carries the place after which to go on: the last event, and how far the log of which attempt has been told.
Nothing is lost or told twice to who comes back with it. A follower that hears nothing for a while gets None, so that
whoever writes to him finds out whether he is still there.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

from ades.model import JobStatus
from ades.service.handover import logs_prefix
from ades.service.status import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ades.model import Event, Job
    from ades.objects import ObjectStore
    from ades.service.feeds import Feeds

    LiveLog = Callable[..., bytes | None]

PING: Final = 4.5
"""Seconds after which a follower that has heard nothing is asked whether he is still there."""
GLANCE: Final = 0.5
"""Seconds between two looks at a log that is being written."""
CHECK: Final = 30.0
"""Seconds between two looks at whether the follower may still hear this."""
TAIL: Final = 64 * 1024
"""So much of a log is told to who comes without a place in it."""
PIECE: Final = 64 * 1024

_PLACE: Final = re.compile(r"(\d{1,18})(?:-(\d{1,9})-(\d{1,18}))?")


@dataclass(frozen=True, slots=True)
class Place:
    """After what to go on."""

    event: int = 0
    attempt: int | None = None
    """Whose log it is; None: nothing of a log has been told yet."""
    offset: int = 0
    """How many bytes of the log have been told."""

    @classmethod
    def read(cls, text: str) -> Self:
        """From an id of an earlier message; raises ValueError."""
        found = _PLACE.fullmatch(text.strip())
        if found is None:
            raise ValueError("is not the id of an event")
        return cls(int(found[1]), None if found[2] is None else int(found[2]), int(found[3] or 0))

    def __str__(self) -> str:
        return str(self.event) if self.attempt is None else f"{self.event}-{self.attempt}-{self.offset}"


@dataclass(frozen=True, slots=True)
class Message:
    """One thing that a follower hears."""

    kind: str
    """status, step, progress, log …"""
    data: dict[str, Any]
    place: Place


@dataclass(frozen=True, slots=True)
class Log:
    """The log that is followed with a job: its own, or that of one of its steps."""

    name: str
    live: LiveLog
    objects: ObjectStore

    def read(self, job: Job, start: int, *, complete: bool) -> bytes:
        """The next piece, from where it is written or, when it is complete, from where it is kept."""
        if complete and (kept := self._kept(job, start)) is not None:
            return kept
        return self.live(job.id, self.name, start, PIECE) or b""

    def beginning(self, job: Job, *, complete: bool) -> int:
        """Where to begin for who comes without a place: in a long log behind a line end not far from its end."""
        size = self._size(job, complete=complete)
        if size <= TAIL:
            return 0
        return size - TAIL + self.read(job, size - TAIL, complete=complete).find(b"\n") + 1

    def _size(self, job: Job, *, complete: bool) -> int:
        if complete:
            with suppress(FileNotFoundError):
                return self.objects.stat(self._key(job)).size
        size = 0
        while piece := self.live(job.id, self.name, size, 16 * PIECE):
            size += len(piece)
        return size

    def _kept(self, job: Job, start: int) -> bytes | None:
        try:
            with self.objects.open(self._key(job), start, PIECE) as source:
                return source.read()
        except FileNotFoundError:
            return None

    def _key(self, job: Job) -> str:
        return f"{logs_prefix(job)}/{self.name}.log"


class JobFollower:
    """One follower of one job."""

    def __init__(self, feeds: Feeds, job: Job, place: Place, log: Log | None, still: Callable[[], bool]) -> None:
        self._feeds = feeds
        self._job = job
        self._log = log
        self._manners = _Manners(still)
        self._running = job.status is JobStatus.RUNNING
        self._ended = False
        self._place = place if log else Place(place.event)
        if log and place.attempt != job.attempt:
            beginning = log.beginning(job, complete=job.status.finished)
            self._place = Place(place.event, job.attempt, beginning)

    def __iter__(self) -> Iterator[Message | None]:
        """What happens, until the job has ended or may no longer be followed."""
        yield None
        with self._feeds.of_job(self._job.id, self._place.event) as feed:
            while not self._manners.over():
                before = self._place
                for event in feed.after(before.event, GLANCE if self._running and self._log else PING):
                    yield from self._told(event)
                if self._ended:
                    return
                yield from self._lines()
                if self._manners.silent(self._place is before):
                    yield None

    def _told(self, event: Event) -> Iterator[Message]:
        status = JobStatus(event.data["status"]) if event.kind == "status" else None
        if status is not None:
            self._running, self._ended = status is JobStatus.RUNNING, status.finished
            if self._ended:
                yield from self._lines(complete=True)
            elif self._place.attempt is not None and event.data["attempt"] > self._place.attempt:
                self._place = Place(event.id, event.data["attempt"], 0)
        self._place = replace(self._place, event=event.id)
        yield Message(event.kind, _data(event), self._place)

    def _lines(self, *, complete: bool = False) -> Iterator[Message]:
        """What the log says that has not been told: whole lines, unless it ends without one."""
        if self._log is None or not (self._running or complete):
            return
        more = True
        while more and (piece := self._log.read(self._job, self._place.offset, complete=complete)):
            more = len(piece) >= PIECE
            told = piece.rfind(b"\n") + 1
            if (complete and not more) or (more and not told):
                told = len(piece)
            if not told:
                return
            self._place = replace(self._place, offset=self._place.offset + told)
            lines = piece[:told].decode(errors="replace").removesuffix("\n").split("\n")
            yield Message("log", {"jobID": str(self._job.id), "log": self._log.name, "lines": lines}, self._place)


def follow_workspace(
    feeds: Feeds, workspace: str, event: int, *, sees: Callable[[Event], bool], still: Callable[[], bool]
) -> Iterator[Message | None]:
    """What happens to the jobs that a workspace may see, as far as the follower may see them too."""
    manners = _Manners(still)
    yield None
    with feeds.of_workspace(workspace, event) as feed:
        while not manners.over():
            quiet = True
            for one in feed.after(event, PING):
                event = one.id
                if sees(one):
                    quiet = False
                    yield Message(one.kind, _data(one), Place(event))
            if manners.silent(quiet):
                yield None


def _data(event: Event) -> dict[str, Any]:
    told = {name: value for name, value in event.data.items() if value is not None}
    return {"jobID": str(event.job), "at": moment(event.at), **told}


class _Manners:
    """When to ask whether a follower is still there, and whether he may still listen."""

    def __init__(self, still: Callable[[], bool]) -> None:
        self._still = still
        self._spoke = time.monotonic()
        self._next_check = self._spoke + CHECK

    def over(self) -> bool:
        """He may not listen any longer."""
        if time.monotonic() < self._next_check:
            return False
        self._next_check = time.monotonic() + CHECK
        return not self._still()

    def silent(self, quiet: bool) -> bool:  # noqa: FBT001
        """He has heard nothing for so long that something should be said."""
        now = time.monotonic()
        if quiet and now - self._spoke < PING:
            return False
        self._spoke = now
        return quiet
