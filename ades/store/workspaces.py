"""Workspaces, the tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, exc, func, or_, select, update

from ades.errors import BadRequest, Conflict, NoSuchWorkspace
from ades.model import JSON, RESERVED_WORKSPACE_NAMES, WORKSPACE_NAME, JobStatus, Workspace
from ades.store import counters, rows
from ades.store.columns import clock
from ades.store.tables import jobs, processes, workspaces

if TYPE_CHECKING:
    from ades.store.counters import Totals
    from ades.store.database import Database, Transaction


_GET: Final = select(workspaces).where(workspaces.c.name == bindparam("name"))


class Workspaces:
    """The workspaces of this server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, title: str = "", settings: dict[str, JSON] | None = None) -> Workspace:
        """Make a workspace. `settings` may hold `running`: how many of its jobs run at once."""
        _check_name(name)
        chosen = settings or {}
        row = {"name": name, "title": title, "settings": chosen, "created": clock(), "catalogue": clock()}
        try:
            with self._database.write() as tx:
                made = tx.first(workspaces.insert().values(row).returning(workspaces))
                counters.limit(tx, name, _running_limit(chosen))
        except exc.IntegrityError as error:
            raise Conflict(f"There is a workspace {name!r} already.") from error
        if made is None:
            raise Conflict(f"The workspace {name!r} could not be made.")
        return rows.workspace(made)

    def get(self, name: str) -> Workspace:
        """One workspace."""
        with self._database.read() as tx:
            row = tx.first(_GET, {"name": name})
        if row is None:
            raise NoSuchWorkspace(f"There is no workspace {name!r}, or you may not see it.")
        return rows.workspace(row)

    def list(self) -> list[Workspace]:
        """All workspaces by name."""
        with self._database.read() as tx:
            return [rows.workspace(row) for row in tx.all(select(workspaces).order_by(workspaces.c.name))]

    def update(self, name: str, *, title: str | None = None, settings: dict[str, JSON] | None = None) -> Workspace:
        """Change the title, or replace the settings."""
        values: dict[str, Any] = {}
        if title is not None:
            values["title"] = title
        if settings is not None:
            values["settings"] = settings
        with self._database.write() as tx:
            changed = update(workspaces).where(workspaces.c.name == name)
            if not tx.count(changed.values(values or {"title": workspaces.c.title})):
                raise NoSuchWorkspace(f"There is no workspace {name!r}, or you may not see it.")
            if settings is not None:
                counters.limit(tx, name, _running_limit(settings))
                tx.ring("queue")
        return self.get(name)

    def remove(self, name: str, *, force: bool = False) -> None:
        """Delete an empty workspace; with `force` also its processes and the jobs that it called.

        Nothing of it may be waiting or running.
        """
        with self._database.write() as tx:
            if not tx.count(update(workspaces).where(workspaces.c.name == name).values(title=workspaces.c.title)):
                raise NoSuchWorkspace(f"There is no workspace {name!r}, or you may not see it.")
            _check_idle(tx, name)
            if not force:
                _check_empty(tx, name)
            counters.remove_called(tx, name)
            tx.run(delete(processes).where(processes.c.workspace == name))
            tx.run(delete(workspaces).where(workspaces.c.name == name))
            counters.forget(tx, name)

    def totals(self, name: str) -> Totals:
        """The numbers of what a workspace may see, and of its queue."""
        with self._database.read() as tx:
            return counters.totals(tx, name)

    def recount(self) -> None:
        """Set all counters anew from the rows themselves, after a repair of the database by hand."""
        with self._database.write() as tx:
            counters.recount(tx)


def _check_name(name: str) -> None:
    if not WORKSPACE_NAME.fullmatch(name):
        raise BadRequest(
            f"{name!r} is no name for a workspace: at most 60 small letters, digits and hyphens, beginning and ending "
            "with a letter or digit.",
            field="name",
        )
    if name in RESERVED_WORKSPACE_NAMES:
        raise BadRequest(f"{name!r} is an address of the server itself; choose another name.", field="name")


def _running_limit(settings: dict[str, JSON]) -> int | None:
    limit = settings.get("running")
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int) or not 0 <= limit < 2**31:
        raise BadRequest("`running` is how many jobs run at once: a whole number from 0.", field="running")
    return limit


def _check_idle(tx: Transaction, name: str) -> None:
    busy = (JobStatus.ACCEPTED.value, JobStatus.RUNNING.value)
    mine = or_(jobs.c.calling == name, jobs.c.executing == name)
    open_jobs = tx.value(select(func.count()).select_from(jobs).where(mine, jobs.c.status.in_(busy)))
    if open_jobs:
        raise Conflict(f"{open_jobs} jobs of the workspace {name!r} are waiting or running; dismiss them first.")


def _check_empty(tx: Transaction, name: str) -> None:
    called = tx.value(select(func.count()).select_from(jobs).where(jobs.c.calling == name))
    deployed = tx.value(select(func.count()).select_from(processes).where(processes.c.workspace == name))
    if called or deployed:
        raise Conflict(f"The workspace {name!r} still has {deployed} processes and {called} jobs.")
