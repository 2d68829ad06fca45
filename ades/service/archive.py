"""Zip archives that are made while they are sent: nothing is held whole."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Buffer

    from ades.objects import ObjectStore

PIECE: Final = 256 * 1024
_ALWAYS: Final = (1980, 1, 1, 0, 0, 0)
"""The date of every entry, so that the same files make the same archive."""


def zipped(files: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[bytes]:
    """The archive of these files, each its name and its content in pieces, in pieces."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for name, pieces in files:
            with archive.open(zipfile.ZipInfo(name, date_time=_ALWAYS), "w", force_zip64=True) as target:
                for piece in pieces:
                    target.write(piece)
                    yield sink.taken()
            yield sink.taken()
    yield sink.taken()


def pieces_of(objects: ObjectStore, key: str) -> Iterator[bytes]:
    """An object in pieces."""
    with objects.open(key) as source:
        while piece := source.read(PIECE):
            yield piece


class _Sink(io.RawIOBase):
    """Where the archive is written to; what has been written is taken away again at once."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Buffer) -> int:
        self._pieces.append(bytes(piece))
        return len(self._pieces[-1])

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
