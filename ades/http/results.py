"""Results, in the form that was asked for when the job was made, or that is asked for now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from ades.errors import (
    BadRequest,
    Conflict,
    JobFailed,
    NoSuchJob,
    NoSuchOutput,
    NotAcceptable,
    ResultNotAvailable,
    ResultNotReady,
)
from ades.http import collections, documents, jobpages, lookup, pages, query
from ades.http.links import LINK, presigned
from ades.http.negotiation import HTML, JSON
from ades.http.ranges import send_object
from ades.http.respond import Response, dumps, render
from ades.http.routes import Answer, Area, Route
from ades.http.shaping import asked, shaper
from ades.model import ResultKind
from ades.service import request
from ades.service.handover import results_prefix
from ades.service.representation import (
    JSON_TYPE,
    MULTIPART,
    ZIP,
    Archive,
    Asked,
    Collection,
    Document,
    Door,
    Entry,
    Links,
    Multipart,
    Nothing,
    Output,
    Raw,
    decide,
)
from ades.service.results import element
from ades.service.shape import gone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ades.http.call import Call
    from ades.model import Job, Result
    from ades.service.representation import Representation

RESULTS_PROFILE: Final = "https://www.opengis.net/def/profile/OGC/0/ogc-results"
MEDIA_TYPES: Final = (JSON_TYPE, MULTIPART, ZIP, "text/html", "*/*")

_IN_QUOTES: Final = " !#$&'()*+,/:;<=>?@[]^`{|}"
"""Beside letters and digits, what stands between the quotes of a header as it is."""


# -- views ----------------------------------------------------------------------------------------------------------


def results(call: Call, jobID: str) -> Response:  # noqa: N803 - the standard's word
    """All results of a job that were asked for, or those that are named now."""
    return respond(call, lookup.find(call, jobID), Door.RESULTS, only=call.query["outputs"])


def output(call: Call, jobID: str, outputID: str) -> Response:  # noqa: N803
    """The plain value of one output."""
    job = lookup.find(call, jobID)
    found = call.services.outputs.one(job, outputID)
    if call.query["link"]:
        return _link(call, found)
    want = asked(call, None, None)
    if want.document:
        return _document(call, job, Document((Entry(found, by_reference=False),)))
    plain = Output(found.id, found.rows, found.many)
    return _answer(call, job, decide((plain,), Asked(accept=want.accept), Door.RESULTS))


def part(call: Call, jobID: str, outputID: str, path: str) -> Response:  # noqa: N803
    """One of several values of an output, or a file of one that is a folder."""
    job = lookup.find(call, jobID)
    found = call.services.outputs.one(job, outputID)
    number, _, rest = path.partition("/")
    if found.many and number.isascii() and number.isdigit() and len(number) < 10:  # noqa: PLR2004
        row = element(found, int(number))
        if not rest and call.query["link"]:
            return _link(call, Output(found.id, (row,)))
        if not rest:
            return _answer(call, job, decide((Output(found.id, (row,)),), _plainly(call), Door.RESULTS))
        return _file(call, job, row, rest)
    return _file(call, job, found.rows[0], path)


def _link(call: Call, output: Output) -> Response:
    """An address of an output that is one file."""
    row = output.rows[0]
    if output.many or row.kind is not ResultKind.FILE:
        raise Conflict(f"Output {output.id} is not one file; ask for the link of a file in it.")
    try:
        return presigned(call, str(row.key))
    except FileNotFoundError:
        raise gone(row) from None


def _plainly(call: Call) -> Asked:
    return Asked(accept=asked(call, None, None).accept)


def _file(call: Call, job: Job, row: Result, path: str) -> Response:
    """A file in a folder, beside a file, or in a value."""
    folder = row.kind in {ResultKind.DIRECTORY, ResultKind.STAC}
    key = f"{row.key if folder else results_prefix(job) + '/' + row.output}/{path}"
    try:
        return presigned(call, key) if call.query["link"] else documents.send(call, key)
    except (FileNotFoundError, BadRequest):
        raise ResultNotAvailable(f"There is no file {path[:80]!r} in output {row.output}.") from None


# -- answers --------------------------------------------------------------------------------------------------------


def respond(call: Call, job: Job, door: Door, only: tuple[str, ...] | None = None) -> Response:
    """The results of a job in the form that request, preferences and headers together ask for."""
    outputs = call.services.outputs.of(job, only)
    want = asked(call, request.parse(job.request).form, job.preferences.get("return"))
    return _answer(call, job, decide(outputs, want, door))


def _answer(call: Call, job: Job, form: Representation) -> Response:
    if isinstance(form, Document):
        return _document(call, job, form)
    if isinstance(form, Collection):
        return _json(call, job, collections.collection(call, job, form.outputs), html=form.html)
    return _other(call, job, form)


def _other(call: Call, job: Job, form: Nothing | Raw | Multipart | Links | Archive) -> Response:
    match form:
        case Nothing():
            return Response(status=204)
        case Raw(output, media_type):
            return _raw(call, job, output, media_type)
        case Multipart(entries):
            media_type, body = shaper(call, job).multipart(entries)
            return Response(body, content_type=media_type)
        case Links(outputs):
            return _links(call, job, outputs)
        case Archive(outputs):
            response = Response(shaper(call, job).archive(outputs), content_type=ZIP)
            response.headers.set("Content-Disposition", "attachment", filename=f"{job.process_id}-{job.id}.zip")
            return response


def _raw(call: Call, job: Job, output: Output, media_type: str) -> Response:
    row = output.rows[0] if output.rows else None
    if row is not None and not output.many and row.kind is ResultKind.FILE:
        try:
            name = str(row.key).rsplit("/", 1)[-1]
            return send_object(call.request, call.services.objects, str(row.key), media_type=row.media_type, name=name)
        except FileNotFoundError:
            raise gone(row) from None
    body = shaper(call, job).value(output, media_type)
    return Response(body, content_type=f"{media_type}; charset=utf-8" if media_type == "text/plain" else media_type)


def _document(call: Call, job: Job, form: Document) -> Response:
    response = _json(call, job, shaper(call, job).document(form.entries), html=form.html)
    if not form.html:
        response.headers.add("Link", f'<{RESULTS_PROFILE}>; rel="profile"')
    return response


def _json(call: Call, job: Job, document: dict[str, Any], *, html: bool) -> Response:
    if html:
        body = render(call, document, "results", jobpages.results(call, job, document))
        return Response(body, content_type=HTML.media_type, headers=pages.HEADERS)
    return Response(dumps(document), content_type=call.mount.profile.json if call.mount else JSON.media_type)


def _links(call: Call, job: Job, outputs: Iterable[Output]) -> Response:
    shape = shaper(call, job)
    links = [f'<{shape.href(o.id)}>; rel="{quote(o.id, safe=_IN_QUOTES)}"; type="{o.media_types[0]}"' for o in outputs]
    return Response(status=204, headers={"Link": ", ".join(links)})


# -- routes ---------------------------------------------------------------------------------------------------------

_ERRORS: Final = (NoSuchJob, ResultNotReady, ResultNotAvailable, NoSuchOutput, NotAcceptable, JobFailed)
_PROFILE: Final = query.text("profile", "`ogc-results` asks for the document with all results.")

AREA: Final = Area(
    routes=(
        Route(
            method="GET", path="/jobs/{jobID}/results", view=results, name="getResult", action="read-results",
            tag="Results", summary="The results of a job", offers=None,
            query=(query.words("outputs", "Only these outputs."), _PROFILE),
            answers={
                200: Answer("The results", "results", MEDIA_TYPES, headers=("Link",)),
                204: Answer("The results are behind the links in the headers", headers=("Link",)),
            },
            errors=_ERRORS,
        ),
        Route(
            method="GET", path="/jobs/{jobID}/results/{outputID}", view=output, name="getOutput",
            action="read-results", tag="Results", summary="The value of one output", offers=None, query=(_PROFILE, LINK),
            headers=("Range",),
            answers={
                200: Answer("The value", "anything", MEDIA_TYPES, headers=("ETag",)),
                206: Answer("The part of it that was asked for", "anything", ("*/*",), headers=("ETag",)),
            },
            errors=(*_ERRORS, Conflict),
        ),
        Route(
            method="GET", path="/jobs/{jobID}/results/{outputID}/{path*}", view=part, name="getOutputPart",
            action="read-results", tag="Results", offers=None, query=(LINK,), headers=("Range",),
            summary="One of several values of an output, or a file in it",
            answers={
                200: Answer("The value", "anything", MEDIA_TYPES, headers=("ETag",)),
                206: Answer("The part of it that was asked for", "anything", ("*/*",), headers=("ETag",)),
            },
            errors=(*_ERRORS, Conflict),
        ),
    ),
    schemas={
        "results": {
            "type": "object",
            "description": "Each output by its name: a value, `{value, mediaType}`, `{href, type}`, or an array of them.",
            "additionalProperties": True,
        },
        "anything": {"description": "Whatever the output is."},
    },
)  # fmt: skip
