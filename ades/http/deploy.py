"""Deploy, replace and undeploy processes; their packages, revisions and pictures (OGC API - Processes, Part 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
import yaml

from ades.errors import (
    ContentTooLarge,
    DuplicatedProcess,
    FetchFailed,
    ImmutableProcess,
    InvalidPackage,
    NoSuchProcess,
    NoSuchResource,
    TooManyRequests,
    UnsupportedMediaType,
    WorkflowNotFound,
)
from ades.http import query
from ades.http.access import ACCESS, SHARED_WITH
from ades.http.components import LINKS
from ades.http.negotiation import JSON, Form
from ades.http.processes import REVISION, summarise
from ades.http.respond import Response
from ades.http.routes import Answer, Area, Body, Route
from ades.recipe import MEDIA_TYPES, Document, draw, read, supported
from ades.service import access
from ades.service.status import moment

if TYPE_CHECKING:
    from flask import Response as FlaskResponse

    from ades.http.call import Call
    from ades.model import Package, Process

PART_2: Final = "http://www.opengis.net/spec/ogcapi-processes-2/1.0/conf/"
CWL_JSON: Final = Form("cwl+json", "application/cwl+json", "as CWL in JSON")
CWL_YAML: Final = Form("cwl+yaml", "application/cwl+yaml", "as CWL in YAML")
SVG: Final = Form("svg", "image/svg+xml", "as a picture")
_MOST_WARNINGS: Final = 10
_LONGEST_WARNING: Final = 300


def deploy(call: Call) -> FlaskResponse:
    """Make a process of a package."""
    _check_type(call)
    call.allow()
    workspace, tenants = call.tenant(), call.services.tenants
    document = _document(call)
    if call.query["dryRun"]:
        return _checked(call, document)
    tenants.barriers.deployment(workspace)
    asked = access.of_query(call.query["access"], call.query["sharedWith"])
    try:
        deployed = call.services.deployments.deploy(
            call.workspace,
            document,
            entry=call.query["w"],
            decide=lambda cwl: tenants.sharings.at_deploy(workspace, document, asked, cwl),
        )
    except DuplicatedProcess as error:
        place = call.url("processes", str(error.extra["id"]))
        raise DuplicatedProcess(error.detail, location=place) from error
    body = summarise(call, deployed.process) | {"warnings": list(deployed.warnings)}
    headers = {"Location": call.url("processes", deployed.process.id)} | _warning_header(deployed.warnings)
    return call.answer(body, status=201, headers=headers)


def replace(call: Call, processID: str) -> FlaskResponse:  # noqa: N803 - the standard's word
    """Give a process a new package."""
    _check_type(call)
    process = call.process(processID)
    call.services.tenants.barriers.deployment(call.tenant())
    document = _document(call)
    deployed = call.services.deployments.replace(call.workspace, process.id, document, entry=call.query["w"])
    headers = {"Location": call.url("processes", process.id)} | _warning_header(deployed.warnings)
    return Response(b"", 204, headers=headers)


def undeploy(call: Call, processID: str) -> FlaskResponse:  # noqa: N803
    """Take a process away; its jobs stay."""
    process = call.process(processID)
    call.services.deployments.undeploy(call.workspace, process.id)
    return Response(b"", 204)


def package(call: Call, processID: str) -> FlaskResponse:  # noqa: N803
    """The document that was deployed, byte for byte, or the same as JSON or YAML."""
    process = _wanted(call, call.process(processID))
    found = call.services.deployments.package(process)
    own = Form("package", found.media_type)
    form = call.negotiate(own, CWL_JSON, CWL_YAML, JSON)
    body, kind = (found.body, found.media_type) if form is own else (_converted(found, form), form.media_type)
    headers = {
        "Vary": "Accept, Authorization",
        "Content-Disposition": f'inline; filename="{_file_name(process, kind)}"',
    }
    response = Response(body, 200, headers=headers, content_type=kind)
    response.set_etag(f"{found.digest[:24]}-{form.name}")
    response.make_conditional(call.request)
    return response


def revisions(call: Call, processID: str) -> FlaskResponse:  # noqa: N803
    """What the process has been, newest first."""
    process = call.process(processID)
    entries = [_revision(call, entry) for entry in call.services.deployments.history(process)]
    return call.answer({"id": process.id, "revisions": entries, "links": call.links("Revisions")})


def picture(call: Call, processID: str) -> FlaskResponse:  # noqa: N803
    """The steps of the workflow, drawn."""
    process = _wanted(call, call.process(processID))
    if not process.mutable:
        raise NoSuchResource(f"The process {process.id} is part of the server and has no steps to draw.")
    found = call.services.deployments.package(process)
    response = Response(draw(found.executable), 200, content_type=SVG.media_type)
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.set_etag(f"{found.digest[:24]}-svg")
    response.make_conditional(call.request)
    return response


# -- what comes in --------------------------------------------------------------------------------------------------


def _check_type(call: Call) -> None:
    """Before anything else is looked at: a body of a form that is not understood helps nobody."""
    if not supported(call.content_type):
        sent = f"came as {call.content_type[:80]}" if call.content_type else "came without a Content-Type"
        raise UnsupportedMediaType(f"The package {sent}; it may be {', '.join(sorted(MEDIA_TYPES))}.")


def _document(call: Call) -> Document:
    return read(call.body(), call.content_type)


def _wanted(call: Call, process: Process) -> Process:
    """The revision that the address asks for."""
    number = call.query["revision"]
    return process if number is None else call.services.deployments.revision(process, number)


# -- what goes out --------------------------------------------------------------------------------------------------


def _checked(call: Call, document: Document) -> FlaskResponse:
    checked = call.services.deployments.check(call.workspace, document, entry=call.query["w"])
    body = checked.compiled.description | {"warnings": list(checked.warnings), "links": []}
    return call.answer(body, headers=_warning_header(checked.warnings))


def _warning_header(warnings: tuple[str, ...]) -> dict[str, str]:
    """The warnings for those who do not read the body, or get none."""
    said = [_quoted(warning) for warning in warnings[:_MOST_WARNINGS]]
    return {"Warning": ", ".join(f'299 - "{warning}"' for warning in said)} if said else {}


def _quoted(text: str) -> str:
    plain = "".join(char if " " <= char <= "~" else "?" for char in text)
    return plain[:_LONGEST_WARNING].replace("\\", "/").replace('"', "'")


def _converted(package: Package, form: Form) -> bytes:
    """The CWL of a package in another notation; of an application package the CWL that it means."""
    document = read(package.body, package.media_type).value
    if form is not JSON and isinstance(document, dict) and "executionUnit" in document:
        document = package.executable["document"]
    if form is CWL_YAML:
        return yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=100).encode()
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def _file_name(process: Process, media_type: str) -> str:
    ending = "json" if "json" in media_type else "cwl"
    return f"{process.id}.{ending}"


def _revision(call: Call, process: Process) -> dict[str, Any]:
    url = call.url("processes", process.id, revision=process.revision)
    document = call.url("processes", process.id, "package", revision=process.revision)
    links = [{"href": url, "rel": "self", "type": JSON.media_type, "title": f"Revision {process.revision}"}]
    if process.mutable:
        links.append({"href": document, "rel": "related", "type": CWL_YAML.media_type, "title": "Package"})
    created = process.updated or process.created
    entry = {
        "revision": process.revision,
        "version": process.version,
        "title": process.description.get("title", process.id),
        "digest": process.digest,
        "created": moment(created) if created else None,
        "links": links,
    }
    return {key: value for key, value in entry.items() if value is not None}


# -- routes ---------------------------------------------------------------------------------------------------------

_ENTRY: Final = query.text(
    "w", "The id of the workflow to deploy, when the package holds several; otherwise the first.",
    pattern=r"[^\x00-\x1f]{1,500}",
)  # fmt: skip
_DRY_RUN: Final = query.flag("dryRun", "Only check the package and say what would be deployed.")


_EXAMPLE: Final = """cwlVersion: v1.2
class: CommandLineTool
id: greet
label: Say hello
baseCommand: [echo, Hello]
inputs:
  name: {type: string, default: world, inputBinding: {position: 1}}
outputs:
  greeting: {type: stdout}
"""
_BODY: Final = Body(
    tuple(sorted(MEDIA_TYPES)),
    "package",
    description="CWL, or an OGC application package that holds or names it.",
    examples={
        "application/cwl+yaml": _EXAMPLE,
        "application/ogcapppkg+json": {
            "executionUnit": {"href": "https://example.com/water.cwl#water", "type": "application/cwl"}
        },
    },
)
_REFUSALS: Final = (
    ContentTooLarge, FetchFailed, ImmutableProcess, InvalidPackage, TooManyRequests, UnsupportedMediaType, WorkflowNotFound,
)  # fmt: skip

AREA: Final = Area(
    routes=(
        Route(
            method="POST", path="/processes", view=deploy, name="deployProcess", action="deploy-process",
            tag="Deployment", summary="Deploy a process", offers=(JSON,), query=(_ENTRY, _DRY_RUN, ACCESS, SHARED_WITH), body=_BODY,
            description="The package says what the process takes and gives. `warnings` in the answer are no refusals.",
            answers={
                201: Answer("The process has been deployed", "deployed", headers=("Location", "Warning")),
                200: Answer("What would be deployed (with `dryRun`)", "deployed", headers=("Warning",)),
            },
            errors=(DuplicatedProcess, *_REFUSALS),
        ),
        Route(
            method="PUT", path="/processes/{processID}", view=replace, name="replaceProcess",
            action="replace-process", tag="Deployment", summary="Replace a process", offers=None,
            description="Makes a new revision. Jobs that exist keep theirs.", query=(_ENTRY,), body=_BODY,
            answers={204: Answer("The process has been replaced", headers=("Location", "Warning"))},
            errors=(NoSuchProcess, *_REFUSALS),
        ),
        Route(
            method="DELETE", path="/processes/{processID}", view=undeploy, name="undeployProcess",
            action="undeploy-process", tag="Deployment", summary="Undeploy a process", offers=None,
            description="Its jobs stay, and keep running.",
            answers={204: Answer("The process is gone")}, errors=(NoSuchProcess, ImmutableProcess),
        ),
        Route(
            method="GET", path="/processes/{processID}/package", view=package, name="getPackage",
            action="read-process", tag="Deployment", summary="The package of a process", offers=None,
            description="As it was deployed; CWL is converted between JSON and YAML if asked.", query=(REVISION,),
            answers={
                200: Answer(
                    "The package", "package", (CWL_YAML.bare, CWL_JSON.bare, "application/ogcapppkg+json"), ("ETag",)
                )
            },
            errors=(NoSuchProcess, ImmutableProcess),
        ),
        Route(
            method="GET", path="/processes/{processID}/revisions", view=revisions, name="getRevisions",
            action="read-process", tag="Deployment", summary="The history of a process", page="revisions",
            answers={200: Answer("All revisions, newest first", "revisions", headers=("Link", "ETag"))},
            errors=(NoSuchProcess,),
        ),
        Route(
            method="GET", path="/processes/{processID}/workflow.svg", view=picture, name="getPicture",
            action="read-process", tag="Deployment", summary="The steps of a workflow as a picture", offers=None,
            query=(REVISION,), answers={200: Answer("A drawing", media_types=(SVG.bare,), headers=("ETag",))},
            errors=(NoSuchProcess, NoSuchResource),
        ),
    ),
    schemas={
        "package": {"type": "object", "description": "A CWL document, or an OGC application package."},
        "deployed": {
            "allOf": [
                {"$ref": "#/components/schemas/processSummary"},
                {"type": "object", "properties": {"warnings": {"type": "array", "items": {"type": "string"}}}},
            ]
        },
        "revisions": {
            "type": "object",
            "required": ["id", "revisions", "links"],
            "properties": {
                "id": {"type": "string"},
                "revisions": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["revision", "version", "digest", "links"],
                        "properties": {
                            "revision": {"type": "integer", "minimum": 1},
                            "version": {"type": "string"},
                            "title": {"type": "string"},
                            "digest": {"type": "string"},
                            "created": {"type": "string", "format": "date-time"},
                            "links": LINKS,
                        },
                    },
                },
                "links": LINKS,
            },
        },
    },
    conformance=tuple(PART_2 + name for name in ("deploy-replace-undeploy", "ogcapppkg", "cwl", "docker")),
)  # fmt: skip
