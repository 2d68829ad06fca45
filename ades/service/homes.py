"""Where in the cluster the jobs of a workspace are at home, and how they run there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ades.engine.kubernetes.placement import Placement
from ades.engine.kubernetes.places import namespace_of
from ades.errors import NoSuchJob, NoSuchWorkspace
from ades.service.quotas import Quotas

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from ades.settings import Settings
    from ades.store import Store


def homes(settings: Settings, store: Store) -> Callable[[str], tuple[str, Placement]]:
    """What tells the namespace of a workspace, and how its jobs run there. Wrong settings are told at once."""
    common = Placement.of(settings)

    def home(workspace: str) -> tuple[str, Placement]:
        try:
            own = Quotas.of(store.workspaces.get(workspace))
        except NoSuchWorkspace:  # it was removed while jobs of it run for others
            own = Quotas()
        placement = common.with_wishes(own.kubernetes) if own.kubernetes else common
        if own.running is not None and "quota" not in (own.kubernetes or {}):
            placement = placement.bounded(own.running, own.cpu or settings.job_cores, own.memory or settings.job_memory)
        return namespace_of(settings, workspace, own.namespace), placement

    return home


def namespaces(settings: Settings, store: Store) -> Callable[[UUID], str | None]:
    """What tells in which namespace a job runs."""
    home = homes(settings, store)

    def namespace(job: UUID) -> str | None:
        try:
            return home(store.jobs.get(job).executing)[0]
        except NoSuchJob:
            return None

    return namespace
