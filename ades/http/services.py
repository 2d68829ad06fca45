"""What the views work with, put together once in `ades.app`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from flask import Request

    from ades.http.address import Addresses
    from ades.http.cache import Cache
    from ades.http.mounts import Mount
    from ades.http.routes import Area
    from ades.model import Actor
    from ades.objects import ObjectStore
    from ades.policy import Policy
    from ades.service.catalog import Catalog
    from ades.service.deployment import Deployments
    from ades.service.feeds import Feeds
    from ades.service.handover import Packages
    from ades.service.health import Check
    from ades.service.results import Outputs
    from ades.service.seats import Bodies, Streams
    from ades.service.submit import Submissions
    from ades.service.tenants import Tenants
    from ades.service.waiting import Waiting
    from ades.settings import Settings
    from ades.store import Store

    LiveLog = Callable[[UUID, str, int, int | None], bytes | None]
    """(job, name, start, length) → bytes, or None when no such log is being written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts of one running server."""

    settings: Settings
    store: Store
    objects: ObjectStore
    catalog: Catalog
    deployments: Deployments
    packages: Packages
    """What is executed, ready to run."""
    submissions: Submissions
    waiting: Waiting
    bodies: Bodies
    streams: Streams
    feeds: Feeds
    outputs: Outputs
    live_log: LiveLog
    """Reads a log that is still being written."""
    tenants: Tenants
    policy: Policy
    identify: Callable[[Request], Actor]
    """Who sends a request; raises Unauthorized for a token that is no good."""
    addresses: Addresses
    cache: Cache
    examine: Callable[[], list[Check]]
    """How the parts are that requests need."""
    mounts: tuple[Mount, ...]
    areas: tuple[Area, ...]
    """All that is served below each prefix."""

    paths: frozenset[str]
    """All paths below each prefix, as the routes write them."""
