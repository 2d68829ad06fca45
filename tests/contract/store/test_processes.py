"""Workspaces, and the processes in them."""

from datetime import UTC, datetime, timedelta

import pytest
from jobs_of_tests import PACKAGE, a_job, a_package

from ades.errors import (
    BadRequest,
    Conflict,
    DuplicatedProcess,
    NoSuchProcess,
    NoSuchResource,
    NoSuchWorkspace,
    PreconditionFailed,
)
from ades.model import Access, JobQuery, JobStatus, Page
from ades.store.tables import packages

NOW = timedelta(0)


@pytest.mark.parametrize("name", ["a\0b", "\0"], ids=ascii)
def test_a_name_that_no_database_holds_is_that_of_nothing(empty, name):
    """Who asks for a name with a NUL is told that there is nothing, and not that the server failed."""
    empty.workspaces.create("demo")
    with pytest.raises(NoSuchWorkspace):
        empty.workspaces.get(name)
    with pytest.raises(NoSuchProcess):
        empty.processes.get("demo", name)
    with pytest.raises(NoSuchResource):
        empty.users.get(name)
    with pytest.raises(NoSuchResource):
        empty.secrets.remove("demo", name)


def test_a_workspace_comes_back(empty):
    """A workspace has a name, a title, settings and the time of its making."""
    made = empty.workspaces.create("demo", "Démo", {"running": 3, "keep": {"days": 7}})
    assert made == empty.workspaces.get("demo")
    assert ("Démo", {"running": 3, "keep": {"days": 7}}) == (made.title, made.settings)
    assert abs(datetime.now(UTC) - made.created) < timedelta(seconds=60)
    empty.workspaces.create("another")
    assert ["another", "demo"] == [workspace.name for workspace in empty.workspaces.list()]
    assert ("New", made.settings) == (
        empty.workspaces.update("demo", title="New").title,
        empty.workspaces.get("demo").settings,
    )
    assert ("New", {}) == (empty.workspaces.update("demo", settings={}).title, empty.workspaces.get("demo").settings)


@pytest.mark.parametrize("name", ["", "Demo", "a_b", "-a", "a-", "a" * 61, "é", "a b", "a/b", "healthz", "static"])
def test_names_of_workspaces(empty, name):
    """A name that is no part of an address or of a namespace, or that the server needs itself, is refused."""
    with pytest.raises(BadRequest, match="name"):
        empty.workspaces.create(name)


@pytest.mark.parametrize("running", [-1, "3", 2.5, True, 2**40])
def test_limits_are_numbers(empty, running):
    """A limit that is no whole number is refused when it is set, not when it is needed."""
    with pytest.raises(BadRequest, match="whole number"):
        empty.workspaces.create("demo", settings={"running": running})
    assert empty.workspaces.list() == []


def test_unknown_workspaces(store):
    """Nothing can be asked of a workspace that is not there."""
    for question in (
        lambda: store.workspaces.get("nobody"),
        lambda: store.workspaces.update("nobody", title="x"),
        lambda: store.workspaces.remove("nobody"),
        lambda: store.processes.put("nobody", PACKAGE, id="x", version="1"),
        lambda: store.processes.remove("nobody", "x"),
        lambda: store.processes.set_access("nobody", "x", Access.PUBLIC),
        lambda: store.processes.catalogue_version("nobody"),
        lambda: store.secrets.put("nobody", "x", b""),
    ):
        with pytest.raises(NoSuchWorkspace):
            question()
    with pytest.raises(Conflict, match="already"):
        store.workspaces.create("demo")


def test_a_workspace_goes_when_it_is_empty(store):
    """One with processes or jobs stays, unless it is forced; one with work in it stays in any case."""
    job = store.jobs.submit(a_job())
    foreign = store.jobs.submit(a_job(calling="bob", executing="bob"))
    with pytest.raises(Conflict, match="1 jobs of the workspace 'demo' are waiting or running"):
        store.workspaces.remove("demo", force=True)
    store.jobs.dismiss(job.id)
    with pytest.raises(Conflict, match="1 processes and 1 jobs"):
        store.workspaces.remove("demo")
    store.secrets.put("demo", "key", b"x")
    store.workspaces.remove("demo", force=True)
    assert [] == store.jobs.find(JobQuery("demo"), Page(5))[0]
    assert foreign.id == store.jobs.get(foreign.id).id
    assert ["alice", "bob"] == [workspace.name for workspace in store.workspaces.list()]
    assert store.workspaces.totals("demo").jobs == 0
    store.workspaces.create("demo")
    assert ([], None) == store.processes.list("demo", Page(5))
    assert [] == store.secrets.list("demo")


def test_a_process_comes_back(store):
    """A process shows what it was deployed with; its package is there byte for byte."""
    package = a_package("e", body=b"\x00\xff", executable={"kind": "cwl", "document": {"big": 2**70}})
    made = store.processes.put(
        "demo", package, id="Ünï/x", version="1.0", access=Access.SHARED, shared_with=["workspace:bob"]
    )
    assert made == store.processes.get("demo", "Ünï/x")
    assert ("1.0", 1, Access.SHARED, ("workspace:bob",), package.description) == (
        made.version,
        made.revision,
        made.access,
        made.shared_with,
        made.description,
    )
    seen = store.processes.package(package.digest)
    assert package == seen.evolve(created=None)
    with pytest.raises(NoSuchResource):
        store.processes.package("0" * 64)


def test_a_name_is_taken_once(store):
    """Deploying under a name that is taken is refused and changes nothing; other workspaces have names of their own."""
    version = store.processes.catalogue_version("demo")
    with pytest.raises(DuplicatedProcess, match="use PUT"):
        store.processes.put("demo", a_package("e"), id="echo", version="2")
    assert version == store.processes.catalogue_version("demo")
    assert store.processes.get("demo", "echo").version == "1"
    assert store.processes.put("bob", PACKAGE, id="echo", version="1").workspace == "bob"


def test_replacing_makes_a_revision(store):
    """The name points to the new package; the old revisions stay readable; access stays unless it is given."""
    store.processes.set_access("demo", "echo", Access.SHARED, ["user:ann"])
    first = store.processes.get("demo", "echo")
    second = store.processes.put("demo", a_package("e"), id="echo", version="2", replace=True)
    assert (2, "2", "e" * 64, Access.SHARED, ("user:ann",)) == (
        second.revision,
        second.version,
        second.digest,
        second.access,
        second.shared_with,
    )
    assert first.created == second.created < second.updated
    third = store.processes.put("demo", PACKAGE, id="echo", version="3", access=Access.PUBLIC, replace=True)
    assert Access.PUBLIC == third.access
    assert ["3", "2", "1"] == [process.version for process in store.processes.revisions("demo", "echo")]
    assert "2" == store.processes.get("demo", "echo", 2).version
    for question in (
        lambda: store.processes.put("demo", PACKAGE, id="none", version="1", replace=True),
        lambda: store.processes.get("demo", "none"),
        lambda: store.processes.get("demo", "echo", 4),
        lambda: store.processes.revisions("demo", "none"),
        lambda: store.processes.remove("demo", "none"),
        lambda: store.processes.set_access("demo", "none", Access.PUBLIC),
    ):
        with pytest.raises(NoSuchProcess):
            question()


def test_replacing_what_one_has_seen(store):
    """Who names the revision he knows does not overwrite a newer one."""
    store.processes.put("demo", a_package("e"), id="echo", version="2", replace=True, expected_revision=1)
    with pytest.raises(PreconditionFailed, match="at revision 2, not 1"):
        store.processes.put("demo", a_package("f"), id="echo", version="3", replace=True, expected_revision=1)
    assert store.processes.get("demo", "echo").revision == 2
    with pytest.raises(NoSuchResource):
        store.processes.package("f" * 64)


def test_pages_of_processes(store):
    """Newest first, each once, by cursor or by counting."""
    for n in range(9):
        store.processes.put("demo", PACKAGE, id=f"p{n}", version="1")
    expected = [*(f"p{n}" for n in reversed(range(9))), "echo"]
    found, cursor = store.processes.list("demo", Page(4))
    while cursor:
        more, cursor = store.processes.list("demo", Page(4, cursor))
        found += more
    assert expected == [process.id for process in found]
    assert expected[3:5] == [process.id for process in store.processes.list("demo", Page(2, skip=3))[0]]
    assert (10, 0) == (store.processes.total("demo"), store.processes.total("bob"))


def test_the_catalogue_version_is_a_key(store):
    """It changes with every change of the processes of a workspace, never comes back, and others' changes leave it."""
    seen = [store.processes.catalogue_version("demo")]
    for change in (
        lambda: store.processes.put("demo", a_package("e"), id="x", version="1"),
        lambda: store.processes.put("demo", a_package("f"), id="x", version="1", replace=True),
        lambda: store.processes.set_access("demo", "x", Access.PUBLIC),
        lambda: store.processes.remove("demo", "x"),
        lambda: (store.workspaces.remove("demo", force=True), store.workspaces.create("demo")),
    ):
        change()
        seen.append(store.processes.catalogue_version("demo"))
    assert sorted(set(seen)) == seen
    store.processes.put("bob", PACKAGE, id="x", version="1")
    assert seen[-1] == store.processes.catalogue_version("demo")


def test_sweeping_packages(store):
    """What neither a revision nor a job refers to goes, when nobody has touched it for a while; all else stays."""
    used_by_job, unused, replaced = a_package("a"), a_package("b"), a_package("c")
    store.processes.put("demo", used_by_job, id="job", version="1")
    job = store.jobs.submit(a_job(digest=used_by_job.digest))
    store.processes.put("demo", unused, id="unused", version="1")
    store.processes.put("demo", replaced, id="replaced", version="1")
    store.processes.put("demo", PACKAGE, id="replaced", version="2", replace=True)
    for name in ("job", "unused"):
        store.processes.remove("demo", name)
    assert store.processes.sweep_packages() == 0
    assert store.processes.sweep_packages(NOW) == 1
    with pytest.raises(NoSuchResource):
        store.processes.package(unused.digest)
    store.jobs.dismiss(job.id)
    store.jobs.remove(job.id)
    assert store.processes.sweep_packages(NOW) == 1
    assert {PACKAGE.digest, replaced.digest} == digests(store)


def digests(store):
    with store._database.read() as tx:
        return {row.digest for row in tx.all(packages.select())}


def test_totals_tell_states_and_the_queue(store):
    """A workspace's numbers: what it sees by status, and what waits and runs in it."""
    jobs = [store.jobs.submit(a_job()) for _ in range(4)]
    store.jobs.submit(a_job(status=JobStatus.CREATED))
    store.queue.claim("w", timedelta(seconds=30))
    store.jobs.dismiss(jobs[-1].id)
    totals = store.workspaces.totals("demo")
    assert (5, 2, 1) == (totals.jobs, totals.queued, totals.running)
    assert {
        JobStatus.CREATED: 1,
        JobStatus.ACCEPTED: 2,
        JobStatus.RUNNING: 1,
        JobStatus.DISMISSED: 1,
    } == totals.statuses
    assert 3 == store.jobs.total(JobQuery("demo", statuses=frozenset({JobStatus.ACCEPTED, JobStatus.RUNNING})))
