"""The definition of the API, made from the routes themselves."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from ades import __version__, errors
from ades.http.components import HEADERS, PROBLEM, REQUEST_HEADERS, VARIABLES
from ades.http.negotiation import HTML, JSON, Form
from ades.http.problems import PROBLEM_JSON, status_of
from ades.http.profiles import EODH
from ades.http.routes import EVERYWHERE, Answer, Area, Route
from ades.policy import Action

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask import Response

    from ades.http.call import Call
    from ades.http.mounts import Mount
    from ades.http.query import Parameter
    from ades.http.services import Services

OPENAPI: Final = Form("openapi", "application/vnd.oai.openapi+json;version=3.0", "as OpenAPI")
_VERSION: Final = "3.0.3"
_VARIABLE: Final = re.compile(r"\{(\w+)\*?\}")


def definition(call: Call) -> Response:
    """What this workspace offers, as OpenAPI in the dialect of the prefix that was called."""
    call.allow()
    call.tenant()
    return call.answer(document(call.services, call.mount, call.base, call.workspace))


def definition_page(call: Call) -> Response:
    """The definition as a web page, for a browser that sends an Accept header of its own."""
    call.negotiate(HTML)
    return definition(call)


def every_workspace(call: Call) -> Response:
    """The definition for whichever workspace, in the dialect of the EODH, where its clients look for it."""
    call.allow()
    mount = next((place for place in call.services.mounts if place.profile is EODH), call.services.mounts[0])
    return call.answer(document(call.services, mount, call.root + mount.template, "{workspace}"))


def _server(services: Services, base: str) -> dict[str, Any]:
    variable = {"workspace": {"default": services.settings.workspace, "description": "Whose processes and jobs."}}
    return {"url": base} | ({"variables": variable} if "{workspace}" in base else {})


def document(services: Services, mount: Mount | None, base: str, workspace: str) -> dict[str, Any]:
    """The whole definition for one workspace under one prefix."""
    profile = mount.profile.name if mount else ""
    routes = [
        route for area in services.areas for route in area.routes if route.profiles is None or profile in route.profiles
    ]
    schemas = {name: schema for area in services.areas for name, schema in area.schemas.items()}
    return describe(services, routes, schemas, base, f"OGC API - Processes of the workspace {workspace}.")


def describe(
    services: Services, routes: Sequence[Route], schemas: Mapping[str, Any], base: str, description: str
) -> dict[str, Any]:
    """The definition of some routes, which are served below `base`."""
    schemas = schemas or {name: schema for area in services.areas for name, schema in area.schemas.items()}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(_VARIABLE.sub(r"{\1}", route.path), {})[route.method.lower()] = _operation(route)
    return {
        "openapi": _VERSION,
        "info": {
            "title": services.settings.title,
            "version": __version__,
            "description": description,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "servers": [_server(services, base)],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "security": [{"token": []}] if services.settings.identities else [{}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": {"problem": PROBLEM, **schemas},
            "responses": _refusals(routes),
            "headers": HEADERS,
            "parameters": {name: _header(name) for route in routes for name in route.headers},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {"operationId": route.name, "summary": route.summary, "tags": [route.tag]}
    if route.description:
        found["description"] = route.description
    if parameters := _parameters(route):
        found["parameters"] = parameters
    if route.body is not None:
        found["requestBody"] = _body(route)
    found["responses"] = {str(status): _answer(route, answer) for status, answer in sorted(route.answers.items())}
    for status in _statuses(route):
        found["responses"].setdefault(str(status), {"$ref": f"#/components/responses/{status}"})
    return found


def _parameters(route: Route) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True} | VARIABLES.get(name, {"schema": {"type": "string"}})
        for name in _VARIABLE.findall(route.path)
    ]
    in_query = [_query(parameter) for parameter in route.query]
    if route.offers and len(route.offers) > 1:
        names = [form.name for form in route.offers]
        in_query.append({
            "name": "f", "in": "query", "schema": {"type": "string", "enum": names},
            "description": "The form of the answer; goes before the Accept header.",
        })  # fmt: skip
    return in_path + in_query + [{"$ref": f"#/components/parameters/{name}"} for name in route.headers]


def _query(parameter: Parameter) -> dict[str, Any]:
    found = {"name": parameter.name, "in": "query", "description": parameter.description, "schema": parameter.schema}
    return found if parameter.explode else found | {"style": "form", "explode": False}


def _header(name: str) -> dict[str, Any]:
    return {"name": name, "in": "header"} | REQUEST_HEADERS[name]


def _body(route: Route) -> dict[str, Any]:
    body = route.body
    if body is None:
        return {}
    schema = {"$ref": f"#/components/schemas/{body.schema}"}
    text = {"schema": {"type": "string"}}
    content: dict[str, Any] = {kind: {"schema": schema} if kind.endswith("json") else text for kind in body.media_types}
    for kind, example in body.examples.items():
        content[kind] = content[kind] | {"example": example}
    found = {"required": body.required, "content": content}
    return found | {"description": body.description} if body.description else found


def _answer(route: Route, answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {"description": answer.description}
    if names := answer.headers:
        found["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    kinds = [form.bare if form is not OPENAPI else form.media_type for form in route.offers or ()]
    content = {}
    for kind in [*kinds, *answer.media_types]:
        if answer.schema is not None and "json" in kind:
            content[kind] = {"schema": {"$ref": f"#/components/schemas/{answer.schema}"}}
        elif answer.schema is not None or kind in answer.media_types:
            content[kind] = {"schema": {"type": "string"}}
    return found | {"content": content} if content else found


def _statuses(route: Route) -> list[int]:
    kinds = [*EVERYWHERE, *route.errors]
    if route.query or (route.offers and len(route.offers) > 1):
        kinds.append(errors.InvalidQueryParameterValue)
    if route.body is not None:
        kinds += [errors.ContentTooLarge, errors.UnsupportedMediaType]
    return sorted({status_of(kind) for kind in kinds})


def _refusals(routes: Sequence[Route]) -> dict[str, Any]:
    statuses = sorted({status for route in routes for status in _statuses(route)})
    return {str(status): _refusal(status) for status in statuses}


def _refusal(status: int) -> dict[str, Any]:
    schema = {"schema": {"$ref": "#/components/schemas/problem"}}
    found: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {JSON.media_type: schema, PROBLEM_JSON: schema, HTML.bare: {"schema": {"type": "string"}}},
    }
    named = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
    if status in named:
        found["headers"] = {named[status]: {"$ref": f"#/components/headers/{named[status]}"}}
    return found


AREA: Final = Area(
    routes=(
        Route(
            method="GET", path="/api", view=definition, name="getDefinition", action=Action.READ_SERVICE, tag="Service",
            summary="This definition", page="api", offers=(OPENAPI, JSON, HTML),
            answers={200: Answer("An OpenAPI 3.0 document", "openapi")},
        ),
        Route(
            method="GET", path="/api.html", view=definition_page, name="getDefinitionPage", action=Action.READ_SERVICE,
            tag="Service", summary="This definition as a web page", page="api", offers=None,
            answers={200: Answer("A web page", media_types=(HTML.bare,))},
        ),
    ),
    schemas={
        "openapi": {
            "type": "object",
            "required": ["openapi", "info", "paths"],
            "properties": {
                "openapi": {"type": "string"},
                "info": {"type": "object"},
                "paths": {"type": "object"},
            },
        },
    },
)  # fmt: skip
