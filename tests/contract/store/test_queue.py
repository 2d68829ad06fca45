"""The job table is the queue: claims, leases, and who may write."""

from datetime import timedelta
from uuid import uuid4

import pytest
from jobs_of_tests import a_job
from sqlalchemy import select, update

from ades.errors import Conflict, StaleClaim
from ades.model import Failure, JobStatus, Reason, Result, ResultKind, Step, StepState
from ades.store import Subscriber, tables
from ades.store.columns import clock

LEASE = timedelta(seconds=30)


def lapse(store, job):
    """Let a lease end as if its time were over."""
    with store._database.write() as tx:
        tx.run(update(tables.jobs).where(tables.jobs.c.id == job.id).values(lease_until=clock() - 1))


def left(store, job):
    """How long a lease goes on."""
    with store._database.read() as tx:
        row = tx.first(select(tables.jobs.c.lease_until, clock().label("now")).where(tables.jobs.c.id == job.id))
    return row.lease_until - row.now


def written(store, job):
    """Everything in the database that belongs to a job."""
    with store._database.read() as tx:
        return [
            tx.all(select(table).where((table.c.id if table is tables.jobs else table.c.job) == job.id))
            for table in (tables.jobs, tables.steps, tables.results, tables.events, tables.outbox)
        ]


def test_the_oldest_job_is_claimed_first(store):
    """Jobs of one workspace start in the order in which they were accepted."""
    jobs = [store.jobs.submit(a_job()) for _ in range(3)]
    assert [job.id for job in jobs] == [store.queue.claim("w", LEASE).id for _ in jobs]
    assert store.queue.claim("w", LEASE) is None


def test_a_claimed_job_runs(store):
    """A claim says which attempt it is, and the job is running since now, with its request at hand."""
    job = store.jobs.submit(a_job())
    claim = store.queue.claim("w", LEASE, message="Off we go.")
    assert (job.id, 1, "w") == (claim.id, claim.attempt, claim.worker)
    assert job.request == claim.job.request
    seen = store.jobs.get(job.id)
    assert (JobStatus.RUNNING, "Off we go.", 1) == (seen.status, seen.message, seen.attempt)
    assert job.created <= seen.started <= seen.updated


def test_results_and_success_appear_together(store):
    """A finished job has its results, its full progress and the time of its end."""
    store.jobs.submit(a_job())
    claim = store.queue.claim("w", LEASE)
    outputs = [
        Result(claim.id, "count", 0, ResultKind.VALUE, "application/json", value={"n": 2**70, "nothing": None}),
        Result(claim.id, "map", 1, ResultKind.FILE, "image/tiff", key="demo/b.tif", size=2**40, many=True),
        Result(claim.id, "map", 0, ResultKind.FILE, "image/tiff", key="demo/a.tif", checksum="sha256:0", many=True),
    ]
    done = store.queue.finish(claim, JobStatus.SUCCESSFUL, outputs)
    assert (JobStatus.SUCCESSFUL, 100) == (done.status, done.progress)
    assert done.finished >= done.started
    assert [outputs[0], outputs[2], outputs[1]] == store.results.list(claim.id)
    assert outputs[1] == store.results.get(claim.id, "map", 1)


def test_a_failure_explains_itself(store):
    """The reason stays on the job as it was given, even with what a database cannot hold as text."""
    store.jobs.submit(a_job())
    claim = store.queue.claim("w", LEASE)
    failure = Failure(Reason.EXIT_CODE, "warp ended with 3\0\udcff.", step="warp", exit_code=3, log_tail="a\nb")
    store.queue.finish(claim, JobStatus.FAILED, failure=failure)
    seen = store.jobs.get(claim.id)
    assert (Reason.EXIT_CODE, "warp", 3, "a\nb") == (
        seen.failure.reason,
        seen.failure.step,
        seen.failure.exit_code,
        seen.failure.log_tail,
    )
    assert seen.message.startswith("warp ended with 3")


def test_progress_never_goes_back(store):
    """Progress is whole percent from 0 to 100 that only grows, also over a second attempt."""
    store.jobs.submit(a_job())
    claim = store.queue.claim("w", LEASE)
    for percent, expected in ((40, 40), (20, 40), (None, 40), (-5, 40), (170, 100)):
        store.queue.progress(claim, percent, f"At {percent}.")
        assert (expected, f"At {percent}.") == (
            store.jobs.get(claim.id).progress,
            store.jobs.get(claim.id).message,
        )
    store.queue.hand_back(claim, "stopping")
    assert store.queue.claim("v", LEASE).job.progress == 100


def test_renewed_leases_do_not_end(store):
    """Renewing prolongs a lease by its own length and tells which claims are lost."""
    store.jobs.submit(a_job())
    store.jobs.submit(a_job())
    kept, lost = store.queue.claim("w", LEASE), store.queue.claim("w", LEASE)
    store.jobs.dismiss(lost.id)
    lapse(store, kept)
    assert [lost] == store.queue.renew([kept, lost])
    assert store.queue.expire(2) == []
    assert timedelta(seconds=29) < left(store, kept) <= LEASE
    assert store.queue.renew([]) == []


def test_a_lost_worker_costs_an_attempt(store):
    """A job whose lease ends is queued again in its old place, and fails when its attempts are used up."""
    first, _ = store.jobs.submit(a_job()), store.jobs.submit(a_job())
    claim = store.queue.claim("w", LEASE)
    store.steps.put(claim, Step(claim.id, "warp", 1, 0, StepState.RUNNING, started=claim.job.started))
    lapse(store, claim)
    [again] = store.queue.expire(2)
    assert (first.id, JobStatus.ACCEPTED, None) == (again.id, again.status, again.started)
    assert (StepState.FAILED, Reason.WORKER_LOST) == (
        store.steps.list(first.id)[0].state,
        store.steps.list(first.id)[0].reason,
    )
    claim = store.queue.claim("v", LEASE)
    assert (first.id, 2) == (claim.id, claim.attempt)
    lapse(store, claim)
    [over] = store.queue.expire(2)
    assert (JobStatus.FAILED, Reason.WORKER_LOST) == (over.status, over.failure.reason)
    assert "2 times" in over.message
    assert store.queue.expire(2) == []


def test_handing_back_costs_no_attempt(store):
    """A worker that stops returns its jobs; that may happen as often as it wants."""
    store.jobs.submit(a_job())
    for attempt in range(1, 6):
        claim = store.queue.claim("w", LEASE)
        assert attempt == claim.attempt
        store.queue.hand_back(claim, "The worker is stopping.")
    claim = store.queue.claim("w", LEASE)
    lapse(store, claim)
    assert [JobStatus.ACCEPTED] == [job.status for job in store.queue.expire(2)]


def test_a_job_handed_back_with_a_delay_waits(store):
    """It stands behind what is due, and does not keep the others of its workspace or of other ones waiting."""
    late, next_one, other = (store.jobs.submit(a_job(executing=name)) for name in ("demo", "demo", "bob"))
    claims = [store.queue.claim("w", LEASE) for _ in range(3)]
    claim = next(claim for claim in claims if claim.id == late.id)
    for held in claims:
        store.queue.hand_back(held, "later", delay=timedelta(hours=1) if held is claim else timedelta(0))
    assert {next_one.id, other.id} == {store.queue.claim("w", LEASE).id for _ in range(2)}
    assert store.queue.claim("w", LEASE) is None
    assert store.workspaces.totals("demo").queued == 1


def test_dead_workers_lose_their_jobs_at_once(store):
    """A worker that is known to be dead holds nothing, whatever its leases say; the others keep theirs."""
    for _ in range(2):
        store.jobs.submit(a_job())
    dead, alive = store.queue.claim("dead", LEASE), store.queue.claim("alive", LEASE)
    assert [dead.id] == [job.id for job in store.queue.expire(3, dead=["dead"])]
    assert [alive] == store.queue.of_worker("alive")
    assert [] == store.queue.of_worker("dead")


def test_jobs_that_outlive_their_worker_are_adopted(store):
    """Another worker takes over a job in the same attempt once its lease is over, and the first one can write no more."""
    store.jobs.submit(a_job())
    claim = store.queue.claim("old", LEASE)
    assert store.queue.adopt(claim.id, "new", LEASE) is None
    lapse(store, claim)
    assert [claim.id] == [job.id for job in store.queue.stale()]
    assert store.queue.expire(1, spare={claim.id}) == []
    adopted = store.queue.adopt(claim.id, "new", LEASE)
    assert (claim.id, 1, "new") == (adopted.id, adopted.attempt, adopted.worker)
    assert store.queue.adopt(claim.id, "third", LEASE) is None
    with pytest.raises(StaleClaim):
        store.queue.progress(claim, 50)
    assert JobStatus.SUCCESSFUL == store.queue.finish(adopted, JobStatus.SUCCESSFUL).status


WRITES = {
    "renew": lambda store, claim: [claim] == store.queue.renew([claim]) or pytest.fail("renewed"),
    "progress": lambda store, claim: store.queue.progress(claim, 99, "mine"),
    "event": lambda store, claim: store.queue.event(claim, "log", {"line": "mine"}),
    "step": lambda store, claim: store.steps.put(claim, Step(claim.id, "mine", 1, 9, StepState.RUNNING)),
    "results": lambda store, claim: store.queue.finish(
        claim, JobStatus.SUCCESSFUL, [Result(claim.id, "mine", 0, ResultKind.VALUE, "text/plain", value=1)]
    ),
    "failure": lambda store, claim: store.queue.finish(claim, JobStatus.FAILED, failure=Failure(Reason.KILLED, "m")),
    "hand back": lambda store, claim: store.queue.hand_back(claim, "mine"),
}


@pytest.mark.parametrize("fate", ["queued again", "claimed again", "claimed by itself again", "dismissed", "failed"])
@pytest.mark.parametrize("write", WRITES)
def test_a_stalled_worker_writes_nothing(store, write, fate):
    """Whatever became of the job meanwhile, the old claim changes not one row."""
    job = store.jobs.submit(a_job(), subscribers=[Subscriber("progress", "http://there/")])
    claim = store.queue.claim("stalled", LEASE)
    if fate == "dismissed":
        store.jobs.dismiss(job.id)
    else:
        lapse(store, claim)
        store.queue.expire(1 if fate == "failed" else 3)
    if fate.startswith("claimed"):
        store.queue.claim("stalled" if "itself" in fate else "other", LEASE)
    before = written(store, job)
    if write == "renew":
        WRITES[write](store, claim)
    else:
        with pytest.raises(StaleClaim):
            WRITES[write](store, claim)
    assert before == written(store, job)


def test_only_an_end_ends_a_job(store):
    """A job does not finish as running."""
    store.jobs.submit(a_job())
    claim = store.queue.claim("w", LEASE)
    with pytest.raises(StaleClaim):
        store.queue.finish(claim, JobStatus.ACCEPTED)
    assert store.jobs.get(claim.id).status == JobStatus.RUNNING


def test_turns_are_fair(store):
    """A workspace with many jobs does not keep one with few waiting: turns go round."""
    for _ in range(6):
        store.jobs.submit(a_job(executing="demo"))
    for name in ("alice", "bob", "bob"):
        store.jobs.submit(a_job(executing=name))
    order = [store.queue.claim("w", LEASE).job.executing for _ in range(9)]
    assert {"demo", "alice", "bob"} == set(order[:3])
    assert {"demo", "bob"} == set(order[3:5])
    assert ["demo"] * 4 == order[5:]


def test_who_has_waited_longest_is_next(store):
    """Among workspaces with as many running jobs, the one served longest ago comes first."""
    served = []
    for _ in range(3):
        for name in ("demo", "alice", "bob"):
            store.jobs.submit(a_job(executing=name))
    for _ in range(6):
        claim = store.queue.claim("w", LEASE)
        served.append(claim.job.executing)
        store.queue.finish(claim, JobStatus.SUCCESSFUL)
    assert served[:3] == served[3:]
    assert len(set(served[:3])) == 3


def test_limits_of_running_jobs_hold(store):
    """A workspace runs as many jobs as its settings say, or else as the server's default says."""
    store.workspaces.update("alice", settings={"running": 1})
    for name in ("alice", "alice", "demo", "demo", "demo"):
        store.jobs.submit(a_job(executing=name))
    claims = []
    while claim := store.queue.claim("w", LEASE, running_limit=2):
        claims.append(claim)
    assert ["alice", "demo", "demo"] == sorted(claim.job.executing for claim in claims)
    store.queue.finish(next(claim for claim in claims if claim.job.executing == "alice"), JobStatus.SUCCESSFUL)
    assert "alice" == store.queue.claim("w", LEASE, running_limit=2).job.executing
    store.workspaces.update("alice", settings={"running": 0})
    store.workspaces.update("demo", settings={"running": 3})
    store.jobs.submit(a_job(executing="alice"))
    assert "demo" == store.queue.claim("w", LEASE, running_limit=2).job.executing
    assert store.queue.claim("w", LEASE, running_limit=2) is None


def test_a_jump_of_the_clock_costs_no_job(store, monkeypatch):
    """When the clock of the database jumps, or the machine sleeps, leases begin anew instead of all ending at once."""
    import time

    store.jobs.submit(a_job())
    claim = store.queue.claim("w", LEASE)
    assert store.queue.expire(1) == []
    lapse(store, claim)
    # An hour less has gone by here than there.
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() - 3600)
    assert store.queue.expire(1) == []
    lapse(store, claim)
    assert [claim.id] == [job.id for job in store.queue.expire(1)]


def test_dismissing_is_at_once(store):
    """A running job is dismissed from one moment to the next: its steps are closed and its place is free."""
    job = store.jobs.submit(a_job())
    claim = store.queue.claim("w", LEASE)
    store.steps.put(
        claim,
        Step(job.id, "warp", 1, 0, StepState.RUNNING, started=claim.job.started),
        Step(job.id, "merge", 1, 1, StepState.PENDING),
        Step(job.id, "first", 1, 2, StepState.SUCCESSFUL),
    )
    gone = store.jobs.dismiss(job.id, "Ann had enough.")
    assert (JobStatus.DISMISSED, "Ann had enough.") == (gone.status, gone.message)
    assert gone.finished
    assert ["dismissed", "dismissed", "successful"] == [step.state.value for step in store.steps.list(job.id)]
    assert (0, 0) == (store.workspaces.totals("demo").queued, store.workspaces.totals("demo").running)
    with pytest.raises(Conflict, match="finished already"):
        store.jobs.dismiss(job.id)


def test_named_leases_have_one_holder(store):
    """Of several equal processes one is the sweeper, until it gives the lease back or lets it run out."""
    assert store.leases.acquire("sweeper", "one", LEASE)
    assert store.leases.acquire("sweeper", "one", LEASE)
    assert not store.leases.acquire("sweeper", "two", LEASE)
    assert store.leases.acquire("reconciler", "two", LEASE)
    assert not store.leases.renew("sweeper", "two", LEASE)
    store.leases.release("sweeper", "two")
    assert "one" == store.leases.holder("sweeper")
    assert store.leases.renew("sweeper", "one", -LEASE)
    assert store.leases.holder("sweeper") is None
    assert store.leases.acquire("sweeper", "two", LEASE)
    assert not store.leases.renew("sweeper", "one", LEASE)
    store.leases.release("sweeper", "two")
    assert store.leases.acquire("sweeper", str(uuid4()), LEASE)


def test_a_lost_runner_costs_an_attempt(store):
    """Queued again while attempts are left, then failed with the reason."""
    store.jobs.submit(a_job())
    claim = store.queue.claim("one", LEASE)
    assert {"one"} == store.queue.workers()
    assert JobStatus.ACCEPTED is store.queue.lose(claim, 2).status
    with pytest.raises(StaleClaim):
        store.queue.lose(claim, 2)
    job = store.queue.lose(store.queue.claim("one", LEASE), 2)
    assert (JobStatus.FAILED, Reason.WORKER_LOST) == (job.status, job.failure.reason)
    assert frozenset() == store.queue.workers()


def test_a_queued_job_can_be_refused(store):
    """Without a worker; one that is claimed already cannot."""
    failure = Failure(Reason.INVALID_INPUT, "No.")
    job = store.jobs.submit(a_job())
    assert (JobStatus.FAILED, failure) == ((found := store.jobs.refuse(job.id, failure)).status, found.failure)
    assert store.jobs.totals("demo").queued == 0
    job = store.jobs.submit(a_job())
    store.queue.claim("one", LEASE)
    with pytest.raises(StaleClaim):
        store.jobs.refuse(job.id, failure)
