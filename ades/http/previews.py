"""A first look at a result: what of it can be shown on a page, by its media type and its first bytes."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ades.http import maps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ades.http.inside import Inside
    from ades.model import JSON

    Read = Callable[[str, int], bytes | None]
    """Gives the first bytes behind an address of this server, or None."""
    Look = Callable[[str], Inside | None]
    """Tells what lies in the folder behind an address of this server, or None if it is no folder."""

ENOUGH: Final = 64 * 1024
"""So many bytes of a file are looked at."""
ENOUGH_JSON: Final = 2 * 1024**2
"""JSON can only be understood whole; larger than this it is not shown."""
_ROWS: Final = 10
_COLUMNS: Final = 30
_LINES: Final = 60
_PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml", "image/avif"})
_TABLES: Final = {"text/csv": ",", "text/tab-separated-values": "\t"}
_TEXT: Final = frozenset(
    {"application/xml", "application/yaml", "application/x-yaml", "application/cwl", "application/toml"}
)


@dataclass(frozen=True, slots=True)
class Shown:
    """One result as a page shows it."""

    name: str
    media_type: str = ""
    href: str = ""
    size: int | None = None
    title: str = ""
    picture: str = ""
    """The address of a picture."""
    table: tuple[tuple[str, ...], ...] = ()
    """Its first row is the head."""
    text: str | None = None
    value: JSON = None
    has_value: bool = False
    shapes: tuple[maps.Shape, ...] = ()
    items: tuple[Mapping[str, Any], ...] = ()
    """STAC items."""
    files: tuple[Mapping[str, Any], ...] = ()
    """Links to what lies in a folder."""
    more: bool = False
    """There is more than is shown."""


def results(document: Mapping[str, JSON], read: Read, look_inside: Look) -> tuple[Shown, ...]:
    """What a results document holds."""
    return tuple(
        _shown(name if len(entries) == 1 else f"{name} {number}", entry, read, look_inside)
        for name, value in document.items()
        if name != "links"
        for entries in [value if _are_links(value) else [value]]
        for number, entry in enumerate(entries, 1)
    )


def _are_links(value: JSON) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) and "href" in v for v in value)


def _shown(name: str, entry: JSON, read: Read, look_inside: Look) -> Shown:
    if isinstance(entry, dict) and isinstance(entry.get("href"), str):
        shown = _linked(name, entry)
        found = look_inside(shown.href)
        return _file(shown, read) if found is None else _folder(shown, found)
    media_type = ""
    if isinstance(entry, dict) and "value" in entry:
        media_type = bare(entry.get("mediaType") or (entry.get("format") or {}).get("mediaType"))
        if entry.get("encoding") == "base64":
            return Shown(name, media_type, value="(binary, inside of the document)", has_value=True)
        entry = entry["value"]
    if isinstance(entry, str) and media_type:
        return look(Shown(name, media_type), entry.encode(), whole=True)
    return Shown(name, media_type, value=entry, has_value=True, shapes=maps.shapes(entry))


def _linked(name: str, link: Mapping[str, Any]) -> Shown:
    size = link.get("file:size", link.get("size", link.get("length")))
    href, title = str(link["href"]), str(link.get("title") or "")
    return Shown(name, bare(link.get("type")), href, size if isinstance(size, int) else None, title)


def _folder(shown: Shown, found: Inside) -> Shown:
    places = tuple(shape for item in found.items for shape in maps.shapes(item))
    return _with(shown, items=found.items, files=found.files, shapes=places, more=found.more)


def _file(shown: Shown, read: Read) -> Shown:
    if shown.media_type in _PICTURES:
        return _with(shown, picture=shown.href)
    if not looks_readable(shown.media_type):
        return shown
    wanted = ENOUGH_JSON if shown.media_type.endswith("json") else ENOUGH
    body = read(shown.href, wanted + 1)
    return shown if body is None else look(shown, body[:wanted], whole=len(body) <= wanted)


def look(shown: Shown, body: bytes, *, whole: bool) -> Shown:
    """The first bytes of a result, as what they are."""
    if shown.media_type.endswith("json"):
        return _json(shown, body, whole=whole)
    text = body.decode("utf-8", "replace")
    if shown.media_type in _TABLES:
        return _table(shown, text, whole=whole)
    lines = text.splitlines()
    return _with(shown, text="\n".join(lines[:_LINES]), more=not whole or len(lines) > _LINES)


def looks_readable(media_type: str) -> bool:
    """Whether there is something to see in the bytes of this type."""
    return media_type.startswith("text/") or media_type.endswith(("json", "+xml", "yaml")) or media_type in _TEXT


def bare(media_type: Any) -> str:
    """A media type without parameters, in lower case."""
    return str(media_type or "").partition(";")[0].strip().lower()


def _json(shown: Shown, body: bytes, *, whole: bool) -> Shown:
    if not whole:
        return _with(shown, more=True)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return _with(shown, text=body[:ENOUGH].decode("utf-8", "replace"))
    found = maps.shapes(value)
    pretty = json.dumps(value, indent=2, ensure_ascii=False).splitlines()
    return _with(shown, shapes=found, text="\n".join(pretty[:_LINES]), more=len(pretty) > _LINES)


def _table(shown: Shown, text: str, *, whole: bool) -> Shown:
    if not whole:
        text = text.rpartition("\n")[0]
    rows: list[tuple[str, ...]] = []
    try:
        for row in csv.reader(io.StringIO(text), delimiter=_TABLES[shown.media_type]):
            if len(rows) > _ROWS:
                return _with(shown, table=tuple(rows), more=True)
            rows.append(tuple(row[:_COLUMNS]))
    except csv.Error:
        return _with(shown, text=text[:2000])
    return _with(shown, table=tuple(rows), more=not whole)


def _with(shown: Shown, **changes: Any) -> Shown:
    return replace(shown, **changes)
