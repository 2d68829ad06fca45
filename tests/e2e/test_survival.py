"""What a server survives: stalled workers, jumping clocks, full disks, locked and vanished databases, stops."""

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from moments import within
from postgres import new_cluster
from served import Api, Process, processes_with

OWN = f"{os.getpid():07}"
"""The last figures of how long the jobs of these tests sleep: there may be others on the machine that run them too."""
NAP = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "nap",
    "baseCommand": ["sh", "-euc", 'sleep "$1"; date +%s%N > when.txt', "sh"],
    "inputs": {"nap": {"type": "string", "inputBinding": {}}},
    "outputs": {"when": {"type": "File", "outputBinding": {"glob": "when.txt"}}},
}


@pytest.fixture
def start(tmp_path):
    """Starts servers and workers over one data folder; all are gone at the end."""
    started = []

    def go(command, **settings):
        process = Process(command, tmp_path, **({"worker": "false", "slots": 2, "lease": 8, "grace": 3} | settings))
        started.append(process)
        return process

    yield go
    for process in started:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGCONT)
        if process.child.poll() is None:
            process.stop()
    assert [] == processes_with(str(tmp_path))


@pytest.fixture
def api(start):
    """A server without a worker."""
    found = Api(start("serve").address())
    found.deploy(NAP)
    return found


def events(tmp_path, job):
    """The states that a job went through."""
    with sqlite3.connect(tmp_path / "data" / "ades.db") as connection:
        found = connection.execute(
            "SELECT data ->> 'status' FROM events WHERE job = ? AND kind = 'status' ORDER BY id",
            (job.replace("-", ""),),
        ).fetchall()
    return [row[0] for row in found]


def until(ready, seconds=60, pause=0.05):
    end = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < end, "it never came to that"
        time.sleep(pause)
    return found


@pytest.mark.long
def test_a_worker_that_stalls_past_its_lease_writes_nothing(start, api, tmp_path):
    """SIGSTOP, another worker takes the job and finishes it, SIGCONT: one end, one run at a time."""
    first = start("worker")
    job = api.submit("nap", {"nap": f"20.51{OWN}"})
    until(lambda: processes_with(f"sleep 20.51{OWN}"))
    os.kill(first.pid, signal.SIGSTOP)
    second = start("worker")
    most = 0

    def again():
        nonlocal most
        most = max(most, len([p for p in processes_with(f"sleep 20.51{OWN}") if is_sleep(p)]))
        return api.status(job)["status"] == "successful"

    until(lambda: "running" in events(tmp_path, job)[2:], 60)
    os.kill(first.pid, signal.SIGCONT)
    until(again, 90)
    assert 1 == most
    assert ["accepted", "running", "accepted", "running", "successful"] == events(tmp_path, job)
    time.sleep(3)
    assert "successful" == events(tmp_path, job)[-1]
    assert (None, None) == (first.child.poll(), second.child.poll())


def is_sleep(pid):
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"sleep\0")
    return False


@pytest.mark.long
@pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime is not installed (apt-get install faketime)")
@pytest.mark.parametrize("jump", ["+400", "-400"])
def test_a_clock_that_jumps_costs_no_job(start, api, tmp_path, jump):
    """Minutes forward or back while a job runs: it goes on, and ends once."""
    clock = tmp_path / "clock"
    clock.write_text("+0")
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    start(
        "worker",
        env_LD_PRELOAD=str(library),
        env_FAKETIME_TIMESTAMP_FILE=str(clock),
        env_FAKETIME_CACHE_DURATION="1",
        env_FAKETIME_DONT_FAKE_MONOTONIC="1",
        env_DONT_FAKE_MONOTONIC="1",
    )
    job = api.submit("nap", {"nap": f"12.52{OWN}"})
    until(lambda: processes_with(f"sleep 12.52{OWN}"))
    clock.write_text(jump)
    found = api.wait(job, seconds=60)
    assert "successful" == found["status"], found
    assert 1 == events(tmp_path, job).count("successful")
    assert ["accepted", "running", "successful"] == events(tmp_path, job)


@pytest.mark.long
def test_a_full_disk_is_survived_with_clear_words(tmp_path, start):
    """Jobs fail or wait and say why; when there is room again, everything goes on."""
    data = tmp_path / "data"
    data.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(data)], check=False).returncode:
        pytest.skip("This user may not mount a tmpfs.")
    server = None
    try:
        api = Api((server := start("serve", worker="true")).address())
        api.deploy(NAP)
        assert "successful" == api.wait(api.submit("nap", {"nap": "0"}))["status"]
        with (data / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
            while True:
                ballast.write(b"x" * 4096)
        codes = set()
        for _ in range(3):
            code, _, document = api.call(
                "POST", "/processes/nap/execution", {"inputs": {"nap": "0"}}, Prefer="respond-async"
            )
            codes.add(code)
            if code != 201:
                assert "space" in document["detail"] or "disk" in document["detail"], document
        assert codes <= {201, 503}
        assert api.call("GET", "/jobs")[0] in {200, 503}
        (data / "ballast").unlink()
        until(lambda: api.call("POST", "/processes/nap/execution", {"inputs": {"nap": "0"}})[0] == 200, 60, 0.5)
        _, _, document = api.call("GET", "/jobs")
        for job in document["jobs"]:
            found = api.wait(job["jobID"])
            assert found["status"] in {"successful", "failed"}
            if found["status"] == "failed":
                assert "disk-full" == found["exception"]["reason"], found
        assert 0 == server.stop()
    finally:
        if server is not None:
            server.stop()
        subprocess.run(["umount", "-l", str(data)], check=True)


@pytest.mark.long
def test_a_locked_database_is_waited_for(start, api, tmp_path):
    """Somebody holds SQLite's lock for longer than a lease: nothing is lost."""
    start("worker", lease=12)
    job = api.submit("nap", {"nap": f"2.53{OWN}"})
    until(lambda: api.status(job)["status"] == "running")
    lock = sqlite3.connect(tmp_path / "data" / "ades.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    code, headers, _ = api.call("POST", "/processes/nap/execution", {"inputs": {"nap": "0"}}, Prefer="respond-async")
    assert (503, True) == (code, "retry-after" in headers)
    time.sleep(8)
    lock.execute("ROLLBACK")
    lock.close()
    assert "successful" == api.wait(job, seconds=60)["status"]
    assert 1 == events(tmp_path, job).count("successful")


@pytest.mark.long
def test_a_postgresql_that_vanishes_is_waited_for(tmp_path):
    """503 meanwhile; the job that runs is let go in time or finished, and ends once when the database is back."""
    cluster = new_cluster()
    database = cluster.create()
    settings = {"database": database, "slots": 2, "lease": 12, "grace": 3}
    try:
        server = Process("serve", tmp_path, **settings)
        api = Api(server.address())
        api.deploy(NAP)
        short, long = api.submit("nap", {"nap": f"3.54{OWN}"}), api.submit("nap", {"nap": f"30.54{OWN}"})
        until(lambda: processes_with(f"sleep 30.54{OWN}") and processes_with(f"sleep 3.54{OWN}"))
        cluster.stop()
        code, headers, document = api.call("GET", f"/jobs/{short}")
        assert (503, True) == (code, "retry-after" in headers), document
        until(lambda: not processes_with(f"sleep 30.54{OWN}"), 12)
        cluster.start()
        until(lambda: api.call("GET", "/jobs")[0] == 200)
        assert "successful" == api.wait(short, seconds=60)["status"]
        assert api.status(long)["status"] in {"accepted", "running"}
        api.call("DELETE", f"/jobs/{long}")
        assert 0 == server.stop()
    finally:
        cluster.remove()
    assert [] == processes_with(str(tmp_path))


def test_a_stop_hands_back_what_cannot_finish(start, api, tmp_path):
    """SIGTERM: the quick job finishes within the grace, the slow one waits in the queue again."""
    worker = start("worker", grace=4)
    slow, quick = api.submit("nap", {"nap": f"60.55{OWN}"}), api.submit("nap", {"nap": f"1.55{OWN}"})
    until(lambda: processes_with(f"sleep 60.55{OWN}") and processes_with(f"sleep 1.55{OWN}"))
    assert 0 == worker.stop()
    assert [] == processes_with(f"sleep 60.55{OWN}")
    found = api.status(slow)
    assert ("accepted", "The worker is stopping; the job waits in the queue again.") == (
        found["status"],
        found["message"],
    )
    assert "successful" == api.status(quick)["status"]
    api.call("DELETE", f"/jobs/{slow}")


def test_the_jobs_of_a_killed_worker_run_again_soon(start, api, tmp_path):
    """Another worker of the machine sees that it is dead, without waiting for the lease."""
    first = start("worker", lease=120)
    job = api.submit("nap", {"nap": f"2.56{OWN}"})
    until(lambda: processes_with(f"sleep 2.56{OWN}"))
    first.kill()
    until(lambda: not processes_with(f"sleep 2.56{OWN}"), within(3))
    start("worker", lease=120)
    found = api.wait(job, seconds=40)
    assert "successful" == found["status"]
    assert ["accepted", "running", "accepted", "running", "successful"] == events(tmp_path, job)


def test_a_server_that_is_killed_leaves_nothing_behind(tmp_path):
    """Its web and worker processes, the warm parent and the runners end with it; the next server runs the job."""
    settings = {"slots": 1, "lease": 120}
    server = Process("serve", tmp_path, **settings)
    api = Api(server.address())
    api.deploy(NAP)
    job = api.submit("nap", {"nap": f"3.57{OWN}"})
    until(lambda: processes_with(f"sleep 3.57{OWN}"))
    server.kill()
    until(lambda: not processes_with(str(tmp_path)) and not processes_with(f"sleep 3.57{OWN}"), within(5))
    again = Process("serve", tmp_path, **settings)
    assert "successful" == Api(again.address()).wait(job, seconds=60)["status"]
    assert 0 == again.stop()
    assert [] == processes_with(str(tmp_path)) + list((tmp_path / "data" / "jobs").glob("*"))
