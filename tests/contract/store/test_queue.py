"""The job table is the queue."""

from datetime import UTC, datetime, timedelta

import pytest

from ades.errors import StaleClaim
from ades.model import Failure, Job, JobStatus, Package, Reason
from ades.store import Store, new_job_id

LEASE = timedelta(seconds=30)


@pytest.fixture
def store(tmp_path):
    with Store.open(f"sqlite:///{tmp_path}/ades.db") as store:
        store.workspaces.create("demo")
        package = Package("d" * 64, "application/cwl", b"x", "main", {"id": "e"}, {}, {"kind": "cwl"})
        store.processes.put("demo", package, id="echo", version="1")
        yield store


def a_job(**changes):
    now = datetime.now(UTC)
    return Job(
        **{
            "id": new_job_id(),
            "deploying": "demo",
            "calling": "demo",
            "executing": "demo",
            "owner": "alice",
            "process_id": "echo",
            "revision": 1,
            "digest": "d" * 64,
            "status": JobStatus.ACCEPTED,
            "request": {"inputs": {}},
            "created": now,
            "updated": now,
            **changes,
        }
    )


def test_a_stale_claim_writes_nothing(store):
    """Whoever lost a job to somebody else gets StaleClaim, and the job stays as the other one has it."""
    store.jobs.submit(a_job())
    first = store.queue.claim("one", LEASE)
    store.queue.expire(3, dead=["one"])
    second = store.queue.claim("two", LEASE)
    with pytest.raises(StaleClaim):
        store.queue.finish(first, JobStatus.FAILED)
    assert store.jobs.get(second.id).status == JobStatus.RUNNING


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
    assert 0 == store.jobs.totals("demo").queued
    job = store.jobs.submit(a_job())
    store.queue.claim("one", LEASE)
    with pytest.raises(StaleClaim):
        store.jobs.refuse(job.id, failure)
