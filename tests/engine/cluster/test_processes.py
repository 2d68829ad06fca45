"""Worker processes that are really killed, at each call to the cluster: before it, and as soon as it has been done."""

import os
import signal
import subprocess
import threading

import pytest
from clusters import submitted, until
from jobs_of_tests import PACKAGE
from kubernetes_double import ApiFault

from ades.model import JobStatus
from ades.service.dispatch import COMMAND
from ades.store import Store

pytestmark = pytest.mark.long
CALLS = [("create", "jobs"), ("create", "persistentvolumeclaims"), ("patch", "jobs"), ("delete", "jobs")]


class Processes:
    """Workers that are processes, one after the other."""

    def __init__(self, site):
        self.settings = site.settings.model_copy(update={"lease": 8.0, "sweep_every": 0})
        self.now = None

    def start(self):
        self.now = subprocess.Popen([*COMMAND, str(os.getpid())], stdin=subprocess.PIPE, start_new_session=True)
        with self.now.stdin as pipe:
            pipe.write(self.settings.to_json())

    def kill(self):
        os.kill(self.now.pid, signal.SIGKILL)
        self.now.wait(10)


@pytest.fixture
def processes(site):
    made = Processes(site)
    yield made
    if made.now.poll() is None:
        made.kill()


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("verb", "resource"), CALLS, ids=lambda word: word)
def test_a_worker_killed_at_a_call_is_followed_by_another(site, processes, verb, resource, moment):
    """The job is run once, in its first attempt, and nothing of it is left."""
    site.kubelet.scripts["job-*"] = site.finishes()
    dead = threading.Event()

    def strike(_request):
        if moment == "before":
            processes.kill()
            dead.set()
        else:
            threading.Timer(0.02, lambda: (processes.kill(), dead.set())).start()

    site.cluster.fault(ApiFault(verb, resource, action=strike))
    with Store.open(processes.settings.database_url) as store:
        store.workspaces.create("alice")
        store.processes.put("alice", PACKAGE, id="warp", version="1")
        processes.start()
        job = submitted(store)
        assert dead.wait(30)
        processes.start()
        until(lambda: store.jobs.get(job).status.finished, 60, "the job")
        done = store.jobs.get(job)
        assert (JobStatus.SUCCESSFUL, 1) == (done.status, done.attempt), done
    made = [c for c in site.cluster.objects._history if (c.kind, c.what) == ("jobs", "ADDED")]
    assert 1 == len(made)
    until(site.empty)
