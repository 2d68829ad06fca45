"""Documents of jobs to stage for, and where things then lie."""

from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

import orjson
import pystac

from ades.runner.document import JobDocument

JOB = UUID("11111111-2222-3333-4444-555555555555")


def job(inputs, types, **more):
    process = {"class": "CommandLineTool", "id": "main", "inputs": types, "outputs": {}}
    return JobDocument(
        job=JOB,
        attempt=1,
        process="p",
        deploying="alice",
        calling="alice",
        executing="alice",
        executable={"kind": "cwl", "document": process, "entry": "main"},
        inputs=inputs,
        outputs={},
        results_prefix=f"alice/processing-results/p/{JOB}",
        **more,
    )


def path_of(item):
    return Path(unquote(urlsplit(item["location"]).path))


def read(path):
    return orjson.loads(path.read_bytes())


def give_json(web, path, document, kind="application/json"):
    web.give(path, orjson.dumps(document), Content_Type=kind)


def asset_paths(top):
    """Where pystac finds the assets of a folder."""
    catalog = pystac.Catalog.from_file(str(top / "catalog.json"))
    return {
        (item.id, key): asset.get_absolute_href()
        for item in catalog.get_items(recursive=True)
        for key, asset in item.assets.items()
    }
