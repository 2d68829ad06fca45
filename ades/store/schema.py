"""How far a database is, and how it gets to where this version wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import exc, inspect, select, text

from ades.errors import Misconfigured
from ades.store.tables import metadata, version

if TYPE_CHECKING:
    from ades.store.database import Database

HEAD: Final = "0001"
"""The last migration that this version knows."""
KNOWN: Final = frozenset({HEAD})
"""All of them; a test holds this against the folder."""

_LOCK: Final = 4_110_731


def present(database: Database) -> str | None:
    """How far a database is; None for one without our tables."""
    with database.read() as tx:
        if not inspect(tx.connection).has_table(version.name):
            return None
        number: str | None = tx.value(select(version.c.version_num))
        return number


def prepare(database: Database, *, create: bool) -> None:
    """Make sure that the database is as this version wants it: make or migrate it, or say what is to be done."""
    found = present(database)
    if found == HEAD:
        return
    _check_known(database, found)
    if not create:
        state = "has no tables yet" if found is None else f"is at version {found}, and {HEAD} is wanted"
        raise Misconfigured(f"The database {database.name} {state}. Run `ades db migrate`.", field="database")
    migrate(database)


def migrate(database: Database) -> None:
    """Bring a database to the newest version; of several processes at once one does it and the others wait."""
    with database.write() as tx:
        if tx.postgres:
            tx.run(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        found = tx.value(select(version.c.version_num)) if inspect(tx.connection).has_table(version.name) else None
        _check_known(database, found)
        if found is None:
            metadata.create_all(tx.connection)
            version.create(tx.connection, checkfirst=True)
            tx.run(version.insert().values(version_num=HEAD))
        elif found != HEAD:
            _upgrade(tx.connection)


def _check_known(database: Database, found: str | None) -> None:
    if found is not None and found not in KNOWN:
        raise Misconfigured(
            f"The database {database.name} is at version {found}, which this program does not know: a newer one has "
            "written it. Start that one, or restore a backup.",
            field="database",
        )


def _upgrade(connection: Any) -> None:
    raise exc.CompileError(str(connection))
