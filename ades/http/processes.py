"""Which processes there are, and what each of them takes and gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from ades.errors import NoSuchProcess
from ades.http import query
from ades.http.components import LINKS
from ades.http.landing import PROCESSES, PROCESSES_2, REL
from ades.http.negotiation import HTML, JSON
from ades.http.paging import PAGING, neighbours, wanted
from ades.http.respond import kept
from ades.http.routes import Answer, Area, Route
from ades.model import Access
from ades.policy import Action
from ades.recipe import describe_eodh

if TYPE_CHECKING:
    from flask import Response

    from ades.http.call import Call
    from ades.model import Process

_DESCRIPTION_PROFILE: Final = "https://www.opengis.net/def/profile/OGC/0/ogc-process-description"
_ONLY_IN_DESCRIPTION: Final = frozenset({"inputs", "outputs", "links"})
_REASONING: Final = {
    Access.PRIVATE: "Workspace owns this workflow",
    Access.PUBLIC: "Workflow is public",
    Access.USER_SERVICE: "Workflow is a user service",
    Access.SHARED: "Workflow is shared with you",
}


def listing(call: Call) -> Response:
    """A page of the processes that the caller may see: built-in ones first, then the newest."""
    call.allow()
    return kept(call, call.services.catalog.version(call.workspace), lambda: _listing(call))


def description(call: Call, processID: str) -> Response:  # noqa: N803 - the standard's word
    """One process: its inputs and outputs."""
    process = call.process(processID)
    if call.query["revision"] is not None:
        process = call.services.deployments.revision(process, call.query["revision"])
    version = (process.digest, process.revision, process.access, process.updated)
    return kept(call, version, lambda: describe(call, process))


def describe(call: Call, process: Process) -> dict[str, Any]:
    """The description of a process in the dialect of the prefix."""
    document = _head(call, process)
    ports = {key: process.description.get(key, {}) for key in ("inputs", "outputs")}
    if call.mount is not None and call.mount.profile.eodh_descriptions:
        ports = describe_eodh(ports)
    return document | ports | {"links": _links(call, process)}


def summarise(call: Call, process: Process, base: str | None = None) -> dict[str, Any]:
    """A process as it stands in a list; `base` saves building the address of the API for each of many."""
    url = f"{base or call.base}/processes/{quote(process.id, safe='')}"
    links = [
        {"href": url, "rel": "self", "type": JSON.media_type, "title": "Description"},
        {"href": f"{url}?f=html", "rel": "alternate", "type": HTML.bare, "title": "Description as a web page"},
        {"href": f"{url}/execution", "rel": REL + "execute", "type": JSON.media_type, "title": "Execute"},
    ]
    return _head(call, process) | {"links": links}


def _listing(call: Call) -> dict[str, Any]:
    page = wanted(call, whole=call.mount is not None and call.mount.profile.whole_lists)
    found, cursor = call.services.catalog.page(call.workspace, page, lambda processes: _visible(call, processes))
    base = call.base
    return {
        "processes": [summarise(call, process, base) for process in found],
        "links": call.links("Processes") + neighbours(call, page, cursor),
    }


def _visible(call: Call, processes: list[Process]) -> list[bool]:
    if call.services.policy.check(call.question(action=Action.LIST_ALL_PROCESSES)).allowed:
        return [True] * len(processes)
    questions = [call.question(process=process, action=Action.READ_PROCESS) for process in processes]
    return [decision.allowed for decision in call.services.policy.check_many(questions)]


def _head(call: Call, process: Process) -> dict[str, Any]:
    rest = {key: value for key, value in process.description.items() if key not in _ONLY_IN_DESCRIPTION}
    head = {"id": process.id} | rest | {"version": process.version, "mutable": process.mutable}
    if call.mount is not None and call.mount.profile.eodh_descriptions:
        head["AccessReasoning"] = _REASONING[process.access if process.mutable else Access.PRIVATE]
    return head


def _links(call: Call, process: Process) -> list[dict[str, str]]:
    url = call.url("processes", process.id)
    own = [link for link in process.description.get("links", []) if "href" in link and "rel" in link]
    links = [
        *call.links("Description"),
        {"href": f"{url}/execution", "rel": REL + "execute", "type": JSON.media_type, "title": "Execute"},
        {"href": _DESCRIPTION_PROFILE, "rel": "profile", "title": "The profile that this document follows"},
        {
            "href": call.url("jobs", processID=process.id),
            "rel": REL + "job-list",
            "type": JSON.media_type,
            "title": "Jobs of this process",
        },
        {"href": call.url("processes"), "rel": "up", "type": JSON.media_type, "title": "Processes"},
        {"href": call.base, "rel": "service", "type": JSON.media_type, "title": "The first page"},
    ]
    return links + (_deployed_links(call, process) if process.mutable else []) + own


def _deployed_links(call: Call, process: Process) -> list[dict[str, str]]:
    """What there is of a process that was deployed, beside its description: of the revision that was asked for."""
    asked = {} if call.query.get("revision") is None else {"revision": process.revision}
    package, picture = (call.url("processes", process.id, part, **asked) for part in ("package", "workflow.svg"))
    history = call.url("processes", process.id, "revisions")
    return [
        {"href": package, "rel": "related", "type": "application/cwl+yaml", "title": "Package"},
        {"href": history, "rel": "version-history", "type": JSON.media_type, "title": "Revisions"},
        {"href": picture, "rel": "preview", "type": "image/svg+xml", "title": "Steps of the workflow"},
    ]


REVISION: Final = query.whole("revision", "Which revision; the newest if it is not said.", minimum=1)

_PORT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["schema"],
    "properties": {
        "title": {"type": "string"},
        "description": {"type": "string"},
        "schema": {"type": "object", "description": "A JSON Schema, with the keywords of OpenAPI 3.0."},
        "minOccurs": {"type": "integer", "minimum": 0, "default": 1},
        "maxOccurs": {"oneOf": [{"type": "integer", "minimum": 1}, {"type": "string", "enum": ["unbounded"]}]},
    },
}
_SUMMARY: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "version", "mutable", "links"],
    "properties": {
        "id": {"type": "string"},
        "title": {"type": "string"},
        "description": {"type": "string"},
        "version": {"type": "string"},
        "mutable": {"type": "boolean", "description": "Whether it can be replaced and undeployed."},
        "keywords": {"type": "array", "items": {"type": "string"}},
        "metadata": {"type": "array", "items": {"type": "object"}},
        "jobControlOptions": {
            "type": "array",
            "items": {"type": "string", "enum": ["sync-execute", "async-execute", "dismiss"]},
        },
        "outputTransmission": {"type": "array", "items": {"type": "string", "enum": ["value", "reference"]}},
        "links": LINKS,
    },
}

AREA: Final = Area(
    routes=(
        Route(
            method="GET", path="/processes", view=listing, name="getProcesses", action=Action.LIST_PROCESSES,
            summary="The processes that you may see", page="processes", query=PAGING,
            description="Built-in processes come first, then the newest.",
            answers={200: Answer("A page of processes", "processList", headers=("Link", "ETag"))},
        ),
        Route(
            method="GET", path="/processes/{processID}", view=description, name="getProcessDescription",
            action=Action.READ_PROCESS, summary="What a process takes and gives", page="process", query=(REVISION,),
            answers={200: Answer("The description", "process", headers=("Link", "ETag"))}, errors=(NoSuchProcess,),
        ),
    ),
    schemas={
        "processSummary": _SUMMARY,
        "process": {
            "allOf": [
                {"$ref": "#/components/schemas/processSummary"},
                {
                    "type": "object",
                    "required": ["inputs", "outputs"],
                    "properties": {
                        "inputs": {"type": "object", "additionalProperties": _PORT},
                        "outputs": {"type": "object", "additionalProperties": _PORT},
                    },
                },
            ]
        },
        "processList": {
            "type": "object",
            "required": ["processes", "links"],
            "properties": {
                "processes": {"type": "array", "items": {"$ref": "#/components/schemas/processSummary"}},
                "links": LINKS,
            },
        },
    },
    conformance=(
        PROCESSES + "ogc-process-description", PROCESSES_2 + "ogc-process-description",
    ),
)  # fmt: skip
