"""Bearer tokens of an OpenID Connect issuer: checked, and their claims understood."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError

from ades.errors import Unauthorized
from ades.model import WORKSPACE_NAME, Actor
from ades.service.callers import own_roles, proper_name, workspace_names
from ades.service.issuer import IssuerKeys

if TYPE_CHECKING:
    from collections.abc import Callable

    from joserfc.jwk import Key

    from ades.settings import Settings

_LONGEST: Final = 16 * 1024


class OidcTokens:
    """Says who speaks with a token of the issuer."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._now = now
        self._keys = IssuerKeys(settings)
        issuer = str(settings.oidc_issuer).rstrip("/")
        self._wanted: dict[str, Any] = {
            "iss": {"essential": True, "values": [issuer, f"{issuer}/"]},
            "exp": {"essential": True},
        }
        if "*" not in settings.oidc_audience:
            self._wanted["aud"] = {"essential": True, "values": list(settings.oidc_audience)}

    def recognise(self, token: str) -> Actor:
        """Who this is. Raises `Unauthorized` for a token that is no good, without saying to strangers what is wrong."""
        return understand(self.claims(token), self._settings)

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a good token."""
        if len(token) > _LONGEST:
            raise Unauthorized("The token is not valid here.")
        try:
            found = jwt.decode(token, self._key, algorithms=list(self._settings.oidc_algorithms)).claims
            jwt.JWTClaimsRegistry(
                now=int(self._now()), leeway=int(self._settings.oidc_leeway), **self._wanted
            ).validate(found)
        except (JoseError, ValueError, TypeError) as error:
            raise Unauthorized("The token is not valid here.") from error
        # The same issuer signs other things with the same keys: what says that it is an ID token is no bearer token.
        if found.get("typ") not in {None, "Bearer", "bearer", "JWT", "at+jwt"}:
            raise Unauthorized("The token is not valid here.")
        return dict(found)

    def _key(self, token: Any) -> Key:
        name = token.headers().get("kid")
        key = self._keys.get(name) if name is None or isinstance(name, str) else None
        if key is None:
            raise InvalidKeyIdError
        return key


def understand(claims: dict[str, Any], settings: Settings) -> Actor:
    """What the claims say of who calls, by the names that the settings give them."""
    name = _claim(claims, settings.claim_user) or claims.get("sub")
    if not proper_name(name):
        raise Unauthorized("The token is not valid here.")
    workspace = _claim(claims, settings.claim_workspace)
    if workspace and not (isinstance(workspace, str) and WORKSPACE_NAME.fullmatch(workspace)):
        raise Unauthorized("The token is not valid here.")
    member = workspace_names(_words(_claim(claims, settings.claim_workspaces)))
    service = bool(_claim(claims, settings.claim_service))
    roles = own_roles(_words(_claim(claims, settings.claim_roles)), settings)
    return Actor(
        name=str(name),
        workspaces=member | {workspace} if workspace else member,
        workspace=workspace or None,
        owned=frozenset() if service else workspace_names(_words(_claim(claims, settings.claim_owned))),
        roles=frozenset() if service else roles,
        service=service,
    )


def _claim(claims: dict[str, Any], name: str) -> Any:
    """A claim of this very name, else the way through objects that its dots describe."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _words(value: object) -> list[str]:
    """A claim that is a list of words, or one text with blanks between them."""
    if isinstance(value, str):
        return value.split()
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []
