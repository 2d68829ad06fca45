"""Tokens for development: what tools of EODH's platform ask for before anything else. Off unless a setting says so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ades.errors import NoSuchResource
from ades.http.negotiation import JSON
from ades.http.routes import Answer, Route
from ades.service.status import moment

if TYPE_CHECKING:
    from flask import Response

    from ades.http.call import Call
    from ades.service.tokens import Issued

_ACCESS: Final = timedelta(hours=1)
_REFRESH: Final = timedelta(days=1)


def begin(call: Call) -> Response:
    """Tokens that act for one workspace, for a caller who belongs to it."""
    if not call.services.settings.sessions:
        call.allow(action="read-service")
        raise NoSuchResource
    call.allow()
    call.tenant()
    access, refresh = (
        _token(call, _ACCESS, ["execute", "deploy", "files", "read"]),
        _token(call, _REFRESH, ["read-workspace"]),
    )
    document = {
        "access": access.secret,
        "accessExpiry": _until(access),
        "refresh": refresh.secret,
        "refreshExpiry": _until(refresh),
        "scope": f"workspace:{call.workspace}",
    }
    return call.answer(document, status=201, headers={"Cache-Control": "no-store"})


def _token(call: Call, lifetime: timedelta, scopes: list[str]) -> Issued:
    who = call.actor
    title = f"session of {who.name}"
    owner = None if who.open else who.name
    tokens = call.services.tenants.tokens
    return tokens.issue(
        by=who.name, title=title, owner=owner, workspace=call.workspace, scopes=scopes, lifetime=lifetime
    )


def _until(issued: Issued) -> str | None:
    return moment(issued.token.expires) if issued.token.expires else None


ROUTES: Final = (
    Route(
        method="POST", path="/api/workspaces/{workspace}/me/sessions", view=begin, name="beginSession",
        action="read-workspace", tag="Workspaces", summary="Tokens for development", offers=(JSON,),
        answers={201: Answer("Tokens that act for the workspace")},
    ),
)  # fmt: skip
