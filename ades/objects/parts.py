"""A part of a stream, as a stream."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Part(io.RawIOBase):
    """At most `length` bytes of a stream from where it stands. Closing it closes the stream."""

    def __init__(self, stream: BinaryIO, length: int | None) -> None:
        super().__init__()
        self._stream = stream
        self._left = length

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Fill the buffer with what comes next."""
        view = memoryview(buffer).cast("B")
        wanted = len(view) if self._left is None else min(len(view), self._left)
        data = self._stream.read(wanted) if wanted else b""
        view[: len(data)] = data
        if self._left is not None:
            self._left -= len(data)
        return len(data)

    def close(self) -> None:
        """Close the stream below."""
        if not self.closed:
            self._stream.close()
        super().close()


def part_of(stream: BinaryIO, start: int, length: int | None) -> BinaryIO:
    """The part of a seekable stream that begins at `start`."""
    stream.seek(start)
    return cast("BinaryIO", io.BufferedReader(Part(stream, length), 256 * 1024))
