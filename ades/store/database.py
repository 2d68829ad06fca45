"""The connection to the database: who reads, who writes, and what it means when it does not answer.

Readers hold no transaction. Writers on SQLite take the write lock at once (`BEGIN IMMEDIATE`), so that two of them
never find out halfway that they exclude each other; within a process they queue at a lock of our own, because SQLite's
waiting is a poll. On PostgreSQL every writer takes its locks in one order: turn before job (only a claim, which never
waits for a job), otherwise job, turn, views.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Engine, create_engine, event, exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, make_url

from ades.errors import Misconfigured, StorageFull, Unavailable
from ades.store.columns import storable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Executable, Row, Table
    from sqlalchemy.engine import CursorResult

PATIENCE: Final = 10.0
"""Seconds that a writer waits for others before it says so."""


_IDLE: Final = 2.0
"""Seconds after which a connection to a server is looked at before it is used again."""


@dataclass(slots=True)
class Transaction:
    """One open connection: a reader's, or a writer's transaction with the rings that follow its commit."""

    connection: Connection
    postgres: bool
    rings: list[str] = field(default_factory=list)

    def run(self, statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None) -> Any:
        """Execute; the cursor result."""
        return self.connection.execute(statement, values)

    def count(self, statement: Executable, values: Mapping[str, Any] | None = None) -> int:
        """Execute; how many rows were touched."""
        # Without the option the count of an INSERT is not known on every driver.
        result: CursorResult[Any] = self.connection.execute(
            statement, values, execution_options={"preserve_rowcount": True}
        )
        return result.rowcount

    def first(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Row[Any] | None:
        """Execute; the first row."""
        row: Row[Any] | None = self.run(statement, values).first()
        return row

    def all(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        """Execute; all rows."""
        rows: Sequence[Row[Any]] = self.run(statement, values).all()
        return rows

    def value(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Any:
        """Execute; the first column of the first row, or None."""
        return self.run(statement, values).scalar()

    def insert(self, table: Table) -> Any:
        """An INSERT that knows ON CONFLICT."""
        return inserting(table, self.postgres)

    def ring(self, *topics: str) -> None:
        """Wake whoever waits for these, once this is committed."""
        self.rings += [topic for topic in topics if topic not in self.rings]


def inserting(table: Table, postgres: bool) -> Any:  # noqa: FBT001
    """An INSERT that knows ON CONFLICT, for one of the databases."""
    return postgresql.insert(table) if postgres else sqlite.insert(table)


_FULL: Final = ("disk is full", "No space left on device")
"""How SQLite and PostgreSQL say that there is no room."""


class Database:
    """An engine with its manners."""

    def __init__(self, url: str) -> None:
        self.url = _checked(url)
        self.postgres = self.url.get_backend_name() == "postgresql"
        self.name = self.url.render_as_string(hide_password=True) if self.postgres else str(self.url.database)
        self.engine = _postgresql(self.url) if self.postgres else _sqlite(self.url)
        self._reader: Engine = (
            self.engine.execution_options(isolation_level="AUTOCOMMIT") if self.postgres else self.engine
        )
        self._writer: Engine = self.engine.execution_options(ades_writes=True)
        self._writing = threading.Lock()
        self.committed: list[Any] = []
        """Called with the rings of a committed transaction; the doorbell hangs here."""

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A connection that sees each statement's present state."""
        with self._translated(), self._reader.connect() as connection:
            yield Transaction(connection, self.postgres)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction: all of it or nothing."""
        with self._turn(), self._translated(), self._writer.begin() as connection:
            transaction = Transaction(connection, self.postgres)
            yield transaction
            if self.postgres and transaction.rings:
                for ring in self.committed:
                    ring(transaction)
        if not self.postgres and transaction.rings:
            for ring in self.committed:
                ring(transaction)

    @contextmanager
    def reshape(self) -> Iterator[Transaction]:
        """A transaction that changes tables.

        SQLite changes a table by making another and dropping the first, which would take along whatever refers to its
        rows; so its references are checked at the end instead of all the time.
        """
        if self.postgres:
            with self.write() as tx:
                yield tx
            return
        with self._turn(), self._translated(), self._writer.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA foreign_keys = OFF")
            try:
                with connection.begin():
                    yield Transaction(connection, postgres=False)
                    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                    if broken is not None:
                        raise Misconfigured(f"The change would leave rows in {broken[0]} that refer to nothing.")
            finally:
                driver.execute("PRAGMA foreign_keys = ON")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self.postgres:
            yield
            return
        if not self._writing.acquire(timeout=PATIENCE):
            raise Unavailable(f"The database {self.name} is busy with other writes; try again a little later.")
        try:
            yield
        finally:
            self._writing.release()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except exc.TimeoutError as error:
            raise Unavailable(f"All connections to the database {self.name} are in use.") from error
        except (exc.OperationalError, exc.InterfaceError) as error:
            raise _trouble(self.name, error) from error
        except exc.DBAPIError as error:
            if error.connection_invalidated or type(error) is exc.DatabaseError:
                raise _trouble(self.name, error) from error
            raise

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
    except exc.ArgumentError as error:
        raise Misconfigured("ADES_DATABASE is not an address of a database.", field="database") from error
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise Misconfigured(
            f"ADES_DATABASE names {parsed.get_backend_name()}; this server keeps its rows in sqlite or postgresql.",
            field="database",
        )
    if parsed.get_backend_name() == "sqlite" and (not parsed.database or ":memory:" in parsed.database):
        raise Misconfigured("SQLite needs a file: several processes read and write it.", field="database")
    return parsed


def _sqlite(url: URL) -> Engine:
    engine = create_engine(
        url,
        # Transactions are begun by us, not by the driver.
        connect_args={"isolation_level": None, "timeout": PATIENCE, "check_same_thread": False},
        pool_size=10,
        max_overflow=50,
        pool_timeout=PATIENCE,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: object) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_mode = WAL")
        # With WAL this survives every death of a process; only a loss of power may take the last moments.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -16384")
        connection.execute("PRAGMA temp_store = MEMORY")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("ades_writes"):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL) -> Engine:
    try:
        engine = create_engine(
            url,
            connect_args={"connect_timeout": 5, "application_name": "ades", **keepalives()},
            pool_size=10,
            max_overflow=20,
            pool_timeout=PATIENCE,
            pool_use_lifo=True,
        )
    except ModuleNotFoundError as error:
        raise Misconfigured(
            "ADES_DATABASE names PostgreSQL, but its driver is missing. Install ades[postgres].", field="database"
        ) from error

    @event.listens_for(engine, "connect")
    def _take_any_text(connection: Any, _: object) -> None:
        connection.adapters.register_dumper(str, _forgiving())

    @event.listens_for(engine, "checkout")
    def _look_whether_it_lives(connection: Any, record: Any, _: object) -> None:
        # A server that was restarted meanwhile costs nobody a request, and a busy connection no extra question.
        now = time.monotonic()
        if now - record.info.get("used", now) > _IDLE:
            try:
                connection.execute("SELECT 1")
                connection.rollback()
            except Exception as error:
                raise exc.DisconnectionError from error

    @event.listens_for(engine, "checkin")
    def _note_use(_: object, record: Any) -> None:
        record.info["used"] = time.monotonic()

    return engine


def _forgiving() -> type[Any]:
    """How a text goes to PostgreSQL. A name that it cannot hold is that of nothing, and no reason to fail."""
    from psycopg.types.string import StrDumperUnknown

    class Forgiving(StrDumperUnknown):
        def dump(self, obj: str) -> Any:
            return super().dump(storable(obj))

    return Forgiving


def keepalives() -> dict[str, int]:
    """A peer that vanished without a word is noticed within half a minute."""
    return {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4}


_SQLITE_WORDS: Final = {
    "locked": "is locked by another program; try again a little later",
    "busy": "is locked by another program; try again a little later",
    "full": "cannot grow: there is no space left on its disk",
    "unable to open": "cannot be opened; does its folder exist, and may this user write there",
    "readonly": "cannot be written; check the rights of the file and its folder",
    "i/o error": "cannot be read or written: the disk reports an error or is full",
    "malformed": "is damaged; restore it from a backup",
    "not a database": "is not an SQLite file",
}


def _trouble(name: str, error: exc.DBAPIError) -> Unavailable:
    """What went wrong at the database: it is full, or it does not answer."""
    said = str(error.orig)
    kind = StorageFull if any(word in said for word in _FULL) else Unavailable
    return kind(_explained(name, error))


def _explained(name: str, error: exc.DBAPIError) -> str:
    said = str(error.orig).strip()
    for word, meaning in _SQLITE_WORDS.items():
        if word in said.lower() and "://" not in name:
            return f"The database {name} {meaning}."
    return f"The database {name} does not answer: {' '.join(said.split())[:300]}"
