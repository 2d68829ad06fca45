"""Answers that are ready to be sent, for as long as what they were made from stays the same.

The key says what an answer was made from, down to the version of the catalogue; so nothing is ever deleted because it
is wrong, only because it is old. The age is limited, since a policy may change its mind without telling us.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable


@dataclass(frozen=True, slots=True)
class Ready:
    """A body with the headers that were computed from it."""

    body: bytes
    etag: str
    link: str | None
    """The Link header."""


class Cache:
    """The least recently used go first when there are too many bytes."""

    def __init__(self, size: int = 32 * 1024**2, seconds: float = 5) -> None:
        self._size = size
        self._seconds = seconds
        self._used = 0
        self._entries: OrderedDict[Hashable, tuple[float, Ready]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> Ready | None:
        """What was kept, if it is young enough."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry[0] < monotonic():
                return None
            self._entries.move_to_end(key)
            return entry[1]

    def put(self, key: Hashable, ready: Ready) -> None:
        """Keep an answer."""
        with self._lock:
            self._drop(key)
            self._entries[key] = (monotonic() + self._seconds, ready)
            self._used += len(ready.body)
            while self._used > self._size:
                self._drop(next(iter(self._entries)))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._used = 0

    def _drop(self, key: Hashable) -> None:
        if (old := self._entries.pop(key, None)) is not None:
            self._used -= len(old[1].body)
