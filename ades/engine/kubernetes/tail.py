"""The log of one pod, read once and then only what is new, whoever cuts the connection and however often.

The API of pods knows no offsets, but it can say when each line was printed, and begin at a second. So what is known
already is recognised by its times, also when the kubelet has put away the beginning of the log meanwhile.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ades.engine.kubernetes.api import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.engine.kubernetes.api import Api

LONGEST: Final = 16 * 1024**2
"""Bytes of a log that are read from the cluster; the whole of it lies in the object store when it is complete."""
QUIET: Final = 15.0
"""Seconds without a word after which it is looked whether anybody still listens."""
_LONGEST_STAMP: Final = 64
_PATIENCE: Final = 0.1

_STAMP: Final = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")


class Tail:
    """What a container has printed, as far as it was read. Safe for many threads."""

    def __init__(self, api: Api, path: str, pod: str, container: str, before: bytes = b"") -> None:
        self._api = api
        self._path = path
        self._container = container
        self.pod = pod
        """The uid of the pod."""
        self._body = bytearray(before)
        self._reading = threading.Lock()
        self._place = _Place()
        self.following = False
        """Whether what is printed arrives by itself."""

    def __len__(self) -> int:
        return len(self._body)

    def read(self, start: int, length: int | None) -> bytes:
        """A part of it; a negative start is counted from the end."""
        begin = max(0, len(self._body) + start) if start < 0 else start
        return bytes(self._body[begin : None if length is None else begin + length])

    def catch_up(self) -> None:
        """Read what is new. Raises ApiError."""
        while not self.following:
            if self._reading.acquire(timeout=_PATIENCE):
                try:
                    skip = _Skip(self._place)
                    for piece in self._api.pieces(self._path, QUIET, **self._query()):
                        self._take(piece, skip)
                finally:
                    self._reading.release()
                return

    def follow(self, wanted: Callable[[], bool]) -> None:
        """From now on take what comes as it comes, in a thread of its own, as long as it is wanted."""
        if len(self) < LONGEST and self._reading.acquire(blocking=False):
            self.following = True
            threading.Thread(target=self._follow, args=(wanted,), name=f"log {self.pod}", daemon=True).start()

    def _follow(self, wanted: Callable[[], bool]) -> None:
        try:
            while wanted() and len(self) < LONGEST:
                if not self._again(wanted):
                    return
        finally:
            self.following = False
            self._reading.release()

    def _again(self, wanted: Callable[[], bool]) -> bool:
        """Follow until something ends it; whether that was only a silence."""
        begun, skip = time.monotonic(), _Skip(self._place)
        try:
            for piece in self._api.pieces(self._path, QUIET, follow="true", **self._query()):
                self._take(piece, skip)
                begun = time.monotonic()
                if not wanted() or len(self) >= LONGEST:
                    return False
        except ApiError:
            return time.monotonic() - begun >= QUIET
        return False

    def _query(self) -> dict[str, str]:
        query = {"container": self._container, "timestamps": "true", "limitBytes": str(2 * LONGEST)}
        if found := _STAMP.fullmatch(self._place.stamp):
            return query | {"sinceTime": (found[1] + found[3]).decode()}
        return query

    # -- what comes ---------------------------------------------------------------------------------------------------

    def _take(self, piece: bytes, skip: _Skip) -> None:
        *lines, rest = (skip.rest + piece).split(b"\n")
        for line in lines:
            self._text(line + b"\n", skip)
        skip.rest = rest
        if skip.inside or b" " in rest or len(rest) >= _LONGEST_STAMP:
            skip.rest = b""
            self._text(rest, skip)

    def _text(self, text: bytes, skip: _Skip) -> None:
        """A line, or a part of one."""
        if not skip.inside:
            stamp, _, text = text.partition(b" ")
            self._begin(stamp, skip)
        whole = text.endswith(b"\n")
        skip.inside = not whole
        if skip.bytes is not None:
            fresh, skip.bytes = text[skip.bytes :], max(0, skip.bytes - len(text))
            self._place.inside += len(fresh)
            self._body += fresh[: LONGEST - len(self)]
            if whole:
                self._place = _Place(self._place.stamp, self._place.lines + 1)

    def _begin(self, stamp: bytes, skip: _Skip) -> None:
        """A line begins: a new one, or one of those that are known. What has no time was not said by the container."""
        skip.bytes = skip.known(stamp) if _STAMP.fullmatch(stamp) else None
        if skip.bytes == 0 and stamp != self._place.stamp:
            self._place = _Place(stamp)


@dataclass(slots=True)
class _Place:
    """How far a log is known."""

    stamp: bytes = b""
    """When its newest line was printed."""
    lines: int = 0
    """How many whole lines of this time are known."""
    inside: int = 0
    """How many bytes are known of the line that is not whole."""


class _Skip:
    """What of an answer is known already."""

    def __init__(self, known: _Place) -> None:
        self.rest = b""
        self.inside = False
        """In the middle of a line, behind its time."""
        self.bytes: int | None = 0
        """So much of this line is known; None: all of it."""
        self._known = replace(known)
        self._over = not known.stamp

    def known(self, stamp: bytes) -> int | None:
        """How much is known of the line of this time that begins now."""
        if self._over:
            return 0
        if stamp != self._known.stamp:
            self._over = _moment(stamp) > _moment(self._known.stamp)
            return 0 if self._over else None
        if self._known.lines:
            self._known.lines -= 1
            return None
        self._over = True
        return self._known.inside


def _moment(stamp: bytes) -> tuple[datetime, bytes]:
    """A time, to be compared with others."""
    second, fraction, zone = _STAMP.fullmatch(stamp).groups()  # type: ignore[union-attr]
    return datetime.fromisoformat((second + zone).decode()), (fraction or b"").ljust(9, b"0")
