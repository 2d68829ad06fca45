"""Which processes there are: those of the server first, then what the workspaces have deployed, newest first."""

from __future__ import annotations

from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Final

from ades.errors import InvalidQueryParameterValue, NoSuchProcess
from ades.model import Page

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.model import Package, Process, Workspace
    from ades.service.builtins import Builtins
    from ades.store import Store

    Visible = Callable[[list[Process]], list[bool]]
    """Which of these processes the caller may see."""

_REMEMBERED: Final = 2.0
"""Seconds for which a workspace is taken to exist and to be called as it was."""
_BUILTIN, _DEPLOYED = "b", "d"
"""How a cursor begins: the place is among the built-in processes, or among the deployed ones."""


class Catalog:
    """The read side: what a client can find out."""

    def __init__(self, store: Store, builtins: Builtins) -> None:
        self.builtins = builtins
        self._store = store
        self._workspaces: dict[str, tuple[float, Workspace]] = {}
        self._lock = Lock()

    def workspace(self, name: str) -> Workspace:
        """The workspace; raises NoSuchWorkspace."""
        now = monotonic()
        known = self._workspaces.get(name)
        if known is not None and known[0] > now:
            return known[1]
        with self._lock:
            self._workspaces = {key: entry for key, entry in self._workspaces.items() if entry[0] > now}
        found = self._store.workspaces.get(name)
        with self._lock:
            self._workspaces[name] = (now + _REMEMBERED, found)
        return found

    def version(self, workspace: str) -> int:
        """A number that changes with every change of what the workspace has deployed; raises NoSuchWorkspace."""
        self.workspace(workspace)
        return self._store.processes.catalogue_version(workspace)

    def find(self, workspace: str, id: str) -> Process | None:  # noqa: A002 - the standard's word
        """The process of this id, if the workspace has it."""
        builtin = self.builtins.get(id)
        if builtin is not None:
            self.workspace(workspace)
            return builtin.in_workspace(workspace)
        try:
            return self._store.processes.get(workspace, id)
        except NoSuchProcess:
            return None

    def package(self, process: Process) -> Package:
        """The document that was deployed, and what was understood of it."""
        return self.builtins.package(process.digest) or self._store.processes.package(process.digest)

    def page(self, workspace: str, page: Page, visible: Visible) -> tuple[list[Process], str | None]:
        """A page of what the caller may see, and the cursor of the next one."""
        kind, place = _place(page.cursor)
        skip = 0 if page.cursor else page.skip
        found: list[Process] = []
        if kind == _BUILTIN:
            shown = self._builtins(workspace, visible)
            start = int(place) + skip
            found = shown[start : start + page.limit]
            if start + page.limit < len(shown):
                return found, f"{_BUILTIN}{start + page.limit}"
            skip, place = max(0, start - len(shown)), ""
        return self._deployed(workspace, found, Page(page.limit, place or None, skip), visible)

    def _builtins(self, workspace: str, visible: Visible) -> list[Process]:
        found = [builtin.in_workspace(workspace) for builtin in self.builtins]
        return _only(found, visible)

    def _deployed(
        self, workspace: str, found: list[Process], page: Page, visible: Visible
    ) -> tuple[list[Process], str | None]:
        """Fill the page up. Each look asks for as many as are still missing, so that a cursor never lies inside one."""
        cursor, skip = page.cursor, page.skip
        while (missing := page.limit - len(found)) + skip > 0:
            rows, cursor = self._store.processes.list(workspace, Page(missing + skip, cursor))
            shown = _only(rows, visible)
            found += shown[skip:]
            skip = max(0, skip - len(shown))
            if cursor is None:
                return found, None
        if cursor is None:
            more, _ = self._store.processes.list(workspace, Page(1))
            return found, f"{_DEPLOYED}" if more else None
        return found, f"{_DEPLOYED}{cursor}"


def _only(processes: list[Process], visible: Visible) -> list[Process]:
    if not processes:
        return []
    return [process for process, seen in zip(processes, visible(processes), strict=True) if seen]


def _place(cursor: str | None) -> tuple[str, str]:
    """Where a page begins."""
    if not cursor:
        return _BUILTIN, "0"
    kind, place = cursor[0], cursor[1:]
    if kind == _DEPLOYED or (kind == _BUILTIN and place.isascii() and place.isdigit() and len(place) < 9):  # noqa: PLR2004
        return kind, place
    raise InvalidQueryParameterValue(
        "The query parameter cursor is not one that a `next` link has said.", field="cursor"
    )
