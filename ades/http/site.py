"""What lies above the workspaces: the start page, the probes, the numbers, the files of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ades import __version__, telemetry
from ades.errors import NoSuchResource
from ades.http import assets, openapi
from ades.http.negotiation import HTML, JSON, Form
from ades.http.respond import Response, dumps
from ades.http.routes import Answer, Route
from ades.policy import Action
from ades.service.health import State

if TYPE_CHECKING:
    from flask import Response as FlaskResponse

    from ades.http.call import Call
    from ades.model import Workspace

_TEXT: Final = Form("text", "text/plain; charset=utf-8")


def start(call: Call) -> FlaskResponse:
    """What this is, and which workspaces the caller may see."""
    call.allow()
    settings = call.services.settings
    document = {
        "title": settings.title,
        "description": "OGC API - Processes: deploys and runs Earth-observation workflows, each workspace for itself.",
        "version": __version__,
        "workspaces": [_card(call, workspace) for workspace in _visible(call)],
        "links": call.links(settings.title),
    }
    return call.answer(document)


def alive(_call: Call) -> Response:
    """The process answers."""
    return Response(dumps({"status": "ok"}), content_type=JSON.media_type)


def ready(call: Call) -> Response:
    """Each part that requests need, looked at now; 503 if one has failed. Why, the log tells, not strangers."""
    checks = call.services.examine()
    failed = any(check.state is State.FAILED for check in checks)
    for check in checks:
        if check.state is State.FAILED:
            telemetry.log().error(check.message, part=check.part)
    parts = {check.part: check.state.value for check in checks}
    body = dumps({"status": "failed" if failed else "ok", "parts": parts})
    return Response(body, 503 if failed else 200, content_type=JSON.media_type)


def metrics(call: Call) -> Response:
    """The numbers of all processes of this server, as Prometheus reads them."""
    body, media_type = telemetry.exposition(call.services.settings.data)
    return Response(body, content_type=media_type)


def static(_call: Call, hashed: str, name: str) -> Any:
    """A file of the pages."""
    return assets.serve(hashed, name)


def favicon(_call: Call) -> Any:
    """The picture that browsers ask for without being told to."""
    if "icon.svg" not in assets.assets():
        raise NoSuchResource
    return assets.serve("", "icon.svg")


def _visible(call: Call) -> list[Workspace]:
    if not call.services.policy.check(call.question(action=Action.LIST_WORKSPACES)).allowed:
        return []
    workspaces = call.services.store.workspaces.list()
    questions = [call.question(action=Action.READ_WORKSPACE, workspace=workspace.name) for workspace in workspaces]
    decisions = call.services.policy.check_many(questions)
    return [workspace for workspace, decision in zip(workspaces, decisions, strict=True) if decision.allowed]


def _card(call: Call, workspace: Workspace) -> dict[str, Any]:
    links = [
        {
            "href": call.root + place.path(workspace.name),
            "rel": "item" if number == 0 else "alternate",
            "type": JSON.media_type,
            "title": f"{workspace.title or workspace.name}"
            + ("" if number == 0 else f" in the dialect {place.profile.name}, at {place.path(workspace.name)}"),
        }
        for number, place in enumerate(call.services.mounts)
    ]
    return {"name": workspace.name, "title": workspace.title, "links": links}


def _probe(path: str, view: Any, name: str, summary: str, form: Form = JSON) -> Route:
    return Route(
        method="GET", path=path, view=view, name=name, action=None, summary=summary, tag="Service", offers=None,
        answers={200: Answer(summary, media_types=(form.bare,))},
    )  # fmt: skip


ROUTES: Final = (
    Route(
        method="GET", path="/", view=start, name="getStart", action=Action.READ_SERVICE, tag="Service", page="server",
        summary="The workspaces of this server", offers=(JSON, HTML),
    ),
    Route(
        method="GET", path="/api/docs/workflow-runner", view=openapi.every_workspace, name="getDocumentation",
        action=Action.READ_SERVICE, tag="Service", page="api", summary="The definition of the API",
        offers=(openapi.OPENAPI, JSON, HTML),
    ),
    _probe("/api/docs/workflow-runner/ping", alive, "ping", "The server answers"),
    _probe("/healthz", alive, "getHealth", "The server answers"),
    _probe("/readyz", ready, "getReadiness", "Each part that requests need"),
    _probe("/metrics", metrics, "getMetrics", "Numbers for Prometheus", _TEXT),
    _probe("/static/{hashed}/{name*}", static, "getFile", "A file of the pages", _TEXT),
    _probe("/favicon.ico", favicon, "getIcon", "The icon of the pages", _TEXT),
)  # fmt: skip
