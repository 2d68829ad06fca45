"""What people do on the pages: fill in a form and run a process, stop a job, run it again.

Forms work without scripts, so they are plain POST requests, which a browser also sends on behalf of a foreign page.
Therefore each of them is refused unless the browser says that it comes from a page of this server (`origin`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ades.errors import (
    AdesError,
    ContentTooLarge,
    FetchFailed,
    InvalidInput,
    Locked,
    MethodNotAllowed,
    NoSuchJob,
    NoSuchOutput,
    NoSuchProcess,
    QuotaExceeded,
    UnsupportedMediaType,
)
from ades.http import creation, filling, forms, jobs, lookup, own, processes, query
from ades.http.negotiation import HTML, listed
from ades.http.origin import check_form
from ades.http.respond import Response
from ades.http.routes import Answer, Area, Body, Route
from ades.service import preferences, request
from ades.service.submit import Order

if TYPE_CHECKING:
    from flask import Response as FlaskResponse

    from ades.http.call import Call
    from ades.model import JSON, Job, Process

_FORM_TYPES: Final = ("multipart/form-data", "application/x-www-form-urlencoded")
_TOLD: Final = (InvalidInput, NoSuchOutput, QuotaExceeded, FetchFailed)
"""What a person can mend in the form."""


# -- running a process ----------------------------------------------------------------------------------------------


def form(call: Call, processID: str) -> FlaskResponse:  # noqa: N803 - the standard's word
    """The form, with defaults filled in, or with what an earlier job was run with."""
    process = call.process(processID)
    earlier = lookup.readable(call, call.query["job"]).request.get("inputs") if call.query["job"] else None
    description = processes.describe(call, process)
    fields = forms.fields(description)
    return _page(call, description, filling.fill(fields, earlier), {})


def door(call: Call, processID: str) -> FlaskResponse:  # noqa: N803
    """Who opens the address for execution in a browser gets the form."""
    if not listed(call.request.headers.get("Accept"), HTML.bare) and call.args.get(query.FORM) != HTML.name:
        call.process(processID)
        raise MethodNotAllowed("Send a POST request to run the process; a browser gets a form here.", allow="POST")
    return form(call, processID)


def run(call: Call, processID: str) -> FlaskResponse:  # noqa: N803
    """Run the process with what was filled in, or show the form again with what does not fit."""
    check_form(call)
    process = call.process(processID)
    description = processes.describe(call, process)
    raw, uploads = _posted(call)
    answers = filling.read(forms.fields(description), raw, uploads)
    if answers.errors:
        return _page(call, description, raw, answers.errors)
    body: dict[str, JSON] = {"inputs": answers.inputs}
    wanted = filling.outputs(description, raw)
    try:
        return _to(call, _submit(call, process, body if wanted is None else body | {"outputs": wanted}))
    except _TOLD as error:
        return _page(call, description, raw, _problems(error))


def _posted(call: Call) -> tuple[filling.Raw, dict[str, list[filling.Upload]]]:
    if call.content_type not in _FORM_TYPES:
        raise UnsupportedMediaType(f"Forms are sent as {' or '.join(_FORM_TYPES)}.")
    call.request.max_form_memory_size = call.services.settings.body_limit
    uploads = {
        name: [filling.Upload(f.filename, f.mimetype, f.read()) for f in files if f.filename]
        for name, files in call.request.files.lists()
    }
    return dict(call.request.form.lists()), uploads


def _submit(call: Call, process: Process, body: dict[str, JSON]) -> Job:
    execution = request.parse(body)
    return call.services.submissions.submit(
        Order(
            process=process,
            actor=call.actor,
            execution=execution,
            body=body,
            preferences=preferences.parse(None),
            own=own.found(call, execution.inputs),
        )
    )


def _problems(error: AdesError) -> dict[str, str]:
    """What does not fit, by input."""
    found: dict[str, str] = {}
    for problem in error.extra.get("errors") or [{"field": "", "detail": error.detail}]:
        text = str(problem["detail"])
        found.setdefault(str(problem["field"]), text[:1].upper() + text[1:])
    return found


def _page(call: Call, description: dict[str, Any], raw: filling.Raw, problems: dict[str, str]) -> FlaskResponse:
    return call.answer(
        description,
        status=400 if problems else 200,
        page="execute",
        fields=forms.fields(description),
        raw=raw,
        problems=problems,
        action=call.url("processes", description["id"], "form"),
    )


# -- what can be done with a job ------------------------------------------------------------------------------------


def dismiss(call: Call, jobID: str) -> FlaskResponse:  # noqa: N803
    """Stop a job, or remove one that has finished."""
    check_form(call)
    job = lookup.find(call, jobID)
    jobs.take_away(call, job)
    return _go(call.url("jobs")) if job.status.finished else _to(call, job)


def start(call: Call, jobID: str) -> FlaskResponse:  # noqa: N803
    """Start a job that was made and waits."""
    check_form(call)
    return _to(call, creation.begin(call, lookup.find(call, jobID)))


def _to(call: Call, job: Job) -> FlaskResponse:
    return _go(call.url("jobs", str(job.id)))


def _go(address: str) -> FlaskResponse:
    return Response(status=303, headers={"Location": address})


# -- routes ---------------------------------------------------------------------------------------------------------

_SENT: Final = Body(_FORM_TYPES, "filledForm", description="The form as a browser sends it.")
_DONE: Final = {303: Answer("Done; go on there", headers=("Location",))}
_EARLIER: Final = query.text("job", "A job whose inputs are filled in.", pattern=r"[0-9a-fA-F-]{32,36}")


def _deed(path: str, view: Any, name: str, action: str, summary: str, *errors: type[AdesError]) -> Route:
    return Route(
        method="POST", path=f"/jobs/{{jobID}}/{path}", view=view, name=name, action=action, summary=summary, tag="Pages",
        offers=(HTML,), answers=_DONE, errors=(NoSuchJob, *errors),
    )  # fmt: skip


AREA: Final = Area(
    routes=(
        Route(
            method="GET", path="/processes/{processID}/form", view=form, name="getForm", action="execute-process",
            tag="Pages", summary="The form to run a process", page="execute", offers=(HTML,), query=(_EARLIER,),
            answers={200: Answer("The form")}, errors=(NoSuchProcess, NoSuchJob),
        ),
        Route(
            method="GET", path="/processes/{processID}/execution", view=door, name="openForm",
            action="execute-process", tag="Pages", summary="The form to run a process, for browsers", page="execute",
            offers=(HTML,), query=(_EARLIER,), answers={200: Answer("The form")},
            errors=(NoSuchProcess, NoSuchJob, MethodNotAllowed),
        ),
        Route(
            method="POST", path="/processes/{processID}/form", view=run, name="sendForm", action="execute-process",
            tag="Pages", summary="Run a process with what was filled in", page="execute", offers=(HTML,), body=_SENT,
            answers=_DONE, errors=(NoSuchProcess, UnsupportedMediaType, ContentTooLarge),
        ),
        _deed("dismiss", dismiss, "dismissByForm", "dismiss-job", "Stop a job, or remove one that has finished"),
        _deed(
            "start", start, "startByForm", "change-job", "Start a job that waits", Locked, NoSuchProcess, InvalidInput,
            QuotaExceeded,
        ),
    ),
    schemas={
        "filledForm": {
            "type": "object",
            "description": "`in:NAME` for each input, `in:NAME:file` for an upload, `out` for each wanted output.",
            "additionalProperties": {"type": "string"},
        },
    },
)  # fmt: skip
