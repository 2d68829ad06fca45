"""The routes become rules of the web framework: each route under each prefix, and the errors in one place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, g, request
from werkzeug.exceptions import HTTPException

from ades import telemetry
from ades.errors import AdesError
from ades.http import origin, pages, problems
from ades.http.call import NO_CHECK_YET, Call
from ades.http.negotiation import HTML, JSON, choose
from ades.http.query import FORM
from ades.http.respond import Response, dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ades.http.mounts import Mount
    from ades.http.routes import Route
    from ades.http.services import Services

_VARIABLE: Final = re.compile(r"\{(\w+)(\*?)\}")


def mount(app: Flask, services: Services, routes: Sequence[Route], site: Sequence[Route]) -> None:
    """Serve the routes under every prefix, and those of the whole site at the root."""
    for route in site:
        _add(app, services, route, None)
    for place in services.mounts:
        for route in routes:
            if route.profiles is None or place.profile.name in route.profiles:
                _add(app, services, route, place)
    app.register_error_handler(AdesError, lambda error: refuse(services, error))
    app.register_error_handler(HTTPException, lambda error: refuse(services, problems.translate(error)))
    app.register_error_handler(Exception, lambda _error: _fault(services))


def _add(app: Flask, services: Services, route: Route, place: Mount | None) -> None:
    path = _VARIABLE.sub(lambda match: f"<{'path:' if match[2] else ''}{match[1]}>", route.path)
    rule = (place.rule + path.rstrip("/")) if place else path
    label = (place.template if place else "") + route.path
    app.add_url_rule(rule, f"{route.method} {label}", _bind(services, route, place, label), methods=[route.method])


def _bind(services: Services, route: Route, place: Mount | None, label: str) -> Callable[..., Response]:
    def serve(workspace: str | None = None, **variables: str) -> Any:
        trace = request.environ["ades.trace"]
        trace.route = label
        g.place, g.workspace = place, workspace
        call = Call(services, route, place, request, workspace)
        trace.actor = call.actor.name
        origin.check(call)
        response = route.view(call, **variables)
        if not call.asked:
            raise AssertionError(f"{route.name}: {NO_CHECK_YET}")
        return response

    return serve


def refuse(services: Services, error: AdesError) -> Response:
    """The response that tells an error."""
    if problems.status_of(error) >= 500:  # noqa: PLR2004
        telemetry.log().error(error.detail, error=type(error).__name__)
    return _problem(services, problems.document(error, _instance()), problems.headers(error))


def _fault(services: Services) -> Response:
    """The border of a request: the log gets everything, the client a name for it."""
    telemetry.log().exception("The request could not be answered")
    return _problem(services, problems.unexpected(_instance()), {})


def _instance() -> str:
    return f"urn:uuid:{request.environ['ades.request_id']}"


def _problem(services: Services, document: dict[str, Any], headers: dict[str, str]) -> Response:
    accept = request.headers.get("Accept")
    if _wants_page(accept):
        response = Response(_page(services, document), document["status"], content_type=HTML.media_type)
        response.headers.update(pages.HEADERS)
    else:
        place = g.get("place")
        plain = place.profile.json if place else JSON.media_type
        response = Response(dumps(document), document["status"], content_type=problems.media_type(accept, plain))
    response.headers.update(headers)
    return response


def _wants_page(accept: str | None) -> bool:
    """Like any other document, but what nobody can fulfil must not hide the error."""
    try:
        return choose((JSON, HTML), request.args.get(FORM), accept) is HTML
    except AdesError:
        return False


def _page(services: Services, document: dict[str, Any]) -> str:
    try:
        home = services.addresses.root(request.environ)
    except AdesError:
        home = ""
    place, workspace = g.get("place"), g.get("workspace") or ""
    context = pages.Context(
        url=home + request.path,
        home=f"{home}/",
        root=home + place.path(workspace) if place else "",
        workspace=workspace,
        server=services.settings.title,
    )
    return pages.render("error", document, context=context)
