"""One suite for both databases."""

import shutil

import pytest
from jobs_of_tests import PACKAGE
from postgres import postgres_cluster, postgres_url  # noqa: F401 - fixtures

from ades.store import Store
from ades.store.database import Database
from ades.store.tables import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ades.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    path = tmp_path_factory.mktemp("template") / "ades.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def postgres_shared(postgres_cluster):  # noqa: F811
    url = postgres_cluster.create()
    Store.open(url).close()
    return url


def _emptied(url):
    """Quicker than a database for each test."""
    database = Database(url)
    with database.write() as tx:
        for table in reversed(metadata.sorted_tables):
            tx.run(table.delete())
    database.close()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def made_url(request, tmp_path):
    """The address of a database with all tables and nothing in them."""
    if request.param == "postgresql":
        return _emptied(request.getfixturevalue("postgres_shared"))
    shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "ades.db")
    return f"sqlite:///{tmp_path}/ades.db"


@pytest.fixture
def empty(made_url):
    """A store without anything in it."""
    with Store.open(made_url) as store:
        yield store


@pytest.fixture
def store(empty):
    """A store with three workspaces, and a process `echo` in `demo`."""
    for name in ("demo", "alice", "bob"):
        empty.workspaces.create(name)
    empty.processes.put("demo", PACKAGE, id="echo", version="1")
    return empty
