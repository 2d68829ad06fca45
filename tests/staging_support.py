"""Documents of jobs to stage for, and where things then lie."""

from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

import orjson

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
