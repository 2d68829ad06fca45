"""Releases: what was copied where, when and by whom. Rows stay when a release is withdrawn or its job is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import literal_column, select, update

from ades.errors import NoSuchResource
from ades.model import Release, ReleaseStatus
from ades.store.tables import releases

if TYPE_CHECKING:
    import builtins
    from uuid import UUID

    from sqlalchemy import ColumnElement, Row

    from ades.store.database import Database

BELL: Final = "releases"
"""The topic of the doorbell that rings when there is something to copy or to delete."""
_DUE: Final[ColumnElement[bool]] = literal_column("status IN ('requested', 'withdrawing')")


class Releases:
    """The releases of all workspaces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, release: Release) -> Release:
        """Remember what is to be copied."""
        row = {name: getattr(release, name) for name in _NAMES}
        row |= {"status": release.status.value, "outputs": list(release.outputs), "files": list(release.files)}
        with self._database.write() as tx:
            tx.run(releases.insert().values(row))
            tx.ring(BELL)
        return release

    def get(self, workspace: str, release: UUID) -> Release:
        """One of a workspace."""
        with self._database.read() as tx:
            row = tx.first(select(releases).where(releases.c.id == release, releases.c.workspace == workspace))
        if row is None:
            raise NoSuchResource(f"There is no release {release} in the workspace {workspace}, or you may not see it.")
        return _release(row)

    def list(self, workspace: str, job: UUID | None = None, limit: int = 1000) -> builtins.list[Release]:
        """Those of a workspace, newest first."""
        statement = select(releases).where(releases.c.workspace == workspace)
        if job is not None:
            statement = statement.where(releases.c.job == job)
        order = (releases.c.requested.desc(), releases.c.id.desc())
        with self._database.read() as tx:
            return [_release(row) for row in tx.all(statement.order_by(*order).limit(limit))]

    def standing(self, release: Release) -> builtins.list[Release]:
        """All that can be read in the same collection of the same store."""
        same = (releases.c[name] == getattr(release, name) for name in ("workspace", "store", "collection"))
        statement = select(releases).where(*same, releases.c.status == ReleaseStatus.RELEASED.value)
        with self._database.read() as tx:
            return [_release(row) for row in tx.all(statement.order_by(releases.c.requested, releases.c.id))]

    def due(self) -> builtins.list[Release]:
        """What waits to be copied or deleted, in its order."""
        with self._database.read() as tx:
            return [
                _release(row) for row in tx.all(select(releases).where(_DUE).order_by(releases.c.requested).limit(100))
            ]

    def move(self, release: Release, status: ReleaseStatus, **values: Any) -> bool:
        """Say how it is now; False when somebody has said otherwise meanwhile."""
        mine = update(releases).where(releases.c.id == release.id, releases.c.status == release.status.value)
        with self._database.write() as tx:
            tx.ring(BELL)
            return bool(tx.count(mine.values(status=status.value, **values)))


_NAMES: Final = (
    "id", "workspace", "job", "process_id", "store", "collection", "message", "requested", "requested_by", "released",
    "withdrawn", "withdrawn_by",
)  # fmt: skip


def _release(row: Row[Any]) -> Release:
    values = row._mapping  # noqa: SLF001 - the documented way to a row's names
    return Release(
        **{name: values[name] for name in _NAMES},
        outputs=tuple(row.outputs),
        status=ReleaseStatus(row.status),
        files=tuple(row.files),
    )
