"""Encrypted values by workspace and name. What is inside is not the store's business."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, exc, select

from ades.errors import NoSuchResource, NoSuchWorkspace
from ades.store.columns import clock
from ades.store.tables import secrets

if TYPE_CHECKING:
    from ades.store.database import Database


class Secrets:
    """Rows of ciphertext."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, workspace: str, name: str, ciphertext: bytes) -> None:
        """Keep a value, or replace it."""
        row = {"workspace": workspace, "name": name, "ciphertext": ciphertext, "updated": clock()}
        change = {"ciphertext": ciphertext, "updated": clock()}
        try:
            with self._database.write() as tx:
                statement = tx.insert(secrets).values(row)
                tx.run(statement.on_conflict_do_update(index_elements=["workspace", "name"], set_=change))
        except exc.IntegrityError as error:
            raise NoSuchWorkspace(f"There is no workspace {workspace!r}, or you may not see it.") from error

    def get(self, workspace: str, name: str) -> bytes:
        """The value as it was put: encrypted."""
        mine = (secrets.c.workspace == workspace, secrets.c.name == name)
        with self._database.read() as tx:
            value = tx.value(select(secrets.c.ciphertext).where(*mine))
        if value is None:
            raise NoSuchResource(f"The workspace {workspace} has no secret {name!r}.")
        return bytes(value)

    def list(self, workspace: str) -> list[str]:
        """The names of a workspace's secrets."""
        statement = select(secrets.c.name).where(secrets.c.workspace == workspace).order_by(secrets.c.name)
        with self._database.read() as tx:
            return [row.name for row in tx.all(statement)]

    def remove(self, workspace: str, name: str) -> None:
        """Forget a value."""
        mine = (secrets.c.workspace == workspace, secrets.c.name == name)
        with self._database.write() as tx:
            if not tx.count(delete(secrets).where(*mine)):
                raise NoSuchResource(f"The workspace {workspace} has no secret {name!r}.")
