"""What a job can see and touch, tried from inside of one."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from runs import Machine, shell

from ades.engine.local import Isolation, probe, why_not
from ades.engine.local.hidden import hidden_paths
from ades.errors import Misconfigured
from ades.runner.events import Outcome
from ades.settings import Settings


@pytest.fixture(scope="module", params=["temporary folder", "home"])
def sandboxed(request):
    """The engine with its sandbox, on data in places that are hidden in different ways."""
    if probe().isolation is not Isolation.NAMESPACES:
        pytest.skip(f"no sandbox on this machine: {probe().why}")
    place = Path.home() if request.param == "home" else None
    if place is not None and not os.access(place, os.W_OK):
        pytest.skip("the home folder cannot be written")
    data = Path(tempfile.mkdtemp(prefix="ades-engine-", dir=place))
    made = Machine(data)
    yield made
    made.engine.close()
    shutil.rmtree(data)


def said(machine, script: str, **more) -> str:
    """What a script prints in a job."""
    run = machine.run(shell(script, outputs="{o: stdout}", **more))
    assert Outcome.SUCCESSFUL is run.ended.outcome, run.ended
    return run.text("o").strip()


def test_a_probe_that_was_killed_says_nothing_about_the_machine(sandboxed, tmp_path, monkeypatch):
    """Whoever kills it makes it try again, and what it seemed to find is not remembered."""
    python, count = tmp_path / "python", tmp_path / "count"
    python.write_text(
        f'#!/bin/sh\necho x >> {count}\n[ $(wc -l < {count}) -lt 4 ] && kill -9 $$\nexec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(sys.modules["ades.engine.local.probe"], "_known", [])
    assert Isolation.NONE is probe().isolation
    assert Isolation.NAMESPACES is probe().isolation


def test_the_probe_has_tried_it(sandboxed):
    """The probe enters a sandbox with a canary outside; it never looks for files that promise something."""
    assert Isolation.NAMESPACES is probe().isolation
    assert "was tried" in probe().why


def test_the_folder_of_another_job_cannot_be_seen(sandboxed):
    """Two jobs at the same time: neither finds the other's folder."""
    other = sandboxed.start(shell("echo secret > here; echo ready >&2; sleep 30"))
    other.wait_for_log(sandboxed.engine, "tool", b"ready")
    jobs = sandboxed.data / "jobs"
    assert list(jobs.rglob("here"))
    seen = said(
        sandboxed, f"ls {jobs} | wc -l; find {sandboxed.data} -name here; cat {jobs}/{other.job}/work/*/here 2>&1; true"
    )
    assert "1" == seen.splitlines()[0]
    assert "secret" not in seen
    sandboxed.engine.kill(other.job)
    other.wait()


def test_the_processes_of_others_cannot_be_seen(sandboxed):
    """/proc is the job's own: there are only its own processes, and nothing of the server's."""
    names = said(sandboxed, "cat /proc/[0-9]*/comm; ls /proc | grep -c '^[0-9]'").splitlines()
    assert {"python", "sh", "cat", "ls", "grep"} >= set(names[:-1])
    assert int(names[-1]) <= 6


def test_the_database_and_the_objects_cannot_be_seen(sandboxed):
    """Of the data folder nothing is left but the way to the job's own folder."""
    (sandboxed.data / "ades.db").write_text("secret")
    (sandboxed.data / "objects" / "alice").mkdir(parents=True, exist_ok=True)
    (sandboxed.data / "objects" / "alice" / "mine").write_text("secret")
    try:
        seen = said(sandboxed, f"find {sandboxed.data} -maxdepth 1; cat {sandboxed.data}/ades.db 2>&1 || true")
    finally:
        (sandboxed.data / "ades.db").unlink()
    assert "No such file" in seen
    assert {str(sandboxed.data), f"{sandboxed.data}/jobs"} == set(seen.splitlines()[:2])


def test_what_the_settings_name_is_hidden_wherever_it_lies(tmp_path):
    """Database, object store and configuration are hidden too when they lie outside of the data folder."""
    settings = Settings(
        data=tmp_path / "data",
        database=f"sqlite:///{tmp_path}/elsewhere/jobs.db?timeout=1",
        objects=str(tmp_path / "objects"),
        config=tmp_path / "config.yml",
    )
    hidden = {str(path.relative_to(tmp_path)) for path in hidden_paths(settings)}
    names = {"data", "objects", "config.yml", "elsewhere/jobs.db", "elsewhere/jobs.db-wal", "elsewhere/jobs.db-shm"}
    assert names == hidden


def test_hidden_files_are_empty_inside(fresh, tmp_path):
    """A configuration file of its own, in a folder that is otherwise visible, reads as nothing."""
    place = Path("/opt/ades-test-config")
    if os.geteuid() != 0:
        pytest.skip("needs to write to /opt")
    place.mkdir(exist_ok=True)
    config = place / "config.yml"
    config.write_text("secret: 1\n")
    try:
        machine = fresh(config=config)
        assert "0" == said(machine, f"ls {place} > /dev/null; cat {config} 2>/dev/null | wc -c")
    finally:
        shutil.rmtree(place)


def test_nothing_of_the_environment_of_the_server_leaks(fresh, monkeypatch):
    """Tools get a home, a folder for temporary files and a PATH; what the server knows stays with it."""
    monkeypatch.setenv("ADES_SECRET_KEY", "hush")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hush@proxy")
    for isolation in ("auto", "none"):
        machine = fresh(local_isolation=isolation)
        assert {"HOME", "TMPDIR", "PATH", "PWD"} >= {line.split("=")[0] for line in said(machine, "env").splitlines()}
        everything = said(
            machine, "cat /proc/self/environ /proc/1/environ /proc/$PPID/environ 2>/dev/null | tr '\\0' '\\n'"
        )
        assert "hush" not in everything


def test_the_runner_cannot_be_looked_into(sandboxed):
    """Process 1 of the sandbox holds nothing that matters, and does not let itself be read either."""
    seen = said(sandboxed, "cat /proc/1/environ /proc/1/maps /proc/1/mem 2>&1; ls /proc/1/fd 2>&1; true")
    assert 4 == seen.count("Permission denied")


@pytest.mark.parametrize("place", ["/etc", "/usr", "/opt", "/", "/var/lib", "/root", "/home", "/run"])
def test_nothing_outside_can_be_written(sandboxed, place):
    """The system is read-only, whoever runs the server."""
    assert "refused" == said(sandboxed, f"touch {place}/ades-was-here 2>/dev/null && echo written || echo refused")
    assert not Path(place, "ades-was-here").exists()


def test_inputs_cannot_be_changed(sandboxed):
    """The tool reads its inputs in place, and cannot write to them."""
    script = "cat $1; (echo more >> $1) 2>/dev/null && echo written || echo refused"
    tool = shell(script, inputs="{f: {type: File, inputBinding: {}}}", outputs="{o: stdout}")
    assert "before\nrefused\n" == sandboxed.run(tool, {"f": {"value": "before\n", "mediaType": "text/plain"}}).text("o")


def test_temporary_files_are_the_jobs_own(sandboxed):
    """/tmp, /var/tmp and /dev/shm are empty at the start, can be written, and leave nothing behind."""
    Path("/tmp/ades-of-the-machine").touch()
    try:
        script = "for d in /tmp /var/tmp /dev/shm; do echo 1 > $d/ades-mine && cat $d/ades-mine; done; ls /tmp /dev/shm"
        seen = said(sandboxed, script).splitlines()
    finally:
        Path("/tmp/ades-of-the-machine").unlink()
    assert ["1", "1", "1"] == seen[:3]
    assert "ades-of-the-machine" not in seen
    assert not Path("/tmp/ades-mine").exists()
    assert not Path("/dev/shm/ades-mine").exists()


def test_logs_cannot_be_forged(sandboxed):
    """A tool sees no logs, so it can put no link to a secret in the place of one."""
    script = "cd ../..; ls logs | wc -l; (rm -rf logs; ln -s /etc logs; touch logs/x) 2>/dev/null; ls -ld logs"
    seen = said(sandboxed, script).splitlines()
    assert "0" == seen[0]
    assert "->" not in seen[1]


def test_results_lead_nowhere_else(sandboxed):
    """A link out of the job is no result, neither as a file nor inside of a folder."""
    secret = sandboxed.data / "ades.db"
    secret.write_text("secret")
    try:
        for script, output in (
            (f"ln -s {secret} o", "{o: {type: File, outputBinding: {glob: o}}}"),
            (f"mkdir d; ln -s {secret} d/o", "{o: {type: Directory, outputBinding: {glob: d}}}"),
            ("mkdir d; ln -s /etc/passwd d/o", "{o: {type: Directory, outputBinding: {glob: d}}}"),
        ):
            run = sandboxed.run(shell(script, outputs=output))
            assert Outcome.FAILED is run.ended.outcome, script
            assert [] == run.results
    finally:
        secret.unlink()


def test_privileges_cannot_be_gained(sandboxed):
    """Tools run without capabilities, setuid programs give none, and the mounts of the sandbox stay as they are."""
    status = said(sandboxed, "grep -E 'CapEff|CapPrm|CapBnd|NoNewPrivs' /proc/self/status; id -u").split()
    assert "0" != status[-1]
    assert {"CapEff:": "0000000000000000", "CapPrm:": "0000000000000000", "NoNewPrivs:": "1"}.items() <= dict(
        zip(status[::2], status[1::2], strict=False)
    ).items()
    tries = "mount -o remount,rw / ; umount /proc; umount -l /root; unshare -Urm sh -c 'mount -o remount,rw /usr; touch /usr/x'"
    assert "done" == said(sandboxed, f"({tries}) >/dev/null 2>&1; touch /usr/ades-was-here 2>/dev/null || echo done")
    listed = "unshare -Urm sh -c 'umount -l /root || umount -l /home; ls -a /root /home' 2>/dev/null | grep -vE '^(\\.|\\.\\.|/.*:|)$'"
    outside = {path.name for top in ("/root", "/home") for path in Path(top).iterdir()}
    assert not set(said(sandboxed, f"{listed} || true").split()) & (outside - {".pyenv", ".cargo", sandboxed.data.name})


# -- the network ----------------------------------------------------------------------------------------------------

CALL = "import socket,sys\ntry:\n socket.create_connection(('127.0.0.1', int(sys.argv[1])), 2); print('reached')\nexcept OSError:\n print('refused')"


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: [server.accept() for _ in range(9)], daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.settimeout(0)


def caller(port: int, *, version: str = "v1.2", access: str | None = None, name: str = "call") -> dict:
    tool = {
        "class": "CommandLineTool",
        "id": name,
        "baseCommand": ["python3", "-c", CALL, str(port)],
        "inputs": {},
        "outputs": {"o": "stdout"},
        "stdout": "said",
    }
    if access is not None:
        tool["requirements"] = {"NetworkAccess": {"networkAccess": access}}
    return tool


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    ("version", "access", "answer"),
    [("v1.2", None, "refused"), ("v1.2", True, "reached"), ("v1.2", False, "refused"), ("v1.0", None, "reached")],
)
def test_there_is_no_network_unless_it_was_asked_for(sandboxed, listener, version, access, answer):
    """Only NetworkAccess opens it; CWL v1.0, which has no such word, allows it."""
    package = {"cwlVersion": version, **caller(listener, access=access)}
    assert answer == sandboxed.run(package).text("o").strip()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_network_is_given_to_single_tools(sandboxed, listener):
    """In one workflow the tool that asked for it has the network and the other has none; each has a loopback."""
    steps = {name: {"run": f"#{name}", "in": {}, "out": ["o"]} for name in ("open", "shut")}
    flow = {
        "class": "Workflow",
        "id": "main",
        "inputs": {},
        "steps": steps,
        "outputs": {name: {"type": "File", "outputSource": f"{name}/o"} for name in steps},
    }
    graph = [flow, caller(listener, access=True, name="open"), caller(listener, name="shut")]
    run = sandboxed.run({"cwlVersion": "v1.2", "$graph": graph}, entry="main")
    assert Outcome.SUCCESSFUL is run.ended.outcome, run.ended
    assert ("reached", "refused") == (run.text("open").strip(), run.text("shut").strip())


def test_there_is_a_loopback_without_a_network(sandboxed):
    """Tools that talk to themselves by 127.0.0.1 work."""
    program = "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname()); print('ok')"
    assert "ok" == said(sandboxed, f'python3 -c "{program}"')


# -- who may run jobs here ------------------------------------------------------------------------------------------


def test_strangers_do_not_share_a_machine_without_a_sandbox(monkeypatch, tmp_path):
    """Without a sandbox one person may run jobs; several only if the operator says that this is wanted."""
    from ades.engine.local import hidden
    from ades.engine.local.probe import Found

    monkeypatch.setattr(hidden, "probe", lambda: Found(Isolation.SUBREAPER, "Namespaces are refused."))
    alone = Settings(data=tmp_path)
    assert why_not(alone, workspaces=1) is None
    assert "ADES_LOCAL_ISOLATION=none" in why_not(alone, workspaces=2)
    assert "Namespaces are refused." in why_not(alone.model_copy(update={"tokens": True}), workspaces=1)
    assert why_not(Settings(data=tmp_path, local_isolation="none"), workspaces=2) is None
    machine = Machine(tmp_path)
    machine.engine._workspaces.add("bob")
    with pytest.raises(Misconfigured, match="not be kept apart"):
        machine.start(shell("true"))
    monkeypatch.setattr(hidden, "probe", lambda: Found(Isolation.NAMESPACES, ""))
    assert why_not(alone, workspaces=2) is None


ORDINARY = """
import json, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from runs import Machine, shell
from ades.engine.local import probe
machine = Machine(Path({data!r}))
script = "id -u; touch /etc/x 2>/dev/null || echo refused; ls {data}; setsid sleep 7777 & (cat /proc/net/dev | wc -l)"
run = machine.run(shell(script, outputs="{{o: stdout}}"))
print(json.dumps([probe().isolation, run.ended.outcome, run.text("o").split()]))
machine.engine.close()
"""


def test_an_ordinary_user_gets_the_same_sandbox(tmp_path):
    """Not root, no capabilities: the sandbox is made all the same."""
    if os.geteuid() != 0 or not shutil.which("setpriv") or not shutil.which("unshare"):
        pytest.skip("needs root, setpriv and unshare to become somebody else")
    if probe().isolation is not Isolation.NAMESPACES:
        pytest.skip(f"no sandbox on this machine: {probe().why}")
    data = Path("/var/tmp/ades-test-ordinary")
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    shutil.chown(data, 65534, 65534)
    # This Python may lie in root's home: there it is shown to the other user through a mount.
    base = Path(sys.base_prefix)
    show = f"exec 3<{base}; mount -t tmpfs -o mode=755 none /root && mkdir -p {base} && mount --no-canonicalize --bind /proc/self/fd/3 {base}"
    become = f"exec setpriv --reuid=65534 --regid=65534 --clear-groups {sys.executable} -"
    script = f"{show if base.is_relative_to('/root') else ':'}; {become}"
    program = ORDINARY.format(tests=str(Path(__file__).parents[1]), data=str(data))
    try:
        ran = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script],
            input=program,
            capture_output=True,
            text=True,
            timeout=100,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), "HOME": "/nonexistent"},
            cwd=data,
            check=False,
        )
    finally:
        left = sorted(path.name for path in (data / "jobs").glob("*"))
        shutil.rmtree(data)
    assert 0 == ran.returncode, ran.stderr
    isolation, outcome, words = json.loads(ran.stdout)
    assert ("namespaces", "successful") == (isolation, outcome)
    assert ["65534", "refused", "jobs", "3"] == words
    assert [] == left


def test_a_setting_that_is_no_isolation_is_refused():
    """Only `auto` and `none` are words."""
    with pytest.raises((Misconfigured, ValueError)):
        Settings(local_isolation="chroot")


def test_the_engine_works_without_a_sandbox(tmp_path_factory):
    """With `none` jobs run with the rights of the server, and still end with all that they have started."""
    data = tmp_path_factory.mktemp("plain")
    machine = Machine(data, local_isolation="none")
    try:
        assert str(os.geteuid()) == said(machine, "id -u")
    finally:
        machine.engine.close()
