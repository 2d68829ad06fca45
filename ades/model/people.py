"""Workspaces, and who calls for them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ades.model.nouns import Evolving

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from ades.model.nouns import JSON


WORKSPACE_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,58}[a-z0-9])?")
"""With the prefix `ws-` a name must still fit into the 63 characters of a Kubernetes namespace."""

RESERVED_WORKSPACE_NAMES: Final = frozenset(
    {"ades", "api", "healthz", "metrics", "readyz", "static", "workspaces"},
)
"""Names that are routes of the server."""


ADMINISTRATOR: Final = "administrator"
"""The one role that the server itself knows; which roles of a token stand for it is a setting."""


@dataclass(frozen=True, slots=True)
class Workspace(Evolving):
    """A tenant: its processes, jobs and storage prefix; in Kubernetes the namespace `ws-<name>`."""

    name: str
    created: datetime
    title: str = ""
    settings: dict[str, JSON] = field(default_factory=dict)
    """Quotas and defaults that differ from the server's own."""


@dataclass(frozen=True, slots=True)
class Actor(Evolving):
    """Who calls: a user or a machine, as the identity layer has understood the token."""

    name: str
    workspaces: frozenset[str] = frozenset()
    """The workspaces that the caller belongs to."""
    workspace: str | None = None
    """The workspace that this token acts for; decides stage-in rights and where results go."""
    owned: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None
    """What a machine token is limited to; None means not limited."""
    anonymous: bool = False
    service: bool = False
    """The token was handed to the steps of a user service."""
    open: bool = False
    """The server runs without identities, and everybody may do everything."""


ANONYMOUS: Final = Actor(name="anonymous", anonymous=True)
EVERYBODY: Final = Actor(name="anyone", open=True)
"""Whoever calls a server that runs without identities."""


@dataclass(frozen=True, slots=True)
class User(Evolving):
    """A person or machine that has been seen, or was entered by an administrator."""

    name: str
    created: datetime
    title: str = ""
    email: str | None = None
    workspaces: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    disabled: bool = False
    seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class Token(Evolving):
    """A token that this server has given out. The token itself is never kept, only its hash."""

    id: UUID
    hash: str
    owner: str
    """The name of the user or machine that it speaks for."""
    created: datetime
    created_by: str
    title: str = ""
    workspace: str | None = None
    """The workspace that it acts for; None: whatever its owner may."""
    scopes: frozenset[str] | None = None
    expires: datetime | None = None
    revoked: datetime | None = None
    last_used: datetime | None = None
