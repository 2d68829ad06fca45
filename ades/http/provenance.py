"""How the results of a job came about (OGC API - Processes, Part 4, and W3C PROV)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from ades.errors import NoSuchJob, ResultNotReady
from ades.http import lookup
from ades.http.landing import JOBS
from ades.http.negotiation import HTML, JSON, Form
from ades.http.respond import Response
from ades.http.routes import Answer, Area, Route
from ades.policy import Action
from ades.service.archive import zipped
from ades.service.provenance import Histories, crate, prov, provn

if TYPE_CHECKING:
    from flask import Response as FlaskResponse

    from ades.http.call import Call
    from ades.model import Job
    from ades.service.provenance import Facts

ZIP: Final = Form("zip", "application/zip", "as an archive")
METADATA: Final = Form("jsonld", "application/ld+json", "as its metadata alone")
PROVN: Final = Form("provn", "text/provenance-notation; charset=utf-8", "in PROV-N")


def history(call: Call, jobID: str) -> FlaskResponse:  # noqa: N803 - the standard's word
    """The provenance of a job, with as much of it as the caller may see."""
    job = lookup.find(call, jobID)
    document = prov.document(facts(call, job))
    if call.form is PROVN:
        return Response(provn.text(document), content_type=PROVN.media_type)
    return call.answer(document)


def package(call: Call, jobID: str) -> FlaskResponse:  # noqa: N803
    """The run as an archive: package, request, provenance, logs, and the results that are small."""
    job = lookup.find(call, jobID)
    if not job.status.finished:
        raise ResultNotReady(f"The job is {job.status.value}; it can be taken away when it has ended.")
    logs = call.services.policy.check(call.question(job=job, action=Action.READ_LOGS)).allowed
    made = crate.crate(facts(call, job), call.services.objects, logs=logs)
    if call.form is METADATA:
        return call.answer(made.metadata())
    response = Response(zipped(made.everything()), content_type=ZIP.media_type)
    response.headers.set("Content-Disposition", "attachment", filename=f"{job.process_id}-{job.id}.crate.zip")
    response.headers["Link"] = f'<{crate.PROFILE}>; rel="profile"'
    return response


def facts(call: Call, job: Job) -> Facts:
    """What is known of a job. Its results are for who may read them, the caller's name for his own workspace."""
    check = call.services.policy.check
    base = call.root + call.mount.path(job.deploying) if call.mount else ""
    return Histories(call.services.store, call.services.packages).of(
        job,
        call.url("jobs", str(job.id)),
        f"{base}/processes/{quote(job.process_id, safe='')}",
        actor=check(call.question(action=Action.LIST_ALL_JOBS, workspace=job.calling)).allowed,
        results=check(call.question(job=job, action=Action.READ_RESULTS)).allowed,
    )


AREA: Final = Area(
    routes=(
        Route(
            method="GET", path="/jobs/{jobID}/prov", page="prov", view=history, name="getJobProvenance", action=Action.READ_JOB,
            tag="Jobs", summary="How the results of a job came about", offers=(JSON, PROVN, HTML),
            answers={200: Answer("A W3C PROV document", "provenance", headers=("ETag",))}, errors=(NoSuchJob,),
        ),
        Route(
            method="GET", path="/jobs/{jobID}/crate", view=package, name="getJobCrate", action=Action.READ_RESULTS,
            tag="Jobs", summary="A run to take away, as an RO-Crate", offers=(ZIP, METADATA),
            description="Package, request, provenance and logs, with the small results; large ones are named by address.",
            answers={200: Answer("A Workflow Run Crate, or a Process Run Crate", "crate", headers=("Link",))},
            errors=(NoSuchJob, ResultNotReady),
        ),
    ),
    schemas={
        "provenance": {
            "type": "object",
            "description": "PROV-JSON: entities, activities, agents, and how they belong together.",
            "required": ["prefix", "activity", "agent"],
            "properties": {
                name: {"type": "object", "additionalProperties": True}
                for name in ("prefix", "entity", "activity", "agent")
            },
        },
        "crate": {"type": "object", "description": "The metadata of an RO-Crate 1.1."},
    },
    conformance=(JOBS + "provenance",),
)  # fmt: skip
