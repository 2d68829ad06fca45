"""Processes, their revisions, and the packages that they point to.

A package is kept once under its digest, and as long as a revision or a job refers to it. Deploying takes hold of the
package's row (`touched`), so that a sweeper at the same time either waits and finds it in use, or was first and the
package is written anew.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, func, select, tuple_, update

from ades.errors import DuplicatedProcess, NoSuchProcess, NoSuchResource, NoSuchWorkspace, PreconditionFailed
from ades.model import Access, Package, Process
from ades.store import ids, rows
from ades.store.columns import clock, micros
from ades.store.tables import jobs, packages, processes, revisions, workspaces

if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Select

    from ades.model import JSON, Page
    from ades.store.database import Database, Transaction

_BARE: Final = (
    select(
        processes.c.workspace,
        processes.c.id,
        processes.c.access,
        processes.c.shared_with,
        processes.c.keep,
        processes.c.created,
        revisions.c.created.label("updated"),
        revisions.c.revision,
        revisions.c.version,
        revisions.c.digest,
    )
    .join_from(
        processes,
        revisions,
        (revisions.c.workspace == processes.c.workspace) & (revisions.c.id == processes.c.id),
    )
    .where(processes.c.workspace == bindparam("workspace"))
)
_FULL: Final = _BARE.add_columns(packages.c.description).join(packages, packages.c.digest == revisions.c.digest)
_GET: Final = _FULL.where(revisions.c.revision == processes.c.revision, processes.c.id == bindparam("id"))
_LIST: Final = _BARE.where(revisions.c.revision == processes.c.revision).order_by(
    processes.c.created.desc(), processes.c.id.desc()
)
_PACKAGE: Final = select(packages).where(packages.c.digest == bindparam("digest"))
_VERSION: Final = select(workspaces.c.catalogue).where(workspaces.c.name == bindparam("workspace"))
_REMEMBERED: Final = 4096
"""Descriptions that stay read: packages never change, so they never go stale."""
_AT_ONCE: Final = 500
"""Descriptions that one query reads."""
_GRACE: Final = timedelta(hours=1)
"""How long a package stays that nothing refers to: who has just read its digest may still submit a job with it."""


class Processes:
    """The deployed processes of all workspaces."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._descriptions: dict[str, dict[str, JSON]] = {}

    def put(
        self,
        workspace: str,
        package: Package,
        *,
        id: str,
        version: str,
        access: Access | None = None,
        shared_with: Sequence[str] | None = None,
        replace: bool = False,
        expected_revision: int | None = None,
    ) -> Process:
        """Deploy a package under a name, or replace what the name points to; of several at once exactly one deploys.

        What is None stays as it was; a new process is private.
        """
        with self._database.write() as tx:
            _new_catalogue(tx, workspace)
            if replace:
                revision = _next_revision(tx, workspace, id, expected_revision)
                _change_access(tx, workspace, id, access, shared_with)
            else:
                revision = 1
                _name(tx, workspace, id, access, shared_with)
            _keep_package(tx, package)
            row = {"workspace": workspace, "id": id, "revision": revision}
            tx.run(revisions.insert().values(row | {"version": version, "digest": package.digest, "created": clock()}))
            return _get(tx, workspace, id)

    def get(self, workspace: str, id: str, revision: int | None = None) -> Process:
        """A process as it is, or as it was in an earlier revision."""
        with self._database.read() as tx:
            return _get(tx, workspace, id, revision)

    def list(self, workspace: str, page: Page) -> tuple[builtins.list[Process], str | None]:
        """A page of processes, newest first, and the cursor of the next."""
        statement = _LIST
        if page.cursor is not None:
            statement = statement.where(tuple_(processes.c.created, processes.c.id) < ids.place("p", page.cursor))
        with self._database.read() as tx:
            found = tx.all(statement.limit(page.limit + 1).offset(page.skip), {"workspace": workspace})
            descriptions = self._described(tx, {row.digest for row in found})
        last = found[page.limit - 1] if len(found) > page.limit else None
        return (
            [rows.process(row, descriptions[row.digest]) for row in found[: page.limit]],
            None if last is None else ids.cursor("p", micros(last.created), last.id),
        )

    def _described(self, tx: Transaction, digests: set[str]) -> Mapping[str, dict[str, JSON]]:
        """The descriptions of packages. A list repeats most of them from its last time, so they are remembered."""
        known = self._descriptions
        missing = sorted(digests - known.keys())
        if missing:
            if len(known) + len(missing) > _REMEMBERED:
                known = {digest: known[digest] for digest in digests & known.keys()}
            for start in range(0, len(missing), _AT_ONCE):
                part = packages.c.digest.in_(missing[start : start + _AT_ONCE])
                known = known | {
                    row.digest: row.description
                    for row in tx.all(select(packages.c.digest, packages.c.description).where(part))
                }
            self._descriptions = known
        return known

    def total(self, workspace: str) -> int:
        """How many processes a workspace has deployed."""
        with self._database.read() as tx:
            return int(tx.value(select(func.count()).where(processes.c.workspace == workspace)))

    def revisions(self, workspace: str, id: str) -> builtins.list[Process]:
        """All revisions of a process, newest first; `updated` is when each was deployed."""
        statement = _FULL.where(processes.c.id == id).order_by(revisions.c.revision.desc())
        with self._database.read() as tx:
            found = tx.all(statement, {"workspace": workspace})
        if not found:
            raise _unknown(workspace, id)
        return [rows.process(row, row.description) for row in found]

    def remove(self, workspace: str, id: str) -> None:
        """Undeploy a process. Its jobs keep their packages."""
        with self._database.write() as tx:
            _new_catalogue(tx, workspace)
            used = select(revisions.c.digest).where(revisions.c.workspace == workspace, revisions.c.id == id)
            digests = sorted({row.digest for row in tx.all(used)})
            for digest in digests:
                tx.run(update(packages).where(packages.c.digest == digest).values(touched=clock()))
            gone = delete(processes).where(processes.c.workspace == workspace, processes.c.id == id)
            if not tx.count(gone):
                raise _unknown(workspace, id)

    def set_access(
        self,
        workspace: str,
        id: str,
        access: Access,
        shared_with: Sequence[str] = (),
    ) -> Process:
        """Say who may see and execute a process."""
        with self._database.write() as tx:
            _new_catalogue(tx, workspace)
            if not _change_access(tx, workspace, id, access, shared_with):
                raise _unknown(workspace, id)
            return _get(tx, workspace, id)

    def set_keep(self, workspace: str, id: str, keep: str | None) -> Process:
        """Say how long its jobs are kept; None: as long as the workspace says."""
        with self._database.write() as tx:
            _new_catalogue(tx, workspace)
            mine = (processes.c.workspace == workspace, processes.c.id == id)
            if not tx.count(update(processes).where(*mine).values(keep=keep, updated=clock())):
                raise _unknown(workspace, id)
            return _get(tx, workspace, id)

    def catalogue_version(self, workspace: str) -> int:
        """A number that changes with every change of the processes of a workspace: a key for caches."""
        with self._database.read() as tx:
            number = tx.value(_VERSION, {"workspace": workspace})
        if number is None:
            raise _no_workspace(workspace)
        return int(number)

    def package(self, digest: str) -> Package:
        """A package by its digest."""
        with self._database.read() as tx:
            row = tx.first(_PACKAGE, {"digest": digest})
        if row is None:
            raise NoSuchResource(f"There is no package {digest}.")
        return rows.package(row)

    def sweep_packages(self, grace: timedelta = _GRACE) -> int:
        """Delete packages that neither a revision nor a job refers to, and that nobody touched for a while."""
        unused = (
            ~select(revisions.c.digest).where(revisions.c.digest == packages.c.digest).exists(),
            ~select(jobs.c.digest).where(jobs.c.digest == packages.c.digest).exists(),
        )
        with self._database.read() as tx:
            before = tx.value(select(clock() - micros(grace)))
            untouched = packages.c.touched <= before
            found = [row.digest for row in tx.all(select(packages.c.digest).where(untouched, *unused))]
        return sum(self._sweep(digest, untouched, unused) for digest in found)

    def _sweep(self, digest: str, untouched: Any, unused: tuple[Any, ...]) -> int:
        """One at a time, under its row's lock: a deploy that came between has touched it or has made a reference."""
        with self._database.write() as tx:
            held = select(packages.c.digest).where(packages.c.digest == digest, untouched).with_for_update()
            if tx.first(held) is None:
                return 0
            return tx.count(delete(packages).where(packages.c.digest == digest, *unused))


def _get(tx: Transaction, workspace: str, id: str, revision: int | None = None) -> Process:
    statement: Select[Any] = _GET
    if revision is not None:
        statement = _FULL.where(processes.c.id == bindparam("id"), revisions.c.revision == revision)
    row = tx.first(statement, {"workspace": workspace, "id": id})
    if row is None:
        raise _unknown(workspace, id, revision)
    return rows.process(row, row.description)


def _name(tx: Transaction, workspace: str, id: str, access: Access | None, shared: Sequence[str] | None) -> None:
    row = {
        "workspace": workspace,
        "id": id,
        "revision": 1,
        "access": (access or Access.PRIVATE).value,
        "shared_with": list(shared or ()),
        "created": clock(),
        "updated": clock(),
    }
    if not tx.count(tx.insert(processes).values(row).on_conflict_do_nothing()):
        raise DuplicatedProcess(
            f"The workspace {workspace} has a process {id!r} already; use PUT to replace it.", id=id
        )


def _next_revision(tx: Transaction, workspace: str, id: str, expected: int | None) -> int:
    mine = (processes.c.workspace == workspace, processes.c.id == id)
    statement = update(processes).where(*mine).values(revision=processes.c.revision + 1, updated=clock())
    revision = tx.value(statement.returning(processes.c.revision))
    if revision is None:
        raise _unknown(workspace, id)
    if expected is not None and revision != expected + 1:
        raise PreconditionFailed(f"The process {id!r} is at revision {revision - 1}, not {expected}.")
    return int(revision)


def _change_access(
    tx: Transaction,
    workspace: str,
    id: str,
    access: Access | None,
    shared: Sequence[str] | None,
) -> int:
    values: dict[str, Any] = {"updated": clock()}
    if access is not None:
        values["access"] = access.value
    if shared is not None:
        values["shared_with"] = list(shared)
    mine = (processes.c.workspace == workspace, processes.c.id == id)
    return tx.count(update(processes).where(*mine).values(values))


def _keep_package(tx: Transaction, package: Package) -> None:
    row = {
        "digest": package.digest,
        "media_type": package.media_type,
        "entry": package.entry,
        "description": package.description,
        "validator": package.validator,
        "executable": package.executable,
        "body": package.body,
        "created": clock(),
        "touched": clock(),
    }
    statement = tx.insert(packages).values(row)
    tx.run(statement.on_conflict_do_update(index_elements=["digest"], set_={"touched": clock()}))


def _new_catalogue(tx: Transaction, workspace: str) -> None:
    """Counts the change, and makes those who deploy into one workspace go one after the other."""
    change = update(workspaces).where(workspaces.c.name == workspace)
    if not tx.count(change.values(catalogue=workspaces.c.catalogue + 1)):
        raise _no_workspace(workspace)


def _no_workspace(workspace: str) -> NoSuchWorkspace:
    return NoSuchWorkspace(f"There is no workspace {workspace!r}, or you may not see it.")


def _unknown(workspace: str, id: str, revision: int | None = None) -> NoSuchProcess:
    which = "" if revision is None else f" with a revision {revision}"
    return NoSuchProcess(f"The workspace {workspace} has no process {id!r}{which}, or you may not see it.")
