"""STAC documents that we write ourselves, with relative addresses."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from ades.model import StacItem
from ades.objects.stac import VERSION
from ades.runner.footprint import PROJECTION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ades.model import JSON
    from ades.runner.footprint import Footprint
    from ades.runner.stage_out.uploads import Stored

FILE: Final = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
LICENSE: Final = "proprietary"
_SIDE: Final = ("thumbnail", "thumb", "quicklook", "preview", "overview")
_META: Final = ("application/json", "application/xml", "text/xml", "text/plain", "text/markdown", "application/yaml")


@dataclass(slots=True)
class Span:
    """What some items span together."""

    boxes: list[Sequence[float]] = field(default_factory=list)
    starts: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)

    def add(self, item: dict[str, JSON]) -> None:
        """One more item."""
        if item.get("bbox"):
            self.boxes.append(flat(item["bbox"]))
        properties = item["properties"]
        self.starts.append(properties.get("start_datetime") or properties.get("datetime"))
        self.ends.append(properties.get("end_datetime") or properties.get("datetime"))

    def extent(self) -> dict[str, JSON]:
        """As a collection tells it."""
        boxes = self.boxes or [(-180.0, -90.0, 180.0, 90.0)]
        around = any(box[0] > box[2] for box in boxes)
        west = -180.0 if around else min(box[0] for box in boxes)
        east = 180.0 if around else max(box[2] for box in boxes)
        bbox = [west, min(box[1] for box in boxes), east, max(box[3] for box in boxes)]
        starts, ends = sorted(filter(None, self.starts), key=moment), sorted(filter(None, self.ends), key=moment)
        interval = [starts[0] if starts else None, ends[-1] if ends else None]
        return {"spatial": {"bbox": [bbox]}, "temporal": {"interval": [interval]}}


def item(
    name: str, collection: str, assets: dict[str, JSON], place: Footprint | None, now: datetime
) -> dict[str, JSON]:
    """An item for plain files."""
    extensions = [FILE, PROJECTION] if place and place.properties else [FILE]
    found: dict[str, JSON] = {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": extensions,
        "id": name,
        "collection": collection,
        "geometry": place.geometry if place else None,
        "properties": {"datetime": written(now), "created": written(now), **(place.properties if place else {})},
        "links": [],
        "assets": assets,
    }
    return found | ({"bbox": list(place.bbox)} if place else {})


def asset(href: str, media_type: str, stored: Stored) -> dict[str, JSON]:
    """An asset for a plain file."""
    return {
        "href": href,
        "type": media_type,
        "title": PurePosixPath(href).name,
        "roles": [role(href, media_type)],
        **facts(stored),
    }


def facts(stored: Stored) -> dict[str, JSON]:
    """What the file extension says of a file."""
    checksum = {"file:checksum": f"1220{stored.sha256}"} if stored.sha256 else {}
    return {"file:size": stored.size, **checksum}


def role(href: str, media_type: str) -> str:
    """What an asset is for, as its name and type say."""
    stem = PurePosixPath(href).stem.lower()
    if media_type.startswith(("image/png", "image/jpeg", "image/webp")) and any(word in stem for word in _SIDE):
        return "thumbnail" if "overview" not in stem else "overview"
    return "metadata" if media_type.partition(";")[0] in _META else "data"


def collection(name: str, title: str, span: Span, links: list[dict[str, JSON]]) -> dict[str, JSON]:
    """A collection of the items of one output."""
    return {
        "type": "Collection",
        "stac_version": VERSION,
        "id": name,
        "title": title,
        "description": title,
        "license": LICENSE,
        "extent": span.extent(),
        "links": links,
    }


def catalog(name: str, title: str, links: list[dict[str, JSON]]) -> dict[str, JSON]:
    """A STAC catalogue with nothing but these links."""
    return {
        "type": "Catalog",
        "stac_version": VERSION,
        "id": name,
        "title": title,
        "description": title,
        "links": links,
    }


def links(place: str, *, root: str, parent: str | None = None, **more: str) -> list[dict[str, JSON]]:
    """Links of the document at `place` to others; all of them are keys or paths below the same top."""
    found = [link("root", place, root)]
    if parent is not None:
        found.append(link("parent", place, parent))
    return found + [link(rel, place, target) for rel, target in more.items()]


def link(rel: str, place: str, target: str) -> dict[str, JSON]:
    """A link from one document to another, relative."""
    media_type = "application/geo+json" if rel == "item" else "application/json"
    return {"rel": rel, "href": relative(place, target), "type": media_type}


def relative(place: str, target: str) -> str:
    """The way from the document at one path to another path."""
    way = os.path.relpath(target, PurePosixPath(place).parent.as_posix())
    return way if way.startswith("../") else f"./{way}"


def indexed(document: dict[str, JSON], key: str) -> StacItem:
    """By what an item is found."""
    properties: dict[str, Any] = document["properties"]
    start = properties.get("start_datetime") or properties.get("datetime")
    end = properties.get("end_datetime") or properties.get("datetime")
    bbox = flat(document["bbox"]) if document.get("bbox") else None
    return StacItem(
        collection=document["collection"],
        id=document["id"],
        key=key,
        bbox=None if bbox is None else (float(bbox[0]), float(bbox[1]), float(bbox[2]), float(bbox[3])),
        start=moment(start) if start else None,
        end=moment(end) if end else None,
    )


def flat(bbox: Sequence[float]) -> Sequence[float]:
    """A box without heights."""
    return bbox if len(bbox) == 4 else (bbox[0], bbox[1], bbox[3], bbox[4])  # noqa: PLR2004 - west, south, east, north


def moment(text: str) -> datetime:
    """A time as STAC writes it."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def written(when: datetime) -> str:
    """A time as STAC wants it."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
