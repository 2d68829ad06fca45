"""Tokens that this server gives out itself, for machines and scripts: shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

from ades.errors import BadRequest, NoSuchResource, Unauthorized
from ades.model import Actor, Token
from ades.policy.actions import SCOPES, Action
from ades.service.callers import OWN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from ades.model import User
    from ades.store import Store

PREFIX: Final = "ades_"
"""What our tokens begin with, so that they are told from others, also by those who look for leaked ones."""

_NOTE_EVERY: Final = 60
"""Seconds between two notes that a token was used."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A token just made. `secret` is what its owner sends; nobody can find it out later."""

    token: Token
    secret: str


class Tokens:
    """Makes, recognises and revokes tokens."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._noted: dict[UUID, float] = {}

    def issue(
        self,
        *,
        by: str,
        title: str = "",
        owner: str | None = None,
        workspace: str | None = None,
        scopes: Iterable[str] | None = None,
        lifetime: timedelta | None = None,
    ) -> Issued:
        """Make a token. It acts for one workspace, or else for all that its owner's row names."""
        number, secret, now = uuid4(), PREFIX + secrets.token_urlsafe(32), datetime.now(UTC)
        if workspace is not None:
            self._store.workspaces.get(workspace)
        elif owner is None:
            raise BadRequest("Say for which workspace the token is, or for which user.", field="workspace")
        else:
            self._store.users.get(owner)
        if lifetime is not None and lifetime.total_seconds() <= 0:
            raise BadRequest("A token that has expired already is of no use.", field="expires")
        token = Token(
            id=number,
            hash=_hash(secret),
            owner=owner or f"{OWN_PREFIX}{title or number.hex[:12]}",
            created=now,
            created_by=by,
            title=title,
            workspace=workspace,
            scopes=None if scopes is None else _checked(scopes),
            expires=None if lifetime is None else now + lifetime,
        )
        return Issued(self._store.tokens.add(token), secret)

    def recognise(self, secret: str) -> Actor:
        """Who speaks with this token; `Unauthorized` if it is unknown, revoked or expired."""
        token = self._store.tokens.find(_hash(secret))
        if token is None:
            raise Unauthorized("The token is not valid here.")
        user = self._owner(token.owner)
        if user is not None and user.disabled:
            raise Unauthorized("The token is not valid here.")
        self._note(token.id)
        if token.workspace is not None:
            one = frozenset({token.workspace})
            return Actor(token.owner, workspaces=one, workspace=token.workspace, scopes=token.scopes)
        if user is None:
            raise Unauthorized("The token is not valid here.")
        return Actor(token.owner, workspaces=user.workspaces, roles=user.roles, scopes=token.scopes)

    def list(self, workspace: str | None = None) -> list[Token]:
        """All tokens, or those of a workspace; newest first."""
        return self._store.tokens.list(workspace=workspace)

    def revoke(self, name: str, workspace: str | None = None) -> Token:
        """Revoke the token whose number is this or begins so."""
        known = [token for token in self.list(workspace) if str(token.id).startswith(name) or token.id.hex == name]
        if len(known) != 1 or not name:
            many = f"{len(known)} tokens begin" if known else "No token begins"
            raise NoSuchResource(f"{many} with {name[:40]!r}; `ades token list` shows their numbers.")
        self._store.tokens.revoke(known[0].id)
        return known[0]

    def _owner(self, name: str) -> User | None:
        if name.startswith(OWN_PREFIX):
            return None
        try:
            return self._store.users.get(name)
        except NoSuchResource:
            return None

    def _note(self, token: UUID) -> None:
        now = time.monotonic()
        with self._lock:
            if now - self._noted.get(token, -_NOTE_EVERY) < _NOTE_EVERY:
                return
            self._noted[token] = now
        self._store.tokens.used(token)


def _hash(secret: str) -> str:
    """The secret has 256 random bits, so that nobody can try them all: a quick hash is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _checked(scopes: Iterable[str]) -> frozenset[str]:
    chosen = frozenset(scopes)
    if unknown := chosen - SCOPES - set(Action):
        raise BadRequest(
            f"A token cannot be limited to {', '.join(sorted(unknown))}. Known are {', '.join(sorted(SCOPES))}, and "
            f"the actions {', '.join(sorted(Action))}.",
            field="scope",
        )
    return chosen
