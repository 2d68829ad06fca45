"""Waiting for an object store that is away: a job that has computed for hours does not fail for a store that restarts.

Only what may mend is waited for (`Unreachable`). What a store refuses, or has no room for, is told at once.
"""

from __future__ import annotations

import time
from pathlib import Path
from random import uniform
from threading import Event, Lock
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

from ades.errors import Unavailable, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from ades.objects import ObjectInfo, ObjectStore

_Found = TypeVar("_Found")
_LONGEST: Final = 15.0
"""Seconds between two tries at most."""


class Patience:
    """How long a job waits, shared by all who use the store for it.

    When it has ended, nobody waits any more, and of a store that is away nothing more is asked.
    """

    def __init__(self, seconds: float, tell: Callable[[str], None], most: float | None = None) -> None:
        """`most` is how long the job may run, from now on."""
        self._seconds = seconds
        self._tell = tell
        self._end = None if most is None else time.monotonic() + most
        self._over = Event()
        self._lock = Lock()
        self._away: Unreachable | None = None

    def end(self) -> None:
        """Let nobody wait any more."""
        self._over.set()

    def again(self, ask: Callable[[], _Found]) -> _Found:
        """What the store answers, as soon as it does. Raises Unavailable when it did not in time."""
        began, tries = None, 0
        while True:
            if self._away is not None and self._over.is_set():
                raise Unavailable(self._away.detail) from self._away
            try:
                found = ask()
            except Unreachable as error:
                began = time.monotonic() if began is None else began
                tries += 1
                self._wait(error, began, tries)
            else:
                self._is_back()
                return found

    def _wait(self, error: Unreachable, began: float, tries: int) -> None:
        end = began + self._seconds if self._end is None else min(began + self._seconds, self._end)
        left = end - time.monotonic()
        if left > 0 and not self._over.is_set():
            self._is_away(error, left)
            pause = min(_LONGEST, 0.5 * 2**tries) * uniform(0.5, 1)  # noqa: S311 - to come apart, not to be unguessable
            self._over.wait(min(pause, left))
            return
        self._away = error
        self._over.set()
        waited = time.monotonic() - began
        words = f" It was waited for {waited:.0f} s (ADES_OBJECTS_PATIENCE)." if tries > 1 else ""
        raise Unavailable(error.detail + words) from error

    def _is_away(self, error: Unreachable, left: float) -> None:
        with self._lock:
            first, self._away = self._away is None, error
        if first:
            self._tell(f"Waiting for the object store, which does not answer, for up to {left:.0f} s.")

    def _is_back(self) -> None:
        if self._away is None:
            return
        with self._lock:
            was, self._away = self._away, None
        if was is not None:
            self._tell("The object store answers again.")


class Patient:
    """An `ObjectStore` that is waited for. Streams that are put into it must be ones that can be read again."""

    def __init__(self, store: ObjectStore, patience: Patience) -> None:
        self._store = store
        self._patience = patience

    def beside(self, store: ObjectStore) -> ObjectStore:
        """Another store that is waited for alike."""
        return Patient(store, self._patience)

    def put(self, key: str, source: bytes | Path | BinaryIO, media_type: str | None = None) -> ObjectInfo:
        """Store an object whole or not at all."""
        if isinstance(source, bytes | Path):
            return self._patience.again(lambda: self._store.put(key, source, media_type))
        start = source.tell()

        def put() -> ObjectInfo:
            source.seek(start)
            return self._store.put(key, source, media_type)

        return self._patience.again(put)

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """Read an object or a part of it."""
        return self._patience.again(lambda: self._store.open(key, start, length))

    def stat(self, key: str) -> ObjectInfo:
        """What is known of an object."""
        return self._patience.again(lambda: self._store.stat(key))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """The object of this key and all below `<prefix>/`."""
        return iter(self._patience.again(lambda: [*self._store.list(prefix)]))

    def delete(self, prefix: str) -> int:
        """Delete the object of this key and all below `<prefix>/`; how many there were."""
        return self._patience.again(lambda: self._store.delete(prefix))

    def link(self, key: str, lifetime: timedelta) -> str | None:
        """An address that works without a token for a while."""
        return self._patience.again(lambda: self._store.link(key, lifetime))
