"""How long a job is kept: an extension of OGC API - Processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.errors import BadRequest, NoSuchJob
from ades.http import lookup
from ades.http.components import KEEP
from ades.http.negotiation import JSON
from ades.http.routes import Answer, Area, Body, Route
from ades.service import request

if TYPE_CHECKING:
    from flask import Response

    from ades.http.call import Call


def keep(call: Call, jobID: str) -> Response:  # noqa: N803 - the standard's word
    """Say how long a job is kept after its end."""
    job = lookup.find(call, jobID)
    word = request.keep(call.json().get("keep"))
    if word is None:
        raise BadRequest('Say how long, as in {"keep": "30"}: `forever`, a number of days, or `none`.', field="keep")
    return call.answer(lookup.document(call, call.services.store.jobs.retain(job.id, word)))


_BODY: Final = Body(("application/json",), "keep", examples={"application/json": {"keep": "30"}})

AREA: Final = Area(
    routes=(
        Route(
            method="PUT", path="/jobs/{jobID}/keep", view=keep, name="keepJob", action="change-job", tag="Jobs",
            summary="Say how long a job is kept", offers=(JSON,), body=_BODY, errors=(NoSuchJob,),
            description="`forever`, a number of days after its end, or `none`: then the results go an hour after the "
            "end, and the job and its logs stay.",
            answers={200: Answer("The status, with `keepUntil`", "statusInfo")},
        ),
    ),
    schemas={"keep": {"type": "object", "required": ["keep"], "properties": {"keep": KEEP}}},
)  # fmt: skip
