"""A database that does not answer: everybody is told in words, and nobody has to restart anything."""

import sqlite3
import time
from datetime import timedelta

import pytest
from jobs_of_tests import a_job
from moments import within
from postgres import new_cluster

from ades.errors import Unavailable
from ades.store import Store, database


@pytest.fixture
def file(tmp_path):
    return tmp_path / "ades.db"


def test_a_locked_file(file, monkeypatch):
    """While another program holds the SQLite file, writing is refused after a while, reading goes on; then all is well."""
    monkeypatch.setattr(database, "PATIENCE", 0.3)
    with Store.open(f"sqlite:///{file}") as store:
        store.workspaces.create("demo")
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match=r"ades.db is locked by another program; try again"):
            store.jobs.submit(a_job(digest=None))
        assert store.workspaces.get("demo").name == "demo"
        assert store.queue.claim("w", timedelta(seconds=9)) is None
        other.execute("ROLLBACK")
        other.close()
        store.jobs.submit(a_job(digest=None))
        assert store.workspaces.totals("demo").jobs == 1


def test_a_full_disk(file):
    """When the file cannot grow, the job is not taken, what is there can be read, and it goes on when there is room."""
    with Store.open(f"sqlite:///{file}") as store:
        store.workspaces.create("demo")
        job = store.jobs.submit(a_job(digest=None))
        with store._database.read() as tx:
            pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar()
            tx.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(Unavailable, match="no space left"):
            store.jobs.submit(a_job(digest=None, request={"inputs": {"big": "x" * 100_000}}))
        assert job == store.jobs.get(job.id)
        with store._database.read() as tx:
            tx.connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        store.jobs.submit(a_job(digest=None, request={"inputs": {"big": "x" * 100_000}}))
        assert store.workspaces.totals("demo").jobs == 2


def test_what_is_no_database(file):
    """A file that is something else is named as such."""
    file.write_text("Dear diary, " * 1000)
    with pytest.raises(Unavailable, match="is not an SQLite file"):
        Store.open(f"sqlite:///{file}")


@pytest.fixture
def own_cluster():
    cluster = new_cluster(shared_buffers="16MB", synchronous_commit="on")
    yield cluster
    cluster.remove()


def test_a_vanished_server(own_cluster, monkeypatch):
    """Without PostgreSQL there are quick, readable refusals, which name no password; when it is back, so is all else."""
    monkeypatch.setattr(database, "_IDLE", 0.0)
    url = own_cluster.create().replace("postgres@", "postgres:geheim@")
    with Store.open(url) as store, store.bell.listen("queue") as ear:
        store.workspaces.create("demo")
        store.jobs.submit(a_job(digest=None))
        ear.wait(1)
        own_cluster.stop()
        for question in (
            store.ping,
            lambda: store.jobs.submit(a_job(digest=None)),
            lambda: store.queue.claim("w", timedelta(seconds=9)),
        ):
            began = time.monotonic()
            with pytest.raises(Unavailable, match=r"The database postgresql.* does not answer") as refusal:
                question()
            assert time.monotonic() - began < within(20)
            assert "geheim" not in str(refusal.value)
        own_cluster.start()
        store.ping()
        assert store.queue.claim("w", timedelta(seconds=9)) is not None
        assert ear.wait(5), "a gap rings for everybody, since rings may have been lost in it"
        assert _hears_again(store, ear)


def _hears_again(store, ear):
    ear.wait(0.5)
    store.jobs.submit(a_job(digest=None))
    return ear.wait(5)


def test_a_restart_between_two_requests_costs_nobody_anything(own_cluster, monkeypatch):
    """A server that was restarted while nobody asked is not noticed."""
    monkeypatch.setattr(database, "_IDLE", 0.0)
    with Store.open(own_cluster.create()) as store:
        store.workspaces.create("demo")
        own_cluster.stop()
        own_cluster.start()
        assert store.workspaces.get("demo").name == "demo"
        store.jobs.submit(a_job(digest=None))


def test_opening_without_a_server(own_cluster):
    """A server that does not find its database at the start says so."""
    url = own_cluster.create()
    own_cluster.stop()
    with pytest.raises(Unavailable, match="does not answer"):
        Store.open(url)
