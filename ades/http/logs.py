"""Logs: of a job and of each of its steps, readable while they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.errors import NoSuchJob, NoSuchResource, RangeNotSatisfiable
from ades.http import lookup
from ades.http.ranges import send_object
from ades.http.respond import Response
from ades.http.routes import Answer, Area, Route
from ades.service.handover import logs_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.http.call import Call
    from ades.model import Job

TEXT: Final = "text/plain; charset=utf-8"
PIECE: Final = 256 * 1024
WHOLE: Final = "job"
"""Under which name the log of the job itself is kept."""


def whole(call: Call, jobID: str) -> Response:  # noqa: N803 - the standard's word
    """The log of a job."""
    job = lookup.find(call, jobID)
    return _log(call, job, WHOLE, f"{logs_prefix(job)}/{WHOLE}.log")


def step(call: Call, jobID: str, step: str) -> Response:  # noqa: N803
    """The log of one step."""
    job = lookup.find(call, jobID)
    found = call.services.store.steps.get(job.id, step)
    return _log(call, job, step, found.log_key or f"{logs_prefix(job)}/{step}.log")


def _log(call: Call, job: Job, name: str, key: str) -> Response:
    """What is being written now, else what was stored when it was complete, else nothing yet."""
    if not job.status.finished:
        beginning = call.services.live_log(job.id, name, 0, 1)
        if beginning is not None:
            return _live(call, job, name)
    try:
        return send_object(call.request, call.services.objects, key, media_type=TEXT, name=f"{name}.log")
    except FileNotFoundError:
        return Response(b"", content_type=TEXT)


def _live(call: Call, job: Job, name: str) -> Response:
    """A log that grows: its length is not told, since it is not known."""
    wanted = call.request.range
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1 or wanted.ranges[0][0] < 0:
        body = _pieces(call, job, name) if call.request.method != "HEAD" else ()
        response = Response(body, content_type=TEXT)
    else:
        start, end = wanted.ranges[0]
        found = call.services.live_log(job.id, name, start, min(PIECE, (end or start + PIECE) - start)) or b""
        if not found:
            raise RangeNotSatisfiable(f"The log has not come to byte {start} yet.", content_range="bytes */*")
        response = Response(found, 206, content_type=TEXT)
        response.headers["Content-Range"] = f"bytes {start}-{start + len(found) - 1}/*"
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _pieces(call: Call, job: Job, name: str) -> Iterator[bytes]:
    start = 0
    while piece := call.services.live_log(job.id, name, start, PIECE):
        yield piece
        start += len(piece)


_HEADERS: Final = ("Range",)
_ANSWERS: Final = {
    200: Answer("The log as far as it is written", "text", ("text/plain",)),
    206: Answer("The part of it that was asked for", "text", ("text/plain",)),
}

AREA: Final = Area(
    routes=(
        Route(
            method="GET", path="/jobs/{jobID}/logs", view=whole, name="getJobLog", action="read-logs", tag="Jobs",
            summary="The log of a job", offers=None, headers=_HEADERS, answers=_ANSWERS, errors=(NoSuchJob,),
        ),
        Route(
            method="GET", path="/jobs/{jobID}/{step}.log", view=step, name="getStepLog", action="read-logs",
            tag="Jobs", summary="The log of one step", offers=None, headers=_HEADERS, answers=_ANSWERS,
            errors=(NoSuchJob, NoSuchResource),
        ),
    ),
    schemas={"text": {"type": "string"}},
)  # fmt: skip
