"""What many jobs in a cluster cost the server: calls, processor time, memory."""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from clusters import Site, until
from jobs_of_tests import PACKAGE

from ades.app import create_app
from ades.engine.kubernetes.launcher import Launcher
from ades.runner.events import Outcome
from ades.service.dispatch import Worker
from ades.store import Store

pytestmark = pytest.mark.long
JOBS = 500
SUBMITTED = 50
SOON = 0.1
"""Seconds from the request to the Job in the cluster."""
WATCHING = {"watch jobs", "watch pods", "list jobs", "list pods"}
TESTS = Path(__file__).parents[1]


@pytest.fixture
def elsewhere(tmp_path):
    """An engine whose cluster is another process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    command = [sys.executable, str(TESTS / "cluster_process.py"), str(tmp_path), "40"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
    assert process.stdout.readline() == "ready\n"
    site = Site(tmp_path)
    site.settings = site.settings.model_copy(update={"kubernetes_config": tmp_path / "kubeconfig"})
    yield site, process
    for engine in site.engines:
        engine.close()
    process.stdin.close()
    process.stdout.read()
    process.stdout.close()
    process.wait(20)


@pytest.fixture
def made(monkeypatch):
    """When the cluster had made each Job, and what that had cost the thread that waited for it."""
    found = {}
    launch = Launcher._create

    def create(self, namespace, manifest, placement):
        began, used = time.monotonic(), time.thread_time()
        job = launch(self, namespace, manifest, placement)
        now = time.monotonic()
        found[manifest["metadata"]["name"].removeprefix("job-")] = now, now - began, time.thread_time() - used
        return job

    monkeypatch.setattr(Launcher, "_create", create)
    return found


def test_a_job_is_in_the_cluster_soon_after_it_was_submitted(elsewhere, made, capsys):
    """From the request by HTTP: row, doorbell, worker, Job. A busy machine is slow to answer, so it is the median."""
    site, _ = elsewhere
    settings = site.settings.model_copy(update={"sweep_every": 0})
    worker = Worker(settings)
    with Store.open(settings.database_url) as store:
        store.workspaces.create("alice")
        store.processes.put("alice", PACKAGE, id="warp", version="1")
    client = create_app(settings).test_client()
    thread = threading.Thread(target=worker.run)
    thread.start()

    def submit() -> tuple[float, float, float]:
        began = time.monotonic()
        answer = client.post("/alice/ogc-api/processes/warp/execution", json={}, headers={"Prefer": "respond-async"})
        assert 201 == answer.status_code, answer.json
        when, waited, used = until(lambda: made.get(answer.json["jobID"]), 60, "the Job")
        return when - began, waited, used

    submit()  # the first one waits for the worker as well
    took, waited, used = zip(*(submit() for _ in range(SUBMITTED)), strict=True)
    worker.stop()
    thread.join(60)
    worst = max(range(SUBMITTED), key=lambda one: took[one])
    with capsys.disabled():
        sys.stdout.write(
            f"\nfrom request to Job: median {1000 * statistics.median(took):.1f} ms, worst {1000 * took[worst]:.0f} ms, "
            f"of which the cluster took {1000 * waited[worst]:.0f} ms to answer; "
            f"CPU of the call {1000 * max(used):.1f} ms at most\n"
        )
    assert statistics.median(took) < SOON
    assert max(used) < SOON


def test_five_hundred_jobs_at_once(elsewhere, capsys):
    """At most six calls a job, no polling, two watches, a few threads; the numbers are in docs/performance.md."""
    site, process = elsewhere
    engine = site.engine()
    engine.running()
    me = psutil.Process()
    warm = site.start(engine)
    warm.wait(60)
    memory, cpu, threads = me.memory_info().rss, me.cpu_times(), threading.active_count()
    began = time.monotonic()
    latencies, all_told = [], []
    for _ in range(JOBS):
        one = time.monotonic()
        all_told.append(site.start(engine))
        latencies.append(time.monotonic() - one)
    submitted = time.monotonic() - began
    until(lambda: len(engine._reconciler.sight.jobs()) >= JOBS * 0.9, 300)
    held = me.memory_info().rss - memory
    launched = time.monotonic() - began
    assert threading.active_count() - threads <= 8
    assert {Outcome.SUCCESSFUL} == {told.wait(600).outcome for told in all_told}
    took, now = time.monotonic() - began, me.cpu_times()
    until(lambda: not engine.running(), 60)
    spent = now.user + now.system - cpu.user - cpu.system
    process.stdin.close()
    calls = json.loads(process.stdout.read())
    asked = sum(count for call, count in calls.items() if call not in WATCHING)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{JOBS} jobs: start() {1000 * sum(latencies) / JOBS:.2f} ms each, all in {submitted:.2f} s; "
            f"90 % launched after {launched:.1f} s, all over after {took:.1f} s; "
            f"CPU {1000 * spent / JOBS:.1f} ms a job; {asked / (JOBS + 1):.2f} calls a job; "
            f"memory {held / JOBS / 1024:.0f} KiB a job; {calls}\n"
        )
    assert asked / (JOBS + 1) <= 6
    assert max(calls["watch jobs"], calls["watch pods"]) <= 3
    assert max(calls["list jobs"], calls["list pods"]) <= 3
    assert spent / JOBS < 0.15
    assert held / JOBS < 200 * 1024
