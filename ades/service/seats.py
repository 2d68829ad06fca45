"""Threads that are held for long: of requests that wait, of streams, and of bodies that come slowly. Never all of them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from ades import telemetry
from ades.errors import TooManyRequests, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

FREE: Final = 4
"""Threads that are always left to all others."""
LAST: Final = 2
"""Of those, how many may read what is sent while all seats are taken."""
PATIENCE: Final = 0.1
"""Seconds that a body waits for one of these: most are read in less than a millisecond."""
AGAIN: Final = 5
"""Seconds after which somebody who found no seat may ask again."""


class NoSeat(Unavailable):
    """As many event streams are open as this server holds; come again a little later, or ask for the status instead."""


class Crowded(Unavailable):
    """As many requests are being received as this server takes at once; send this one again a little later."""


def all_seats(threads: int) -> threading.BoundedSemaphore:
    """One seat for each thread of a process that may be held."""
    return threading.BoundedSemaphore(max(1, threads - FREE))


class Streams:
    """The seats of event streams in one process."""

    def __init__(self, seats: threading.BoundedSemaphore, most: int, each: int) -> None:
        self._seats = seats
        self._most = most
        self._each = each
        self._open: dict[str, int] = {}
        self._lock = threading.Lock()

    def take(self, who: str, *, alone: bool) -> Callable[[], None]:
        """Take a seat; what gives it back, and does so once. `alone`: the name stands for one caller, not for all."""
        with self._lock:
            if alone and self._open.get(who, 0) >= self._each:
                raise TooManyRequests(
                    f"You have {self._each} event streams open, as many as one caller may; close one of them.",
                    retry_after=AGAIN,
                )
            if sum(self._open.values()) >= self._most or not self._seats.acquire(blocking=False):
                raise NoSeat(retry_after=AGAIN)
            self._open[who] = self._open.get(who, 0) + 1
            telemetry.streams_open.inc()
        return _once(lambda: self._leave(who))

    def _leave(self, who: str) -> None:
        with self._lock:
            self._open[who] -= 1
            if not self._open[who]:
                del self._open[who]
        telemetry.streams_open.dec()
        self._seats.release()


class Bodies:
    """The seats of requests whose body is being read: those of all, and a few more for when these are taken."""

    def __init__(self, seats: threading.BoundedSemaphore) -> None:
        self._seats = seats
        self._last = threading.BoundedSemaphore(LAST)

    def take(self) -> Callable[[], None]:
        """Take a seat; what gives it back."""
        if self._seats.acquire(blocking=False):
            return self._seats.release
        if self._last.acquire(timeout=PATIENCE):
            return self._last.release
        raise Crowded(retry_after=AGAIN)


def _once(act: Callable[[], None]) -> Callable[[], None]:
    left = [act]
    return lambda: left.pop()() if left else None
