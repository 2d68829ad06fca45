"""Uploads in pieces, each a request of its own with a Content-Range, so that one that broke goes on where it was.

The pieces wait in the object store, where every process of the server finds them; the last one makes the file.
"""

from __future__ import annotations

import io
import re
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from ades.errors import BadRequest, Conflict

if TYPE_CHECKING:
    from ades.objects import ObjectInfo, ObjectStore

_RANGE = re.compile(r"bytes (?:(\d{1,15})-(\d{1,15})|\*)/(\d{1,15})")
_NAME = re.compile(r"(\d{15})-(\d{15})")


@dataclass(frozen=True, slots=True)
class Piece:
    """What a Content-Range says: from, up to and without, of so many bytes. An empty one only asks how far it is."""

    start: int
    end: int
    total: int

    @property
    def asks(self) -> bool:
        """It brings nothing."""
        return self.start == self.end


def understood(header: str) -> Piece:
    """The piece that a Content-Range announces."""
    found = _RANGE.fullmatch(header.strip())
    if not found:
        raise BadRequest(f"Content-Range: {header[:80]!r} should look like `bytes 0-999/5000`, or `bytes */5000`.")
    total = int(found[3])
    if found[1] is None:
        return Piece(0, 0, total)
    start, end = int(found[1]), int(found[2]) + 1
    if not start < end <= total:
        raise BadRequest(f"Content-Range: {header[:80]!r} is no part of {total} bytes.")
    return Piece(start, end, total)


class Pieces:
    """The pieces of one file that have come so far."""

    def __init__(self, objects: ObjectStore, workspace: str, key: str, total: int) -> None:
        self._objects = objects
        self._place = f"{workspace}/uploads/{sha256(f'{key} {total}'.encode()).hexdigest()[:40]}"

    def add(self, piece: Piece, source: BinaryIO) -> None:
        """Keep a piece; it counts when it is whole."""
        info = self._objects.put(f"{self._place}/{piece.start:015}-{piece.end:015}", source)
        if info.size != piece.end - piece.start:
            self._objects.delete(info.key)
            raise BadRequest(f"The piece has {info.size} bytes, and its Content-Range says {piece.end - piece.start}.")

    def reached(self) -> int:
        """Up to where everything is there."""
        return self._chain()[1]

    def whole(self, key: str, media_type: str | None) -> ObjectInfo:
        """Make the file of its pieces."""
        chain, _ = self._chain()
        with cast("BinaryIO", io.BufferedReader(_Joined(self._objects, chain), 1024 * 1024)) as joined:
            try:
                info = self._objects.put(key, joined, media_type)
            except FileNotFoundError:
                raise Conflict("Another request has just put this upload together.") from None
        self.forget()
        return info

    def forget(self) -> None:
        """Delete the pieces."""
        self._objects.delete(self._place)

    def _chain(self) -> tuple[list[tuple[str, int, int]], int]:
        """Pieces that together begin at 0, each with the bytes that it adds, and where they end."""
        at, found = 0, []
        for info in self._objects.list(self._place):
            match = _NAME.fullmatch(info.key.rsplit("/", 1)[1])
            start, end = (int(match[1]), int(match[2])) if match else (0, 0)
            if start <= at < end and info.size == end - start:
                found.append((info.key, at - start, end - at))
                at = end
        return found, at


class _Joined(io.RawIOBase):
    """Several objects, one after the other."""

    def __init__(self, objects: ObjectStore, chain: list[tuple[str, int, int]]) -> None:
        super().__init__()
        self._objects = objects
        self._left = chain[::-1]
        self._now: BinaryIO | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        while self._now is not None or self._left:
            if self._now is None:
                self._now = self._objects.open(*self._left.pop())
            data = self._now.read(len(view))
            if data:
                view[: len(data)] = data
                return len(data)
            self._now.close()
            self._now = None
        return 0

    def close(self) -> None:
        if self._now is not None:
            with suppress(OSError):
                self._now.close()
        super().close()
