"""What is swept, and what is left alone: on a real database and a real store."""

import os
import time
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import pytest
from jobs_of_tests import PACKAGE, a_job

from ades.errors import NoSuchJob, ResultNotAvailable, Unavailable
from ades.model import JobStatus, Keep, Result, ResultKind
from ades.objects.local import LocalStore
from ades.service.chores import Chores
from ades.service.handover import logs_prefix, results_prefix
from ades.service.sweep import Kind, Sweeper
from ades.settings import Settings
from ades.store import Store, new_job_id

DAY = timedelta(days=1)


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path)


@pytest.fixture
def store(settings):
    with Store.open(settings.database_url) as store:
        store.workspaces.create("demo")
        store.processes.put("demo", PACKAGE, id="echo", version="1")
        yield store


@pytest.fixture
def objects(tmp_path):
    return LocalStore(tmp_path / "objects")


@pytest.fixture
def sweep(store, objects, settings):
    def run(*, dry_run=False, **more):
        return [(found.kind, found.files) for found in Sweeper(store, objects, settings, dry_run=dry_run).sweep(**more)]

    return run


@pytest.fixture
def finished(store, objects):
    """A job that has run, with a result and a log."""

    def make(status=JobStatus.SUCCESSFUL, **changes):
        job = store.jobs.submit(a_job(**changes))
        claim = store.queue.claim("w", timedelta(minutes=1))
        key = f"{results_prefix(job)}/out/a.txt"
        objects.put(key, b"12345")
        objects.put(f"{logs_prefix(job)}/job.log", b"123")
        found = Result(job.id, "out", 0, ResultKind.FILE, "text/plain", key=key, size=5)
        return store.queue.finish(claim, status, [found] if status is JobStatus.SUCCESSFUL else [])

    return make


def age(objects, prefix, span):
    """Let what lies below a prefix look as old as that."""
    then = time.time() - span.total_seconds()
    for info in objects.list(prefix):
        os.utime(objects.root / info.key, (then, then))


def left(objects):
    return [info.key for info in objects.list("demo")]


@pytest.mark.parametrize(
    ("value", "word"),
    [("forever", "forever"), ("30", "30"), (30, "30"), (0.5, "0.5"), ("none", "none"), ("1.50", "1.5")],
)
def test_words(value, word):
    """How long something is kept has one spelling."""
    assert word == str(Keep.read(value)) == str(Keep.read(word))


@pytest.mark.parametrize(
    "value", ["", "0", 0, -1, "never", True, [], "nan", "1e9", "1_0", " 1", "None", "99999", float("nan"), None]
)
def test_no_words(value):
    """What says nothing is refused."""
    with pytest.raises(ValueError, match=r"forever.*days.*none"):
        Keep.read(value)


def test_the_time_runs_from_the_end(store, finished):
    """What is kept for days is due so many days after its end, however that came; what is kept for ever never is."""
    done, failed, ever = finished(keep="2"), finished(JobStatus.FAILED, keep="2"), finished()
    dismissed = store.jobs.dismiss(store.jobs.submit(a_job(keep="2")).id)

    for job in (done, failed, dismissed):
        assert job.finished + 2 * DAY == store.jobs.get(job.id).keep_until
    assert ever.keep_until is None
    assert done.finished + 3 * DAY == store.jobs.retain(done.id, "3").keep_until
    assert store.jobs.retain(done.id, "forever").keep_until is None


def test_jobs_whose_time_is_over(store, objects, sweep, finished):
    """They go with results and logs, once; others stay."""
    over, young, ever = finished(keep="1"), finished(keep="1"), finished()
    store.jobs.keep(over.id, datetime.now(UTC) - DAY)

    assert [(Kind.JOB, 2)] == sweep(dry_run=True)
    assert store.jobs.get(over.id).id == over.id
    assert [(Kind.JOB, 2)] == sweep()
    with pytest.raises(NoSuchJob):
        store.jobs.get(over.id)
    assert [] == sweep()
    assert {str(young.id), str(ever.id)} == {key.split("/")[-2 if "/jobs/" in key else -3] for key in left(objects)}


def test_no_results(store, objects, sweep, finished):
    """A job that keeps no results loses them an hour after its end; its row and its logs stay."""
    job = finished(keep="none")

    assert job.finished + timedelta(hours=1) == job.keep_until
    assert [] == sweep()
    store.jobs.keep(job.id, datetime.now(UTC) - timedelta(seconds=1))
    assert [(Kind.RESULTS, 1)] == sweep()
    assert [f"{logs_prefix(job)}/job.log"] == left(objects)
    assert [] == store.results.list(job.id)
    assert store.jobs.get(job.id).keep_until is None
    assert [] == sweep()


def test_a_sweep_that_was_stopped_half_way(store, objects, sweep, finished):
    """What was left is found again: files without a job, and results that were no longer listed."""
    removed, emptied = finished(keep="1"), finished(keep="none")
    store.jobs.remove(removed.id)
    store.jobs.forget_results(emptied.id)
    store.jobs.keep(emptied.id, datetime.now(UTC) - timedelta(seconds=1))
    age(objects, "demo", DAY)

    assert [(Kind.RESULTS, 1), (Kind.ORPHAN, 1), (Kind.ORPHAN, 1)] == sweep()
    assert [f"{logs_prefix(emptied)}/job.log"] == left(objects)


def test_files_without_a_job(store, objects, sweep, finished):
    """Files of jobs that there are not, and results of failed ones, go when they are old; all else stays."""
    good, failed = finished(), finished(JobStatus.FAILED)
    stranger = new_job_id()
    objects.put(f"demo/processing-results/gone/{stranger}/out/x", b"1")
    objects.put(f"demo/jobs/{stranger}/job.log", b"1")
    objects.put("demo/processing-results/echo/notes.txt", b"not a job's")
    objects.put("demo/files/a.txt", b"the user's")

    assert [] == sweep()
    age(objects, "demo", DAY)
    assert [] == sweep(files=False)
    assert [(Kind.ORPHAN, 1)] * 3 == sweep(dry_run=True) == sweep()
    assert {
        f"{results_prefix(good)}/out/a.txt",
        f"{logs_prefix(good)}/job.log",
        f"{logs_prefix(failed)}/job.log",
        "demo/processing-results/echo/notes.txt",
        "demo/files/a.txt",
    } == set(left(objects))


def test_uploads_that_nobody_goes_on_with(objects, sweep):
    """The pieces of an upload go together, days after the last one came."""
    for name in ("old", "busy"):
        objects.put(f"demo/uploads/{name}/0-1", b"1")
        objects.put(f"demo/uploads/{name}/1-2", b"1")
    age(objects, "demo", 3 * DAY)
    objects.put("demo/uploads/busy/2-3", b"1")

    assert [(Kind.UPLOAD, 2)] == sweep()
    assert 3 == len(left(objects))


def test_writers_that_were_killed(objects, sweep):
    """What a killed writer left beside the place of its object goes a day later."""
    objects.put("demo/files/a.txt", b"1")
    part = objects.root / "demo/files/.ades-12345.part"
    part.write_bytes(b"half")

    assert [] == sweep()
    then = time.time() - 2 * DAY.total_seconds()
    os.utime(part, (then, then))
    assert [(Kind.REMAINS, 1)] == sweep()
    assert ["a.txt"] == [path.name for path in Path(objects.root).rglob("*") if path.is_file()]


def test_jobs_that_were_never_started(store, sweep, settings):
    """A job that was only made goes after a month; one that waits in the queue stays."""
    made = store.jobs.submit(a_job(status=JobStatus.CREATED))
    store.jobs.submit(a_job())

    assert [] == sweep()
    early = settings.model_copy(update={"keep_unstarted": 1e-9})
    assert [Kind.UNSTARTED] == [found.kind for found in Sweeper(store, LocalStore(settings.data / "o"), early).sweep()]
    with pytest.raises(NoSuchJob):
        store.jobs.get(made.id)


def test_one_of_several_workers_sweeps(store, objects, settings, finished):
    """Workers share the sweep: whose turn it is takes it, and the next turn comes when it is time."""
    job = finished(keep="1")
    store.jobs.keep(job.id, datetime.now(UTC) - timedelta(seconds=1))
    often = settings.model_copy(update={"sweep_every": 60.0})
    first, second = (Chores(store, objects, often) for _ in range(2))
    second.turn()
    with pytest.raises(NoSuchJob):
        store.jobs.get(job.id)

    again = finished(keep="1")
    store.jobs.keep(again.id, datetime.now(UTC))
    first.turn()
    assert again.id == store.jobs.get(again.id).id


def test_results_that_were_not_kept(store, finished):
    """Who asks for them is told why there are none."""
    from ades.service import builtins
    from ades.service.handover import Packages
    from ades.service.results import Outputs

    job = finished(keep="none")
    store.jobs.forget_results(job.id)
    store.jobs.keep(job.id, None)
    outputs = Outputs(store, Packages(store.processes.package, builtins.load(None)))
    with pytest.raises(ResultNotAvailable, match="not kept"):
        outputs.of(store.jobs.get(job.id))


def test_files_that_cannot_be_reached_hold_up_nothing_else(store, objects, settings, monkeypatch):
    """Where the bucket of one workspace does not answer, its jobs wait for the next sweep, and all others are swept."""

    class Broken(LocalStore):
        def list(self, prefix):
            if prefix.startswith("alice/"):
                raise Unavailable("The bucket does not answer.")
            return super().list(prefix)

    monkeypatch.setattr("ades.service.sweep.AT_ONCE", 2)
    for name in ("alice", "zoe"):
        store.workspaces.create(name)
    jobs = [store.jobs.submit(a_job(calling=who, status=JobStatus.CREATED)) for who in ["alice"] * 5 + ["zoe"] * 3]
    stray = f"zoe/jobs/{new_job_id()}"
    objects.put(f"{stray}/job.log", b"1")
    age(objects, "zoe", DAY)
    early = settings.model_copy(update={"keep_unstarted": 1e-9})

    swept = list(Sweeper(store, Broken(objects.root), early).sweep())
    assert [(Kind.UNSTARTED, 3), (Kind.ORPHAN, 1)] == [
        (kind, len(list(group))) for kind, group in groupby(swept, lambda one: one.kind)
    ]
    assert [job.id for job in jobs[:5]] == [job.id for job in jobs if job.id in store.jobs.having(j.id for j in jobs)]
