"""Unpacking what came packed, piece by piece, so that no few bytes can fill the memory."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from ades.errors import FetchFailed, FetchInterrupted

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE: Final = 256 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS
_ZLIB_METHOD: Final = 8


class Unpacker:
    """Undoes a Content-Encoding."""

    def __init__(self, encoding: str | None, where: str) -> None:
        self._where = where
        self._encoding = (encoding or "identity").strip().lower()
        if self._encoding not in {"identity", "gzip", "x-gzip", "deflate"}:
            raise FetchFailed(f"{where} sends its content packed as {self._encoding[:40]!r}, which was not asked for.")
        self._inflate: zlib._Decompress | None = None
        self._ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What these bytes unpack to, in pieces of limited size."""
        if self._encoding == "identity":
            yield data
            return
        try:
            yield from self._unpack(data)
        except zlib.error as error:
            raise FetchFailed(f"{self._where} says that its content is packed, but it is not: {error}.") from None

    def finish(self) -> None:
        """Raise if the packed content stopped in its middle."""
        if self._inflate is not None and not self._ended:
            raise FetchInterrupted(f"{self._where} broke off within its packed content.")

    def _unpack(self, data: bytes) -> Iterator[bytes]:
        while True:
            if self._inflate is None or (self._ended and data):
                self._inflate = zlib.decompressobj(self._window(data))
                self._ended = False
            piece = self._inflate.decompress(data, PIECE)
            self._ended = self._inflate.eof
            data = self._inflate.unused_data if self._ended else self._inflate.unconsumed_tail
            if piece:
                yield piece
            elif not data or self._ended:
                return

    def _window(self, data: bytes) -> int:
        """`deflate` should mean zlib's format, but some servers send it without that header."""
        if self._encoding != "deflate":
            return _GZIP
        return zlib.MAX_WBITS if data[0] & 0x0F == _ZLIB_METHOD else -zlib.MAX_WBITS
