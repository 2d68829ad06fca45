"""From the coordinates of a reference system to longitude and latitude.

Degrees, web Mercator and UTM, which most products are in, are reckoned here; for everything else PROJ is asked where
it is installed. What neither knows has no place on the map.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Final

Points = list[tuple[float, float]]

_DEGREES: Final = frozenset({4326, 4979, 4258, 4269, 4937, 4617, 4283, 4167, 4674, 4490})
_MERCATOR: Final = frozenset({3857, 900913, 3785})
_AXIS: Final = 6378137.0
_FLAT: Final = 1 / 298.257223563


def to_lonlat(epsg: int, points: Points) -> Points | None:
    """The points in degrees; None when the system is not known."""
    if epsg in _DEGREES:
        return points
    if epsg in _MERCATOR:
        return [_mercator(*point) for point in points]
    zone = _zone(epsg)
    if zone is not None:
        return [_utm(*point, *zone) for point in points]
    transformer = _proj(epsg)
    if transformer is None:
        return None
    found = [transformer.transform(x, y) for x, y in points]
    return found if all(math.isfinite(x) and math.isfinite(y) for x, y in found) else None


def _zone(epsg: int) -> tuple[int, bool] | None:
    """UTM zone and whether it is a southern one. The ellipsoids of WGS 84 and ETRS89 differ by less than a tenth mm."""
    for first, last, south in ((32601, 32660, False), (32701, 32760, True), (25828, 25838, False)):
        if first <= epsg <= last:
            return epsg % 100, south
    return None


def _mercator(x: float, y: float) -> tuple[float, float]:
    return math.degrees(x / _AXIS), math.degrees(2 * math.atan(math.exp(y / _AXIS)) - math.pi / 2)


def _utm(easting: float, northing: float, zone: int, south: bool) -> tuple[float, float]:  # noqa: FBT001
    """Krüger's series to the third order: better than a millimetre within a zone."""
    n = _FLAT / (2 - _FLAT)
    radius = _AXIS / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    xi = (northing - (10_000_000 if south else 0)) / (0.9996 * radius)
    eta = (easting - 500_000) / (0.9996 * radius)
    beta = (n / 2 - 2 * n**2 / 3 + 37 * n**3 / 96, n**2 / 48 + n**3 / 15, 17 * n**3 / 480)
    delta = (2 * n - 2 * n**2 / 3 - 2 * n**3, 7 * n**2 / 3 - 8 * n**3 / 5, 56 * n**3 / 15)
    xi1, eta1 = xi, eta
    for j, factor in enumerate(beta, 1):
        xi1 -= factor * math.sin(2 * j * xi) * math.cosh(2 * j * eta)
        eta1 -= factor * math.cos(2 * j * xi) * math.sinh(2 * j * eta)
    chi = math.asin(math.sin(xi1) / math.cosh(eta1))
    latitude = chi + sum(factor * math.sin(2 * j * chi) for j, factor in enumerate(delta, 1))
    longitude = math.radians(zone * 6 - 183) + math.atan2(math.sinh(eta1), math.cos(xi1))
    return math.degrees(longitude), math.degrees(latitude)


@lru_cache(maxsize=32)
def _proj(epsg: int) -> Any:
    try:
        from pyproj import Transformer
        from pyproj.exceptions import ProjError
    except ImportError:
        return None
    try:
        return Transformer.from_crs(epsg, 4326, always_xy=True)
    except ProjError:
        return None
