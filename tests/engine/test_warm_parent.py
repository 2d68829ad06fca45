"""The warm parent: what it costs, and that it stays as it was."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest
from cwltool import process
from runs import shell, until

from ades.engine.local.rehearsal import perform, rehearse
from ades.runner.events import Outcome


def memory(pid: int) -> int:
    return psutil.Process(pid).memory_info().rss  # not what is its own alone: that depends on which forks live just now


def open_files(pid: int) -> int:
    return psutil.Process(pid).num_fds()


def test_many_jobs_leave_no_trace_in_the_parent(fresh):
    """After two hundred jobs the parent and the worker are as big as before, with as many open files and children."""
    machine = fresh()
    for _ in range(10):
        machine.run(shell("true"))
    parent = machine.engine._parent.pid
    before = memory(parent), open_files(parent), open_files(os.getpid()), memory(os.getpid())
    waiting = []
    for _ in range(200):
        while not machine.engine.free():
            time.sleep(0.002)
        waiting.append(machine.start(shell("echo x >&2")))
    assert all(Outcome.SUCCESSFUL is run.wait().ended.outcome for run in waiting)
    machine.runs.clear()
    waiting.clear()
    after = memory(parent), open_files(parent), open_files(os.getpid()), memory(os.getpid())
    assert after[0] - before[0] < 4 * 2**20
    assert after[1] <= before[1] + 2
    assert after[2] <= before[2]
    assert after[3] - before[3] < 10 * 2**20
    until(lambda: len(psutil.Process(parent).children()) <= 1)
    assert [] == list((machine.data / "jobs").iterdir())


def test_the_parent_holds_nothing_of_a_job(fresh):
    """Documents go past the parent: what was in one is not in its memory."""
    machine = fresh(local_isolation="none")
    run = machine.start(shell("sleep 30 # the-secret-of-this-job"))
    run.wait_for_log(machine.engine, "job", b"the-secret")
    parent = machine.engine._parent.pid
    if os.geteuid() != 0:
        pytest.skip("only root may read the memory of another process")
    assert not in_memory(parent, b"the-secret-of" + b"-this-job")
    machine.engine.kill(run.job)
    run.wait()


def in_memory(pid: int, words: bytes) -> bool:
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", buffering=0) as held:
        for line in maps:
            place, rights, *_ = line.split()
            if "w" not in rights:
                continue
            first, last = (int(end, 16) for end in place.split("-"))
            try:
                held.seek(first)
                if words in held.read(last - first):
                    return True
            except OSError:
                continue
    return False


def test_an_idle_engine_is_small(fresh):
    """An engine that never ran a job has no processes at all; one that rests keeps only the parent and a spare."""
    machine = fresh()
    assert machine.engine._parent is None
    machine.run(shell("true"))
    until(lambda: len(psutil.Process(machine.engine._parent.pid).children()) <= 1)


def test_the_rehearsal_runs_and_leaves_nothing(tmp_path):
    """What the parent does before the first job succeeds, and leaves no file, thread, process or name behind."""
    perform(tmp_path / "one", 1)
    assert [] == list((tmp_path / "one" / "jobs").iterdir())
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    rehearse(jobs)
    assert [] == list(jobs.iterdir())
    assert set() == process._names
    assert [] == [child for child in psutil.Process().children() if child.name() == "true"]


def test_a_rehearsal_that_cannot_be_held_is_left_out(tmp_path):
    """A folder that is not there stops nobody from starting."""
    rehearse(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()
