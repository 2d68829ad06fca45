"""How much may be brought and how long that may take; and what is told of it meanwhile."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Final

from ades.errors import ContentTooLarge, FetchFailed

if TYPE_CHECKING:
    from collections.abc import Callable

_PAUSE: Final = 1.0
"""Seconds between two sentences about the progress."""


class Budget:
    """Shared by all threads that bring inputs of one job."""

    def __init__(self, most: int, seconds: float, tell: Callable[[str], None]) -> None:
        self._most = most
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._tell = tell
        self._lock = Lock()
        self._bytes = self._files = self._done = 0
        self._told = time.monotonic()

    def seconds(self) -> float:
        """What is left of the time."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise FetchFailed(
                f"bringing the inputs took longer than {self._seconds:g} s, which is the limit (ADES_STAGE_IN_TIMEOUT)"
            )
        return left

    @property
    def left(self) -> int:
        """Bytes that may still come."""
        return max(0, self._most - self._bytes)

    def add(self, count: int) -> None:
        """Some bytes have come."""
        with self._lock:
            self._bytes += count
            if self._bytes > self._most:
                raise ContentTooLarge(
                    f"the inputs are larger than {size(self._most)}, which is the limit of this job (ADES_STAGE_IN_LIMIT)"
                )
        self.seconds()
        self._say()

    def expect(self, files: int) -> None:
        """So many more files are to come."""
        with self._lock:
            self._files += files

    def finished(self) -> None:
        """One file has come."""
        with self._lock:
            self._done += 1
        self._say()

    def _say(self) -> None:
        with self._lock:
            if time.monotonic() - self._told < _PAUSE:
                return
            self._told = time.monotonic()
            text = f"Bringing the inputs: {self._done} of {self._files} files, {size(self._bytes)}."
        self._tell(text)


def size(count: int) -> str:
    """A number of bytes for people."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004 - the step between units
            return f"{value:.0f} {unit}" if unit in {"bytes", "kB"} else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
