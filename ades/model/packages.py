"""Packages, and the processes that point to them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ades.model.nouns import Evolving

if TYPE_CHECKING:
    from datetime import datetime

    from ades.model.nouns import JSON


class Access(StrEnum):
    """Who may see and execute a process."""

    PRIVATE = "private"
    """Its own workspace."""
    PUBLIC = "public"
    """Every authenticated workspace; runs in the caller's."""
    USER_SERVICE = "user-service"
    """Every authenticated workspace; runs in the owner's."""
    SHARED = "shared"
    """The named workspaces and users; runs in the caller's."""


@dataclass(frozen=True, slots=True)
class Package(Evolving):
    """A deployed document and what was understood of it at deploy. Never changes: the digest covers the document."""

    digest: str
    """sha256 over media type, entry, body and what was understood of it, in hexadecimal."""
    media_type: str
    """As it was deployed: application/cwl+yaml, application/ogcapppkg+json …"""
    body: bytes
    """The document itself, byte for byte."""
    entry: str
    """The id of the workflow or tool in it that is the process."""
    description: dict[str, JSON]
    """The OGC process description, without links and without what depends on the workspace."""
    validator: dict[str, JSON]
    """JSON Schema of the `inputs` object of an execution request."""
    executable: dict[str, JSON]
    """What a runner executes: {"kind": "cwl", "document": …} or {"kind": "native", "processor": …}."""
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class Process(Evolving):
    """A name in a workspace that points to a package."""

    workspace: str
    id: str
    version: str
    revision: int
    """Counts up from 1 with each replacement."""
    digest: str
    description: dict[str, JSON]
    mutable: bool
    access: Access = Access.PRIVATE
    shared_with: tuple[str, ...] = ()
    """For access `shared`: `workspace:<name>` and `user:<name>`."""
    keep: str | None = None
    """How long its jobs are kept, unless they say it themselves; None: as the workspace has it."""
    created: datetime | None = None
    updated: datetime | None = None
