"""Results that are folders: their STAC documents, with addresses that the caller can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

import orjson

from ades.errors import ResultNotAvailable
from ades.model import ResultKind
from ades.service.representation import JSON_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ades.http.call import Call
    from ades.model import JSON, Job, Result
    from ades.service.representation import Output

HEADS: Final = ("collection.json", "catalog.json")
"""Which file of a folder speaks for it, the first that is there."""
STAC: Final = "1.0.0"
MOST: Final = 10_000
"""A list of files ends here."""


def address(call: Call, job: Job, row: Result, path: str = "") -> str:
    """Where a result, or a file in it, can be read."""
    parts = ["jobs", str(job.id), "results", row.output, *([str(row.index)] if row.many else []), *path.split("/")]
    return call.url(*(part for part in parts if part))


def folder(call: Call, job: Job, row: Result) -> dict[str, JSON]:
    """The document of a folder: its STAC collection or catalogue, else the list of its files."""
    for name in HEADS:
        try:
            with call.services.objects.open(f"{row.key}/{name}") as source:
                document = orjson.loads(source.read())
        except FileNotFoundError:
            continue
        except orjson.JSONDecodeError:
            break
        if isinstance(document, dict):
            return readable(document, address(call, job, row, name))
    return _files(call, job, row)


def readable(document: dict[str, Any], base: str) -> dict[str, Any]:
    """A STAC document with absolute addresses; `base` is its own."""
    for link in _entries(document.get("links")):
        link["href"] = urljoin(base, link["href"])
    for asset in _entries(list((document.get("assets") or {}).values())):
        asset["href"] = urljoin(base, asset["href"])
    return document


def _entries(value: JSON) -> Iterator[dict[str, Any]]:
    """The links or assets that have an address."""
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("href"), str):
            yield entry


def _files(call: Call, job: Job, row: Result) -> dict[str, JSON]:
    prefix = f"{row.key}/"
    found = []
    for info in call.services.objects.list(str(row.key)):
        name = info.key.removeprefix(prefix)
        found.append({"href": address(call, job, row, name), "rel": "item", "title": name, "length": info.size})
        if len(found) == MOST:
            break
    if not found:
        raise ResultNotAvailable(f"The files of output {row.output} are no longer there.")
    return {"title": row.output, "links": found}


def collection(call: Call, job: Job, outputs: Iterable[Output]) -> dict[str, JSON]:
    """One STAC collection for everything that a job has produced; `{}` for nothing."""
    rows = [row for output in outputs for row in output.rows]
    if not rows:
        return {}
    for row in rows:
        if row.kind in {ResultKind.STAC, ResultKind.DIRECTORY}:
            found = folder(call, job, row)
            if found.get("type") == "Collection":
                return found
    return _made(call, job, rows)


def _made(call: Call, job: Job, rows: list[Result]) -> dict[str, JSON]:
    """A collection whose assets are the results, for packages that made none."""
    own = call.url("jobs", str(job.id), "results")
    created = job.created.isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "type": "Collection",
        "stac_version": STAC,
        "id": f"col_{job.id}",
        "title": f"Result Collection for Job {job.id}",
        "description": f"What the process {job.process_id} has produced.",
        "license": "proprietary",
        "keywords": ["eoepca"],
        "extent": {
            "spatial": {"bbox": [[-180.0, -90.0, 180.0, 90.0]]},
            "temporal": {"interval": [[created, created]]},
        },
        "links": [
            {"href": own, "rel": "root", "type": JSON_TYPE},
            {"href": own, "rel": "self", "type": JSON_TYPE},
            {"href": call.url("jobs", str(job.id)), "rel": "parent", "type": JSON_TYPE},
        ],
        "assets": {_name(row): _asset(call, job, row) for row in rows},
    }


def _name(row: Result) -> str:
    return f"{row.output}_{row.index}" if row.many else row.output


def _asset(call: Call, job: Job, row: Result) -> dict[str, JSON]:
    asset: dict[str, JSON] = {"href": address(call, job, row), "type": row.media_type, "roles": ["data"]}
    if row.size is not None:
        asset["file:size"] = row.size
    return asset
