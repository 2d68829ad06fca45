"""Processes that are Python of the server, where packages go to a cluster: the worker runs them beside itself."""

import os
import signal
import subprocess
import threading
from datetime import timedelta

import pytest
from clusters import Told, document, submitted, until
from jobs_of_tests import PACKAGE

from ades.engine.local import Isolation
from ades.engine.local.probe import Found
from ades.errors import Unavailable
from ades.model import JobStatus, Reason
from ades.runner.events import Outcome
from ades.service import engines
from ades.service.dispatch import COMMAND, Worker
from ades.service.engines import Engines, beside_worker, first_known
from ades.service.handover import CannotRun
from ades.settings import Settings
from ades.store import Store

NO_SANDBOX = Found(Isolation.SUBREAPER, "User namespaces are refused.")
NATIVE = {"kind": "native", "processor": {"name": "echo"}}


class Office:
    """Workers on one site, in this process or as processes of their own."""

    def __init__(self, site):
        # With identities a machine without a sandbox would refuse the jobs of packages.
        self.settings = site.settings.model_copy(update={"lease": 8.0, "sweep_every": 0, "tokens": True})
        self.site = site
        self.store = Store.open(self.settings.database_url)
        self.store.workspaces.create("alice")
        self.store.processes.put("alice", PACKAGE, id="warp", version="1")
        self.stops = []

    def thread(self):
        worker = Worker(self.settings)
        thread = threading.Thread(target=worker.run)
        thread.start()
        self.stops.append(lambda: (worker.stop(), thread.join(20)))
        return self.stops[-1]

    def process(self):
        child = subprocess.Popen([*COMMAND, str(os.getpid())], stdin=subprocess.PIPE, start_new_session=True)
        with child.stdin as pipe:
            pipe.write(self.settings.to_json())

        def kill():
            if child.poll() is None:
                os.kill(child.pid, signal.SIGKILL)
                child.wait(10)

        self.stops.append(kill)
        return kill

    def echo(self, pause=0):
        inputs = {"message": "hello", "pause": pause}
        return submitted(self.store, process_id="echo", digest=None, request={"inputs": inputs})

    def wait(self, job, status=JobStatus.SUCCESSFUL):
        until(lambda: self.store.jobs.get(job).status is status, 40, f"{job} {self.store.jobs.get(job)}")
        return self.store.jobs.get(job)

    def begun(self, job):
        """Wait until its runner works."""
        until(lambda: self.store.steps.list(job), 40, "the step")

    def values(self, job):
        return {result.output: result.value for result in self.store.results.list(job)}

    def folders(self):
        jobs = self.settings.data / "jobs"
        return [path.name for path in jobs.iterdir()] if jobs.is_dir() else []


@pytest.fixture
def office(site):
    made = Office(site)
    yield made
    for stop in made.stops:
        stop()
    made.store.close()


def test_echo_runs_beside_the_worker_while_a_package_runs_in_the_cluster(office, monkeypatch):
    """Also in a pod without user namespaces, with identities: its result is there, and no Job was made of it.

    What is dismissed is gone; what a worker runs that is stopped waits for the next one and loses no attempt.
    """
    monkeypatch.setattr(engines, "probe", lambda: NO_SANDBOX)
    stop = office.thread()
    package = submitted(office.store)
    until(lambda: office.site.find("pods"))
    echo = office.echo()
    assert 1 == office.wait(echo).attempt
    assert {"message": "hello", "pause": 0} == office.values(echo)
    assert JobStatus.RUNNING is office.store.jobs.get(package).status
    assert {str(package)} == {job["metadata"]["labels"]["ades/job"] for job in office.site.find("jobs")}

    dismissed = office.echo(pause=600)
    office.begun(dismissed)
    assert [str(dismissed)] == office.folders()
    office.store.jobs.dismiss(dismissed)
    until(lambda: not office.folders(), 10, "its folder")
    assert JobStatus.DISMISSED is office.store.jobs.get(dismissed).status

    handed_back = office.echo(pause=600)
    office.begun(handed_back)
    stop()
    assert not office.folders()
    assert JobStatus.ACCEPTED is office.store.jobs.get(handed_back).status
    assert JobStatus.RUNNING is office.store.jobs.get(package).status


@pytest.mark.long
def test_a_native_job_whose_worker_was_killed_is_run_again(office):
    """The next worker finds its row, and nothing else of it: it is run again as often as attempts allow."""
    kill = office.process()
    job = office.echo(pause=3)
    office.begun(job)
    kill()
    assert JobStatus.RUNNING is office.store.jobs.get(job).status
    office.process()
    done = office.wait(job)
    assert (2, "hello") == (done.attempt, office.values(job)["message"])
    until(lambda: not office.folders(), 10, "what was left")


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_native_job_of_a_worker_that_is_no_more_costs_an_attempt(office, attempts):
    """The elected worker takes the row over, knows nothing of the job, and says so when it was the last attempt."""
    job = office.echo()
    assert job == office.store.queue.claim("no-more", timedelta(seconds=60)).id
    office.settings = office.settings.model_copy(update={"attempts": attempts})
    office.thread()
    if attempts == 1:
        done = office.wait(job, JobStatus.FAILED)
        assert (1, Reason.WORKER_LOST) == (done.attempt, done.failure.reason)
    else:
        assert 2 == office.wait(job).attempt


def test_a_native_job_that_nobody_can_run_fails_with_a_sentence(office, monkeypatch):
    """Where not even its processes could be found again; the worker goes on."""
    monkeypatch.setattr(engines, "probe", lambda: Found(Isolation.NONE, "Processes cannot be followed here."))
    office.thread()
    for _ in range(2):
        failure = office.wait(office.echo(), JobStatus.FAILED).failure
        assert Reason.INTERNAL is failure.reason
        assert "Processes cannot be followed here." in failure.message
        assert "ADES_LOCAL_ISOLATION" in failure.message


def test_natives_have_a_sandbox_where_one_can_be_made(monkeypatch):
    """And none where the operator wants none or the machine allows none."""
    for found, wanted, given in [
        (Isolation.NAMESPACES, "auto", "auto"),
        (Isolation.SUBREAPER, "auto", "none"),
        (Isolation.NONE, "none", "none"),
    ]:
        monkeypatch.setattr(engines, "probe", lambda found=found: Found(found, ""))
        assert given == beside_worker(Settings(local_isolation=wanted)).local_isolation
    with pytest.raises(CannotRun):
        beside_worker(Settings())


class Full:
    """An engine of this machine without any room."""

    def start(self, document):
        raise Unavailable("There is no room for another job.")

    def running(self):
        return frozenset()

    def read_log(self, job, name, start=0, length=None):
        return b"here" if name == "here" else None

    def close(self, grace=0):
        pass


def test_the_local_engine_is_made_by_the_first_native_job(site):
    """A cluster that runs none pays nothing for it; when it is full, that is told, and the cluster is not."""
    site.kubelet.scripts["job-*"] = site.finishes()
    made = []
    both = Engines(site.engine(), lambda: made.append(1) or Full())
    package = site.told.setdefault((given := document()).job, Told(given))
    both.start(given)
    assert Outcome.SUCCESSFUL is package.wait().outcome
    both.kill(given.job)
    assert (0, None) == (len(made), both.read_log(given.job, "here"))
    for _ in range(2):
        with pytest.raises(Unavailable):
            both.start(document(executable=NATIVE))
    assert (1, b"here", site.settings.kubernetes_jobs) == (len(made), both.read_log(given.job, "here"), both.free())
    until(lambda: not both.running())
    both.close()


def test_a_log_is_asked_from_who_knows_it():
    """An empty log is a log."""
    read = first_known(lambda *_: None, lambda *asked: b"" if asked[1] == "b" else None, lambda *_: b"last")
    assert (b"", b"last") == (read("job", "b"), read("job", "c"))
