"""The loop of a worker over a real database, with an engine that does what each test says."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from moments import within

from ades.errors import Unavailable
from ades.fetch import Fetcher, SimpleRules
from ades.model import Failure, Job, JobStatus, Package, Reason, Result, ResultKind, Step, StepState
from ades.objects.local import LocalStore
from ades.runner.document import Limits, Options
from ades.runner.events import Ended, LogStored, Message, Outcome, Progress, ResultStored, StepChanged
from ades.service import builtins
from ades.service.handover import Handover, Packages, logs_prefix, results_prefix
from ades.service.life import Life
from ades.service.terms import Terms
from ades.service.turns import Dispatcher
from ades.store import Store, new_job_id

PACKAGE = Package(
    digest="d" * 64,
    media_type="application/cwl",
    body=b"x",
    entry="main",
    description={
        "inputs": {"count": {"schema": {"type": "integer", "default": 3}, "minOccurs": 0}},
        "outputs": {"out": {"schema": {"type": "integer"}}},
    },
    validator={"type": "object", "properties": {"count": {"type": "integer"}}},
    executable={"kind": "cwl"},
)
AT = datetime(2024, 2, 29, tzinfo=UTC)


class Scripted:
    """An engine whose runners do nothing by themselves."""

    def __init__(self, slots=2):
        self.slots = slots
        self.documents = {}
        self.killed = []
        self.started = []
        self.on_event = None
        self.on_start = None
        self.obeys = True

    def __call__(self, on_event):
        self.on_event = on_event
        return self

    def start(self, document):
        if self.on_start:
            self.on_start(document)
        assert document.job not in self.documents
        self.documents[document.job] = document
        self.started.append(document)

    def say(self, job, *events):
        document = self.documents[job]
        for event in events:
            self.on_event(job, document.attempt, event)
            if isinstance(event, Ended):
                del self.documents[job]

    def kill(self, job):
        self.killed.append(job)
        if self.obeys and job in self.documents:
            self.say(job, Ended(Outcome.DISMISSED))

    def running(self):
        return frozenset(self.documents)

    def free(self):
        return self.slots - len(self.documents)

    def read_log(self, job, name, start=0, length=None):
        return None

    def close(self, grace=0):
        for job in list(self.documents):
            self.say(job, Ended(Outcome.LOST))


@pytest.fixture
def store(tmp_path):
    with Store.open(f"sqlite:///{tmp_path}/ades.db") as store:
        store.workspaces.create("demo")
        store.processes.put("demo", PACKAGE, id="echo", version="1")
        yield store


@pytest.fixture
def objects(tmp_path):
    return LocalStore(tmp_path / "objects")


@pytest.fixture
def engine():
    return Scripted()


def life(pid=1):
    return Life("host", "boot", "ns", pid, "0")


@pytest.fixture
def make(store, objects):
    def dispatcher(engine, pid=1, **terms):
        handover = Handover(
            Packages(store.processes.package, builtins.load()),
            Fetcher(SimpleRules(fetch_allow=("127.0.0.1",))),
            lambda job, wishes: (Limits(), Limits()),
            Options(),
            objects,
        )
        return Dispatcher(store, objects, handover, engine, Terms(**terms), life(pid))

    return dispatcher


@pytest.fixture
def worker(make, engine):
    return make(engine)


def submit(store, **changes):
    now = datetime.now(UTC)
    given = {
        "id": new_job_id(), "deploying": "demo", "calling": "demo", "executing": "demo", "owner": "alice",
        "process_id": "echo", "revision": 1, "digest": PACKAGE.digest, "status": JobStatus.ACCEPTED,
        "request": {"inputs": {}}, "created": now, "updated": now,
    }  # fmt: skip
    return store.jobs.submit(Job(**given | changes))


def turns(worker, until, seconds=60):
    """Let the worker turn until something is true."""
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "it never came to that"
        worker.turn(0.05)


def result(job, value=7):
    return ResultStored(Result(job.id, "out", 0, ResultKind.VALUE, "application/json", value=value))


def step(job, state=StepState.RUNNING, **more):
    return StepChanged(Step(job.id, "warp", 1, 0, state, started=AT, **more))


def test_a_job_goes_from_the_queue_to_its_results(store, engine, worker):
    """Claimed, run, its steps and progress written as they come, and successful with its results in one moment."""
    job = submit(store)
    turns(worker, lambda: engine.started)
    assert {"count": 3} == engine.started[0].inputs
    assert JobStatus.RUNNING == store.jobs.get(job.id).status
    engine.say(job.id, step(job), Progress(40), Message("Warping."))
    turns(worker, lambda: store.steps.list(job.id))
    turns(worker, lambda: store.jobs.get(job.id).progress == 40)
    assert "Warping." == store.jobs.get(job.id).message
    engine.say(
        job.id, step(job, StepState.SUCCESSFUL, exit_code=0), LogStored("warp", "demo/jobs/x/warp.log", 3),
        result(job), Ended(Outcome.SUCCESSFUL),
    )  # fmt: skip
    turns(worker, lambda: store.jobs.get(job.id).status.finished)
    assert (JobStatus.SUCCESSFUL, 100) == (store.jobs.get(job.id).status, store.jobs.get(job.id).progress)
    assert [7] == [row.value for row in store.results.list(job.id)]
    assert [(StepState.SUCCESSFUL, "demo/jobs/x/warp.log")] == [(s.state, s.log_key) for s in store.steps.list(job.id)]


def test_an_empty_array_is_a_result(store, engine, worker):
    """So that nothing and an empty list are not the same."""
    job = submit(store)
    turns(worker, lambda: engine.started)
    engine.say(job.id, Ended(Outcome.SUCCESSFUL, empty=("out",)))
    turns(worker, lambda: store.jobs.get(job.id).status.finished)
    assert [("out", [])] == [(row.output, row.value) for row in store.results.list(job.id)]


def test_a_failure_is_kept_and_its_files_are_not(store, objects, engine, worker):
    """Reason and sentence come from the runner; what it had stored already is deleted, its logs stay."""
    job = submit(store)
    turns(worker, lambda: engine.started)
    objects.put(f"{results_prefix(job)}/half.tif", b"x")
    objects.put(f"{logs_prefix(job)}/warp.log", b"x")
    engine.say(job.id, Ended(Outcome.FAILED, Failure(Reason.EXIT_CODE, "It broke.", exit_code=3)))
    turns(worker, lambda: store.jobs.get(job.id).status.finished)
    worker.turn(0.05)
    found = store.jobs.get(job.id)
    assert (JobStatus.FAILED, "It broke.", 3) == (found.status, found.message, found.failure.exit_code)
    assert [] == list(objects.list(results_prefix(job)))
    assert 1 == len(list(objects.list(logs_prefix(job))))


def test_inputs_that_do_not_fit_fail_the_job_at_once(store, engine, worker):
    """No runner is started for them."""
    job = submit(store, request={"inputs": {"count": "x"}})
    turns(worker, lambda: store.jobs.get(job.id).status.finished)
    assert Reason.INVALID_INPUT is store.jobs.get(job.id).failure.reason
    assert [] == engine.started


def test_a_package_that_is_gone_fails_the_job(store, engine, worker):
    """A process of the server that is no longer there."""
    job = submit(store, digest=None, process_id="vanished")
    turns(worker, lambda: store.jobs.get(job.id).status.finished)
    assert Reason.PACKAGE is store.jobs.get(job.id).failure.reason


def test_no_more_jobs_are_claimed_than_there_is_room(store, engine, worker):
    """The rest stays in the queue, for other workers too."""
    jobs = [submit(store) for _ in range(3)]
    turns(worker, lambda: len(engine.started) == 2)
    assert JobStatus.ACCEPTED == store.jobs.get(jobs[2].id).status
    engine.say(jobs[0].id, Ended(Outcome.SUCCESSFUL))
    turns(worker, lambda: len(engine.started) == 3)


def test_one_workspace_does_not_take_every_slot(store, make):
    """The running limit of a workspace holds."""
    engine = Scripted(slots=4)
    worker = make(engine, running_limit=1)
    store.workspaces.create("other")
    for workspace in ("demo", "demo", "other"):
        submit(store, executing=workspace, calling=workspace)
    turns(worker, lambda: len(engine.started) == 2)
    worker.turn(0.05)
    assert {"demo", "other"} == {document.executing for document in engine.started}


def test_g7_a_dismissed_job_is_killed_within_a_second(store, engine, worker):
    """The worker notices by the doorbell, and writes nothing more."""
    job = submit(store)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        while not engine.started:
            time.sleep(0.01)
        began = time.monotonic()
        store.jobs.dismiss(job.id)
        while job.id not in engine.killed:
            assert time.monotonic() - began < within(1)
            time.sleep(0.01)
    finally:
        worker.stop()
        thread.join(10)
    assert JobStatus.DISMISSED == store.jobs.get(job.id).status


def test_files_of_a_dismissed_and_removed_job_go_when_its_runner_has_gone(store, objects, engine, worker):
    """Whatever the runner still stored after the removal."""
    job = submit(store)
    turns(worker, lambda: engine.started)
    engine.obeys = False
    store.jobs.dismiss(job.id)
    turns(worker, lambda: engine.killed)
    store.jobs.remove(job.id)
    objects.put(f"{logs_prefix(job)}/late.log", b"x")
    objects.put(f"{results_prefix(job)}/late.tif", b"x")
    engine.say(job.id, Ended(Outcome.DISMISSED))
    turns(worker, lambda: not list(objects.list("demo")))


def test_a_runner_that_dies_costs_an_attempt(store, engine, worker):
    """The job runs again, and after the last attempt it fails and says why."""
    job = submit(store)
    for attempt in (1, 2):
        turns(worker, lambda count=attempt: len(engine.started) == count)
        engine.say(job.id, Ended(Outcome.LOST))
    turns(worker, lambda: store.jobs.get(job.id).status.finished)
    assert (JobStatus.FAILED, Reason.WORKER_LOST) == (
        store.jobs.get(job.id).status,
        store.jobs.get(job.id).failure.reason,
    )


def test_a_second_attempt_begins_with_clean_shelves(store, objects, engine, worker):
    """What a lost attempt had stored is not taken for results."""
    job = submit(store)
    turns(worker, lambda: engine.started)
    objects.put(f"{results_prefix(job)}/half.tif", b"x")
    engine.say(job.id, Ended(Outcome.LOST))
    turns(worker, lambda: len(engine.started) == 2)
    assert [] == list(objects.list(results_prefix(job)))


def test_the_jobs_of_a_dead_worker_run_again(store, make, engine):
    """When its lease is over, somebody else claims them."""
    job = submit(store)
    store.queue.claim("other~boot~ns~7~1", timedelta(milliseconds=1))
    worker = make(engine)
    turns(worker, lambda: engine.started)
    assert 2 == store.jobs.get(job.id).attempt


def test_a_worker_that_lost_its_claim_writes_nothing(store, engine, make):
    """It stalled past its lease, the job was claimed again: its runner is killed and its words are not heard."""
    job = submit(store)
    first, second = make(engine, lease=timedelta(seconds=0.5)), make(other := Scripted(), pid=2)
    turns(first, lambda: engine.started)
    engine.obeys = False
    time.sleep(0.6)
    turns(second, lambda: other.started)
    engine.say(job.id, step(job), result(job, 666), Ended(Outcome.SUCCESSFUL))
    for _ in range(3):
        first.turn(0.05)
    assert (JobStatus.RUNNING, 2) == (store.jobs.get(job.id).status, store.jobs.get(job.id).attempt)
    other.say(job.id, result(job, 7), Ended(Outcome.SUCCESSFUL))
    turns(second, lambda: store.jobs.get(job.id).status.finished)
    assert ([7], []) == ([row.value for row in store.results.list(job.id)], store.steps.list(job.id, attempt=1))


def test_a_lease_is_renewed_while_the_job_runs(store, engine, make):
    """However long it takes."""
    job = submit(store)
    worker = make(engine, lease=timedelta(seconds=2))
    turns(worker, lambda: engine.started)
    end = time.monotonic() + 4.5
    turns(worker, lambda: time.monotonic() > end)
    assert ([], 1) == (store.queue.stale(), store.jobs.get(job.id).attempt)


def test_without_a_database_the_runner_is_killed_before_its_lease_ends(store, engine, make, monkeypatch):
    """And the job goes back to the queue when the database is back, without having lost an attempt."""
    job = submit(store)
    worker = make(engine, lease=timedelta(seconds=4))
    turns(worker, lambda: engine.started)

    def down(*args, **kwargs):
        raise Unavailable("The database is away.")

    began = time.monotonic()
    with monkeypatch.context() as patch:
        for part in (store.queue, store.jobs, store.steps):
            for name in (
                "renew",
                "finish",
                "of_worker",
                "stale",
                "expire",
                "workers",
                "claim",
                "hand_back",
                "get",
                "put",
            ):
                if hasattr(part, name):
                    patch.setattr(part, name, down)
        turns(worker, lambda: engine.killed)
        assert time.monotonic() - began < 4
    engine.slots = 0
    turns(worker, lambda: store.jobs.get(job.id).status is JobStatus.ACCEPTED)
    assert "let go" in store.jobs.get(job.id).message


def test_what_ended_while_the_database_was_away_is_written_later(store, engine, worker, monkeypatch):
    """Nothing of it is lost."""
    job = submit(store)
    turns(worker, lambda: engine.started)

    def down(*args, **kwargs):
        raise Unavailable("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(store.queue, "finish", down)
        engine.say(job.id, result(job), Ended(Outcome.SUCCESSFUL))
        for _ in range(2):
            worker.turn(0.05)
        assert JobStatus.RUNNING == store.jobs.get(job.id).status
    turns(worker, lambda: store.jobs.get(job.id).status is JobStatus.SUCCESSFUL)
    assert [7] == [row.value for row in store.results.list(job.id)]


def test_a_full_engine_gives_the_job_back(store, engine, worker):
    """It waits in the queue, and no attempt is lost."""
    job = submit(store)

    def full(document):
        raise Unavailable("There is no room.")

    engine.on_start = full
    turns(worker, lambda: "no room" in store.jobs.get(job.id).message)
    engine.on_start = None
    turns(worker, lambda: engine.started)


def test_an_engine_that_breaks_fails_the_job_alone(store, engine, worker):
    """The job says that it was the server's fault; the worker goes on."""
    job = submit(store)

    def broken(document):
        raise ZeroDivisionError

    engine.on_start = broken
    turns(worker, lambda: store.jobs.get(job.id).status.finished)
    assert Reason.INTERNAL is store.jobs.get(job.id).failure.reason
    engine.on_start = None
    submit(store)
    worker._inbox.put(None)
    turns(worker, lambda: engine.started)


def test_a_stop_hands_back_what_cannot_finish(store, engine, worker):
    """The job waits in the queue again, with all its attempts."""
    job = submit(store)
    turns(worker, lambda: engine.started)
    worker.stop()
    worker.run()
    found = store.jobs.get(job.id)
    assert (JobStatus.ACCEPTED, "The worker is stopping; the job waits in the queue again.") == (
        found.status,
        found.message,
    )


def test_progress_never_goes_back(store, engine, worker):
    """Whatever the runner says."""
    job = submit(store)
    turns(worker, lambda: engine.started)
    engine.say(job.id, Progress(40))
    turns(worker, lambda: store.jobs.get(job.id).progress == 40)
    engine.say(job.id, Progress(10), Message("Back?"))
    turns(worker, lambda: store.jobs.get(job.id).message == "Back?")
    assert 40 == store.jobs.get(job.id).progress
