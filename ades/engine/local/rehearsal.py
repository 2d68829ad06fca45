"""Runs a package of our own some times in the warm parent, before there is any job.

Whatever is set up, looked up or compiled at its first use, also by Python itself in the code that it runs, is so in the
parent already. A fork that had to do it again would not only take the time: it would get a copy of each page of memory
that is written to on the way.
"""

from __future__ import annotations

import os
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import orjson

from ades.engine.local import folders
from ades.errors import AdesError
from ades.objects import open_store
from ades.runner import cwl
from ades.runner.document import JobDocument
from ades.runner.events import Event, decode, encode
from ades.runner.failures import RunFailed
from ades.runner.logs import Logs
from ades.runner.main import Plan, execute, keep_logs, prepare, publish
from ades.settings import Settings

if TYPE_CHECKING:
    from ades.model import JSON

_TIMES: Final = 8
"""Python makes the code of a function quicker when it is called for the eighth time."""
_PACKAGE: Final[dict[str, JSON]] = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "rehearsal",
    "baseCommand": "true",
    "inputs": {"word": {"type": "string", "inputBinding": {}}},
    "outputs": [],
}


def rehearse(jobs: Path) -> None:
    """Do what a job does, outside of any sandbox, in a folder of its own beside those of the jobs."""
    others = set(threading.enumerate())
    # What cannot be rehearsed works as well, only later: whatever is wrong, the first job will say it.
    with suppress(AdesError, OSError, RunFailed), tempfile.TemporaryDirectory(prefix="rehearsal-", dir=jobs) as top:
        for number in range(_TIMES):
            perform(Path(top), number)
    for thread in set(threading.enumerate()) - others:
        thread.join(timeout=5)
    cwl.forget()


def perform(top: Path, number: int) -> None:
    """One time."""
    settings = Settings.from_json(Settings.model_validate({"data": top}).to_json())
    document = JobDocument.from_json(_document(number).to_json())
    folder = top / "jobs" / str(number)
    lock = folders.make(folder, (os.geteuid(), os.getegid()))
    logs = Logs(folder)
    try:
        store = open_store(settings)
        plan = Plan.from_json(prepare(document, folder, settings, store, _told).to_json())
        outputs = orjson.loads(orjson.dumps(execute(plan, folder, logs, _told)))
        _told(publish(document, outputs, folder, store, _told))
        keep_logs(document, logs, store, _told)
    finally:
        logs.close()
        folders.remove(folder)
        os.close(lock)


def _document(number: int) -> JobDocument:
    return JobDocument(
        job=UUID(int=number),
        attempt=1,
        process="rehearsal",
        deploying="rehearsal",
        calling="rehearsal",
        executing="rehearsal",
        executable={"kind": "cwl", "document": _PACKAGE, "entry": None},
        inputs={"word": "once"},
        outputs={},
        results_prefix=f"rehearsal/processing-results/{number}",
        logs_prefix=f"rehearsal/jobs/{number}",
    )


def _told(event: Event) -> None:
    decode(encode(event))
