"""What the tags of a GeoTIFF say of its place: size, transformation, reference system. No pixel is read."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from pathlib import Path

_WIDTH, _HEIGHT = 256, 257
_SCALE, _TIEPOINT, _MATRIX, _KEYS = 33550, 33922, 34264, 34735
_WANTED: Final = frozenset({_WIDTH, _HEIGHT, _SCALE, _TIEPOINT, _MATRIX, _KEYS})
_MODEL, _RASTER, _GEOGRAPHIC, _PROJECTED = 1024, 1025, 2048, 3072
_IS_PROJECTED, _IS_GEOGRAPHIC, _IS_POINT = 1, 2, 2
_USER_DEFINED: Final = 32767
_FORMS: Final = {1: "B", 3: "H", 4: "I", 11: "f", 12: "d", 13: "I", 16: "Q", 18: "Q"}
_MOST_ENTRIES: Final = 4096
_MOST_VALUES: Final = 4096


@dataclass(frozen=True, slots=True)
class Raster:
    """A grid and where it lies."""

    width: int
    height: int
    transform: tuple[float, float, float, float, float, float]
    """x = a·column + b·row + c, y = d·column + e·row + f; of the corner of a pixel."""
    epsg: int

    def at(self, column: float, row: float) -> tuple[float, float]:
        """The place of a corner in the coordinates of the raster's own system."""
        a, b, c, d, e, f = self.transform
        return a * column + b * row + c, d * column + e * row + f


def read_geotiff(path: Path) -> Raster | None:
    """The grid of the first image; None for a TIFF that does not say where it lies."""
    with path.open("rb") as file:
        tags = _tags(file)
    keys = _keys(tags.get(_KEYS, ()))
    epsg = {_IS_PROJECTED: keys.get(_PROJECTED), _IS_GEOGRAPHIC: keys.get(_GEOGRAPHIC)}.get(keys.get(_MODEL, 0))
    transform = _transform(tags)
    if not epsg or epsg == _USER_DEFINED or transform is None:
        return None
    if keys.get(_RASTER) == _IS_POINT:
        a, b, c, d, e, f = transform
        transform = (a, b, c - (a + b) / 2, d, e, f - (d + e) / 2)
    return Raster(int(tags[_WIDTH][0]), int(tags[_HEIGHT][0]), transform, epsg)


def _transform(tags: dict[int, tuple[float, ...]]) -> tuple[float, float, float, float, float, float] | None:
    matrix = tags.get(_MATRIX)
    if matrix:
        return (matrix[0], matrix[1], matrix[3], matrix[4], matrix[5], matrix[7])
    scale, tie = tags.get(_SCALE), tags.get(_TIEPOINT)
    # Several tie points are control points of an image that is not yet on its grid.
    if not scale or not tie or len(tie) != 6:  # noqa: PLR2004 - one tie point
        return None
    return (scale[0], 0.0, tie[3] - tie[0] * scale[0], 0.0, -scale[1], tie[4] + tie[1] * scale[1])


def _keys(directory: tuple[float, ...]) -> dict[int, int]:
    """The keys whose value stands in the directory itself."""
    entries = zip(*[iter(int(number) for number in directory[4:])] * 4, strict=False)
    return {key: value for key, location, _, value in entries if location == 0}


def _tags(file: BinaryIO) -> dict[int, tuple[float, ...]]:
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        return {}
    (magic,) = struct.unpack(f"{order}H", head[2:4])
    big = magic == 43  # noqa: PLR2004 - BigTIFF's number
    (start,) = struct.unpack(f"{order}Q", head[8:16]) if big else struct.unpack(f"{order}I", head[4:8])
    file.seek(start)
    counter, entry, inline = ("Q", "HHQ8s", 8) if big else ("H", "HHI4s", 4)
    (count,) = struct.unpack(order + counter, file.read(struct.calcsize(order + counter)))
    size = struct.calcsize(order + entry)
    table = file.read(size * min(count, _MOST_ENTRIES))
    found: dict[int, tuple[float, ...]] = {}
    for tag, kind, number, value in struct.iter_unpack(order + entry, table[: len(table) // size * size]):
        if tag in _WANTED and kind in _FORMS and 0 < number <= _MOST_VALUES:
            found[tag] = _values(file, order, _FORMS[kind] * number, value[:inline], big=big)
    return found


def _values(file: BinaryIO, order: str, form: str, value: bytes, *, big: bool) -> tuple[float, ...]:
    """The values of a tag: in its entry if they fit, else where it points to."""
    size = struct.calcsize(order + form)
    if size > len(value):
        file.seek(struct.unpack(order + ("Q" if big else "I"), value)[0])
        value = file.read(size)
    return struct.unpack(order + form, value[:size])
