"""Where things lie on the Earth: footprints found in GeoJSON and STAC documents, drawn by the server.

The drawing works without scripts; a script may put a map that moves in its place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ades.http.pages import Context
    from ades.model import JSON

Ring = tuple[tuple[float, float], ...]
Box = tuple[float, float, float, float]
_MARGIN: Final = 0.35
_LEAST: Final = 8.0
"""Degrees: closer than this a coastline of 1:110 million says nothing."""
_SMALL: Final = 60
"""What is narrower than this part of the picture gets a ring around it."""
_MOST_SHAPES: Final = 2000
_WORLD: Final = (-180.0, -90.0, 180.0, 90.0)
_SIDES: Final = 4
_LOOKS: Final = frozenset({"thumbnail", "overview", "visual"})
_PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})


@dataclass(frozen=True, slots=True)
class Shape:
    """One footprint."""

    geometry: JSON
    name: str
    href: str = ""
    picture: str = ""
    """The address of a small picture of what lies there."""


def shapes(document: JSON) -> tuple[Shape, ...]:
    """The footprints of a GeoJSON or STAC document; empty for anything else."""
    found: list[Shape] = []
    for shape in _shapes(document):
        if len(found) >= _MOST_SHAPES:
            break
        found.append(shape)
    return tuple(found)


def geojson(found: Iterable[Shape]) -> dict[str, JSON]:
    """The footprints for the script of the map."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": shape.geometry,
                "properties": {"name": shape.name, "href": shape.href, "picture": shape.picture},
            }
            for shape in found
        ],
    }


def near(found: Iterable[Shape], page: Context) -> tuple[Shape, ...]:
    """The footprints with the pictures that this server has itself; the browser would not load others."""
    return tuple(replace(s, picture=page.own(s.picture)) for s in found)


def draw(found: Sequence[Shape], land: str, label: str) -> Markup:
    """The footprints on a picture of the land, whose address is given."""
    west, south, east, north = view = _view(found)
    return Markup(
        '<svg class="world" role="img" aria-label="{}" viewBox="{:.4f} {:.4f} {:.4f} {:.4f}">'
        '<image href="{}" x="-180" y="-90" width="360" height="180"/><g class="shapes">{}</g></svg>'
    ).format(label, west, -north, east - west, north - south, land, Markup().join(_drawn(s, view) for s in found))


def _drawn(shape: Shape, view: Box) -> Markup:
    west, south, east, north = _around([shape])
    parts = [Markup('<path d="{}"><title>{}</title></path>').format(_path(shape.geometry), shape.name)]
    rings = [((west + east) / 2, (south + north) / 2)] if east - west < (view[2] - view[0]) / _SMALL else []
    parts += [
        Markup('<circle cx="{:.4f}" cy="{:.4f}" r="{:.3f}"><title>{}</title></circle>').format(
            x, -y, (view[2] - view[0]) / 120, shape.name
        )
        for x, y in list(_points(shape.geometry)) or rings
    ]
    if shape.picture:
        parts.insert(
            0,
            Markup(
                '<image href="{}" x="{:.4f}" y="{:.4f}" width="{:.4f}" height="{:.4f}" preserveAspectRatio="none"/>'
            ).format(shape.picture, west, -north, east - west, north - south),
        )
    return Markup().join(parts)


def _shapes(document: JSON) -> Iterator[Shape]:
    if not isinstance(document, dict):
        return
    kind = document.get("type")
    if kind == "FeatureCollection":
        for feature in _list(document.get("features")):
            yield from _shapes(feature)
    elif kind == "Feature":
        name = str(document.get("id") or _object(document.get("properties")).get("title") or "")
        geometry = document.get("geometry") or _rectangle(document.get("bbox"))
        yield from _one(geometry, name, _own(document), _picture(document.get("assets")))
    elif kind == "Collection":
        boxes = _list(_object(_object(document.get("extent")).get("spatial")).get("bbox"))
        for box in boxes[1:] or boxes:
            yield from _one(_rectangle(box), str(document.get("title") or document.get("id") or ""), "")
    elif isinstance(document.get("bbox"), list) and "features" not in document:
        yield from _one(_rectangle(document["bbox"]), "", "")
    elif str(kind) in _PARTS or kind == "GeometryCollection":
        yield from _one(document, "", "")


def _one(geometry: JSON, name: str, href: str, picture: str = "") -> Iterator[Shape]:
    if not isinstance(geometry, dict):
        return
    if geometry.get("type") == "GeometryCollection":
        for part in _list(geometry.get("geometries")):
            yield from _one(part, name, href, picture)
    elif any(True for _ in _positions(geometry)):
        yield Shape(geometry, name, href, picture)


def _list(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []


def _object(value: JSON) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {}


def _own(document: Mapping[str, Any]) -> str:
    links = (link for link in _list(document.get("links")) if isinstance(link, dict))
    return next((str(link.get("href")) for link in links if link.get("rel") == "self"), "")


def _picture(assets: JSON) -> str:
    """The address of an item's thumbnail or overview, of a type that browsers show."""
    for asset in assets.values() if isinstance(assets, dict) else ():
        roles = set(map(str, _list(asset.get("roles")))) if isinstance(asset, dict) else set()
        if roles & _LOOKS and asset.get("type") in _PICTURES and isinstance(asset.get("href"), str):
            return str(asset["href"])
    return ""


def _rectangle(box: JSON) -> JSON:
    if not isinstance(box, list) or len(box) not in (_SIDES, _SIDES + 2) or not all(map(_is_number, box)):
        return None
    half = len(box) // 2
    west, south, east, north = box[0], box[1], box[half], box[half + 1]
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


_PARTS: Final = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
"""How deep the positions lie in the coordinates of each geometry."""


def _rings(geometry: JSON) -> Iterator[Ring]:
    """Each line or ring of a geometry."""
    depth = _PARTS.get(str(geometry.get("type")), -1)
    if depth >= 1 and geometry["type"] != "MultiPoint":
        yield from _down(geometry.get("coordinates"), depth - 1)


def _points(geometry: JSON) -> Iterator[tuple[float, float]]:
    coordinates = geometry.get("coordinates")
    for position in _list({"Point": [coordinates], "MultiPoint": coordinates}.get(str(geometry.get("type")))):
        if _is_position(position):
            yield float(position[0]), float(position[1])


def _down(coordinates: JSON, depth: int) -> Iterator[Ring]:
    if not isinstance(coordinates, list):
        return
    if depth:
        for part in coordinates:
            yield from _down(part, depth - 1)
    else:
        yield tuple((float(p[0]), float(p[1])) for p in coordinates if _is_position(p))


def _positions(geometry: JSON) -> Iterator[tuple[float, float]]:
    yield from _points(geometry)
    for ring in _rings(geometry):
        yield from ring


def _is_position(value: JSON) -> bool:
    return isinstance(value, list) and len(value) > 1 and _is_number(value[0]) and _is_number(value[1])


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _path(geometry: JSON) -> str:
    closing = "Z" if "Polygon" in geometry["type"] else ""
    return "".join(
        "M" + "L".join(f"{x:.4f} {-y:.4f}" for x, y in ring) + closing for ring in _rings(geometry) if len(ring) > 1
    )


def _around(found: Iterable[Shape]) -> Box:
    """West, south, east and north of everything."""
    positions = [position for shape in found for position in _positions(shape.geometry)]
    if not positions:
        return _WORLD
    xs, ys = [x for x, _ in positions], [y for _, y in positions]
    return min(xs), min(ys), max(xs), max(ys)


def _view(found: Sequence[Shape]) -> Box:
    """What is shown: the footprints with some room around them, twice as wide as high."""
    west, south, east, north = _around(found)
    high = min(max((north - south) * (1 + 2 * _MARGIN), (east - west) * (1 + 2 * _MARGIN) / 2, _LEAST), 180.0)
    left = min(max((east + west) / 2 - high, -180.0), 180.0 - 2 * high)
    bottom = min(max((north + south) / 2 - high / 2, -90.0), 90.0 - high)
    return left, bottom, left + 2 * high, bottom + high
