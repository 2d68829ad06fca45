"""Whether two GeoJSON geometries meet. On the plane of longitude and latitude, as STAC means it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ades.model import JSON

Point = tuple[float, float]


@dataclass(slots=True)
class Shape:
    """A geometry taken apart."""

    points: list[Point] = field(default_factory=list)
    """Those that stand alone, and one of each line, so that what lies inside of an area is noticed."""
    edges: list[tuple[Point, Point]] = field(default_factory=list)
    areas: list[list[list[Point]]] = field(default_factory=list)
    """Polygons: the outer ring and the holes."""


def bounds(geometry: JSON) -> tuple[float, float, float, float]:
    """The box around a geometry."""
    shape = taken_apart(geometry)
    points = shape.points + [point for edge in shape.edges for point in edge]
    if not points:
        raise ValueError("is a geometry without points")
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def taken_apart(geometry: JSON) -> Shape:
    """A geometry as points, edges and areas. Raises ValueError for what is none."""
    shape = Shape()
    try:
        _add(shape, geometry)
    except (TypeError, KeyError, IndexError):
        raise ValueError("is no valid GeoJSON geometry") from None
    return shape


def meet(one: Shape, other: Shape) -> bool:
    """Whether they have a point in common."""
    return (
        any(_cross(a, b) for a in one.edges for b in other.edges)
        or any(_inside(point, area) for point in one.points for area in other.areas)
        or any(_inside(point, area) for point in other.points for area in one.areas)
        or any(_on(point, edge) for point in one.points for edge in other.edges)
        or any(_on(point, edge) for point in other.points for edge in one.edges)
        or bool(set(one.points) & set(other.points))
    )


def _add(shape: Shape, geometry: Any) -> None:
    kind = geometry["type"]
    if kind == "GeometryCollection":
        for one in geometry["geometries"]:
            _add(shape, one)
        return
    build = _BUILDERS.get(kind.removeprefix("Multi"))
    if build is None:
        raise ValueError("is no GeoJSON geometry")
    for one in geometry["coordinates"] if kind.startswith("Multi") else [geometry["coordinates"]]:
        build(shape, one)


def _point(coordinates: Any) -> Point:
    return float(coordinates[0]), float(coordinates[1])


def _line(shape: Shape, coordinates: Iterable[Any]) -> list[Point]:
    points = [_point(one) for one in coordinates]
    shape.edges += pairwise(points)
    shape.points += points[:1]
    return points


def _area(shape: Shape, rings: Iterable[Any]) -> None:
    shape.areas.append([_line(shape, ring) for ring in rings])


_BUILDERS: Final[dict[str, Callable[[Shape, Any], object]]] = {
    "Point": lambda shape, found: shape.points.append(_point(found)),
    "LineString": _line,
    "Polygon": _area,
}


def _inside(point: Point, rings: list[list[Point]]) -> bool:
    """Within the outer ring and in none of the holes: a ray from the point crosses the rings an odd number of times."""
    x, y = point
    inside = False
    for ring in rings:
        for (x1, y1), (x2, y2) in pairwise(ring):
            if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                inside = not inside
    return inside


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _on(point: Point, edge: tuple[Point, Point]) -> bool:
    (x1, y1), (x2, y2) = edge
    within = min(x1, x2) <= point[0] <= max(x1, x2) and min(y1, y2) <= point[1] <= max(y1, y2)
    return within and _turn(edge[0], edge[1], point) == 0


def _cross(a: tuple[Point, Point], b: tuple[Point, Point]) -> bool:
    apart = _turn(*a, b[0]) * _turn(*a, b[1]) < 0 and _turn(*b, a[0]) * _turn(*b, a[1]) < 0
    return apart or _on(b[0], a) or _on(b[1], a) or _on(a[0], b) or _on(a[1], b)
