"""When a job ends, whatever it has started ends with it: within two seconds, however it tries to hide."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from moments import within
from runs import shell, until

from ades.model import Reason, StepState
from ades.runner.events import Outcome

TWO_SECONDS = within(2)

ZOO = {
    "plain": "sleep 7777.MARK",
    "in the background": "sleep 7777.MARK & sleep 7777.MARK",
    "with GNU timeout": "timeout 9999 sleep 7777.MARK",
    "in its own session": "setsid sleep 7777.MARK & setsid --wait sleep 7777.MARK",
    "after a double fork": "(setsid sh -c 'sleep 7777.MARK & exit' &) ; sleep 7777.MARK",
    "a daemon": "python3 -c '"
    'import os, time\nif os.fork() == 0:\n os.setsid()\n if os.fork() == 0:\n  os.chdir("/"); os.closerange(0, 64)\n'
    '  os.execvpe("sleep", ["sleep", "7777.MARK"], {"PATH": os.environ["PATH"]})\n os._exit(0)\n\' ; sleep 7777.MARK',
    "ignoring all signals": "trap '' TERM INT HUP QUIT; sleep 7777.MARK; sleep 7777.MARK; sleep 7777.MARK",
    "stopped": "sleep 7777.MARK & kill -STOP $!; sleep 7777.MARK",
    "a small fork bomb": "bomb() { sleep 7777.MARK & sleep 0.05; bomb & bomb; }; sleep 0.2; bomb 2>/dev/null; wait",
}


def marked(mark: str) -> list[int]:
    """The processes that carry the mark in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"7777.{mark}".encode() in path.read_bytes() and int(path.parts[2]) != os.getpid():
                found.append(int(path.parts[2]))
        except OSError:
            continue
    return [pid for pid in found if not is_zombie(pid)]


def is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def start(machine, animal: str):
    mark = str(uuid4().int % 10**9)
    limited = f"ulimit -u 400 2>/dev/null; {ZOO[animal]}" if "bomb" in animal else ZOO[animal]
    run = machine.start(shell(limited.replace("MARK", mark)))
    until(lambda: marked(mark))
    time.sleep(0.2)
    return run, mark


def test_a_job_that_is_killed_at_once_leaves_no_folder(machine):
    """However early the end comes: the folder of a job is not made after it."""
    for pause in range(20):
        run = machine.start(shell("true"))
        time.sleep(pause / 2000)
        machine.engine.kill(run.job)
        run.wait()
        assert not machine.folder(run).exists()


@pytest.mark.parametrize("animal", ZOO)
def test_a_killed_job_leaves_no_process(machine, animal):
    """After `kill` everything is gone within two seconds, and `Ended` comes only when it is."""
    run, mark = start(machine, animal)
    began = time.monotonic()
    machine.engine.kill(run.job)
    run.wait(TWO_SECONDS)
    assert [] == marked(mark)
    assert time.monotonic() - began < TWO_SECONDS
    assert Outcome.DISMISSED is run.ended.outcome
    assert (StepState.DISMISSED, Reason.DISMISSED) == (run.steps["tool"].state, run.steps["tool"].reason)
    assert not machine.folder(run).exists()


def test_a_job_that_ends_by_itself_leaves_no_process(machine):
    """What a tool has left running in the background ends when the job does."""
    mark = str(uuid4().int % 10**9)
    run = machine.run(shell(f"setsid sleep 7777.{mark} & sleep 0.1"))
    assert Outcome.SUCCESSFUL is run.ended.outcome
    assert [] == marked(mark)


def test_a_tool_that_runs_into_its_time_limit_leaves_no_process(machine):
    """The time limit of a tool ends its children too, while the workflow may go on."""
    mark = str(uuid4().int % 10**9)
    limit = "requirements: {ToolTimeLimit: {timelimit: 1}}"
    run = machine.run(shell(f"timeout 999 sleep 7777.{mark} & sleep 7777.{mark}", more=limit))
    assert Reason.TIME_LIMIT is run.ended.failure.reason
    assert [] == marked(mark)


def test_the_processes_of_other_jobs_live_on(machine):
    """Killing one job touches no other."""
    victim, _ = start(machine, "plain")
    other, mark = start(machine, "plain")
    machine.engine.kill(victim.job)
    victim.wait()
    assert marked(mark)
    assert not other.done.is_set()
    machine.engine.kill(other.job)
    other.wait()


def test_killing_what_does_not_run_does_nothing(machine):
    """An unknown or finished job is no error."""
    run = machine.run(shell("true"))
    machine.engine.kill(run.job)
    machine.engine.kill(uuid4())
    assert Outcome.SUCCESSFUL is run.ended.outcome


def test_a_job_is_killed_while_its_inputs_are_brought(machine, tmp_path):
    """A download that never ends does not keep a job from being dismissed."""
    script = "import socket, time\ns = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)\n"
    server = subprocess.Popen(
        [sys.executable, "-c", script + "c, _ = s.accept(); time.sleep(60)"], stdout=subprocess.PIPE, text=True
    )
    with server:
        port = server.stdout.readline().strip()
        allowing = machine.settings.model_copy(update={"fetch_allow": ("127.0.0.0/8",)})
        machine.engine._storage = lambda _: allowing
        href = {"href": f"http://127.0.0.1:{port}/never"}
        run = machine.start(shell("cat", inputs="{f: File}"), {"f": href})
        time.sleep(0.5)
        machine.engine.kill(run.job)
        run.wait(TWO_SECONDS)
        server.kill()
    assert Outcome.DISMISSED is run.ended.outcome
    assert not machine.folder(run).exists()


# -- who else may die -----------------------------------------------------------------------------------------------


def keepers(machine) -> list[psutil.Process]:
    return psutil.Process(machine.engine._parent.pid).children()


@pytest.mark.parametrize("isolation", ["auto", "none"])
def test_a_killed_keeper_loses_its_job_and_nothing_else(fresh, isolation):
    """kill -9 of what keeps a job: the job is lost, its processes and files are gone, the engine goes on."""
    machine = fresh(local_isolation=isolation)
    run, mark = start(machine, "in its own session")
    for keeper in keepers(machine):
        keeper.kill()
    run.wait(TWO_SECONDS)
    assert (Outcome.LOST, Reason.WORKER_LOST) == (run.ended.outcome, run.ended.failure.reason)
    assert [] == marked(mark)
    assert not machine.folder(run).exists()
    # The one that was kept ready was killed too, and may be given a job before that is seen.
    until(lambda: Outcome.SUCCESSFUL is machine.run(shell("true")).ended.outcome)


@pytest.mark.parametrize("isolation", ["auto", "none"])
def test_a_killed_parent_loses_its_jobs_and_is_started_again(fresh, isolation):
    """kill -9 of the warm parent: its jobs are lost, nothing of them is left, and the next job runs."""
    machine = fresh(local_isolation=isolation)
    runs = [start(machine, "in its own session"), start(machine, "after a double fork")]
    os.kill(machine.engine._parent.pid, signal.SIGKILL)
    for run, mark in runs:
        run.wait(TWO_SECONDS + 3)
        assert Outcome.LOST is run.ended.outcome
        assert [] == marked(mark)
        assert not machine.folder(run).exists()
    assert Outcome.SUCCESSFUL is machine.run(shell("true")).ended.outcome


def test_a_killed_runner_is_lost(fresh):
    """kill -9 of process 1 of the sandbox: the job is lost and may run again."""
    machine = fresh()
    run, mark = start(machine, "plain")
    tool = psutil.Process(marked(mark)[0])
    next(parent for parent in tool.parents() if number_inside(parent.pid) == 1).kill()
    run.wait(TWO_SECONDS)
    assert Outcome.LOST is run.ended.outcome
    assert [] == marked(mark)


def number_inside(pid):
    """The number of a process in its own namespace."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("NSpid:")]
    return int(line.split()[-1])


WORKER = """
import sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from runs import Machine, shell
machine = Machine(Path({data!r}), local_isolation={isolation!r}, silence={silence})
run = machine.start(shell({script!r}))
print(machine.engine._parent.pid, flush=True)
time.sleep(600)
"""


def worker(data: Path, script: str, isolation: str, silence: float = 15) -> subprocess.Popen[str]:
    program = WORKER.format(
        tests=str(Path(__file__).parents[1]), data=str(data), isolation=isolation, script=script, silence=silence
    )
    process = subprocess.Popen([sys.executable, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write(program)
    process.stdin.close()
    return process


@pytest.mark.parametrize("isolation", ["auto", "none"])
def test_the_jobs_of_a_dead_worker_die_with_it(tmp_path, isolation):
    """kill -9 of the worker: parent, keepers and tools are gone within two seconds, and so is the folder."""
    tmp_path.chmod(0o755)
    mark = str(uuid4().int % 10**9)
    with worker(tmp_path, ZOO["in its own session"].replace("MARK", mark), isolation) as process:
        parent = int(process.stdout.readline())
        until(lambda: marked(mark))
        process.kill()
        until(lambda: not marked(mark) and is_zombie(parent), TWO_SECONDS)
    until(lambda: not list((tmp_path / "jobs").iterdir()), TWO_SECONDS)


@pytest.mark.parametrize("isolation", ["auto", "none"])
def test_a_worker_that_is_silent_for_too_long_loses_its_jobs(tmp_path, isolation):
    """SIGSTOP of the worker: its jobs end by themselves before somebody else runs them a second time."""
    tmp_path.chmod(0o755)
    mark = str(uuid4().int % 10**9)
    with worker(tmp_path, ZOO["plain"].replace("MARK", mark), isolation, silence=3) as process:
        process.stdout.readline()
        until(lambda: marked(mark))
        process.send_signal(signal.SIGSTOP)
        try:
            until(lambda: not marked(mark), 3 + TWO_SECONDS)
        finally:
            process.kill()


def test_all_at_once_and_the_next_start_finds_nothing(fresh, tmp_path):
    """kill -9 of worker, parent and keepers in one go without a sandbox: the next engine on the folder clears up."""
    tmp_path.chmod(0o755)
    mark = str(uuid4().int % 10**9)
    with worker(tmp_path, ZOO["in its own session"].replace("MARK", mark), "none") as process:
        parent = psutil.Process(int(process.stdout.readline()))
        until(lambda: marked(mark))
        victims = [process.pid, parent.pid, *(child.pid for child in parent.children(recursive=True))]
        spared = set(marked(mark))
        for pid in victims:
            if pid not in spared:
                os.kill(pid, signal.SIGSTOP)
        for pid in victims:
            if pid not in spared:
                os.kill(pid, signal.SIGKILL)
    until(lambda: all(is_zombie(pid) for pid in victims if pid not in spared))
    assert marked(mark)
    from runs import Machine

    machine = Machine(tmp_path, local_isolation="none")
    try:
        assert Outcome.SUCCESSFUL is machine.run(shell("true")).ended.outcome
        assert [] == marked(mark)
        assert [] == list((tmp_path / "jobs").iterdir())
    finally:
        machine.engine.close()


def test_two_engines_on_one_folder_leave_each_other_alone(fresh):
    """The sweep of a new engine touches no job that another one runs."""
    machine = fresh()
    run, mark = start(machine, "plain")
    from runs import Machine

    other = Machine(machine.data)
    try:
        assert Outcome.SUCCESSFUL is other.run(shell("true")).ended.outcome
        assert marked(mark)
        assert machine.folder(run).exists()
    finally:
        other.engine.close()
    machine.engine.kill(run.job)
    assert Outcome.DISMISSED is run.wait().ended.outcome


def test_a_job_waits_for_its_former_runner_to_die(machine):
    """Lost with its worker and given to the next one at once: the folder may still be held. That fails no job."""
    job = uuid4()
    folder = machine.data / "jobs" / str(job)
    folder.mkdir(parents=True)
    dying = os.open(folder, os.O_RDONLY)
    fcntl.flock(dying, fcntl.LOCK_EX)
    run = machine.start(shell("true"), job=job)
    time.sleep(0.5)
    assert not run.events
    os.close(dying)
    assert Outcome.SUCCESSFUL is run.wait().ended.outcome


def test_a_graceful_stop_waits_and_then_kills(fresh):
    """Within the grace a job finishes; one that takes longer is lost, so that somebody else runs it."""
    machine = fresh()
    quick, slow = machine.start(shell("sleep 1")), machine.start(shell("sleep 60"))
    slow.wait_for_log(machine.engine, "job", b"sleep")
    machine.engine.close(grace=3 + TWO_SECONDS)
    assert Outcome.SUCCESSFUL is quick.wait().ended.outcome
    assert Outcome.LOST is slow.wait().ended.outcome
    assert set() == machine.engine.running()


def test_folders_without_rights_are_removed(machine):
    """A tool may take all rights from its folders; they go all the same."""
    run = machine.run(shell("mkdir -p a/b/c; touch a/b/c/d; chmod 000 a/b/c a/b a; chmod 000 ."))
    assert not machine.folder(run).exists()
