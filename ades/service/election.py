"""Which of several workers works, where only one should: the one that holds a lease in the database.

The others stand by and take over when it gives the lease back, or when it has run out. Whoever cannot renew it stops
before it ends.
"""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ades import telemetry
from ades.errors import AdesError
from ades.service.terms import LOOK, clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ades.store.leases import Leases

NAME: Final = "reconciler"


class Election:
    """One candidate."""

    def __init__(self, leases: Leases, candidate: str, seconds: float) -> None:
        self._leases = leases
        self._candidate = candidate
        self._seconds = seconds
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._withdrawn = False
        self._log = telemetry.log(worker=candidate)

    def withdraw(self) -> None:
        """Stand no longer; may be called from a signal handler or another thread."""
        self._withdrawn = True
        self._wake.put(None)

    def won(self) -> bool:
        """Wait until it is our turn; False when we have withdrawn."""
        told = False
        while not self._withdrawn:
            try:
                if self._leases.acquire(NAME, self._candidate, timedelta(seconds=self._seconds)):
                    return True
            except AdesError as error:
                self._log.warning("Nobody can be elected just now", reason=str(error))
            if not told:
                self._log.info("Another worker works; this one stands by")
                told = True
            try:
                self._wake.get(timeout=min(LOOK, self._seconds / 3))
            except queue.Empty:
                continue
        return False

    @contextmanager
    def in_office(self, leave: Callable[[], object]) -> Iterator[None]:
        """Keep the lease; `leave` is called when that fails. It is given back at the end."""
        done = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(done, leave), name="ades-election", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join(self._seconds)
            try:
                self._leases.release(NAME, self._candidate)
            except AdesError:
                self._log.warning("The lease could not be given back; it ends by itself")

    def _keep(self, done: threading.Event, leave: Callable[[], object]) -> None:
        good_until = clock() + self._seconds
        while not done.wait(self._seconds / 5):
            now = clock()
            try:
                kept = self._leases.renew(NAME, self._candidate, timedelta(seconds=self._seconds))
                good_until = now + self._seconds if kept else now
            except AdesError as error:
                kept = now < good_until - self._seconds / 3
                self._log.warning("The lease could not be renewed", reason=str(error))
            if not kept:
                self._log.warning("Another worker takes over")
                leave()
                return
