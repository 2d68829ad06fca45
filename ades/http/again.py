"""Running again exactly what a job ran: the same package, the same request, whatever has become of the process since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from ades.errors import (
    FetchFailed,
    InvalidInput,
    KeyReused,
    NoSuchJob,
    NoSuchProcess,
    QuotaExceeded,
    ResultNotAvailable,
)
from ades.http import execution, lookup, own
from ades.http.negotiation import HTML, JSON
from ades.http.origin import check_form
from ades.http.respond import Response
from ades.http.routes import Answer, Area, Route
from ades.model import Access, Process
from ades.policy import Action
from ades.service import preferences, request
from ades.service.handover import STORE, CannotRun
from ades.service.preferences import Mode
from ades.service.submit import Order

if TYPE_CHECKING:
    from flask import Response as FlaskResponse

    from ades.http.call import Call
    from ades.model import Job


def rerun(call: Call, jobID: str) -> FlaskResponse:  # noqa: N803 - the standard's word
    """Run exactly the same again, as a new job."""
    check_form(call)  # nothing has to be sent along, so a foreign page could ask for it like a form
    job = lookup.readable(call, jobID)
    again = call.services.submissions.submit(_order(call, job, process_of(call, job)))
    if call.html:
        return Response(status=303, headers={"Location": call.url("jobs", str(again.id))})
    return execution.accepted(call, again, Mode(0, ()))


def process_of(call: Call, job: Job) -> Process:
    """What a job runs, as a process that the caller may execute today.

    While a process of that name is deployed, its access decides, whichever revision it has; after that only its own
    workspace may go on with its package.
    """
    try:
        package = call.services.packages.of(job).package
    except CannotRun as error:
        raise NoSuchProcess(str(error)) from error
    process = call.services.catalog.find(job.deploying, job.process_id)
    if process is None or process.mutable != (job.digest is not None):
        process = Process(
            workspace=job.deploying,
            id=job.process_id,
            version="",
            revision=job.revision,
            digest=package.digest,
            description=package.description,
            mutable=True,
            access=Access.PRIVATE,
        )
    call.allow(process=process, action=Action.EXECUTE_PROCESS, workspace=job.deploying)
    return process.evolve(revision=job.revision, digest=package.digest, description=package.description)


def _order(call: Call, job: Job, process: Process) -> Order:
    execution_of_then = request.parse(job.request)
    returns = job.preferences.get("return")
    return Order(
        process=process,
        actor=call.actor,
        execution=execution_of_then,
        body=job.request,
        preferences=preferences.parse(f"return={returns}" if returns else None),
        idempotency_key=request.idempotency_key(call.request.headers.get("Idempotency-Key")),
        lenient=bool(job.preferences.get("lenient")),
        own=_still_there(call, own.again(call, execution_of_then.inputs, job.preferences.get("own") or {})),
        repeats=job.id,
        base=call.base,
    )


def _still_there(call: Call, known: dict[str, Any]) -> dict[str, Any]:
    """The inputs that lay on this server, if they still do."""
    for address, meaning in known.items():
        if isinstance(meaning, dict) and str(meaning.get("href", "")).startswith(STORE):
            key = unquote(meaning["href"].removeprefix(STORE))
            if next(iter(call.services.objects.list(key)), None) is None:
                raise InvalidInput(
                    f"The job cannot be run again as it was: its input {address[:200]} is no longer there. Put it back, or "
                    "run the process with other inputs."
                )
    return known


_ERRORS: Final[Any] = (
    NoSuchJob,
    NoSuchProcess,
    InvalidInput,
    ResultNotAvailable,
    FetchFailed,
    QuotaExceeded,
    KeyReused,
)

AREA: Final = Area(
    routes=(
        Route(
            method="POST", path="/jobs/{jobID}/rerun", view=rerun, name="rerun", action=Action.EXECUTE_PROCESS,
            tag="Jobs", summary="Run exactly the same again", offers=(JSON, HTML), headers=("Idempotency-Key",),
            description="The same package, even if the process was replaced or undeployed since, and the same request. "
            "A form of a web page is answered with 303.",
            answers={
                201: Answer("The new job", "statusInfo", headers=("Location", "Link")),
                303: Answer("Done; go on there", headers=("Location",)),
            },
            errors=_ERRORS,
        ),
    ),
)  # fmt: skip
