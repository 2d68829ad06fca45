"""What the web pages about jobs show beyond the documents of the standard."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from ades.errors import AdesError
from ades.http import callbacks, inside, previews, timeline
from ades.http.filters import filters
from ades.http.logs import WHOLE
from ades.http.shaping import shaper
from ades.model import JobStatus, Page, ResultKind
from ades.service.handover import logs_prefix
from ades.service.representation import Asked, Document, Door, decide
from ades.service.request import Form
from ades.service.status import status_info, step_info

if TYPE_CHECKING:
    from ades.http.call import Call
    from ades.model import JSON, Job, Result

STEPS: Final = 200
TAIL: Final = 8 * 1024


def job(call: Call, found: Job) -> dict[str, Any]:
    """For one job."""
    now = datetime.now(UTC)
    own = call.url("jobs", str(found.id))
    steps = [step_info(step, own) for step in call.services.store.steps.page(found.id, Page(STEPS))[0]]
    extra: dict[str, Any] = {
        "now": now,
        "process_title": _title(call, found),
        "lacking": found.status is JobStatus.CREATED and _lacking(call, found),
        "bars": timeline.bars(steps, now),
        "request": found.request,
        "log": _tail(call, found),
        "log_href": f"{own}/logs",
        "callbacks": callbacks.told(call, found),
        "may_act": call.services.policy.check(call.question(job=found, action="dismiss-job")).allowed,
        "may_start": call.services.policy.check(call.question(job=found, action="change-job")).allowed,
    }
    if not found.status.finished:
        extra["events"] = f"{own}/events?after={call.services.store.events.last(found.id)}"
    if found.status is JobStatus.SUCCESSFUL:
        extra["results"] = _results(call, found)
    return extra


def listing(call: Call) -> dict[str, Any]:
    """For the list of jobs."""
    newest = call.services.store.events.last()
    return {**filters(call), "events": f"{call.url('events')}?after={newest}&kinds=status,progress"}


def _title(call: Call, found: Job) -> str:
    """What the process is called, if it is still there."""
    process = call.services.catalog.find(found.deploying, found.process_id)
    return str(process.description.get("title") or process.id) if process else found.process_id


def _lacking(call: Call, found: Job) -> list[str]:
    """The inputs without which a job that waits cannot be started, as far as the description tells."""
    process = call.services.catalog.find(found.deploying, found.process_id)
    inputs = process.description.get("inputs") if process else None
    given = found.request.get("inputs") or {}
    return [name for name, port in (inputs or {}).items() if port.get("minOccurs", 1) and name not in given]


def results(call: Call, found: Job, document: dict[str, JSON]) -> dict[str, Any]:
    """For the results. A STAC collection that stands for all of them is shown by what it stands for."""
    shown = _results(call, found) if "stac_version" in document else _preview(call, found, document)
    return {"results": shown, "job": status_info(found, call.base), "process_title": _title(call, found), "links": []}


def _results(call: Call, found: Job) -> tuple[previews.Shown, ...]:
    try:
        form = decide(call.services.outputs.of(found), Asked(form=Form.DOCUMENT), Door.RESULTS)
        entries = form.entries if isinstance(form, Document) else ()
        return _preview(call, found, shaper(call, found).document(entries))
    except AdesError:
        return ()


def _preview(call: Call, found: Job, document: dict[str, JSON]) -> tuple[previews.Shown, ...]:
    return previews.results(
        document,
        read=lambda href, size: _read(call, _row(call, found, href), size),
        look_inside=lambda href: _look(call, found, _row(call, found, href)),
    )


def _row(call: Call, found: Job, href: str) -> Result | None:
    """The result behind one of the job's own addresses."""
    prefix = call.url("jobs", str(found.id), "results") + "/"
    if not href.startswith(prefix):
        return None
    name, _, index = href.removeprefix(prefix).partition("/")
    try:
        return call.services.outputs.one(found, unquote(name)).rows[int(index) if index.isdigit() else 0]
    except (AdesError, IndexError):
        return None


def _read(call: Call, row: Result | None, size: int) -> bytes | None:
    """The first bytes of a file."""
    if row is None or row.key is None or row.kind is not ResultKind.FILE:
        return None
    try:
        with call.services.objects.open(row.key, 0, size) as source:
            return source.read()
    except FileNotFoundError:
        return None


def _look(call: Call, found: Job, row: Result | None) -> inside.Inside | None:
    """What lies in a folder."""
    if row is None or row.kind not in {ResultKind.DIRECTORY, ResultKind.STAC}:
        return None
    return inside.look(call, found, row)


def _tail(call: Call, found: Job) -> str:
    """The end of the log."""
    try:
        if not found.status.finished and (live := call.services.live_log(found.id, WHOLE, -TAIL, None)) is not None:
            return live.decode(errors="replace")
        key = f"{logs_prefix(found)}/{WHOLE}.log"
        size = call.services.objects.stat(key).size
        with call.services.objects.open(key, max(0, size - TAIL)) as source:
            return source.read().decode(errors="replace")
    except (AdesError, FileNotFoundError):
        return ""
