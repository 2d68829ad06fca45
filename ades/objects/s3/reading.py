"""Reading from a bucket: streams that survive a broken connection."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, cast

from botocore.exceptions import BotoCoreError

from ades.errors import Unavailable, Unreachable
from ades.objects.s3.meaning import Beyond, Changed

if TYPE_CHECKING:
    from typing_extensions import Buffer

BUFFER: Final = 256 * 1024
TRIES: Final = 4


class Get(Protocol):
    """Asks for a part of an object: start, length, and the etag it must still have. The body and its etag."""

    def __call__(self, start: int, length: int | None, etag: str | None) -> tuple[Any, str]:
        """Ask."""
        ...


class Whole:
    """A source that reads as much as is asked for, unless that was all."""

    def __init__(self, source: io.RawIOBase | BinaryIO) -> None:
        self._source = source

    def read(self, size: int = -1) -> bytes:
        """As many bytes as there are, up to `size`."""
        pieces = []
        while size != 0 and (piece := self._source.read(size)):
            pieces.append(piece)
            if size > 0:
                size -= len(piece)
        return b"".join(pieces)


class _Reading(io.RawIOBase):
    def __init__(self, get: Get, name: str, start: int, length: int | None) -> None:
        super().__init__()
        self._get, self._name = get, name
        self._at, self._left = start, length
        self._body, self._etag = get(start, length, None)
        self._tries = TRIES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._next(len(view))
        view[: len(data)] = data
        self._at += len(data)
        self._left = None if self._left is None else self._left - len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._body.close()
        super().close()

    def _next(self, size: int) -> bytes:
        """The next bytes, from a new connection if the old one breaks; but never from other content."""
        while True:
            try:
                return bytes(self._body.read(size))
            except (BotoCoreError, OSError) as error:
                self._tries -= 1
                if not self._tries:
                    raise Unreachable(f"The object store broke off within {self._name}, {TRIES} times.") from error
            self._again()

    def _again(self) -> None:
        """Ask for the rest. Some servers ignore the condition, so that the answer must be looked at as well."""
        try:
            self._body, etag = self._get(self._at, self._left, self._etag)
        except (Changed, Beyond, FileNotFoundError) as error:
            raise Unavailable(f"{self._name} has changed while it was read.") from error
        if etag != self._etag:
            raise Unavailable(f"{self._name} has changed while it was read.")


def reading(get: Get, name: str, start: int, length: int | None) -> BinaryIO:
    """An object or a part of it as a stream."""
    return cast("BinaryIO", io.BufferedReader(_Reading(get, name, start, length), BUFFER))
