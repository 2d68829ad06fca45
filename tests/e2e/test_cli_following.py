"""`ades run` and its kin while a job goes: on a terminal, in a pipe, over a connection that breaks, until Ctrl-C."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from contextlib import suppress
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from lines import Line
from served import ADES, Process, clean_environment

from ades.cli import ades as main
from ades.client import Client
from ades.client._follow import looked

SLOW = """\
cwlVersion: v1.2
$graph:
  - class: Workflow
    id: slow
    requirements: {ScatterFeatureRequirement: {}}
    inputs: {naps: {type: "string[]", default: ["0.3", "0.3", "0.3", "0.3"]}}
    outputs: {all: {type: "File[]", outputSource: nap/said}}
    steps:
      prepare: {run: "#one", in: {nap: {default: "0.5"}}, out: [said]}
      nap: {run: "#one", scatter: nap, in: {nap: naps, after: prepare/said}, out: [said]}
  - class: CommandLineTool
    id: one
    baseCommand: [sh, -c, 'sleep "$0"; echo "$0"; echo "slept $0" >&2']
    inputs: {nap: {type: string, inputBinding: {}}, after: File?}
    stdout: said.txt
    outputs: {said: stdout}
"""
FAILING = (
    "cwlVersion: v1.2\nclass: CommandLineTool\nid: failing\ninputs: []\nbaseCommand: [sh, -c, exit 7]\noutputs: []\n"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    process = Process("serve", tmp_path_factory.mktemp("following"))
    yield process.address()
    process.stop()


@pytest.fixture
def environment(server, tmp_path):
    (tmp_path / "slow.cwl").write_text(SLOW)
    (tmp_path / "failing.cwl").write_text(FAILING)
    clean = {
        name: value for name, value in clean_environment(tmp_path / "data").items() if name not in {"CI", "NO_COLOR"}
    }
    return clean | {"ADES_URL": server, "XDG_CONFIG_HOME": str(tmp_path), "TERM": "xterm-256color"}


@pytest.fixture
def ades(environment, tmp_path, monkeypatch):
    """Type a command, not on a terminal; what came of it."""
    monkeypatch.chdir(tmp_path)

    def typed(*words: object) -> SimpleNamespace:
        answer = CliRunner().invoke(main, [str(word) for word in words], env={"CI": None} | environment)
        assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
        return SimpleNamespace(returncode=answer.exit_code, stdout=answer.stdout, stderr=answer.stderr)

    return typed


class Terminal:
    """A command in a terminal of its own."""

    def __init__(self, words, env, folder, columns=100):
        self.pid, self.handle = pty.fork()
        if self.pid == 0:
            signal.signal(
                signal.SIGINT, signal.SIG_DFL
            )  # who was started in the background hands on that it is ignored
            os.chdir(folder)
            os.execve(ADES[0], [*ADES, *words], env)
        self.seen = ""
        self.resize(columns)

    def resize(self, columns, rows=24):
        fcntl.ioctl(self.handle, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)

    def until(self, pattern, seconds=60):
        """Read until this has been written."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            assert time.monotonic() < end, self.seen
            try:
                self._read()
            except OSError:
                raise AssertionError(f"it has ended and never said {pattern!r}:\n{self.seen}") from None

    def type(self, text):
        os.write(self.handle, text.encode())

    def end(self):
        """The exit code, when all is read."""
        with suppress(OSError):
            while self._read():
                pass
        os.close(self.handle)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self):
        if not select.select([self.handle], [], [], 1)[0]:
            return True
        data = os.read(self.handle, 65536)
        self.seen += data.decode(errors="replace")
        return bool(data)


def read_to(stream, text):
    """The lines up to and with one that holds this."""
    lines = [""]
    while text not in lines[-1]:
        lines.append(stream.readline())
        assert lines[-1], lines
    return lines[1:]


@pytest.mark.parametrize(
    "more", [[], pytest.param(["--wait", "600"], marks=pytest.mark.long)], ids=["stream", "looking"]
)
def test_a_lost_connection_is_taken_up_again_and_no_line_is_lost(ades, environment, tmp_path, server, more):
    """The server is away for a while in the middle: the command says so, goes on, and has told the whole log."""
    line = Line(server)
    env = environment | {"ADES_URL": line.url}
    command = [*ADES, "run", "slow.cwl", *more]
    with subprocess.Popen(
        command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        told = read_to(run.stderr, " prepare: ")
        line.cut()
        told += read_to(run.stderr, "Trying again")
        line.mend()
        told += run.stderr.readlines()
        assert 0 == run.wait(60), told
    line.cut()
    job = json.loads(ades("jobs", "--limit", 1, "--json").stdout)[0]["jobID"]
    log = ades("logs", job).stdout.splitlines()
    assert 5 == len(log)
    assert log == [text.removeprefix("  ").rstrip("\n") for text in told if text.startswith("  2")]
    assert "The server is back.\n" in told


def test_the_stream_of_an_ades_is_used_and_tells_the_same_as_looking(server, environment, monkeypatch):
    """States, steps and lines; where there is no stream, as on other servers, the job is looked at again and again."""
    client = Client(server).workspace("demo")
    with monkeypatch.context() as patch:
        patch.setattr("ades.client._follow.looked", None)
        job = client.deploy(SLOW, replace=True).execute({})
        told = list(job.follow())
    seen = list(looked(job, step=None, patience=1))
    assert ("successful", 100) == (told[-1].status, told[-1].percent) == (seen[-1].status, seen[-1].percent)
    lines = [line for update in told for line in update.lines]
    assert lines == [line for update in seen for line in update.lines] == list(job.logs())
    states = {step["name"]: step["state"] for step in told[-1].steps}
    assert states == {step["name"]: step["state"] for step in seen[-1].steps}


def test_a_pipe_gets_lines_and_no_colours(ades):
    """Steps, log and state, one a line; standard output holds the results alone."""
    answer = ades("run", "slow.cwl")
    assert 0 == answer.returncode, answer.stderr
    assert "\x1b" not in answer.stdout + answer.stderr
    assert {"  prepare: successful", "  nap_4: successful"} <= set(answer.stderr.splitlines())
    assert 4 == len(json.loads(answer.stdout))


def test_quiet_is_quiet(ades):
    """Nothing on the way, and still the reason when it fails."""
    assert "" == ades("run", "-q", "hello", "name=x").stderr
    assert "code 7" in ades("run", "-q", "failing.cwl").stderr


def test_json_tells_job_results_and_files(ades, tmp_path):
    """One document whatever happens; a failed job tells its problem and exit code 1."""
    ran = json.loads(ades("run", "slow.cwl", "--json", "--download", "got").stdout)
    assert ("successful", 4) == (ran["job"]["status"], len(ran["files"]))
    assert all((tmp_path / path).exists() for path in ran["files"])
    failed = ades("run", "failing.cwl", "--json")
    assert (1, "failed") == (failed.returncode, json.loads(failed.stdout)["job"]["status"])


def test_waiting_has_an_end_when_it_is_wanted(ades):
    """Exit code 7, and the job goes on."""
    answer = ades("run", "echo", "message=x", "pause=60", "--wait", 1, "--json")
    job = json.loads(answer.stdout)["jobID"]
    assert (7, True) == (answer.returncode, f"ades status {job}" in answer.stderr)
    assert json.loads(ades("status", job, "--json").stdout)["status"] in {"accepted", "running"}
    ades("dismiss", job)


def test_the_same_can_be_run_again(ades):
    """`ades rerun` follows like `ades run`."""
    ades("run", "-q", "hello", "name=again")
    job = json.loads(ades("jobs", "--process", "hello", "--limit", 1, "--json").stdout)[0]["jobID"]
    answer = ades("rerun", job)
    assert (0, "Hello again!\n") == (answer.returncode, answer.stdout)
    assert "successful 100%" in answer.stderr


def test_the_log_of_a_step_is_followed_to_its_end(ades):
    """From before the step has begun until the job has finished; a step that never was is an error."""
    job = ades("run", "slow.cwl", "--detach").stdout.strip()
    followed = ades("logs", "-f", "--step", "prepare", job)
    assert (0, "slept 0.5\n") == (followed.returncode, followed.stdout)
    assert 4 == ades("logs", "-f", "--step", "nothing", job).returncode


# -- on a terminal --------------------------------------------------------------------------------------------------


def test_a_terminal_shows_bars_and_the_end_of_the_log(environment, tmp_path):
    """A bar for the job and for each step, drawn anew when the window changes; the results below."""
    terminal = Terminal(["run", "slow.cwl", "naps=0.5", "naps=2"], environment, tmp_path)
    terminal.until(r"━━.*\n.*nap .*━━")
    terminal.until("1 of 2")
    terminal.resize(40)
    terminal.until('"title": "said.txt"')
    assert 0 == terminal.end()
    assert "sleep" in terminal.seen  # the log


def test_the_steps_of_a_job_are_a_time_line(ades, environment, tmp_path):
    """The first step ends where the others begin."""
    job = ades("run", "-q", "slow.cwl", "--json").stdout
    terminal = Terminal(["steps", json.loads(job)["job"]["jobID"]], environment, tmp_path)
    assert 0 == terminal.end()
    bars = re.findall(r"^(?:prepare|nap\S*) +successful  ( *━+ *) ", terminal.seen.replace("\r", ""), re.MULTILINE)
    first, *others = bars
    assert 4 == len(others)
    assert all(first.rindex("━") <= bar.index("━") + 1 for bar in others)


def test_in_ci_a_terminal_is_none(environment, tmp_path):
    """Some systems run commands on a terminal that nobody looks at."""
    terminal = Terminal(["run", "hello", "name=x"], environment | {"CI": "true"}, tmp_path)
    assert 0 == terminal.end()
    assert "\x1b" not in terminal.seen
    assert "successful 100%" in terminal.seen


@pytest.mark.parametrize(("answer", "status"), [("detach", "running"), ("dismiss", "dismissed")])
def test_ctrl_c_asks_what_becomes_of_the_job(ades, environment, tmp_path, answer, status):
    """It may go on by itself, or be stopped; exit code 130."""
    terminal = Terminal(["run", "echo", f"message={answer}", "pause=60"], environment, tmp_path)
    terminal.until("running")
    terminal.type("\x03")
    terminal.until("Leave the job running, stop it")
    terminal.type(f"{answer}\n")
    assert 130 == terminal.end()
    job = json.loads(ades("jobs", "--process", "echo", "--limit", 1, "--json").stdout)[0]
    assert status == job["status"]
    ades("dismiss", job["jobID"])


@pytest.mark.long
def test_the_list_of_jobs_is_watched_in_its_place(ades, environment, tmp_path):
    """It changes when something happens, and ids stay whole on a narrow terminal."""
    ades("run", "-q", "hello", "name=x")
    terminal = Terminal(["jobs", "--watch"], environment, tmp_path, columns=50)
    terminal.until(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    job = ades("run", "echo", "message=x", "--detach").stdout.strip()
    terminal.until(job)
    terminal.type("\x03")
    assert 0 == terminal.end()
