"""Named leases: which of several equal processes does what only one should do, such as `reconciler` or `sweeper`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, or_, select, update

from ades.store.columns import clock, micros
from ades.store.tables import leases

if TYPE_CHECKING:
    from datetime import timedelta

    from ades.store.database import Database


class Leases:
    """The leases of this database, by its clock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def acquire(self, name: str, holder: str, length: timedelta) -> bool:
        """Take a lease that is free, has run out, or is one's own already."""
        free = or_(leases.c.until <= clock(), leases.c.holder == holder)
        until = clock() + micros(length)
        with self._database.write() as tx:
            statement = tx.insert(leases).values(name=name, holder=holder, until=until)
            change = {"holder": holder, "until": until}
            return bool(tx.count(statement.on_conflict_do_update(index_elements=["name"], set_=change, where=free)))

    def renew(self, name: str, holder: str, length: timedelta) -> bool:
        """Prolong one's own lease; False when somebody else has taken it."""
        mine = update(leases).where(leases.c.name == name, leases.c.holder == holder)
        with self._database.write() as tx:
            return bool(tx.count(mine.values(until=clock() + micros(length))))

    def release(self, name: str, holder: str) -> None:
        """Give one's own lease back."""
        with self._database.write() as tx:
            tx.run(delete(leases).where(leases.c.name == name, leases.c.holder == holder))

    def holder(self, name: str) -> str | None:
        """Who holds a lease that has not run out."""
        with self._database.read() as tx:
            statement = select(leases.c.holder).where(leases.c.name == name, leases.c.until > clock())
            holder: str | None = tx.value(statement)
            return holder
