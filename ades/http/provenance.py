"""How the results of a job came about (OGC API - Processes, Part 4, and W3C PROV)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from ades.errors import NoSuchJob
from ades.http import lookup
from ades.http.landing import JOBS
from ades.http.negotiation import HTML, JSON, Form
from ades.http.respond import Response
from ades.http.routes import Answer, Area, Route
from ades.policy import Action
from ades.service.provenance import Histories, prov, provn

if TYPE_CHECKING:
    from flask import Response as FlaskResponse

    from ades.http.call import Call
    from ades.model import Job
    from ades.service.provenance import Facts

PROVN: Final = Form("provn", "text/provenance-notation; charset=utf-8", "in PROV-N")


def history(call: Call, jobID: str) -> FlaskResponse:  # noqa: N803 - the standard's word
    """The provenance of a job, with as much of it as the caller may see."""
    job = lookup.find(call, jobID)
    document = prov.document(facts(call, job))
    if call.form is PROVN:
        return Response(provn.text(document), content_type=PROVN.media_type)
    return call.answer(document)


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
            method="GET", path="/jobs/{jobID}/prov", view=history, name="getJobProvenance", action=Action.READ_JOB,
            tag="Jobs", summary="How the results of a job came about", offers=(JSON, PROVN, HTML),
            answers={200: Answer("A W3C PROV document", "provenance", headers=("ETag",))}, errors=(NoSuchJob,),
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
    },
    conformance=(JOBS + "provenance",),
)  # fmt: skip
