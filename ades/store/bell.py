"""The doorbell: tells waiting threads, here and in other processes, that it is worth looking at the database.

A ring is a hint, never a promise: whoever waits also looks from time to time. Topics are `queue` (something may be
claimed), `outbox`, the id of a job (something happened to it) and `jobs of <workspace>`. On PostgreSQL rings travel by NOTIFY, in the
transaction they tell of; on SQLite by datagrams between unix sockets, one for each process, in a short folder.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from sqlalchemy import String, bindparam, func, literal_column, select

from ades.errors import Unavailable
from ades.store.sockets import Sockets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.store.database import Database, Transaction


CHANNEL: Final = "ades"
_NOTIFY: Final = select(func.pg_notify(literal_column(f"'{CHANNEL}'"), bindparam("topics", type_=String)))


class Ear:
    """A waiting thread's own memory of rings, so that what rings while it works is not missed."""

    def __init__(self, topics: frozenset[str]) -> None:
        self._topics = topics
        self._rung = threading.Event()

    def hear(self, topics: frozenset[str] | None) -> None:
        """Note a ring; None is one for everybody."""
        if topics is None or not self._topics or topics & self._topics:
            self._rung.set()

    def wait(self, timeout: float) -> bool:
        """Until it rings, or has rung since the last time; False when nothing was heard."""
        rung = self._rung.wait(timeout)
        self._rung.clear()
        return rung


class Wire(Protocol):
    """What carries rings between processes."""

    def listen(self, stop: threading.Event, heard: Any) -> None:
        """Call `heard(topics)` for each ring from elsewhere, until `stop`; `heard(None)` after a gap."""
        ...

    def send(self, topics: list[str]) -> None:
        """Ring elsewhere."""
        ...

    def close(self) -> None:
        """End listening."""
        ...


class Bell:
    """The doorbell of one process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wire: Wire = Notifications(database) if database.postgres else Sockets(str(database.url.database))
        self._ears: set[Ear] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._listener: threading.Thread | None = None
        database.committed.append(self._committed)

    @contextmanager
    def listen(self, *topics: str) -> Iterator[Ear]:
        """An ear for some topics, or for all. Open it, look at the database, and only then wait."""
        ear = Ear(frozenset(topics))
        with self._lock:
            self._ears.add(ear)
            self._start()
        try:
            yield ear
        finally:
            with self._lock:
                self._ears.discard(ear)

    def wait(self, timeout: float, *topics: str) -> bool:
        """Wait for the next ring. Who looks and waits in a loop wants `listen`, which misses nothing in between."""
        with self.listen(*topics) as ear:
            return ear.wait(timeout)

    def ring(self, *topics: str) -> None:
        """Wake whoever waits for these topics; without topics those who wait for the queue."""
        names = list(topics or ("queue",))
        self._here(names)
        self._wire.send(names)

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        if self._listener is not None:
            self._wire.close()
            self._listener.join(5)

    def _committed(self, tx: Transaction) -> None:
        if tx.postgres:
            tx.run(_NOTIFY, {"topics": "\n".join(tx.rings)})
        else:
            self.ring(*tx.rings)

    def _here(self, topics: list[str] | None) -> None:
        wanted = None if topics is None else frozenset(topics)
        with self._lock:
            ears = list(self._ears)
        for ear in ears:
            ear.hear(wanted)

    def _start(self) -> None:
        if self._listener is None:
            self._listener = threading.Thread(
                target=self._wire.listen, args=(self._stop, self._here), name="ades-bell", daemon=True
            )
            self._listener.start()


class Notifications:
    """LISTEN and NOTIFY. Listening has a connection of its own, which must not go through a transaction pooler."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Any = None

    def send(self, topics: list[str]) -> None:
        """Ring outside of a transaction."""
        with self._database.read() as tx:
            tx.run(_NOTIFY, {"topics": "\n".join(topics)})

    def listen(self, stop: threading.Event, heard: Any) -> None:
        """Listen, and connect anew when the server was gone."""
        import psycopg

        while not stop.is_set():
            try:
                self._connection = self._connect()
                heard(None)
                while not stop.is_set():
                    for note in self._connection.notifies(timeout=1, stop_after=100):
                        heard(note.payload.split("\n"))
            except psycopg.Error:
                stop.wait(1)
            finally:
                if self._connection is not None:
                    self._connection.close()

    def _connect(self) -> Any:
        import psycopg

        url = self._database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = psycopg.connect(url, autocommit=True, connect_timeout=5, application_name="ades bell")
        connection.execute(f"LISTEN {CHANNEL}")
        return connection

    def close(self) -> None:
        """Wake the listening thread, so that it sees that it is to stop; it does so by itself within a second."""
        with suppress(Unavailable):
            self.send(["close"])
