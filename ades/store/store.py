"""The store: one database and what is kept in it, by subject."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from sqlalchemy import text

from ades.errors import Misconfigured
from ades.store import schema
from ades.store.bell import Bell
from ades.store.database import Database
from ades.store.events import Events
from ades.store.jobs import Jobs
from ades.store.leases import Leases
from ades.store.outbox import Outbox
from ades.store.processes import Processes
from ades.store.queue import Queue
from ades.store.releases import Releases
from ades.store.results import Results
from ades.store.secrets import Secrets
from ades.store.stac import Stac
from ades.store.steps import Steps
from ades.store.users import Tokens, Users
from ades.store.workspaces import Workspaces

if TYPE_CHECKING:
    from types import TracebackType


class Store:
    """Opened once in each process, used by all its threads. Open it after forking."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.bell = Bell(database)
        self.workspaces = Workspaces(database)
        self.processes = Processes(database)
        self.jobs = Jobs(database)
        self.queue = Queue(database)
        self.steps = Steps(database)
        self.results = Results(database)
        self.stac = Stac(database)
        self.events = Events(database)
        self.outbox = Outbox(database)
        self.leases = Leases(database)
        self.releases = Releases(database)
        self.users = Users(database)
        self.tokens = Tokens(database)
        self.secrets = Secrets(database)

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Self:
        """Connect, and with `create` make or migrate the tables; without, say what is missing."""
        database = Database(url)
        if not database.postgres:
            _prepare_folder(Path(str(database.url.database)), create=create)
        try:
            schema.prepare(database, create=create)
        except BaseException:
            database.close()
            raise
        return cls(database)

    @property
    def name(self) -> str:
        """The database for people, without its password."""
        return self._database.name

    @property
    def postgres(self) -> bool:
        """Whether this is PostgreSQL, which several machines may share."""
        return self._database.postgres

    def migrate(self) -> None:
        """Bring the database to the newest version."""
        schema.migrate(self._database)

    def version(self) -> str | None:
        """How far the database is."""
        return schema.present(self._database)

    def ping(self) -> None:
        """Raise `Unavailable` when the database does not answer."""
        with self._database.read() as tx:
            tx.run(text("SELECT 1"))

    def close(self) -> None:
        """Give connections and sockets back."""
        self.bell.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _prepare_folder(path: Path, *, create: bool) -> None:
    if not create and not path.exists():
        raise Misconfigured(f"There is no database {path}.", field="database")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"The folder {path.parent} of the database cannot be made: {error.strerror}.") from error
