"""Workspaces, their machine tokens and their secrets: what administrators and owners do over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from ades.errors import BadRequest, Conflict, NoSuchResource
from ades.http import query
from ades.http.negotiation import HTML, JSON
from ades.http.respond import Response
from ades.http.routes import Answer, Route
from ades.service.status import moment

if TYPE_CHECKING:
    from flask import Response as FlaskResponse

    from ades.http.call import Call
    from ades.model import Token, Workspace

_MERGE: Final = "application/merge-patch+json"
_LONGEST_TITLE: Final = 500

# -- workspaces -----------------------------------------------------------------------------------------------------


def listing(call: Call) -> FlaskResponse:
    """The workspaces that the caller may read."""
    call.allow()
    found = call.services.tenants.workspaces.list()
    questions = [call.question(action="read-workspace", workspace=workspace.name) for workspace in found]
    decisions = call.services.policy.check_many(questions)
    shown = [_card(call, found[index]) for index, decision in enumerate(decisions) if decision.allowed]
    return call.answer({"workspaces": shown, "links": call.links("Workspaces")})


def create(call: Call) -> FlaskResponse:
    """Make a workspace."""
    call.allow()
    body = _fields(call, "name", "title", "settings")
    name = body.get("name")
    if not isinstance(name, str):
        raise BadRequest("A workspace needs a `name`.", field="name")
    made = call.services.tenants.workspaces.create(name, _title(body) or "", body.get("settings"))
    return call.answer(_card(call, made), status=201, headers={"Location": _address(call, made.name)})


def description(call: Call) -> FlaskResponse:
    """One workspace with its numbers."""
    call.allow()
    found = call.services.tenants.workspaces.describe(call.workspace)
    numbers = {
        "processes": found.processes,
        "jobs": found.totals.jobs,
        "queued": found.totals.queued,
        "running": found.totals.running,
        "storage": found.storage,
    }
    card = _card(call, found.workspace)
    links = [*call.links(found.workspace.name), *card["links"][1:], *_keys(call, found.workspace)]
    return call.answer(card | {"numbers": numbers, "links": links})


def change(call: Call) -> FlaskResponse:
    """Change the title or some of the settings."""
    call.allow()
    body = _fields(call, "title", "settings")
    changed = call.services.tenants.workspaces.change(call.workspace, title=_title(body), settings=body.get("settings"))
    return call.answer(_card(call, changed))


def remove(call: Call) -> FlaskResponse:
    """Remove a workspace."""
    call.allow()
    call.services.tenants.workspaces.remove(call.workspace, force=call.query["force"])
    return Response(b"", 204)


def _card(call: Call, workspace: Workspace) -> dict[str, Any]:
    places = [
        {
            "href": call.root + place.path(workspace.name),
            "rel": "service",
            "type": JSON.media_type,
            "title": f"API at {place.path(workspace.name)}",
        }
        for place in call.services.mounts
    ]
    own = {"href": _address(call, workspace.name), "rel": "self", "type": JSON.media_type, "title": workspace.name}
    return {
        "name": workspace.name,
        "title": workspace.title,
        "settings": workspace.settings,
        "created": moment(workspace.created),
        "links": [own, *places],
    }


def _keys(call: Call, workspace: Workspace) -> list[dict[str, str]]:
    return [
        {"href": _address(call, workspace.name, name), "rel": "related", "type": JSON.media_type, "title": title}
        for name, title in (("tokens", "Machine tokens"), ("secrets", "Names of the secrets"))
    ]


def _address(call: Call, name: str, *parts: str) -> str:
    return "/".join([f"{call.root}/workspaces/{name}", *parts])


def _fields(call: Call, *known: str) -> dict[str, Any]:
    body = call.json("application/json", _MERGE)
    for name in body:
        if name not in known:
            raise BadRequest(f"The field {name[:80]!r} is not known here; known: {', '.join(known)}.", field=name[:80])
    return body


def _title(body: dict[str, Any]) -> str | None:
    title = body.get("title")
    if title is not None and not (isinstance(title, str) and len(title) <= _LONGEST_TITLE):
        raise BadRequest(f"`title` is a text of at most {_LONGEST_TITLE} characters.", field="title")
    return title


# -- tokens ---------------------------------------------------------------------------------------------------------


def tokens(call: Call) -> FlaskResponse:
    """The tokens of a workspace, without what they are."""
    call.allow()
    call.tenant()
    found = call.services.tenants.tokens.list(call.workspace)
    return call.answer({"tokens": [_token(token) for token in found], "links": call.links("Tokens")})


def make_token(call: Call) -> FlaskResponse:
    """Make a token for the workspace; the answer is the only place where it ever stands."""
    call.allow()
    body = _fields(call, "title", "scopes", "expires")
    scopes = body.get("scopes")
    if scopes is not None and not (isinstance(scopes, list) and all(isinstance(word, str) for word in scopes)):
        raise BadRequest("`scopes` is a list of words.", field="scopes")
    issued = call.services.tenants.tokens.issue(
        by=call.actor.name,
        title=_title(body) or "",
        workspace=call.workspace,
        scopes=scopes,
        lifetime=_lifetime(body.get("expires")),
    )
    place = _address(call, call.workspace, "tokens", str(issued.token.id))
    headers = {"Location": place, "Cache-Control": "no-store"}
    return call.answer(_token(issued.token) | {"token": issued.secret}, status=201, headers=headers)


def revoke_token(call: Call, tokenID: str) -> FlaskResponse:  # noqa: N803 - as in the path
    """Make a token worthless."""
    call.allow()
    call.services.tenants.tokens.revoke(tokenID, call.workspace)
    return Response(b"", 204)


def _token(token: Token) -> dict[str, Any]:
    times = {"created": token.created, "expires": token.expires, "revoked": token.revoked, "lastUsed": token.last_used}
    return {
        "id": str(token.id),
        "title": token.title,
        "owner": token.owner,
        "createdBy": token.created_by,
        "scopes": None if token.scopes is None else sorted(token.scopes),
    } | {name: moment(at) for name, at in times.items() if at is not None}


def _lifetime(value: object) -> timedelta | None:
    """Until when, as a time, or for how long, in seconds."""
    if value is None:
        return None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return timedelta(seconds=value)
        at = datetime.fromisoformat(str(value))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)
    except (ValueError, OverflowError) as error:
        raise BadRequest(
            "`expires` is a time like 2030-01-31T12:00:00Z, or a number of seconds.", field="expires"
        ) from error


# -- secrets --------------------------------------------------------------------------------------------------------


def secrets(call: Call) -> FlaskResponse:
    """The names of the secrets of a workspace."""
    call.allow()
    call.tenant()
    names = call.services.tenants.vault.list(call.workspace)
    return call.answer({"secrets": [{"name": name} for name in names], "links": call.links("Secrets")})


def set_secret(call: Call, name: str) -> FlaskResponse:
    """Keep a secret, or replace it. Nobody can read it back here."""
    call.allow()
    value = _fields(call, "value").get("value")
    if not isinstance(value, str):
        raise BadRequest("A secret needs a `value`, a text.", field="value")
    call.services.tenants.vault.put(call.workspace, name, value)
    call.services.tenants.registries.changed(call.workspace, name)
    return Response(b"", 204)


def forget_secret(call: Call, name: str) -> FlaskResponse:
    """Forget a secret."""
    call.allow()
    call.services.tenants.vault.remove(call.workspace, name)
    call.services.tenants.registries.changed(call.workspace, name)
    return Response(b"", 204)


# -- routes ---------------------------------------------------------------------------------------------------------

_FORCE: Final = query.flag("force", "Remove the workspace with everything that it has.")


def _route(method: str, path: str, view: Any, name: str, action: str, summary: str, **more: Any) -> Route:
    status = {"POST": 201, "GET": 200, "PATCH": 200}.get(method, 204)
    answer = Answer(summary, headers=("Location",) if status == 201 else ())  # noqa: PLR2004 - as the line above says
    more.setdefault("offers", (JSON, HTML) if method == "GET" else (JSON,))
    return Route(
        method=method, path=path, view=view, name=name, action=action, tag="Workspaces", summary=summary,
        answers={status: answer}, **more,
    )  # fmt: skip


_ONE: Final = "/workspaces/{workspace}"
ROUTES: Final = (
    _route("GET", "/workspaces", listing, "getWorkspaces", "list-workspaces", "The workspaces of this server"),
    _route(
        "POST", "/workspaces", create, "createWorkspace", "create-workspace", "Make a workspace",
        errors=(Conflict,),
    ),
    _route("GET", _ONE, description, "getWorkspace", "read-workspace", "A workspace with its numbers"),
    _route("PATCH", _ONE, change, "changeWorkspace", "change-workspace", "Change a workspace"),
    _route(
        "DELETE", _ONE, remove, "removeWorkspace", "remove-workspace", "Remove a workspace",
        query=(_FORCE,), offers=None, errors=(Conflict,),
    ),
    _route("GET", f"{_ONE}/tokens", tokens, "getTokens", "manage-tokens", "The machine tokens of a workspace"),
    _route("POST", f"{_ONE}/tokens", make_token, "makeToken", "manage-tokens", "Make a machine token"),
    _route(
        "DELETE", f"{_ONE}/tokens/{{tokenID}}", revoke_token, "revokeToken", "manage-tokens",
        "Revoke a machine token", offers=None, errors=(NoSuchResource,),
    ),
    _route("GET", f"{_ONE}/secrets", secrets, "getSecrets", "manage-secrets", "The names of the secrets"),
    _route(
        "PUT", f"{_ONE}/secrets/{{name}}", set_secret, "setSecret", "manage-secrets", "Keep a secret", offers=None
    ),
    _route(
        "DELETE", f"{_ONE}/secrets/{{name}}", forget_secret, "forgetSecret", "manage-secrets", "Forget a secret",
        offers=None, errors=(NoSuchResource,),
    ),
)  # fmt: skip
