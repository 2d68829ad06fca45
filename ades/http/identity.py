"""Who calls: a user with a token of the issuer, a machine with one of ours, whom a gateway names, or nobody."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from ades.errors import Unauthorized
from ades.http.address import networks
from ades.model import ANONYMOUS, EVERYBODY, WORKSPACE_NAME, Actor
from ades.service.callers import own_roles, proper_name, workspace_names
from ades.service.people import People
from ades.service.tokens import PREFIX, Tokens
from ades.telemetry import log

if TYPE_CHECKING:
    from flask import Request

    from ades.service.oidc import OidcTokens
    from ades.settings import Settings
    from ades.store import Store

CHALLENGE: Final = 'Bearer realm="ades"'
"""How a client that sent nothing is asked for a token."""
_INVALID: Final = f'{CHALLENGE}, error="invalid_token"'

_log = log(part="identity")


class Identity:
    """Says who sends a request."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._gateways = networks(settings.gateway_proxies, "gateway_proxies")
        self._tokens = Tokens(store)
        self._people = People(store)
        self._oidc = _issuer_tokens(settings) if settings.oidc_issuer else None

    def __call__(self, request: Request) -> Actor:
        """The actor. Without identities everybody is let in, and a token that comes along counts for nothing."""
        if not self._settings.identities:
            return EVERYBODY
        try:
            return self._by_gateway(request) or self._by_token(request)
        except Unauthorized as error:
            _log.info("A caller was not recognised", why=str(error.__cause__ or error), path=request.path)
            raise Unauthorized(error.detail, challenge=_INVALID) from error

    def _by_token(self, request: Request) -> Actor:
        header = request.headers.get("Authorization")
        if header is None:
            return ANONYMOUS
        scheme, _, token = header.strip().partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or not token.isascii():
            raise Unauthorized("Send a token as `Authorization: Bearer …`.")
        if token.startswith(PREFIX):
            return self._tokens.recognise(token)
        if self._oidc is None:
            raise Unauthorized("The token is not valid here.")
        return self._people.known(self._oidc.recognise(token))

    def _by_gateway(self, request: Request) -> Actor | None:
        """Whom a gateway names. From anybody else these headers count for nothing."""
        if not self._gateways or not self._is_gateway(request.environ.get("REMOTE_ADDR", "")):
            return None
        settings = self._settings
        name = request.headers.get(settings.gateway_user)
        if not name:
            return None
        # Two headers of one name are joined by a comma: then one of them is not the gateway's.
        if "," in name or not proper_name(name):
            raise Unauthorized("The gateway's headers do not name a user.")
        workspace = request.headers.get(settings.gateway_workspace) or None
        if workspace and not WORKSPACE_NAME.fullmatch(workspace):
            raise Unauthorized("The gateway's headers do not name a workspace.")
        member = workspace_names(_listed(request, settings.gateway_workspaces))
        actor = Actor(
            name,
            workspaces=member | {workspace} if workspace else member,
            workspace=workspace,
            roles=own_roles(_listed(request, settings.gateway_roles), settings),
        )
        return self._people.known(actor)

    def _is_gateway(self, address: str) -> bool:
        try:
            peer = ip_address(address)
        except ValueError:
            return False
        return any(peer in network for network in self._gateways)


def _listed(request: Request, header: str) -> list[str]:
    return [word.strip() for word in request.headers.get(header, "").split(",") if word.strip()]


def _issuer_tokens(settings: Settings) -> OidcTokens:
    """What checks signatures is imported only where an issuer is configured."""
    from ades.service.oidc import OidcTokens

    return OidcTokens(settings)
