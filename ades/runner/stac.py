"""What strangers' STAC documents mean, repaired where they are only half valid. Pure functions.

Each repair is told in a sentence; what cannot be repaired is refused with one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeGuard
from urllib.parse import urljoin

from ades.errors import FetchFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ades.model import JSON

SIDE: Final = frozenset({"thumbnail", "overview"})
"""Roles of assets that are pictures of the data; they are left where they are unless somebody asks for them."""
VERSION: Final = "1.0.0"


class Kind(StrEnum):
    """What a document is."""

    ITEM = "Feature"
    ITEMS = "FeatureCollection"
    COLLECTION = "Collection"
    CATALOG = "Catalog"


def kind_of(document: JSON) -> Kind | None:
    """What a document is, however its `type` is spelled; None for what is no STAC."""
    if isinstance(document, list):
        return Kind.ITEMS if document and all(kind_of(one) is Kind.ITEM for one in document) else None
    if not isinstance(document, dict):
        return None
    said = str(document.get("type", "")).lower()
    known = next((kind for kind in Kind if kind.lower() == said or (said == "item" and kind is Kind.ITEM)), None)
    if known is Kind.ITEM and not _is_stac(document):
        return None
    if known is Kind.ITEMS and not any(_is_stac(one) for one in features(document)) and "links" not in document:
        return None
    return known or _guess(document)


def _is_stac(document: JSON) -> bool:
    return isinstance(document, dict) and ("assets" in document or "stac_version" in document)


def _guess(document: dict[str, JSON]) -> Kind | None:
    if "type" in document and not isinstance(document["type"], str | None):
        return None
    if "assets" in document and "properties" in document:
        return Kind.ITEM
    if "stac_version" in document and "links" in document:
        return Kind.COLLECTION if "extent" in document else Kind.CATALOG
    return None


def features(document: JSON) -> list[JSON]:
    """The features of a collection of items."""
    found = document if isinstance(document, list) else document.get("features")
    return found if isinstance(found, list) else []


def links(document: dict[str, JSON], *rels: str) -> list[dict[str, JSON]]:
    """The links with one of these relations, as far as they lead anywhere."""
    found = document.get("links")
    return [
        link
        for link in (found if isinstance(found, list) else [])
        if isinstance(link, dict) and link.get("rel") in rels and isinstance(link.get("href"), str) and link["href"]
    ]


def absolute(base: str | None, href: str) -> str:
    """What a relative address means in a document from there."""
    if "://" in href or href.startswith("store:"):
        return href
    if not base:
        raise FetchFailed(f"its address {href!r} is relative, and nothing says to what; give absolute addresses")
    if base.startswith("store:"):
        return "store:" + urljoin("/" + base.removeprefix("store:"), href).lstrip("/")
    # urljoin knows nothing of s3, where paths work as they do elsewhere.
    scheme, colon, rest = base.partition(":")
    return f"{scheme}{colon}" + urljoin(f"http:{rest}", href).removeprefix("http:")


def repair(item: JSON, otherwise: str, warn: Callable[[str], None]) -> dict[str, JSON]:
    """An item that a reader of STAC accepts."""
    if not isinstance(item, dict):
        raise FetchFailed(f"the item {otherwise} is no JSON object")
    fixed = dict(item)
    name = str(fixed.get("id") or otherwise)
    if item.get("id") != name:
        warn(f"An item has no id that is text; it is called {name} here.")
        fixed["id"] = name
    if fixed.get("type") != Kind.ITEM:
        warn(f"The item {name} is of type {fixed.get('type')!r}; it is read as Feature.")
        fixed["type"] = Kind.ITEM.value
    if not isinstance(fixed.get("stac_version"), str):
        warn(f"The item {name} does not say its stac_version; it is read as {VERSION}.")
        fixed["stac_version"] = VERSION
    for field, kind in (("properties", dict), ("assets", dict), ("links", list)):
        if not isinstance(fixed.get(field), kind):
            if fixed.get(field):
                raise FetchFailed(f"the item {name} is not valid: its {field} are no {_PLAIN[kind]}")
            fixed[field] = kind()
    fixed["properties"] = dict(fixed["properties"])
    _repair_place(fixed, name, warn)
    _repair_time(fixed, name, warn)
    if not fixed["assets"]:
        warn(f"The item {name} has no assets.")
    return fixed


_PLAIN: Final[dict[type, str]] = {dict: "JSON object", list: "JSON array"}


def _repair_place(item: dict[str, JSON], name: str, warn: Callable[[str], None]) -> None:
    geometry, bbox = item.setdefault("geometry", None), item.get("bbox")
    if geometry is not None and (not isinstance(geometry, dict) or "type" not in geometry):
        raise FetchFailed(f"the item {name} is not valid: its geometry is no GeoJSON geometry")
    if geometry is None and _is_bbox(bbox):
        warn(f"The item {name} has no geometry; its bbox is taken.")
        item["geometry"] = box(bbox)
    elif geometry is not None and not _is_bbox(bbox):
        warn(f"The item {name} has no bbox; it is made from the geometry.")
        item["bbox"] = bounds(geometry)
    elif geometry is None:
        item.pop("bbox", None)


def _repair_time(item: dict[str, JSON], name: str, warn: Callable[[str], None]) -> None:
    properties = item["properties"]
    if not properties.get("datetime") and not (properties.get("start_datetime") and properties.get("end_datetime")):
        warn(f"The item {name} has no datetime; the present is taken.")
        properties["datetime"] = now()
    properties.setdefault("datetime", None)


def now() -> str:
    """The present as STAC writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def bounds(geometry: JSON) -> list[float] | None:
    """The box around a geometry; None for one without coordinates."""
    points = list(_points(geometry.get("coordinates") if geometry.get("type") != "GeometryCollection" else geometry))
    if not points:
        return None
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    return [min(xs), min(ys), max(xs), max(ys)]


def box(bbox: list[float]) -> dict[str, JSON]:
    """A bbox as a polygon."""
    west, south = bbox[0], bbox[1]
    east, north = bbox[len(bbox) // 2], bbox[len(bbox) // 2 + 1]
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _points(found: JSON) -> Iterable[list[float]]:
    if isinstance(found, dict):
        for geometry in found.get("geometries", []):
            yield from _points(geometry.get("coordinates"))
    elif isinstance(found, list) and len(found) > 1 and all(isinstance(number, int | float) for number in found):
        yield found
    elif isinstance(found, list):
        for one in found:
            yield from _points(one)


def _is_bbox(found: JSON) -> TypeGuard[list[float]]:
    return isinstance(found, list) and len(found) in {4, 6} and all(isinstance(n, int | float) for n in found)


def chosen(item: dict[str, JSON], wanted: tuple[str, ...] | None) -> list[str]:
    """The keys of the assets that are brought: those that were asked for, else all that are not mere pictures."""
    assets: dict[str, JSON] = item["assets"]
    if wanted is not None:
        missing = [key for key in wanted if key not in assets]
        if missing:
            has = ", ".join(assets) or "none"
            raise FetchFailed(f"the item {item['id']} has no asset {', '.join(missing)}; it has {has}")
        return list(wanted)
    data = [key for key, asset in assets.items() if not SIDE & set(_roles(asset))]
    return data or list(assets)


def _roles(asset: JSON) -> list[str]:
    roles = asset.get("roles") if isinstance(asset, dict) else None
    return [str(role) for role in roles] if isinstance(roles, list) else []


def addresses(asset: JSON, base: str | None, readable: Callable[[str], bool]) -> list[str]:
    """Where an asset lies: its own address and its alternates, those first that can be read here."""
    alternates = asset.get("alternate") if isinstance(asset, dict) else None
    several: list[Any] = [asset, *(alternates.values() if isinstance(alternates, dict) else ())]
    hrefs = [
        one["href"] for one in several if isinstance(one, dict) and isinstance(one.get("href"), str) and one["href"]
    ]
    if not hrefs:
        raise FetchFailed("it has no address (href)")
    found = [absolute(base, href) for href in hrefs]
    return sorted(found, key=lambda href: not readable(href))
