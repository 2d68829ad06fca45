"""Results that are folders, and the one STAC collection that a dialect wants for all that a job has produced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ades.errors import ResultNotAvailable
from ades.http import documents
from ades.model import Page, ResultKind
from ades.objects import stac
from ades.service.handover import results_prefix
from ades.service.representation import JSON_TYPE
from ades.store import StacQuery

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ades.http.call import Call
    from ades.model import JSON, Job, Result, StacCollection
    from ades.service.representation import Output

MOST: Final = 10_000
"""A list of files or items ends here."""
WHOLE: Final = [[-180.0, -90.0, 180.0, 90.0]]


def address(call: Call, job: Job, row: Result, path: str = "") -> str:
    """Where a result, or a file in it, can be read."""
    parts = ["jobs", str(job.id), "results", row.output, *([str(row.index)] if row.many else []), *path.split("/")]
    return call.url(*(part for part in parts if part))


def folder(call: Call, job: Job, row: Result) -> dict[str, JSON]:
    """The document of a folder: its STAC collection or catalogue, else the list of its files."""
    if row.kind is not ResultKind.STAC:
        return _files(call, job, row)
    inside = [one for one in _collections(call, job) if one.key.startswith(f"{row.key}/")]
    key = inside[0].key if len(inside) == 1 else f"{row.key}/catalog.json"
    try:
        return _served(call, key)
    except FileNotFoundError:
        raise ResultNotAvailable(f"The files of output {row.output} are no longer there.") from None


def collection(call: Call, job: Job, outputs: Iterable[Output]) -> dict[str, JSON]:
    """One STAC collection for everything that a job has produced; `{}` for nothing."""
    rows = [row for output in outputs for row in output.rows]
    if not rows:
        return {}
    found = _collections(call, job)
    if len(found) == 1:
        try:
            return _served(call, found[0].key)
        except FileNotFoundError:
            raise ResultNotAvailable("The files of the results are no longer there.") from None
    return _united(call, job, rows)


def _served(call: Call, key: str) -> dict[str, JSON]:
    return stac.served(documents.read(call.services.objects, key), documents.file_address(call.base, key))


def _collections(call: Call, job: Job) -> list[StacCollection]:
    return call.services.store.stac.collections(StacQuery(job.calling, job=job.id), Page(MOST))[0]


def _files(call: Call, job: Job, row: Result) -> dict[str, JSON]:
    """What the package has put into the folder, without the documents that were written to describe it."""
    prefix = f"{row.key}/"
    query = StacQuery(job.calling, job=job.id)
    ours = {one.key for one in call.services.store.stac.search(query, Page(MOST))[0]}
    ours |= {one.key for one in _collections(call, job)} | {f"{results_prefix(job)}/{row.output}/catalog.json"}
    found = []
    for info in call.services.objects.list(str(row.key)):
        name = info.key.removeprefix(prefix)
        if info.key not in ours:
            found.append({"href": address(call, job, row, name), "rel": "item", "title": name, "length": info.size})
        if len(found) == MOST:
            break
    if not found and row.size:
        raise ResultNotAvailable(f"The files of output {row.output} are no longer there.")
    return {"title": row.output, "links": found}


def _united(call: Call, job: Job, rows: list[Result]) -> dict[str, JSON]:
    """A collection of all items of several collections; of plain values there is none, and it has no items."""
    query = StacQuery(job.calling, job=job.id)
    items, _ = call.services.store.stac.search(query, Page(MOST))
    own = call.url("jobs", str(job.id), "results")
    links = [
        {"href": own, "rel": "root", "type": JSON_TYPE},
        {"href": own, "rel": "self", "type": JSON_TYPE},
        {"href": call.url("jobs", str(job.id)), "rel": "parent", "type": JSON_TYPE},
    ]
    links += [
        {"href": documents.file_address(call.base, one.key), "rel": "item", "type": "application/geo+json"}
        for one in items
    ]
    made: dict[str, Any] = {
        "type": "Collection",
        "stac_version": stac.VERSION,
        "id": f"col_{job.id}",
        "title": f"Result Collection for Job {job.id}",
        "description": f"What the process {job.process_id} has produced.",
        "license": "proprietary",
        "keywords": ["eoepca"],
        "extent": extent(call, query, job),
        "links": links,
        "assets": {_name(row): _asset(call, job, row) for row in rows if row.kind is not ResultKind.VALUE},
    }
    return made


def extent(call: Call, query: StacQuery, job: Job | None = None) -> dict[str, JSON]:
    """What the items of a query span together, as a collection tells it."""
    found = call.services.store.stac.extent(query)
    times = [found.start, found.end] if found.start else [job.created, job.created] if job else [None, None]
    interval = [None if time is None else time.isoformat().replace("+00:00", "Z") for time in times]
    return {
        "spatial": {"bbox": [list(found.bbox)] if found.bbox else WHOLE},
        "temporal": {"interval": [interval]},
    }


def _name(row: Result) -> str:
    return f"{row.output}_{row.index}" if row.many else row.output


def _asset(call: Call, job: Job, row: Result) -> dict[str, JSON]:
    asset: dict[str, JSON] = {"href": address(call, job, row), "type": row.media_type, "roles": ["data"]}
    if row.size is not None:
        asset["file:size"] = row.size
    return asset
