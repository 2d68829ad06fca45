"""Where on Earth a file lies, as its own header says it. Nothing is guessed: what a header does not say is left out."""

from __future__ import annotations

import sqlite3
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from ades.runner import stac
from ades.runner.footprint.geotiff import Raster, read_geotiff
from ades.runner.footprint.projections import to_lonlat

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ades.model import JSON

PROJECTION: Final = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
WHOLE: Final = 32 * 1024**2
"""Largest GeoJSON that is read for its bounds."""
_EDGE: Final = 8
"""So many points along each edge: a straight edge of a projection is none on the globe."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """Where a file lies."""

    bbox: tuple[float, float, float, float]
    geometry: JSON
    properties: dict[str, JSON] = field(default_factory=dict)
    """What the projection extension says of it."""


def footprint(path: Path) -> Footprint | None:
    """Where a file lies; None when it does not say so in a way that is understood here."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        return None
    try:
        return reader(path)
    except (OSError, ValueError, KeyError, IndexError, TypeError, OverflowError, struct.error, sqlite3.Error):
        # A file that is broken is the business of whoever reads it; it is stored as it is.
        return None


def around(several: Iterable[Footprint]) -> Footprint | None:
    """The box around several footprints; a single one stays as it is."""
    found = list(several)
    if len(found) < 2:  # noqa: PLR2004 - nothing to unite
        return found[0] if found else None
    west, south = min(one.bbox[0] for one in found), min(one.bbox[1] for one in found)
    east, north = max(one.bbox[2] for one in found), max(one.bbox[3] for one in found)
    return Footprint((west, south, east, north), stac.box([west, south, east, north]))


def _raster(path: Path) -> Footprint | None:
    raster = read_geotiff(path)
    if raster is None:
        return None
    corners = [raster.at(column, row) for column, row in _corners(raster)]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    properties: dict[str, JSON] = {
        "proj:code": f"EPSG:{raster.epsg}",
        "proj:shape": [raster.height, raster.width],
        "proj:transform": list(raster.transform),
        "proj:bbox": [min(xs), min(ys), max(xs), max(ys)],
    }
    ring = [raster.at(column, row) for column, row in _ring(raster)]
    return _outline(raster.epsg, ring, corners, properties)


def _corners(raster: Raster) -> list[tuple[float, float]]:
    return [(0, 0), (0, raster.height), (raster.width, raster.height), (raster.width, 0)]


def _ring(raster: Raster) -> list[tuple[float, float]]:
    corners = _corners(raster)
    return [
        (a[0] + (b[0] - a[0]) * n / _EDGE, a[1] + (b[1] - a[1]) * n / _EDGE)
        for a, b in zip(corners, corners[1:] + corners[:1], strict=True)
        for n in range(_EDGE)
    ]


def _outline(
    epsg: int, ring: list[tuple[float, float]], corners: list[tuple[float, float]], properties: dict[str, JSON]
) -> Footprint | None:
    points = to_lonlat(epsg, ring)
    shape = to_lonlat(epsg, corners)
    if points is None or shape is None:
        return None
    bbox = _bounds(points)
    if bbox is None:
        return None
    outline = [[round(x, 7), round(y, 7)] for x, y in [*shape, shape[0]]]
    return Footprint(bbox, {"type": "Polygon", "coordinates": [outline]}, properties)


def _box(epsg: int, west: float, south: float, east: float, north: float) -> Footprint | None:
    corners = [(west, north), (west, south), (east, south), (east, north)]
    ring = [
        (a[0] + (b[0] - a[0]) * n / _EDGE, a[1] + (b[1] - a[1]) * n / _EDGE)
        for a, b in zip(corners, corners[1:] + corners[:1], strict=True)
        for n in range(_EDGE)
    ]
    properties: dict[str, JSON] = {"proj:code": f"EPSG:{epsg}", "proj:bbox": [west, south, east, north]}
    return _outline(epsg, ring, corners, properties)


def _bounds(points: list[tuple[float, float]]) -> tuple[float, float, float, float] | None:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    bbox = (min(xs), min(ys), max(xs), max(ys))
    inside = -180 <= bbox[0] <= bbox[2] <= 180 and -90 <= bbox[1] <= bbox[3] <= 90  # noqa: PLR2004 - the globe
    return tuple(round(number, 7) for number in bbox) if inside else None  # type: ignore[return-value]


def _geojson(path: Path) -> Footprint | None:
    if path.stat().st_size > WHOLE:
        return None
    document = orjson.loads(path.read_bytes())
    if not isinstance(document, dict) or "crs" in document:
        return None
    geometries: list[Any]
    if document.get("type") == "FeatureCollection":
        geometries = [one.get("geometry") for one in document["features"]]
    elif document.get("type") == "Feature":
        geometries = [document.get("geometry")]
    else:
        geometries = [document] if "coordinates" in document or "geometries" in document else []
    boxes = [box for box in (stac.bounds(one) for one in geometries if one) if box]
    if not boxes:
        return None
    bbox = _bounds([(box[0], box[1]) for box in boxes] + [(box[2], box[3]) for box in boxes])
    if bbox is None:
        return None
    small = len(geometries) == 1 and len(orjson.dumps(geometries[0])) < WHOLE // 512
    return Footprint(bbox, geometries[0] if small else stac.box(list(bbox)))


def _geopackage(path: Path) -> Footprint | None:
    """The extents of its layers. A stranger's database: read only, and nothing that its schema would run."""
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        database.execute("PRAGMA trusted_schema = OFF")
        rows = database.execute(
            "SELECT c.min_x, c.min_y, c.max_x, c.max_y, s.organization, s.organization_coordsys_id "
            "FROM gpkg_contents c JOIN gpkg_spatial_ref_sys s ON s.srs_id = c.srs_id WHERE c.min_x IS NOT NULL LIMIT 100"
        ).fetchall()
    finally:
        database.close()
    layers = [_box(int(row[5]), *map(float, row[:4])) for row in rows if str(row[4]).upper() == "EPSG"]
    return around(layer for layer in layers if layer)


def _shapefile(path: Path) -> Footprint | None:
    """The box of its header, if its .prj says that it is in degrees."""
    with path.open("rb") as file:
        head = file.read(100)
    (magic,) = struct.unpack(">i", head[:4])
    described = path.with_suffix(".prj")
    if magic != 9994 or not described.is_file():  # noqa: PLR2004 - the number of the format
        return None
    west, south, east, north = struct.unpack("<4d", head[36:68])
    text = described.read_text(errors="replace")[:4096].lstrip().upper()
    in_degrees = text.startswith(("GEOGCS", "GEOGCRS", "GEODCRS")) and "WGS" in text
    return _box(4326, west, south, east, north) if in_degrees else None


_READERS: Final = {
    ".tif": _raster,
    ".tiff": _raster,
    ".geotiff": _raster,
    ".geojson": _geojson,
    ".json": _geojson,
    ".gpkg": _geopackage,
    ".shp": _shapefile,
}
