"""Execution: `POST /processes/{processID}/execution`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ades.errors import (
    ContentTooLarge,
    FetchRefused,
    InvalidInput,
    JobFailed,
    KeyReused,
    NoSuchOutput,
    NoSuchProcess,
    QuotaExceeded,
    UnsupportedMediaType,
)
from ades.http import lookup, own, results, shaping
from ades.http.components import KEEP
from ades.http.landing import PROCESSES, PROCESSES_2
from ades.http.negotiation import JSON
from ades.http.respond import Response, dumps, link_header
from ades.http.routes import Answer, Area, Body, Route
from ades.service import preferences, request
from ades.service.representation import Door, check_possible
from ades.service.submit import Order

if TYPE_CHECKING:
    from ades.http.call import Call
    from ades.model import Job, Process
    from ades.service.preferences import Mode, Preferences


def execute(call: Call, processID: str) -> Response:  # noqa: N803 - the standard's word
    """Run a process, and wait for its end or not."""
    process = call.process(processID)
    body = call.json()
    execution = request.parse(body)
    preferred = preferences.parse(",".join(call.request.headers.getlist("Prefer")))
    mode = preferences.mode(preferred, _offered(process), call.services.settings.sync_wait)
    if mode.wait:
        asked = shaping.asked(call, execution.form, preferred.returns)
        check_possible(execution.outputs or process.description.get("outputs") or {}, asked)
    order = order_of(call, process, body, execution, preferred)
    tolerant = order.lenient and not call.services.settings.eodh_strict
    job = call.services.submissions.submit(replace(order, tolerate_missing=tolerant))
    job = call.services.waiting.until_finished(job, mode.wait)
    if mode.wait and job.status.finished:
        return _finished(call, job, mode)
    return accepted(call, job, mode)


def _offered(process: Process) -> list[str]:
    offered: list[str] = process.description.get("jobControlOptions") or ["sync-execute", "async-execute"]
    return offered


def order_of(
    call: Call, process: Process, body: dict[str, Any], execution: request.Execution, preferred: Preferences
) -> Order:
    """What is asked for, by whom and how, as the verbs want it."""
    return Order(
        process=process,
        actor=call.actor,
        execution=execution,
        body=body,
        preferences=preferred,
        idempotency_key=request.idempotency_key(call.request.headers.get("Idempotency-Key")),
        lenient=lookup.is_eodh(call),
        own=own.found(call, execution.inputs),
        base=call.base,
    )


def accepted(call: Call, job: Job, mode: Mode) -> Response:
    """201: the job has been made, and here is where to watch it."""
    shown = lookup.document(call, job)
    content_type = call.mount.profile.json if call.mount else JSON.media_type
    response = Response(dumps(shown), 201, content_type=content_type)
    response.headers["Location"] = call.url("jobs", str(job.id))
    if link := link_header(shown["links"]):
        response.headers["Link"] = link
    return _applied(response, mode)


def _finished(call: Call, job: Job, mode: Mode) -> Response:
    """The results themselves, with a pointer to the job that was made for them."""
    response = results.respond(call, job, Door.EXECUTION)
    if call.services.settings.cite:
        response.headers.pop("Link", None) if response.status_code == 200 else None  # noqa: PLR2004
    else:
        response.headers.add("Link", f'<{call.url("jobs", str(job.id))}>; rel="monitor"; type="application/json"')
    return _applied(response, mode)


def _applied(response: Response, mode: Mode) -> Response:
    if mode.applied:
        response.headers["Preference-Applied"] = ", ".join(mode.applied)
    return response


EXECUTE: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "inputs": {
            "type": "object",
            "additionalProperties": True,
            "description": "Each by its name: a value, `{value, mediaType}`, `{href, type}`, or an array of them.",
        },
        "outputs": {
            "type": "object",
            "description": "The wanted outputs by their names; all of them when this is left out.",
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "transmissionMode": {"type": "string", "enum": ["value", "reference"]},
                    "mediaType": {"type": "string"},
                    "format": {"type": "object", "properties": {"mediaType": {"type": "string"}}},
                },
            },
        },
        "response": {"type": "string", "enum": ["raw", "document"]},
        "subscriber": {
            "type": "object",
            "description": "Who is told when the job succeeds, fails or goes on. `format` says in which form.",
            "properties": {
                **{
                    name: {"type": "string", "format": "uri", "pattern": "^(https?://|mailto:)"}
                    for name in request.SUBSCRIPTIONS
                },
                "format": {"type": "string", "enum": list(request.TOLD_AS), "default": request.PLAIN},
            },
        },
        "keep": KEEP,
    },
}

AREA: Final = Area(
    routes=(
        Route(
            method="POST", path="/processes/{processID}/execution", view=execute, name="execute",
            action="execute-process", summary="Run a process", tag="Execution", offers=None,
            description="Without a `Prefer` header the answer waits for the results, as long as the server allows; "
            "`Prefer: respond-async` gets the job at once.",
            body=Body(("application/json",), "execute", examples={"application/json": {"inputs": {"name": "World"}}}),
            headers=("Prefer", "Idempotency-Key"),
            answers={
                200: Answer("The results", "results", results.MEDIA_TYPES, headers=("Link", "Preference-Applied")),
                201: Answer(
                    "The job, which is not finished", "statusInfo", ("application/json",),
                    headers=("Location", "Link", "Preference-Applied"),
                ),
                204: Answer("Nothing, or links to the results in the headers", headers=("Link", "Preference-Applied")),
            },
            errors=(
                NoSuchProcess, InvalidInput, NoSuchOutput, UnsupportedMediaType, ContentTooLarge, JobFailed,
                FetchRefused, QuotaExceeded, KeyReused,
            ),
        ),
    ),
    schemas={"execute": EXECUTE},
    conformance=(PROCESSES + "core", PROCESSES_2 + "core"),
)  # fmt: skip
