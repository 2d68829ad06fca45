"""Workspaces: made, described, changed and removed with all that is theirs."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ades.errors import Conflict, NoSuchJob
from ades.model import FINISHED, JobQuery, JobStatus, Page
from ades.service.quotas import Quotas, changed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.model import JSON, Workspace
    from ades.objects import ObjectStore
    from ades.service.quotas import Barriers
    from ades.store import Store, Totals

_LINGER: Final = 3.0
"""Seconds in which runners of dismissed jobs end; until then they may still write files."""


@dataclass(frozen=True, slots=True)
class Described:
    """A workspace and what it has."""

    workspace: Workspace
    processes: int
    totals: Totals
    storage: int
    """Bytes of its files."""


class Workspaces:
    """What administrators do with workspaces."""

    def __init__(
        self,
        store: Store,
        objects: ObjectStore,
        barriers: Barriers,
        leave: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._objects = objects
        self._barriers = barriers
        self._leave = leave
        self._sleep = sleep

    def create(self, name: str, title: str = "", settings: JSON = None) -> Workspace:
        """Make a workspace."""
        return self._store.workspaces.create(name, title, self._checked(Quotas.read(settings or {}), settings or {}))

    def list(self) -> list[Workspace]:
        """All of them."""
        return self._store.workspaces.list()

    def describe(self, name: str) -> Described:
        """One of them with its numbers."""
        return Described(
            workspace=self._store.workspaces.get(name),
            processes=self._store.processes.total(name),
            totals=self._store.workspaces.totals(name),
            storage=self._barriers.used(name),
        )

    def change(self, name: str, *, title: str | None = None, settings: JSON = None) -> Workspace:
        """Change the title, or some of the settings; null takes one away."""
        chosen = None
        if settings is not None:
            chosen = self._checked(changed(self._store.workspaces.get(name).settings, settings), settings)
        return self._store.workspaces.update(name, title=title, settings=chosen)

    def remove(self, name: str, *, force: bool = False) -> None:
        """Remove an empty workspace; with `force` whatever it has: jobs, processes, files, tokens, secrets.

        Jobs that it ran for others, and packages that others use, stay. What fails half-way can be begun again.
        """
        self._store.workspaces.get(name)
        if force:
            self._stop(name)
        else:
            self._check_empty(name)
        for token in self._store.tokens.list(workspace=name):
            self._store.tokens.revoke(token.id)
        self._objects.delete(name)
        self._leave(name)
        self._store.workspaces.remove(name, force=force)

    def _checked(self, quotas: Quotas, said: JSON) -> dict[str, JSON]:
        self._barriers.numbers(quotas, frozenset(said))
        return quotas.document()

    def _check_empty(self, name: str) -> None:
        jobs, processes = self._store.workspaces.totals(name).jobs, self._store.processes.total(name)
        files = next(iter(self._objects.list(name)), None) is not None
        if jobs or processes or files:
            parts = [f"{processes} processes", f"{jobs} jobs", *(["files"] if files else [])]
            raise Conflict(
                f"The workspace {name} is not empty: it has {', '.join(parts)}. Remove them first, or remove it by force."
            )

    def _stop(self, name: str) -> None:
        """Dismiss what waits or runs for the workspace or in it, and wait until that has ended."""
        query, stopped = JobQuery(name, statuses=frozenset(JobStatus) - FINISHED), 0
        while jobs := self._store.jobs.find(query, Page(100))[0]:
            for job in jobs:
                with suppress(NoSuchJob, Conflict):  # it has just ended by itself
                    self._store.jobs.dismiss(job.id)
                    stopped += 1
        if stopped:
            self._sleep(_LINGER)
