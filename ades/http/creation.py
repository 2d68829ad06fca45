"""Jobs that are made first and started later (OGC API - Processes, Part 4): make, change, start, and what they will do.

A job that was made belongs to the package that the process had at that moment, as every job does; whether its caller
may execute the process is asked again when it is started.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urljoin, urlsplit

from ades.errors import (
    Conflict,
    ContentTooLarge,
    IncompleteDefinition,
    InvalidInput,
    KeyReused,
    Locked,
    NoSuchJob,
    NoSuchOutput,
    NoSuchProcess,
    QuotaExceeded,
    UnsupportedMediaType,
    UnsupportedSchema,
)
from ades.http import again, execution, lookup
from ades.http.landing import JOBS
from ades.http.negotiation import HTML, JSON
from ades.http.origin import check_form
from ades.http.respond import Response
from ades.http.routes import Answer, Area, Body, Route
from ades.model import JobStatus
from ades.policy import Action
from ades.service import preferences, request
from ades.service.preferences import Mode

if TYPE_CHECKING:
    from flask import Response as FlaskResponse

    from ades.http.call import Call
    from ades.model import Job, Process
    from ades.service.preferences import Preferences
    from ades.service.submit import Order

_SCHEMAS: Final = ("execute.yaml", "execute-workflows.yaml", "execute.json", "execute-workflows.json")
"""How the schemas of an execution request are called, whichever copy of them a client names."""
_MADE: Final = (None, "create", "created")
_STARTED: Final = "accepted"


# -- views ----------------------------------------------------------------------------------------------------------


def create(call: Call) -> FlaskResponse:
    """Make a job; it waits to be started, unless its definition says otherwise."""
    call.allow(action=Action.LIST_JOBS)  # which process it is about stands in the body; strangers get no further
    call.tenant()
    body = _definition(call)
    process = _process(call, body, call.workspace)
    order = _order(call, process, body, preferences.parse(_preferred(call)), start=_starts(body))
    job = call.services.submissions.submit(order)
    returns = order.preferences.returns
    return execution.accepted(call, job, Mode(0, (f"return={returns}",) if returns else ()))


def change(call: Call, jobID: str) -> FlaskResponse:  # noqa: N803 - the standard's word
    """Change the definition of a job that waits: each member that is sent takes the place of the old one."""
    job = _unstarted(lookup.find(call, jobID))
    news = _definition(call)
    merged = {name: value for name, value in (job.request | news).items() if value is not None}
    process = _process(call, merged, job.deploying) if "process" in news else again.process_of(call, job)
    returns = job.preferences.get("return")
    preferred = _preferred(call) or (f"return={returns}" if returns else "")
    order = _order(call, process, merged, preferences.parse(preferred), start=False)
    changed = call.services.submissions.change(job, order)
    if _starts(merged):
        begin(call, changed)
    return Response(status=204)


def start(call: Call, jobID: str) -> FlaskResponse:  # noqa: N803
    """Start a job that was made and waits."""
    check_form(call)  # nothing has to be sent along, so a foreign page could ask for it like a form
    return call.answer(lookup.document(call, begin(call, lookup.find(call, jobID))))


def definition(call: Call, jobID: str) -> FlaskResponse:  # noqa: N803
    """What the job was asked to do: the body that made it, or changed it last."""
    job = lookup.find(call, jobID)
    return call.answer({"process": call.url("processes", job.process_id)} | job.request)


def inputs(call: Call, jobID: str) -> FlaskResponse:  # noqa: N803
    """The inputs and the wanted outputs of a job."""
    job = lookup.find(call, jobID)
    shown: dict[str, Any] = {"inputs": job.request.get("inputs") or {}}
    if job.request.get("outputs") is not None:
        shown["outputs"] = job.request["outputs"]
    if job.preferences.get("return"):
        shown["headers"] = {"Prefer": f"return={job.preferences['return']}"}
    links = call.links("Inputs")
    links.append({"href": call.url("jobs", str(job.id)), "rel": "up", "type": JSON.media_type, "title": "The job"})
    return call.answer(shown | {"links": links})


def begin(call: Call, job: Job) -> Job:
    """Start a job for somebody who may change it, if he may execute what it will run."""
    again.process_of(call, _unstarted(job))
    return call.services.submissions.start(job)


# -- inside ---------------------------------------------------------------------------------------------------------


def _definition(call: Call) -> dict[str, Any]:
    body = call.json()
    schema = call.request.headers.get("Content-Schema")
    if schema is not None and urlsplit(schema.strip("<> ")).path.rsplit("/", 1)[-1].lower() not in _SCHEMAS:
        raise UnsupportedSchema(
            f"The header Content-Schema names {schema[:200]!r}; a job is defined as execute-workflows.yaml of OGC API - "
            "Processes, Part 3, says. Leave the header out, or name that schema.",
            field="Content-Schema",
        )
    return body


def _process(call: Call, body: dict[str, Any], workspace: str) -> Process:
    """The process that a definition names, if the caller may execute it."""
    named = body.get("process")
    if not isinstance(named, str) or not named:
        raise IncompleteDefinition(
            "The definition names no process: add `process`, the address or the id of one.", field="process"
        )
    known = _id(call, named, workspace)
    process = call.services.catalog.find(workspace, known) if known is not None else None
    call.allow(process=process, action=Action.EXECUTE_PROCESS, workspace=workspace)
    if process is None:
        raise NoSuchProcess(f"There is no process {named[:200]!r} in the workspace {workspace}.", field="process")
    return process


def _id(call: Call, named: str, workspace: str) -> str | None:
    """The id in the address of a process: absolute, or relative to those of the processes; or the id alone."""
    address = urlsplit(urljoin(call.url("processes") + "/", named))
    if named.startswith(("/", ".")) or "://" in named:
        ours = [call.root + mount.path(workspace) + "/processes/" for mount in call.services.mounts]
        for prefix in ours:
            rest = address._replace(query="", fragment="").geturl().removeprefix(prefix)
            if "://" not in rest and "/" not in rest:
                return unquote(rest)
        return None
    return named


def _starts(body: dict[str, Any]) -> bool:
    """Whether a definition asks to be started at once."""
    wanted = body.get("status")
    if wanted not in (*_MADE, _STARTED):
        raise IncompleteDefinition(
            "The member `status` may be `created`, which is usual, or `accepted` to start the job at once.",
            field="status",
        )
    return wanted == _STARTED


def _order(call: Call, process: Process, body: dict[str, Any], preferred: Preferences, *, start: bool) -> Order:
    return replace(execution.order_of(call, process, body, request.parse(body), preferred), start=start)


def _unstarted(job: Job) -> Job:
    if job.status is not JobStatus.CREATED:
        raise Locked(f"The job has been started: it is {job.status.value}, and can no longer be changed or started.")
    return job


def _preferred(call: Call) -> str:
    return ",".join(call.request.headers.getlist("Prefer"))


# -- routes ---------------------------------------------------------------------------------------------------------

_SENT: Final = Body(
    ("application/json",),
    "jobDefinition",
    examples={"application/json": {"process": "hello", "inputs": {"name": "Ann"}}},
)
_ERRORS: Final = (
    NoSuchProcess, InvalidInput, NoSuchOutput, IncompleteDefinition, UnsupportedSchema, UnsupportedMediaType,
    ContentTooLarge, QuotaExceeded, KeyReused,
)  # fmt: skip
_STATUS: Final = Answer("The status", "statusInfo", headers=("Link",))

AREA: Final = Area(
    routes=(
        Route(
            method="POST", path="/jobs", view=create, name="createJob", action=Action.EXECUTE_PROCESS, tag="Jobs",
            summary="Make a job that is started later", offers=None, body=_SENT,
            description="What is missing may still come by PATCH; what is there is checked. POST …/results starts the "
            'job. With `"status": "accepted"` it starts at once.',
            headers=("Content-Schema", "Prefer", "Idempotency-Key"),
            answers={
                201: Answer(
                    "The job", "statusInfo", ("application/json",), headers=("Location", "Link", "Preference-Applied")
                )
            },
            errors=_ERRORS,
        ),
        Route(
            method="PATCH", path="/jobs/{jobID}", view=change, name="changeJob", action=Action.CHANGE_JOB, tag="Jobs",
            summary="Change a job that waits to be started", offers=None, body=_SENT, headers=("Content-Schema", "Prefer"),
            description="Each member that is sent takes the place of the old one; null takes it away.",
            answers={204: Answer("It is changed")}, errors=(NoSuchJob, Locked, Conflict, *_ERRORS),
        ),
        Route(
            method="POST", path="/jobs/{jobID}/results", view=start, name="startJob", action=Action.CHANGE_JOB,
            tag="Jobs", summary="Start a job that waits", page="job", offers=(JSON,),
            answers={200: _STATUS}, errors=(NoSuchJob, Locked, NoSuchProcess, InvalidInput, QuotaExceeded),
        ),
        Route(
            method="GET", path="/jobs/{jobID}/definition", view=definition, name="getJobDefinition",
            action=Action.READ_JOB, tag="Jobs", summary="What a job was asked to do", offers=(JSON, HTML),
            answers={200: Answer("The body that made the job, or changed it last", "jobDefinition", headers=("ETag",))},
            errors=(NoSuchJob,),
        ),
        Route(
            method="GET", path="/jobs/{jobID}/inputs", view=inputs, name="getJobInputs", action=Action.READ_JOB,
            tag="Jobs", summary="The inputs and the wanted outputs of a job", offers=(JSON, HTML),
            answers={200: Answer("Inputs and outputs", "jobInputs", headers=("Link", "ETag"))}, errors=(NoSuchJob,),
        ),
    ),
    schemas={
        "jobDefinition": {
            "type": "object",
            "properties": execution.EXECUTE["properties"]
            | {
                "process": {"type": "string", "description": "The address of the process, or its id."},
                "status": {
                    "type": "string",
                    "enum": ["create", "created", "accepted"],
                    "description": "`accepted` starts the job at once.",
                },
            },
        },
        "jobInputs": {
            "type": "object",
            "required": ["inputs", "links"],
            "properties": {
                "inputs": {"type": "object", "additionalProperties": True},
                "outputs": {"type": "object", "additionalProperties": True},
                "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                "links": {"type": "array", "items": {"$ref": "#/components/schemas/link"}},
            },
        },
    },
    conformance=(JOBS + "job-management", JOBS + "ogcapi-processes"),
)  # fmt: skip
