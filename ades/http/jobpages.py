"""What the web pages about jobs show beyond the documents of the standard."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ades.errors import AdesError
from ades.http import previews, timeline
from ades.http.logs import WHOLE
from ades.http.shaping import shaper
from ades.model import JobStatus, Page
from ades.service.handover import logs_prefix
from ades.service.representation import Asked, Document, Door, decide
from ades.service.request import Form
from ades.service.status import status_info, step_info

if TYPE_CHECKING:
    from ades.http.call import Call
    from ades.model import JSON, Job

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
        "bars": timeline.bars(steps, now),
        "request": found.request,
        "log": _tail(call, found),
        "log_href": f"{own}/logs",
        "may_act": call.services.policy.check(call.question(job=found, action="dismiss-job")).allowed,
    }
    if found.status is JobStatus.SUCCESSFUL:
        extra["results"] = _results(call, found)
    return extra


def _title(call: Call, found: Job) -> str:
    """What the process is called, if it is still there."""
    process = call.services.catalog.find(found.deploying, found.process_id)
    return str(process.description.get("title") or process.id) if process else found.process_id


def results(call: Call, found: Job, document: dict[str, JSON]) -> dict[str, Any]:
    """For the results."""
    return {
        "results": previews.results(document, lambda href, size: _read(call, found, href, size)),
        "job": status_info(found, call.base),
        "links": [],
    }


def _results(call: Call, found: Job) -> tuple[previews.Shown, ...]:
    try:
        form = decide(call.services.outputs.of(found), Asked(form=Form.DOCUMENT), Door.RESULTS)
        entries = form.entries if isinstance(form, Document) else ()
        document = shaper(call, found).document(entries)
    except AdesError:
        return ()
    return previews.results(document, lambda href, size: _read(call, found, href, size))


def _read(call: Call, found: Job, href: str, size: int) -> bytes | None:
    """The first bytes behind the address of one of the job's own files."""
    prefix = call.url("jobs", str(found.id), "results") + "/"
    if not href.startswith(prefix):
        return None
    name, _, index = href.removeprefix(prefix).partition("/")
    try:
        output = call.services.outputs.one(found, name)
        row = output.rows[int(index) if index.isdigit() else 0]
        if row.key is None:
            return None
        with call.services.objects.open(row.key, 0, size) as source:
            return source.read()
    except (AdesError, FileNotFoundError, IndexError):
        return None


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
