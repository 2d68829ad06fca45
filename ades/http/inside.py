"""What lies in a result that is a folder: its STAC items, or its files, for the pages that show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ades.errors import AdesError
from ades.http import documents
from ades.http.collections import folder
from ades.model import Page, ResultKind
from ades.objects import stac
from ades.store import StacQuery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.http.call import Call
    from ades.model import Job, Result

_MOST: Final = 50
"""A page shows so many items or files; the rest is behind its links."""
_SEARCHED: Final = 1000


@dataclass(frozen=True, slots=True)
class Inside:
    """The beginning of what a folder holds."""

    items: tuple[dict[str, Any], ...] = ()
    files: tuple[dict[str, Any], ...] = ()
    """Links to what lies in a folder that is no catalogue."""
    more: bool = False


def look(call: Call, job: Job, row: Result) -> Inside:
    """What is in a folder that a job has produced."""
    items = tuple(_items(call, job, row))
    files: tuple[dict[str, Any], ...] = ()
    if row.kind is ResultKind.DIRECTORY:
        try:
            files = tuple(folder(call, job, row)["links"])
        except AdesError:
            return Inside()
    return Inside(items[:_MOST], files[:_MOST], more=max(len(items), len(files)) > _MOST)


def _items(call: Call, job: Job, row: Result) -> Iterator[dict[str, Any]]:
    """The items below one result, as they are served; one more than are shown."""
    found, _ = call.services.store.stac.search(StacQuery(job.calling, job=job.id), Page(_SEARCHED))
    for one in [one for one in found if one.key.startswith(f"{row.key}/")][: _MOST + 1]:
        try:
            document = documents.read(call.services.objects, one.key)
        except (FileNotFoundError, ValueError):
            continue
        yield stac.served(document, documents.file_address(call.base, one.key))
