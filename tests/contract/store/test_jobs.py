"""Jobs as clients see them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from jobs_of_tests import PACKAGE, a_job, a_package
from sqlalchemy import func, select

from ades.errors import (
    Conflict,
    InvalidQueryParameterValue,
    KeyReused,
    Locked,
    NoSuchJob,
    NoSuchProcess,
    ResultNotAvailable,
)
from ades.model import JobQuery, JobStatus, Page, Result, ResultKind, Step, StepState
from ades.store import Subscriber, new_job_id, tables

LEASE = timedelta(seconds=30)
DAY = datetime(2024, 5, 1, tzinfo=UTC)


def ids(found):
    return [job.id for job in found[0]]


def test_a_job_comes_back_as_it_was(store):
    """What was submitted is what is read, to the microsecond and the last letter."""
    job = a_job(
        message="waits ☃",
        preferences={"return": "minimal"},
        keep_until=datetime(2030, 1, 1, 1, 2, 3, 4, UTC),
        request={"inputs": {"a": [1, 2.5, None, True, "ü\0", 2**80], "b": {"bbox": [0, 0, 1, 1]}}},
    )
    assert job == store.jobs.submit(job)
    assert job == store.jobs.get(job.id)


def test_unknown_jobs_are_named(store):
    """Whatever one wants of a job that is not there, the answer is NoSuchJob."""
    unknown = uuid4()
    for question in (store.jobs.get, store.jobs.dismiss, store.jobs.start, store.jobs.remove):
        with pytest.raises(NoSuchJob, match=str(unknown)):
            question(unknown)
    with pytest.raises(NoSuchJob):
        store.jobs.keep(unknown, None)
    with pytest.raises(NoSuchJob):
        store.jobs.update_definition(unknown, {})
    with pytest.raises(ResultNotAvailable):
        store.results.get(unknown, "a")


def test_the_same_id_is_taken_once(store):
    """A job id is used once."""
    job = store.jobs.submit(a_job())
    with pytest.raises(Conflict, match=str(job.id)):
        store.jobs.submit(job)
    assert store.workspaces.totals("demo").jobs == 1


def test_an_idempotency_key_makes_one_job(store):
    """The same key of the same owner for the same workspace gives the first job; other owners have keys of their own."""
    job = store.jobs.submit(a_job(), "key")
    assert job.id == store.jobs.submit(a_job(), "key").id
    assert job.id != store.jobs.submit(a_job(owner="bert"), "key").id
    assert job.id != store.jobs.submit(a_job(calling="bob"), "key").id
    assert job.id != store.jobs.submit(a_job(), "other").id
    store.jobs.dismiss(job.id)
    assert JobStatus.DISMISSED == store.jobs.submit(a_job(), "key").status
    store.jobs.remove(job.id)
    assert job.id != store.jobs.submit(a_job(), "key").id


def test_an_idempotency_key_belongs_to_one_request(store):
    """Another request with the same key is refused and makes no job; a key without a fingerprint fits everything."""
    job = store.jobs.submit(a_job(), "key", fingerprint="one")
    assert job.id == store.jobs.submit(a_job(), "key", fingerprint="one").id
    with pytest.raises(KeyReused, match=str(job.id)):
        store.jobs.submit(a_job(), "key", fingerprint="two")
    old = store.jobs.submit(a_job(), "old")
    assert old.id == store.jobs.submit(a_job(), "old", fingerprint="two").id
    assert store.workspaces.totals("demo").jobs == 2


def test_a_job_needs_its_package(store):
    """A process that was undeployed and swept away between request and submit is no such process."""
    with pytest.raises(NoSuchProcess, match="echo has been undeployed"):
        store.jobs.submit(a_job(digest="f" * 64))
    assert store.workspaces.totals("demo").jobs == 0
    assert store.jobs.submit(a_job(digest=None)).digest is None


def test_a_created_job_waits_to_be_started(store):
    """It can be changed until it is started, is not claimed before, and is locked afterwards."""
    job = store.jobs.submit(a_job(status=JobStatus.CREATED))
    assert store.queue.claim("w", LEASE) is None
    changed = store.jobs.update_definition(job.id, {"inputs": {"text": "new"}}, {"return": "minimal"}, message="m")
    assert ({"inputs": {"text": "new"}}, {"return": "minimal"}, "m") == (
        changed.request,
        changed.preferences,
        changed.message,
    )
    assert changed == store.jobs.get(job.id)
    assert JobStatus.ACCEPTED == store.jobs.start(job.id, "Waits.").status
    for late in (lambda: store.jobs.start(job.id), lambda: store.jobs.update_definition(job.id, {})):
        with pytest.raises(Locked):
            late()
    assert {"inputs": {"text": "new"}} == store.queue.claim("w", LEASE).job.request


def test_a_new_job_has_not_run(store):
    """Nothing but created and accepted can be submitted."""
    with pytest.raises(Conflict, match="not running"):
        store.jobs.submit(a_job(status=JobStatus.RUNNING))


def test_removing_leaves_nothing(store):
    """A removed job takes everything of its own along, and nothing of others."""
    job, other = store.jobs.submit(a_job(), "key", [Subscriber("success", "http://x/")]), store.jobs.submit(a_job())
    with pytest.raises(Conflict, match="dismiss it first"):
        store.jobs.remove(job.id)
    claim = store.queue.claim("w", LEASE)
    store.steps.put(claim, Step(job.id, "a", 1, 0, StepState.RUNNING))
    with pytest.raises(Conflict, match="dismiss it first"):
        store.jobs.remove(job.id)
    store.queue.finish(claim, JobStatus.SUCCESSFUL, [Result(job.id, "a", 0, ResultKind.VALUE, "text/plain", value=1)])
    store.jobs.remove(job.id)
    with pytest.raises(NoSuchJob):
        store.jobs.get(job.id)
    with store._database.read() as tx:
        for table in (tables.requests, tables.steps, tables.results, tables.events, tables.subscribers, tables.outbox):
            left = select(func.count()).select_from(table).where(table.c.job == job.id)
            assert tx.value(left) == 0, table.name
    assert [other.id] == ids(store.jobs.find(JobQuery("demo"), Page(10)))
    assert len(store.events.after(job=other.id)) == 1


def test_what_is_kept_long_enough_lapses(store):
    """Finished jobs whose time is over are found, longest first; those that run or have no end are not."""
    old, older, running, kept = (store.jobs.submit(a_job()) for _ in range(4))
    now = datetime.now(UTC)
    for job in (old, older, kept):
        store.jobs.dismiss(job.id)
    for job, hours in ((old, 1), (older, 2), (running, 3)):
        store.jobs.keep(job.id, now - timedelta(hours=hours))
    store.jobs.keep(kept.id, now + timedelta(hours=1))
    assert [older.id, old.id] == [job.id for job in store.jobs.lapsed()]
    store.jobs.keep(older.id, None)
    assert [old.id] == [job.id for job in store.jobs.lapsed()]


# -- lists ----------------------------------------------------------------------------------------------------------


def submit_all(store, **changes):
    """25 jobs, some made in the same moment."""
    return [store.jobs.submit(a_job(created=DAY + timedelta(seconds=n // 3), **changes)) for n in range(25)]


def test_pages_hold_every_job_once(store):
    """Following the cursors gives all jobs, newest first, while new ones are being added."""
    jobs = submit_all(store)
    found, cursor = [], None
    while True:
        page, cursor = store.jobs.find(JobQuery("demo"), Page(4, cursor))
        found += page
        store.jobs.submit(a_job())
        if cursor is None:
            break
    expected = sorted(jobs, key=lambda job: (job.created, job.id), reverse=True)
    assert [job.id for job in expected] == [job.id for job in found]
    assert all(job.request == {} for job in found)


def test_the_last_page_has_no_next(store):
    """A cursor is only given when something follows."""
    submit_all(store)
    assert store.jobs.find(JobQuery("demo"), Page(25))[1] is None
    assert store.jobs.find(JobQuery("demo"), Page(24))[1] is not None
    assert ([], None) == store.jobs.find(JobQuery("alice"), Page(5))


def test_skip_counts_from_where_the_page_begins(store):
    """Clients that count get the same list; `skip` and a cursor add up."""
    submit_all(store)
    everything = ids(store.jobs.find(JobQuery("demo"), Page(100)))
    assert everything[7:10] == ids(store.jobs.find(JobQuery("demo"), Page(3, skip=7)))
    cursor = store.jobs.find(JobQuery("demo"), Page(5))[1]
    assert everything[12:15] == ids(store.jobs.find(JobQuery("demo"), Page(3, cursor, skip=7)))


RUBBISH = [
    "x",
    "",
    "!!!",
    "ai4xLng",
    "é",
    "ai4wLg",
    "a" * 5000,
    "ai45OTk5OTk5OTk5OTk5OTk5OTk5OTk5OS4wMA",
    "cC4xLmVjaG8",
]


@pytest.mark.parametrize("cursor", RUBBISH)
def test_a_rubbish_cursor_is_refused(store, cursor):
    """A cursor that this list has not given is an error of the client, for jobs, processes and steps alike."""
    for question in (
        lambda: store.jobs.find(JobQuery("demo"), Page(5, cursor)),
        lambda: store.steps.page(uuid4(), Page(5, cursor)),
    ):
        with pytest.raises(InvalidQueryParameterValue, match="cursor"):
            question()
    if cursor != RUBBISH[-1]:
        with pytest.raises(InvalidQueryParameterValue, match="cursor"):
            store.processes.list("demo", Page(5, cursor))


def test_who_sees_which_jobs(store):
    """A workspace sees the jobs it called and those it runs for others; a foreign caller sees its own."""
    own = store.jobs.submit(a_job())
    public = store.jobs.submit(a_job(calling="alice", executing="alice"))
    service = store.jobs.submit(a_job(calling="alice", executing="demo"))
    service_for_bob = store.jobs.submit(a_job(calling="bob", executing="demo"))
    elsewhere = store.jobs.submit(a_job(deploying="alice", calling="alice", executing="alice"))

    def seen(workspace, caller=None):
        query = JobQuery(workspace, caller)
        found = {job.id for job in store.jobs.find(query, Page(10))[0]}
        assert len(found) == store.jobs.total(query)
        return found

    assert {own.id, service.id, service_for_bob.id} == seen("demo")
    assert {public.id, service.id, elsewhere.id} == seen("alice")
    assert {service_for_bob.id} == seen("bob")
    assert {public.id, service.id} == seen("demo", "alice")
    assert {service_for_bob.id} == seen("demo", "bob")
    assert set() == seen("alice", "demo")
    assert seen("demo") == seen("demo", "demo")


@pytest.fixture
def mixed(store):
    """Jobs by name, in different states, processes, times and with different owners."""
    store.processes.put("demo", a_package("e"), id="other", version="1")
    made = {}
    for n, (name, changes) in enumerate(
        {
            "waiting": {},
            "done": {"owner": "bert"},
            "failed": {"process_id": "other"},
            "running": {"process_id": "other"},
            "dismissed": {},
            "served": {"calling": "bob"},
        }.items()
    ):
        job = store.jobs.submit(a_job(created=DAY + timedelta(hours=n), **changes))
        made[name] = job.id
        if name in {"done", "failed", "running"}:
            claim = None
            while claim is None or claim.id != job.id:
                claim = store.queue.claim("w", LEASE)
            if name == "running":
                continue
            hours = {"done": 2, "failed": 4}[name]
            store.queue.progress(claim, started=datetime.now(UTC) - timedelta(hours=hours))
            store.queue.finish(claim, {"done": JobStatus.SUCCESSFUL, "failed": JobStatus.FAILED}[name])
    # Claims go round; what was taken on the way waits again.
    for claim in store.queue.of_worker("w"):
        if claim.id != made["running"]:
            store.queue.hand_back(claim, "not meant")
    store.jobs.dismiss(made["dismissed"])
    return made


S = JobStatus
HOUR = timedelta(hours=1)
FILTERS = [
    ({"statuses": {S.ACCEPTED}}, "served waiting"),
    ({"statuses": {S.RUNNING, S.FAILED, S.DISMISSED}}, "dismissed running failed"),
    ({"statuses": set(S)}, "served dismissed running failed done waiting"),
    ({"process_ids": {"other"}}, "running failed"),
    ({"process_ids": {"other", "echo"}}, "served dismissed running failed done waiting"),
    ({"process_ids": {"nothing"}}, ""),
    ({"process_ids": {f"p{n}" for n in range(20)} | {"other"}}, "running failed"),
    ({"process_ids": {"other"}, "statuses": {S.FAILED}}, "failed"),
    ({"types": {"process"}}, "served dismissed running failed done waiting"),
    ({"types": {"openeo"}}, ""),
    ({"types": {"openeo", "process"}, "owner": "bert"}, "done"),
    ({"created_from": DAY + HOUR, "created_to": DAY + 2 * HOUR}, "failed done"),
    ({"created_from": DAY + 4 * HOUR}, "served dismissed"),
    ({"created_to": DAY - HOUR}, ""),
    ({"created_from": datetime(1, 1, 1, tzinfo=UTC), "created_to": datetime(9999, 12, 31, tzinfo=UTC)},
     "served dismissed running failed done waiting"),
    ({"min_duration": 3 * HOUR}, "failed"),
    ({"min_duration": HOUR, "max_duration": 3 * HOUR}, "done"),
    ({"max_duration": HOUR}, "running"),
    ({"min_duration": timedelta(0)}, "running failed done"),
    ({"min_duration": timedelta(0), "statuses": {S.ACCEPTED}}, ""),
    ({"min_duration": timedelta(0), "statuses": {S.ACCEPTED, S.FAILED}}, "failed"),
    ({"owner": "ann", "statuses": {S.SUCCESSFUL}}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("filters", "expected"), FILTERS)
def test_filters(store, mixed, filters, expected):
    """Each filter and each combination gives exactly the jobs it names, newest first, also page by page."""
    chosen = {name: frozenset(value) if isinstance(value, set) else value for name, value in filters.items()}
    query = JobQuery("demo", **chosen)
    assert [mixed[name] for name in expected.split()] == ids(store.jobs.find(query, Page(10)))
    found, cursor = store.jobs.find(query, Page(1))
    while cursor:
        more, cursor = store.jobs.find(query, Page(1, cursor))
        found += more
    assert [mixed[name] for name in expected.split()] == [job.id for job in found]
    total = store.jobs.total(query)
    assert total in {None, len(expected.split())}
    assert total is not None or set(filters) - {"statuses", "types"}


def test_duration_of_a_running_job_grows(store):
    """A running job has lasted until now."""
    store.jobs.submit(a_job())
    claim = store.queue.claim("w", LEASE)
    query = JobQuery("demo", min_duration=HOUR)
    assert ids(store.jobs.find(query, Page(5))) == []
    store.queue.progress(claim, started=datetime.now(UTC) - 2 * HOUR)
    assert [claim.id] == ids(store.jobs.find(query, Page(5)))


def test_job_ids_are_ordered_by_time():
    """Ids made one after the other, milliseconds apart, sort in the order in which they were made."""
    import time

    made = []
    for _ in range(20):
        made.append(new_job_id())
        time.sleep(0.001)
    assert all(one < two for one, two in pairwise(made))
    assert {7} == {one.version for one in made}
    assert len({new_job_id() for _ in range(10_000)}) == 10_000


def test_steps_in_their_order(store):
    """Steps are listed by the last attempt, as they became known, whole or page by page, and each found by its name."""
    store.jobs.submit(a_job())
    claim = store.queue.claim("w", LEASE)
    store.steps.put(claim, Step(claim.id, "old", 1, 0, StepState.RUNNING))
    store.queue.hand_back(claim, "again")
    claim = store.queue.claim("w", LEASE)
    steps = [Step(claim.id, f"warp_{n}", 2, n, StepState.PENDING, scatter=n, details={"pod": n}) for n in range(7)]
    store.steps.put(claim, *steps)
    done = steps[3].evolve(
        state=StepState.SUCCESSFUL,
        exit_code=0,
        peak_memory=2**40,
        cpu_seconds=0.5,
        image="a",
        log_key="k",
        message="ok",
    )
    store.steps.put(claim, done)
    expected = [*steps[:3], done, *steps[4:]]
    assert expected == store.steps.list(claim.id)
    assert ["old"] == [step.name for step in store.steps.list(claim.id, 1)]
    assert done == store.steps.get(claim.id, "warp_3")
    first, cursor = store.steps.page(claim.id, Page(4))
    second, end = store.steps.page(claim.id, Page(4, cursor))
    assert (expected, None) == (first + second, end)


def test_package_of_a_job_stays(store):
    """Replacing and undeploying a process leaves the packages of its jobs in place."""
    store.jobs.submit(a_job())
    store.processes.remove("demo", "echo")
    assert store.processes.sweep_packages(timedelta(0)) == 0
    assert PACKAGE.body == store.processes.package(PACKAGE.digest).body
