"""Whole workers on one database and one cluster: who works, who takes over, and what becomes of rows without Jobs."""

import itertools
import threading
from contextlib import suppress

import pytest
from clusters import submitted, until
from jobs_of_tests import PACKAGE
from kubernetes_double import Script
from moments import within

from ades.errors import NoSuchJob
from ades.model import JobStatus, Reason
from ades.service import election, strays
from ades.service.dispatch import Worker
from ades.service.life import Life
from ades.store import Store


class Workers:
    """Workers in threads, on one site."""

    def __init__(self, site):
        self.site = site
        self.settings = site.settings.model_copy(update={"lease": 8.0, "sweep_every": 0})
        self.store = Store.open(self.settings.database_url)
        self.store.workspaces.create("alice")
        self.store.processes.put("alice", PACKAGE, id="warp", version="1")
        self.running = []

    def start(self):
        worker = Worker(self.settings)
        thread = threading.Thread(target=worker.run)
        thread.start()
        self.running.append((worker, thread))
        return worker

    def stop(self, worker=None):
        for each, _ in self.running:
            if worker in {None, each}:
                each.stop()
        for each, thread in self.running:
            if worker in {None, each}:
                thread.join(20)
                assert not thread.is_alive()

    def submit(self):
        return submitted(self.store)

    def wait(self, job, *statuses):
        until(lambda: self.store.jobs.get(job).status in statuses, 30, f"{job} {self.store.jobs.get(job)}")
        return self.store.jobs.get(job)

    def jobs(self):
        return {item["metadata"]["labels"]["ades/job"] for item in self.site.find("jobs")}


@pytest.fixture
def workers(site, monkeypatch):
    """The workers of a test are of one process, and yet of different lives."""
    lives = itertools.count()
    monkeypatch.setattr(Life, "own", lambda: Life("host", "boot", "namespace", next(lives), "0"))
    monkeypatch.setattr(election, "LOOK", 0.2)
    made = Workers(site)
    yield made
    made.stop()
    made.store.close()


def test_a_row_becomes_a_job_and_the_job_becomes_results(workers):
    workers.site.kubelet.scripts["job-*"] = workers.site.finishes()
    workers.start()
    job = workers.wait(workers.submit(), JobStatus.SUCCESSFUL, JobStatus.FAILED)
    assert (JobStatus.SUCCESSFUL, [7]) == (job.status, [result.value for result in workers.store.results.list(job.id)])
    until(workers.site.empty)


def test_one_works_and_the_next_goes_on(workers):
    """The Job does not notice; the row goes on in the same attempt; there are two watches in all."""
    site = workers.site
    workers.start()
    workers.start()
    job = workers.submit()
    until(lambda: str(job) in workers.jobs())
    assert (1, 1) == (site.cluster.calls["watch jobs"], site.cluster.calls["watch pods"])
    (runner,) = until(lambda: [pod for pod in site.find("pods") if pod["status"]["phase"] == "Running"])
    leader = next(each for each, _ in workers.running if each._dispatcher is not None)
    workers.stop(leader)
    assert str(job) in workers.jobs()
    assert JobStatus.RUNNING is workers.store.jobs.get(job).status
    site.record(runner)
    site.kubelet.ended(runner, runner["spec"]["containers"][0], 0, None)
    assert (JobStatus.SUCCESSFUL, 1) == ((done := workers.wait(job, JobStatus.SUCCESSFUL)).status, done.attempt)


def test_what_is_dismissed_is_gone_within_five_seconds(workers):
    workers.start()
    job = workers.submit()
    until(lambda: workers.site.find("pods"))
    workers.store.jobs.dismiss(job)
    until(workers.site.empty, within(5))


def test_what_was_dismissed_while_nobody_worked_is_removed(workers, monkeypatch):
    """Likewise a Job whose row is gone."""
    monkeypatch.setattr(strays, "GRACE", 0.5)
    worker = workers.start()
    gone, dismissed = workers.submit(), workers.submit()
    until(lambda: {str(gone), str(dismissed)} <= workers.jobs())
    workers.stop(worker)
    for job in (gone, dismissed):
        workers.store.jobs.dismiss(job)
    workers.store.jobs.remove(gone)
    workers.start()
    until(workers.site.empty)
    with suppress(NoSuchJob):
        workers.store.jobs.get(gone)
        pytest.fail("it came back")


def test_what_is_lost_is_run_again_so_often(workers):
    """A runner that dies without a word costs an attempt; the last one is the end."""
    workers.site.kubelet.scripts["job-*"] = Script(0.05, code=1)
    workers.start()
    job = workers.wait(workers.submit(), JobStatus.FAILED)
    assert (2, Reason.WORKER_LOST) == (job.attempt, job.failure.reason)
    until(workers.site.empty)


def test_a_database_that_is_away_costs_no_job(workers, monkeypatch):
    """Nobody can renew a lease then; the worker steps back, and goes on when the database is there again."""
    worker = workers.start()
    job = workers.submit()
    until(lambda: workers.site.find("pods"))
    dispatcher = worker._dispatcher
    monkeypatch.setattr(election.Election, "_keep", lambda self, done, leave: leave())
    worker._dispatcher.stop()
    until(lambda: worker._dispatcher is not dispatcher)
    assert JobStatus.RUNNING is workers.store.jobs.get(job).status
    assert str(job) in workers.jobs()
