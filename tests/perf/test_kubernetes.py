"""What many jobs in a cluster cost the server: calls, processor time, memory."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from clusters import Site, until

from ades.runner.events import Outcome

pytestmark = pytest.mark.long
JOBS = 500
WATCHING = {"watch jobs", "watch pods", "list jobs", "list pods"}
TESTS = Path(__file__).parents[1]


@pytest.fixture
def elsewhere(tmp_path):
    """An engine whose cluster is another process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    command = [sys.executable, str(TESTS / "cluster_process.py"), str(tmp_path), "20"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
    assert process.stdout.readline() == "ready\n"
    site = Site(tmp_path)
    site.settings = site.settings.model_copy(update={"kubernetes_config": tmp_path / "kubeconfig"})
    yield site, process
    for engine in site.engines:
        engine.close()
    process.stdin.close()
    process.stdout.close()
    process.wait(20)


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
    until(lambda: len(engine._reconciler.sight.jobs()) >= JOBS * 0.9, 120)
    held = me.memory_info().rss - memory
    launched = time.monotonic() - began
    assert threading.active_count() - threads <= 8
    assert {Outcome.SUCCESSFUL} == {told.wait(240).outcome for told in all_told}
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
