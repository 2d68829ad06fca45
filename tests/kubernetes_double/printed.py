"""What a container has printed, as the API hands it out: with the times of its lines, from a second on, up to a size."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubernetes_double.server import Request


class Printed:
    """One answer to who asks for a log."""

    def __init__(self, request: Request, times: dict[int, int], begin: int) -> None:
        self._times = times
        self._at = begin
        """So many bytes were printed before what comes next."""
        self._stamps = request.flag("timestamps")
        since = request.query.get("sinceTime")
        self._since = datetime.fromisoformat(since).timestamp() if since else 0
        self._left = int(request.query.get("limitBytes", 2**60))
        self._new = True
        self._wanted = True

    def __call__(self, piece: bytes) -> bytes:
        said = b"".join(self._line(line) for line in piece.splitlines(keepends=True))[: self._left]
        self._left -= len(said)
        return said

    def _line(self, line: bytes) -> bytes:
        """A line, or a part of one; lines of the same millisecond have the same time."""
        stamp = b""
        if self._new:
            at = self._times.setdefault(self._at, time.time_ns() // 1_000_000)
            self._wanted = at // 1000 >= self._since
            stamp = f"{datetime.fromtimestamp(at // 1000, UTC):%FT%T}.{at % 1000:03}000000Z ".encode()
        self._new = line.endswith(b"\n")
        self._at += len(line)
        return (stamp if self._stamps else b"") + line if self._wanted else b""

    @property
    def over(self) -> bool:
        """Nothing more is wanted."""
        return self._left <= 0
