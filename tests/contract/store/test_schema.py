"""How a database comes to be as this version wants it."""

import shutil
import subprocess
import sys

import pytest
from jobs_of_tests import a_job
from sqlalchemy import text

from ades.errors import Misconfigured
from ades.model import JobQuery, Page, Step, StepState
from ades.store import Store, schema
from ades.store.database import Database
from ades.store.tables import metadata, version

_COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity, character_maximum_length
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
"""
_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
_CONSTRAINTS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conname NOT LIKE 'alembic%'
"""
_OBJECTS = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE tbl_name <> 'alembic_version'"
SHAPE = {False: [_OBJECTS], True: [_COLUMNS, _INDEXES, _CONSTRAINTS]}


def shape(tx):
    """All that a database says about its tables, whatever the order."""
    rows = [row for question in SHAPE[tx.postgres] for row in tx.all(text(question))]
    return {" | ".join(" ".join(str(part).replace(chr(34), "").split()) for part in row) for row in rows}


def test_migrations_lead_to_the_tables(url):
    """Who comes all the way through the migrations has what a new database has, to the last index condition."""
    database = Database(url)
    with database.reshape() as tx:
        schema.upgrade(tx.connection)
        migrated = shape(tx)
        metadata.drop_all(tx.connection)
        metadata.create_all(tx.connection)
        created = shape(tx)
    database.close()
    assert len(created) > 50
    assert created == migrated


def test_every_migration_is_known():
    """The list in the program is the folder, in its order, so that nothing needs alembic to know how far it is."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(schema.FOLDER))
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert list(reversed(revisions)) == list(schema.VERSIONS)


NEXT = '''
"""A migration that copies a table others refer to, as SQLite must."""
import sqlalchemy as sa
from alembic import op
revision = "9999"
down_revision = "%s"
def upgrade() -> None:
    with op.batch_alter_table("jobs", recreate="always" if op.get_bind().dialect.name == "sqlite" else "auto") as jobs:
        jobs.add_column(sa.Column("priority", sa.Integer(), nullable=False, server_default="7"))
'''


def test_a_migration_keeps_what_is_there(url, tmp_path, monkeypatch):
    """A database with data is migrated on opening; nothing is lost, not even where a table has to be copied."""
    with Store.open(url) as store:
        store.workspaces.create("demo")
        job = store.jobs.submit(a_job(digest=None))
        claim = store.queue.claim("w", _minute())
        store.steps.put(claim, Step(job.id, "warp", 1, 0, StepState.RUNNING))
    shutil.copytree(schema.FOLDER, tmp_path / "migrations")
    (tmp_path / "migrations/versions/9999_next.py").write_text(NEXT % schema.VERSIONS[-1])
    monkeypatch.setattr(schema, "FOLDER", tmp_path / "migrations")
    monkeypatch.setattr(schema, "VERSIONS", (*schema.VERSIONS, "9999"))
    with Store.open(url) as store:
        assert store.version() == "9999"
        assert [step.name for step in store.steps.list(job.id)] == ["warp"]
        assert [found.id for found in store.jobs.find(JobQuery("demo"), Page(10))[0]] == [job.id]
        with store._database.read() as tx:
            assert tx.value(text("SELECT priority FROM jobs")) == 7
        assert store.jobs.submit(a_job(digest=None)).id


def _minute():
    from datetime import timedelta

    return timedelta(minutes=1)


def test_without_create_nothing_is_made(url):
    """Whoever opens without `create` is told what to run."""
    if url.startswith("sqlite"):
        with pytest.raises(Misconfigured, match="There is no database"):
            Store.open(url, create=False)
        Database(url).engine.connect().close()
    with pytest.raises(Misconfigured, match=r"has no tables yet.*ades db upgrade"):
        Store.open(url, create=False)


def test_a_newer_database_is_left_alone(url):
    """A database that a newer version has written is refused with the way out, and not touched."""
    with Store.open(url) as store, store._database.write() as tx:
        tx.run(version.update().values(version_num="8888"))
    with pytest.raises(Misconfigured, match="at version 8888, which this program does not know: a newer one"):
        Store.open(url)


OPEN = """
import sys
from ades.store import Store
with Store.open(sys.argv[1]) as store:
    store.leases.acquire("x", sys.argv[2], __import__("datetime").timedelta(seconds=1))
"""


def test_several_processes_make_one_database(url):
    """Servers that start together on an empty database all get it, made once."""
    started = [subprocess.Popen([sys.executable, "-c", OPEN, url, str(n)], stderr=subprocess.PIPE) for n in range(4)]
    said = [process.communicate(timeout=60)[1].decode() for process in started]
    assert [0] * 4 == [process.returncode for process in started], "\n".join(said)


def test_a_ready_database_needs_no_alembic(url):
    """Starting on a database that is as it should be does not load alembic."""
    Store.open(url).close()
    code = (
        "import sys; from ades.store import Store; Store.open(sys.argv[1]).close(); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, url], check=False).returncode == 0


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("mysql://root@localhost/ades", "keeps its rows in sqlite or postgresql"),
        ("sqlite://", "SQLite needs a file"),
        ("what is this", "not an address"),
    ],
)
def test_other_databases_are_refused(address, words):
    """An address that cannot work is refused at once, with the reason."""
    with pytest.raises(Misconfigured, match=words):
        Store.open(address)
