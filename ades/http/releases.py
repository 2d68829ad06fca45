"""Releases: results that are copied to where others find them. An extension of OGC API - Processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from ades.errors import BadRequest, Conflict, NoSuchJob, NoSuchOutput, NoSuchResource
from ades.http import lookup, query
from ades.http.components import LINKS
from ades.http.negotiation import JSON
from ades.http.respond import Response, dumps
from ades.http.routes import Answer, Area, Body, Route
from ades.policy import Action
from ades.service.release import Releases
from ades.service.status import moment

if TYPE_CHECKING:
    from flask import Response as FlaskResponse

    from ades.http.call import Call
    from ades.model import Release

_FIELDS: Final = frozenset({"job", "to", "outputs", "collection"})


def release(call: Call) -> FlaskResponse:
    """Have results of a job copied to a release store."""
    body = call.json()
    for name in body:
        if name not in _FIELDS:
            raise BadRequest(f"A release has {', '.join(sorted(_FIELDS))}, and no {name[:80]!r}.", field=name[:80])
    outputs, collection = body.get("outputs"), body.get("collection")
    if outputs is not None and not (isinstance(outputs, list) and all(isinstance(name, str) for name in outputs)):
        raise BadRequest("`outputs` is a list of names.", field="outputs")
    if collection is not None and not isinstance(collection, str):
        raise BadRequest("`collection` is a name.", field="collection")
    job = lookup.find(call, str(body.get("job") or ""))
    made = _releases(call).request(job, str(body.get("to") or ""), call.actor.name, outputs, collection)
    place = call.url("releases", str(made.id))
    return Response(dumps(_told(call, made)), 202, content_type=JSON.media_type, headers={"Location": place})


def listing(call: Call) -> FlaskResponse:
    """The releases of the workspace, newest first."""
    call.allow()
    call.tenant()
    job = _uuid(call.query["job"]) if call.query["job"] else None
    found = call.services.store.releases.list(call.workspace, job)
    return call.answer({"releases": [_told(call, one) for one in found], "links": call.links("Releases")})


def one(call: Call, releaseID: str) -> FlaskResponse:  # noqa: N803 - as the standard writes its own
    """A release with its files."""
    call.allow()
    call.tenant()
    return call.answer(_told(call, _find(call, releaseID)) | {"links": call.links("Release")})


def withdraw(call: Call, releaseID: str) -> FlaskResponse:  # noqa: N803
    """Have a release deleted where it was copied to."""
    call.allow()
    call.tenant()
    gone = _releases(call).withdraw(_find(call, releaseID), call.actor.name)
    return Response(dumps(_told(call, gone)), 202, content_type=JSON.media_type)


def _releases(call: Call) -> Releases:
    return Releases(call.services.settings, call.services.store)


def _find(call: Call, id: str) -> Release:  # noqa: A002 - the standard's word
    return call.services.store.releases.get(call.workspace, _uuid(id))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NoSuchResource(f"{text[:80]!r} is the id of nothing.") from None


def _told(call: Call, found: Release) -> dict[str, Any]:
    document = {
        "id": str(found.id),
        "job": str(found.job),
        "process": found.process_id,
        "to": found.store,
        "collection": found.collection,
        "outputs": list(found.outputs),
        "status": found.status.value,
        "message": found.message,
        "place": found.place,
        "requested": moment(found.requested),
        "requestedBy": found.requested_by,
        "released": found.released and moment(found.released),
        "withdrawn": found.withdrawn and moment(found.withdrawn),
        "withdrawnBy": found.withdrawn_by,
        "files": list(found.files) or None,
    }
    link = {"href": call.url("releases", str(found.id)), "rel": "self", "type": JSON.media_type}
    return {name: value for name, value in document.items() if value is not None} | {"links": [link]}


_BODY: Final = Body(
    ("application/json",), "releaseRequest",
    examples={"application/json": {"job": "6f1c0f3e-2f0a-4b43-9a5b-0c4f6d1c2a77", "to": "public"}},
)  # fmt: skip
_NAMES: Final = {"type": "array", "items": {"type": "string"}}

AREA: Final = Area(
    routes=(
        Route(
            method="POST", path="/releases", view=release, name="releaseResults", action=Action.RELEASE_RESULTS,
            tag="Releases", summary="Release results of a job", offers=(JSON,), body=_BODY,
            description="Chosen results are copied to a release store that the operator has named. They outlive the job.",
            answers={202: Answer("The release, which a worker will copy", "release", headers=("Location",))},
            errors=(NoSuchJob, NoSuchOutput, Conflict),
        ),
        Route(
            method="GET", path="/releases", view=listing, name="getReleases", action=Action.READ_RELEASES, tag="Releases",
            summary="What was released", query=(query.text("job", "Only releases of this job."),),
            answers={200: Answer("All releases, newest first", "releaseList", headers=("Link", "ETag"))},
        ),
        Route(
            method="GET", path="/releases/{releaseID}", view=one, name="getRelease", action=Action.READ_RELEASES,
            tag="Releases", summary="A release with its files and their checksums", errors=(NoSuchResource,),
            answers={200: Answer("The release", "release", headers=("Link", "ETag"))},
        ),
        Route(
            method="DELETE", path="/releases/{releaseID}", view=withdraw, name="withdrawRelease",
            action=Action.WITHDRAW_RELEASE, tag="Releases", summary="Withdraw a release", offers=(JSON,),
            answers={202: Answer("The release, which a worker will delete", "release")}, errors=(NoSuchResource, Conflict),
        ),
    ),
    schemas={
        "releaseRequest": {
            "type": "object",
            "required": ["job", "to"],
            "properties": {
                "job": {"type": "string", "format": "uuid"},
                "to": {"type": "string", "description": "The name of a release store."},
                "outputs": _NAMES | {"description": "The results to release; all of them when this is left out."},
                "collection": {"type": "string", "description": "What it belongs to there; else the process."},
            },
        },
        "release": {
            "type": "object",
            "required": ["id", "job", "to", "status", "links"],
            "properties": {
                "id": {"type": "string", "format": "uuid"},
                "job": {"type": "string", "format": "uuid"},
                "process": {"type": "string"},
                "to": {"type": "string"},
                "collection": {"type": "string"},
                "outputs": _NAMES,
                "status": {"type": "string", "enum": ["requested", "released", "failed", "withdrawing", "withdrawn"]},
                "message": {"type": "string"},
                "place": {"type": "string", "description": "Its folder in the release store."},
                "requested": {"type": "string", "format": "date-time"},
                "requestedBy": {"type": "string"},
                "released": {"type": "string", "format": "date-time"},
                "withdrawn": {"type": "string", "format": "date-time"},
                "withdrawnBy": {"type": "string"},
                "files": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "path": {"type": "string"},
                            "size": {"type": "integer"},
                            "sha256": {"type": "string"},
                        },
                    },
                },
                "links": LINKS,
            },
        },
        "releaseList": {
            "type": "object",
            "required": ["releases", "links"],
            "properties": {
                "releases": {"type": "array", "items": {"$ref": "#/components/schemas/release"}},
                "links": LINKS,
            },
        },
    },
)  # fmt: skip
