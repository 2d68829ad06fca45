"""Users and the tokens that this server has given them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, exc, or_, select, update

from ades.errors import Conflict, NoSuchResource
from ades.model import Token, User
from ades.store.columns import clock
from ades.store.tables import tokens, users

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Row

    from ades.store.database import Database


_USER: Final = select(users).where(users.c.name == bindparam("name"))
_VALID: Final = select(tokens).where(
    tokens.c.hash == bindparam("hash"),
    tokens.c.revoked.is_(None),
    or_(tokens.c.expires.is_(None), tokens.c.expires > clock()),
)


class Users:
    """People and machines that have been seen, or were entered."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, user: User) -> User:
        """Enter a user, or change one; when it was first seen stays as it was."""
        row = {
            "name": user.name,
            "title": user.title,
            "email": user.email,
            "workspaces": sorted(user.workspaces),
            "roles": sorted(user.roles),
            "disabled": user.disabled,
            "created": user.created,
            "seen": user.seen,
        }
        change = {name: value for name, value in row.items() if name not in {"name", "created"}}
        with self._database.write() as tx:
            tx.run(tx.insert(users).values(row).on_conflict_do_update(index_elements=["name"], set_=change))
        return self.get(user.name)

    def saw(self, name: str) -> User:
        """Note that a user was here just now; one that was never seen is entered."""
        with self._database.write() as tx:
            row = {
                "name": name,
                "title": "",
                "workspaces": [],
                "roles": [],
                "disabled": False,
                "created": clock(),
                "seen": clock(),
            }
            statement = tx.insert(users).values(row)
            tx.run(statement.on_conflict_do_update(index_elements=["name"], set_={"seen": clock()}))
        return self.get(name)

    def get(self, name: str) -> User:
        """One user."""
        with self._database.read() as tx:
            row = tx.first(_USER, {"name": name})
        if row is None:
            raise NoSuchResource(f"There is no user {name!r}.")
        return _user(row)

    def list(self) -> list[User]:
        """All users by name."""
        with self._database.read() as tx:
            return [_user(row) for row in tx.all(select(users).order_by(users.c.name))]

    def remove(self, name: str) -> None:
        """Delete a user and the tokens that speak for it."""
        with self._database.write() as tx:
            tx.run(delete(tokens).where(tokens.c.owner == name))
            if not tx.count(delete(users).where(users.c.name == name)):
                raise NoSuchResource(f"There is no user {name!r}.")


class Tokens:
    """Tokens by their hashes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, token: Token) -> Token:
        """Remember a token that was just made."""
        row = {
            "id": token.id,
            "hash": token.hash,
            "title": token.title,
            "owner": token.owner,
            "workspace": token.workspace,
            "scopes": None if token.scopes is None else sorted(token.scopes),
            "created": token.created,
            "created_by": token.created_by,
            "expires": token.expires,
        }
        try:
            with self._database.write() as tx:
                tx.run(tokens.insert().values(row))
        except exc.IntegrityError as error:
            raise Conflict("There is such a token already.") from error
        return token

    def find(self, hash: str) -> Token | None:  # noqa: A002 - what it is
        """The token of a hash, if it is valid now: known, not revoked, not expired."""
        with self._database.read() as tx:
            row = tx.first(_VALID, {"hash": hash})
        return None if row is None else _token(row)

    def used(self, token: UUID) -> None:
        """Note that a token was used just now. Costs a write: once a minute is enough."""
        with self._database.write() as tx:
            tx.run(update(tokens).where(tokens.c.id == token).values(last_used=clock()))

    def list(self, *, owner: str | None = None, workspace: str | None = None) -> list[Token]:
        """Tokens that speak for an owner, act for a workspace, or all; newest first."""
        statement = select(tokens).order_by(tokens.c.created.desc(), tokens.c.id)
        if owner is not None:
            statement = statement.where(tokens.c.owner == owner)
        if workspace is not None:
            statement = statement.where(tokens.c.workspace == workspace)
        with self._database.read() as tx:
            return [_token(row) for row in tx.all(statement)]

    def revoke(self, token: UUID) -> None:
        """Make a token worthless from now on."""
        with self._database.write() as tx:
            change = update(tokens).where(tokens.c.id == token)
            if not tx.count(change.values(revoked=_first(tokens.c.revoked))):
                raise NoSuchResource(f"There is no token {token}.")


def _first(column: Any) -> Any:
    from sqlalchemy import func

    return func.coalesce(column, clock())


def _user(row: Row[Any]) -> User:
    return User(
        name=row.name,
        created=row.created,
        title=row.title,
        email=row.email,
        workspaces=frozenset(row.workspaces),
        roles=frozenset(row.roles),
        disabled=row.disabled,
        seen=row.seen,
    )


def _token(row: Row[Any]) -> Token:
    return Token(
        id=row.id,
        hash=row.hash,
        owner=row.owner,
        created=row.created,
        created_by=row.created_by,
        title=row.title,
        workspace=row.workspace,
        scopes=None if row.scopes is None else frozenset(row.scopes),
        expires=row.expires,
        revoked=row.revoked,
        last_used=row.last_used,
    )
