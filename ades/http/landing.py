"""The first page of a workspace's API, and which conformance classes it fulfils."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from ades.http.components import LINK, LINKS
from ades.http.negotiation import HTML, JSON
from ades.http.openapi import OPENAPI
from ades.http.routes import Answer, Area, Route
from ades.policy import Action

if TYPE_CHECKING:
    from flask import Response

    from ades.http.call import Call

COMMON: Final = "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/"
PROCESSES: Final = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"
PROCESSES_2: Final = "http://www.opengis.net/spec/ogcapi-processes-1/2.0/conf/"
JOBS: Final = "http://www.opengis.net/spec/ogcapi-processes-4/1.0/conf/"
REL: Final = "http://www.opengis.net/def/rel/ogc/1.0/"

_STAC_VERSION: Final = "1.0.0"


def landing(call: Call) -> Response:
    """Where everything else is."""
    call.allow()
    workspace = call.tenant()
    title = workspace.title or f"{call.services.settings.title}: {workspace.name}"
    document: dict[str, Any] = {
        "title": title,
        "description": f"Processes, jobs and results of the workspace {workspace.name}.",
    }
    if call.mount is not None and call.mount.profile.stac_landing:
        document = {"type": "Catalog", "stac_version": _STAC_VERSION, "id": workspace.name} | document
        document["links"] = _links(call, title) + _stac_links(call, title)
    else:
        document["links"] = _links(call, title)
    return call.answer(document)


def conformance(call: Call) -> Response:
    """Which parts of the standards are fulfilled."""
    call.allow()
    call.tenant()
    classes = sorted(set(chain.from_iterable(area.conformance for area in call.services.areas)))
    return call.answer({"conformsTo": classes, "links": call.links("Conformance")})


def _links(call: Call, title: str) -> list[dict[str, str]]:
    found = call.links(title)
    for path, rel, kind, words in (
        ("/api", "service-desc", OPENAPI.media_type, "The definition of this API"),
        ("/api.html", "service-doc", HTML.bare, "The definition of this API as a web page"),
        ("/conformance", REL + "conformance", JSON.media_type, "Parts of the standards that are fulfilled"),
        ("/processes", REL + "processes", JSON.media_type, "Processes of this workspace"),
        ("/jobs", REL + "job-list", JSON.media_type, "Jobs of this workspace"),
    ):
        if path in call.services.paths:
            found.append({"href": call.base + path, "rel": rel, "type": kind, "title": words})
    return found


def _stac_links(call: Call, title: str) -> list[dict[str, str]]:
    found = [{"href": call.base, "rel": "root", "type": JSON.media_type, "title": title}]
    for path, rel, kind, words in (
        ("/catalogs", "catalogs", JSON.media_type, "Catalogues of this workspace"),
        ("/collections", "data", JSON.media_type, "Collections of this workspace"),
        ("/search", "search", "application/geo+json", "Search through the results"),
    ):
        if path in call.services.paths:
            found.append({"href": call.base + path, "rel": rel, "type": kind, "title": words})
    return found


AREA: Final = Area(
    routes=(
        Route(
            method="GET", path="/", view=landing, name="getLandingPage", action=Action.READ_SERVICE, tag="Service",
            summary="The first page: where everything else is", page="landing",
            answers={200: Answer("The first page", "landingPage")},
        ),
        Route(
            method="GET", path="/conformance", view=conformance, name="getConformance", action=Action.READ_SERVICE,
            tag="Service", summary="Which parts of the standards are fulfilled", page="conformance",
            answers={200: Answer("The conformance classes", "conformance")},
        ),
    ),
    schemas={
        "landingPage": {
            "type": "object",
            "required": ["links"],
            "properties": {
                "title": {"type": "string"},
                "description": {"type": "string"},
                "type": {"type": "string", "enum": ["Catalog"], "description": "In the EODH dialect: a STAC catalogue"},
                "stac_version": {"type": "string"},
                "id": {"type": "string"},
                "links": LINKS,
            },
        },
        "conformance": {
            "type": "object",
            "required": ["conformsTo"],
            "properties": {"conformsTo": {"type": "array", "items": {"type": "string", "format": "uri"}}, "links": LINKS},
        },
        "link": LINK,
    },
    conformance=(
        COMMON + "core", COMMON + "landing-page", COMMON + "json", COMMON + "html", COMMON + "oas30",
        PROCESSES + "json", PROCESSES + "html", PROCESSES + "oas30",
        PROCESSES_2 + "json", PROCESSES_2 + "html", PROCESSES_2 + "oas30",
    ),
)  # fmt: skip
