"""What lies in a result that is a folder: its STAC items, or else its files, for the pages that show them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import orjson

from ades.errors import AdesError
from ades.http.collections import address, folder, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.http.call import Call
    from ades.model import Job, Result

_MOST: Final = 50
"""A page shows so many items or files; the rest is behind its links."""
_MOST_DOCUMENTS: Final = 200
_LARGEST: Final = 1024 * 1024
_DOWN: Final = frozenset({"item", "child"})


@dataclass(frozen=True, slots=True)
class Inside:
    """The beginning of what a folder holds."""

    items: tuple[dict[str, Any], ...] = ()
    files: tuple[dict[str, Any], ...] = ()
    """Links."""
    more: bool = False


def look(call: Call, job: Job, row: Result) -> Inside:
    """The items that the catalogue of a folder leads to; without a catalogue, its files."""
    try:
        head = folder(call, job, row)
    except AdesError:
        return Inside()
    if "type" not in head:
        files = tuple(head.get("links") or ())
        return Inside(files=files[:_MOST], more=len(files) > _MOST)
    found: list[dict[str, Any]] = []
    for item in _walk(call, job, row, head):
        if len(found) == _MOST:
            return Inside(items=tuple(found), more=True)
        found.append(item)
    return Inside(items=tuple(found))


def _walk(call: Call, job: Job, row: Result, head: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each item below a catalogue, found by its links; none that lie elsewhere."""
    start = address(call, job, row) + "/"
    waiting, seen = deque([head]), {""}
    while waiting:
        for link in waiting.popleft().get("links") or ():
            href = str(link.get("href", ""))
            if (
                link.get("rel") not in _DOWN
                or not href.startswith(start)
                or href in seen
                or len(seen) > _MOST_DOCUMENTS
            ):
                continue
            seen.add(href)
            document = _read(call, f"{row.key}/{unquote(href.removeprefix(start))}")
            if document is None:
                continue
            document = readable(document, href)
            if document.get("type") == "Feature":
                yield document
            else:
                waiting.append(document)


def _read(call: Call, key: str) -> dict[str, Any] | None:
    try:
        with call.services.objects.open(key, 0, _LARGEST) as source:
            document = orjson.loads(source.read())
    except (FileNotFoundError, ValueError):
        return None
    return document if isinstance(document, dict) else None
