"""What happens to jobs, read once for all who follow it.

Each follower has a thread of its own, and all followers of one job (or workspace) share a feed: when the doorbell rings,
one of them reads and the others get what it has read. Who comes late reads what he has missed by himself.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ades.store import topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from uuid import UUID

    from ades.model import Event
    from ades.store import Ear, Store

LOOK: Final = 5.0
"""Seconds after which a feed is looked at although nobody has rung."""
REST: Final = 0.05
"""Seconds between two reads of a feed: what happens within them is read together."""
MOST: Final = 500
"""So many events are read at once."""
KEPT: Final = 1000
"""So many events stay in memory for followers that are a little late."""


class Feed:
    """The events of one job or one workspace, as they come."""

    def __init__(self, read: Callable[[int], list[Event]], ear: Ear, start: int) -> None:
        self._read = read
        self._ear = ear
        self._recent: deque[Event] = deque(maxlen=KEPT)
        self._floor = self._upto = start
        self._next_look = self._rested = 0.0
        self._reading = False
        self._changed = threading.Condition()

    def after(self, event: int, timeout: float) -> list[Event]:
        """The events after this one, as soon as there are some; none when the time is over."""
        end = time.monotonic() + timeout
        while True:
            with self._changed:
                floor = self._floor
                if event >= floor:
                    found = [one for one in self._recent if one.id > event]
                    left = end - time.monotonic()
                    if found or left <= 0:
                        return found
                    if self._reading:
                        self._changed.wait(left)
                        continue
                    self._reading = True
            if event >= floor:
                self._read_for_all(left)
            elif missed := self._read(event):
                return missed
            else:
                event = floor

    def _read_for_all(self, patience: float) -> None:
        """Wait for a ring on behalf of all, and read what has happened."""
        found: list[Event] = []
        try:
            rung = self._ear.wait(min(patience, max(0.0, self._next_look - time.monotonic())))
            if rung or time.monotonic() >= self._next_look:
                time.sleep(max(0.0, self._rested - time.monotonic()))
                found = self._read(self._upto)
                self._next_look = 0.0 if len(found) >= MOST else time.monotonic() + LOOK
                self._rested = time.monotonic() + REST
        finally:
            with self._changed:
                self._take(found)
                self._reading = False
                self._changed.notify_all()

    def _take(self, found: list[Event]) -> None:
        if not found:
            return
        forgotten = len(self._recent) + len(found) - KEPT
        if forgotten > 0:
            self._floor = [*self._recent, *found][forgotten - 1].id
        self._recent.extend(found)
        self._upto = found[-1].id


@dataclass(slots=True)
class _Shared:
    feed: Feed
    listening: ExitStack
    followers: int = 0


class Feeds:
    """The feeds that somebody follows just now."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: dict[str, _Shared] = {}
        self._lock = threading.Lock()

    def of_job(self, job: UUID, start: int) -> AbstractContextManager[Feed]:
        """Follow a job."""
        return self._shared(str(job), lambda event: self._store.events.after(job=job, event=event, limit=MOST), start)

    def of_workspace(self, workspace: str, start: int) -> AbstractContextManager[Feed]:
        """Follow all jobs that a workspace may see."""

        def read(event: int) -> list[Event]:
            return self._store.events.after(workspace=workspace, event=event, limit=MOST)

        return self._shared(topic(workspace), read, start)

    @contextmanager
    def _shared(self, rings: str, read: Callable[[int], list[Event]], start: int) -> Iterator[Feed]:
        with self._lock:
            shared = self._open.get(rings)
            if shared is None:
                listening = ExitStack()
                ear = listening.enter_context(self._store.bell.listen(rings))
                shared = self._open[rings] = _Shared(Feed(read, ear, start), listening)
            shared.followers += 1
        try:
            yield shared.feed
        finally:
            with self._lock:
                shared.followers -= 1
                if not shared.followers:
                    del self._open[rings]
                    shared.listening.close()
