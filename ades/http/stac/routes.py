"""Where the STAC API stands, and what it answers there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ades.errors import NoSuchResource
from ades.http.negotiation import HTML, JSON
from ades.http.openapi import OPENAPI
from ades.http.routes import Answer, Area, Body, Route
from ades.http.stac import asking, views
from ades.http.stac.views import GEOJSON
from ades.model import Page
from ades.policy import Action

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Response

    from ades.http.call import Call

SITE: Final = "/{workspace}/stac"
TREE: Final = "/catalogs/processing-results"
OF_PROCESS: Final = TREE + "/catalogs/{processID}"
OF_JOB: Final = OF_PROCESS + "/catalogs/{catalogID}"
_EODH: Final = frozenset({"eodh"})


def _bound(level: str, view: Callable[..., Response], **rename: str) -> Callable[..., Response]:
    """A view at one level: the variables of the level make the place, the others go to the view."""

    def serve(call: Call, **variables: str) -> Response:
        own = {rename[name]: variables.pop(name) for name in rename if name in variables}
        return view(call, views.place(call, level, variables), **own)

    return serve


def _api(level: str, suffix: str, *, top: bool, profiles: frozenset[str] | None) -> list[Route]:
    """The routes of the API at one level; the names of their operations end on `suffix`."""

    def route(path: str, view: Callable[..., Response], name: str, summary: str, **more: Any) -> Route:
        rename = {"collectionID": "name", "itemID": "item_id"}
        given: dict[str, Any] = {
            "method": "GET",
            "tag": "STAC",
            "action": Action.READ_FILES,
            "page": "document",
            "profiles": profiles,
            "offers": (JSON, HTML),
            "errors": (NoSuchResource,),
            "answers": {200: Answer(summary, "stac")},
        }
        bound = _bound(level, view, **rename)
        return Route(
            **(given | {"path": level + path, "view": bound, "name": name + suffix, "summary": summary} | more)
        )

    found = [
        route("/collections", views.all_collections, "getCollections", "Collections", query=asking.PAGES),
        route("/collections/{collectionID}", views.collection, "getCollection", "A collection"),
        route(
            "/collections/{collectionID}/items", views.items, "getItems", "Items of a collection",
            query=asking.OF_SEARCH, offers=(GEOJSON, HTML),
        ),
        route(
            "/collections/{collectionID}/items/{itemID}", views.item, "getItem", "An item", offers=(GEOJSON, HTML),
        ),
        route(
            "/search", views.search, "getSearch", "Search for items", query=asking.OF_SEARCH, offers=(GEOJSON, HTML),
        ),
        route(
            "/search", views.search_by_body, "postSearch", "Search for items", method="POST", offers=(GEOJSON,),
            body=Body(("application/json", "application/geo+json"), "stacSearch"),
        ),
    ]  # fmt: skip
    if top:
        found += [
            route("" if level else "/", views.landing, "getCatalogue", "The results as a STAC catalogue"),
            route("/conformance", views.conformance, "getStacConformance", "What this STAC API can do"),
            route(
                "/api", _definition, "getStacDefinition", "The definition of this STAC API", page="api",
                offers=(OPENAPI, JSON, HTML), answers={200: Answer("An OpenAPI 3.0 document", "stac")},
            ),
        ]  # fmt: skip
    return found


def _definition(call: Call, here: views.Place) -> Response:
    """The definition names the paths as they are below the API's own address."""
    return views.definition(call, here, _api("", "", top=True, profiles=None))


def _children(call: Call, here: views.Place) -> Response:
    """The catalogues below: processes that have results, or jobs of one."""
    found = call.services.store.stac.catalogues(here.query, Page(asking.MOST))
    return views.catalogs(call, here, found)


def _top(call: Call, here: views.Place) -> Response:
    """The catalogues of a workspace: its results are the one that there is."""
    return views.catalogs(call, here, ("processing-results",))


def _catalogues(level: str, view: Callable[..., Response], name: str) -> Route:
    return Route(
        method="GET", path=f"{level}/catalogs", view=_bound(level, view), name=name, tag="STAC",
        action=Action.READ_FILES, summary="The catalogues below", profiles=_EODH, errors=(NoSuchResource,),
        answers={200: Answer("The catalogues", "stac")},
    )  # fmt: skip


ROUTES: Final = tuple(_api(SITE, "", top=True, profiles=None))
"""At the root of the server."""

AREA: Final = Area(
    routes=(
        _catalogues("", _top, "getCatalogues"),
        _catalogues(TREE, _children, "getCataloguesOfProcesses"),
        _catalogues(OF_PROCESS, _children, "getCataloguesOfJobs"),
        *_api("", "OfWorkspace", top=False, profiles=_EODH),
        *_api(TREE, "OfResults", top=True, profiles=_EODH),
        *_api(OF_PROCESS, "OfProcess", top=True, profiles=_EODH),
        *_api(OF_JOB, "OfJob", top=True, profiles=_EODH),
    ),
    schemas={
        "stac": {"type": "object", "description": "A STAC document.", "additionalProperties": True},
        "stacSearch": {
            "type": "object",
            "properties": {
                "limit": {"type": "integer", "minimum": 1},
                "token": {"type": "string"},
                "collections": {"type": "array", "items": {"type": "string"}},
                "ids": {"type": "array", "items": {"type": "string"}},
                "bbox": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6},
                "datetime": {"type": "string"},
                "intersects": {"type": "object"},
            },
        },
    },
)
