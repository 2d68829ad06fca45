"""Who may see and execute a process: an extension of OGC API - Processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ades.errors import BadRequest, Conflict, ImmutableProcess, NoSuchProcess
from ades.http import query
from ades.http.components import KEEP, LINKS
from ades.http.negotiation import JSON
from ades.http.routes import Answer, Area, Body, Route
from ades.model import Access
from ades.service import access, request

if TYPE_CHECKING:
    from flask import Response

    from ades.http.call import Call
    from ades.model import Process

_MERGE: Final = "application/merge-patch+json"

ACCESS: Final = query.text(
    "access", "Who may see and execute the process: private, public, user-service or shared.",
    pattern="|".join(Access),
)  # fmt: skip
SHARED_WITH: Final = query.words(
    "sharedWith", "For access `shared`: `workspace:<name>` and `user:<name>`, separated by commas."
)


def change(call: Call, processID: str) -> Response:  # noqa: N803 - the standard's word
    """Change who may see and execute a process."""
    process = call.process(processID)
    body = call.json("application/json", _MERGE)
    for name in body:
        if name not in {"access", "sharedWith", "keep"}:
            raise BadRequest(
                f"Of a process only `access`, `sharedWith` and `keep` can be changed, not {name[:80]!r}.",
                field=name[:80],
            )
    keep = request.keep(body.get("keep"))
    wanted = access.read(body.get("access"), body.get("sharedWith")) if body.keys() != {"keep"} else None
    if wanted is not None:
        process = call.services.tenants.sharings.change(process, wanted)
    if "keep" in body:
        call.services.catalog.builtins.refuse_change(process.id)
        process = call.services.store.processes.set_keep(process.workspace, process.id, keep)
    return call.answer(_document(call, process))


def show(call: Call, processID: str) -> Response:  # noqa: N803
    """Who may see and execute a process, for those who may change it."""
    return call.answer(_document(call, call.process(processID)))


def take_over(call: Call) -> Response:
    """Do what an access policy of EODH's platform says of the processes of this workspace."""
    call.allow()
    call.tenant()
    wanted = access.of_workflows(call.json())
    done = call.services.tenants.sharings.change_all(call.workspace, wanted)
    return call.answer({"processes": [{"id": name, "access": kind.value} for name, kind in done.items()], "links": []})


def _document(call: Call, process: Process) -> dict[str, Any]:
    url = call.url("processes", process.id)
    return {
        "id": process.id,
        "access": process.access.value,
        "sharedWith": list(process.shared_with),
        **({"keep": process.keep} if process.keep else {}),
        "links": [{"href": url, "rel": "describedby", "type": JSON.media_type, "title": "The process"}],
    }


_ERRORS: Final = (NoSuchProcess, ImmutableProcess, Conflict)
_EXAMPLE: Final = {"access": "shared", "sharedWith": ["workspace:bob", "user:ann"]}

AREA: Final = Area(
    routes=(
        Route(
            method="PATCH", path="/processes/{processID}", view=change, name="changeAccess", action="share-process",
            tag="Access", summary="Change who may see and execute a process, and how long its jobs are kept", offers=(JSON,), errors=_ERRORS,
            body=Body(("application/json", _MERGE), "access", examples={"application/json": _EXAMPLE}),
            answers={200: Answer("Who may see and execute it now", "access")},
            description="`private`: its workspace. `public`: everybody, in the caller's workspace. `user-service`: "
            "everybody, in the workspace of the process. `shared`: the named ones, in the caller's workspace.",
        ),
        Route(
            method="GET", path="/processes/{processID}/access", view=show, name="getAccess", action="share-process",
            tag="Access", summary="Who may see and execute a process", offers=(JSON,), errors=(NoSuchProcess,),
            answers={200: Answer("Who may see and execute it", "access")},
        ),
        Route(
            method="POST", path="/access-policy", view=take_over, name="importAccessPolicy", action="share-process",
            tag="Access", summary="Take over an access policy of EODH", offers=(JSON,), errors=(Conflict,),
            body=Body(
                ("application/json",), "accessPolicy",
                examples={"application/json": {"workflows": {"water-bodies": {"access": "public"}}}},
            ),
            answers={200: Answer("The processes that the document names, and their access now", "accesses")},
        ),
    ),
    schemas={
        "access": {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "access": {"type": "string", "enum": [word.value for word in Access]},
                "sharedWith": {"type": "array", "items": {"type": "string", "pattern": "^(workspace|user):.+$"}},
                "keep": KEEP,
                "links": LINKS,
            },
        },
        "accessPolicy": {
            "type": "object",
            "required": ["workflows"],
            "properties": {
                "workflows": {
                    "type": "object",
                    "additionalProperties": {
                        "description": "`access`: public or private; `type`: user-service. All else means private.",
                        "example": {"access": "public"},
                    },
                }
            },
        },
        "accesses": {
            "type": "object",
            "properties": {
                "processes": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"id": {"type": "string"}, "access": {"type": "string"}},
                    },
                },
                "links": LINKS,
            },
        },
    },
)  # fmt: skip
