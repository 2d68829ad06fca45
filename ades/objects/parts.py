"""Parts of streams, and files from one place to the other."""

from __future__ import annotations

import errno
import io
import os
import shutil
from typing import TYPE_CHECKING, BinaryIO, Final, cast

if TYPE_CHECKING:
    from typing_extensions import Buffer

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when there is no room left."""
CHUNK: Final = 1024 * 1024


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


def copy(original: BinaryIO, file: BinaryIO) -> None:
    """Let the kernel copy, which shares blocks where the file system can; else copy by hand."""
    size = os.fstat(original.fileno()).st_size
    done = 0
    if hasattr(os, "copy_file_range"):
        try:
            while done < size:
                count = os.copy_file_range(original.fileno(), file.fileno(), min(size - done, 1 << 30), done, done)
                if count == 0:
                    break
                done += count
        except OSError as error:
            if error.errno in FULL:
                raise
    original.seek(done)
    file.seek(done)
    shutil.copyfileobj(original, file, CHUNK)
