"""How far a database is, and how it gets to where this version wants it.

A new database is made from the tables as they now are; an older one goes through the migrations, whose sum is the same
(a test compares them on both databases). There is no way back: whoever wants one keeps a backup.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import inspect, select, text

from ades.errors import Misconfigured
from ades.store.tables import metadata, version

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from ades.store.database import Database, Transaction

VERSIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""All migrations, oldest first. They stand here so that a server whose database is ready never loads alembic."""

FOLDER: Final = Path(__file__).with_name("migrations")

_LOCK: Final = 4_110_731
"""The number of the advisory lock under which PostgreSQL's tables are changed."""


def present(database: Database) -> str | None:
    """How far a database is; None for one without our tables."""
    with database.read() as tx:
        return _noted(tx)


def prepare(database: Database, *, create: bool) -> None:
    """Make sure that the database is as this version wants it: make or migrate it, or say what is to be done."""
    found = present(database)
    if found == VERSIONS[-1]:
        return
    _check_known(database, found)
    if not create:
        state = "has no tables yet" if found is None else f"is at version {found}, and {VERSIONS[-1]} is wanted"
        raise Misconfigured(f"The database {database.name} {state}. Run `ades db upgrade`.", field="database")
    migrate(database)


def migrate(database: Database) -> None:
    """Bring a database to the newest version; of several processes at once one does it and the others wait."""
    with database.reshape() as tx:
        if tx.postgres:
            tx.run(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        found = _noted(tx)
        _check_known(database, found)
        if found is None:
            metadata.create_all(tx.connection)
            version.create(tx.connection)
            tx.run(version.insert().values(version_num=VERSIONS[-1]))
        elif found != VERSIONS[-1]:
            upgrade(tx.connection)


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the migrations that are missing."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def _noted(tx: Transaction) -> str | None:
    if not inspect(tx.connection).has_table(version.name):
        return None
    number: str | None = tx.value(select(version.c.version_num))
    return number


def _check_known(database: Database, found: str | None) -> None:
    if found is not None and found not in VERSIONS:
        raise Misconfigured(
            f"The database {database.name} is at version {found}, which this program does not know: a newer one has "
            "written it. Start that one, or restore a backup.",
            field="database",
        )
