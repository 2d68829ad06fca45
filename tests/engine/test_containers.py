"""Tools in the images that their packages name: what a container sees, what it may use, and how it ends."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import apptainer_environment
import psutil
import pytest
from docker_daemon import daemon
from registry import Registry, root, served
from runs import Machine, shell

from ades.engine.local import engines
from ades.engine.local.clients import Terms
from ades.engine.local.containers import Containers
from ades.model import Reason, StepState
from ades.runner.container import Mount, Wanted
from ades.runner.document import Limits
from ades.runner.events import Outcome
from ades.runner.failures import RunFailed
from ades.runner.logs import Logs
from ades.secrets import Vault
from ades.service.health import State, check_containers
from ades.service.registries import REGISTRIES, registries
from ades.settings import Settings
from ades.store import Store

MIB = 2**20
FILE = "{o: {type: File, outputBinding: {glob: o}}}"


@pytest.fixture(scope="module")
def podman():
    """Whether podman works here."""
    found = engines.find("podman")
    if not found.name:
        pytest.skip(f"no container engine on this machine: {found.why}")


@pytest.fixture(scope="module")
def docker():
    """A daemon of the tests' own."""
    with daemon() as trouble:
        if trouble:
            pytest.skip(f"no Docker on this machine: {trouble}")
        engines._known.clear()
        yield
    engines._known.clear()


@pytest.fixture(scope="module")
def apptainer():
    """One of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(apptainer_environment.folder()), prepend=os.pathsep)
        patch.setattr(engines, "_known", {})
        found = engines.find("apptainer")
        if not found.name:
            pytest.skip(f"no container engine on this machine: {found.why}")
        yield


@pytest.fixture(
    scope="module", params=["podman", *(pytest.param(name, marks=pytest.mark.long) for name in ("docker", "apptainer"))]
)
def engine(request):
    """The name of an engine that works here."""
    request.getfixturevalue(request.param)
    return request.param


@pytest.fixture(scope="module")
def system():
    """An image as a tar file."""
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("busybox is not installed")
    return root(busybox)


@pytest.fixture(scope="module")
def shelf(engine, tmp_path_factory):
    """A folder for images, where the engine has no place of its own."""
    return tmp_path_factory.mktemp("images") if engine == "apptainer" else None


@pytest.fixture(scope="module")
def image(engine, shelf, system, tmp_path_factory):
    """An image that is here already."""
    name = f"localhost/ades-test-{os.getpid()}:1"
    if shelf is not None:
        folder = tmp_path_factory.mktemp("system")
        subprocess.run(["tar", "-xC", folder], input=system, check=True)
        file = shelf / f"{name.replace('/', '%2F')}.sif"
        subprocess.run([engine, "--silent", "build", file, folder], check=True)
        yield name
        return
    subprocess.run([engine, "import", "-", name], input=system, check=True, capture_output=True)
    yield name
    subprocess.run([engine, "rmi", "--force", name], check=True, capture_output=True)


@pytest.fixture(scope="module", params=["auto", "none"], ids=["namespaces", "subreaper"])
def machine(request, engine, shelf):
    """An engine that runs images, in both isolation modes."""
    yield from made(engine, shelf, local_isolation=request.param)


@pytest.fixture(scope="module")
def sandboxed(engine, shelf):
    yield from made(engine, shelf)


def made(engine, shelf, **settings):
    data = Path(tempfile.mkdtemp(prefix="ades-engine-"))
    data.chmod(0o755)
    if shelf is not None:
        (data / "images").symlink_to(shelf)
    machine = Machine(data, containers=engine, **settings)
    yield machine
    machine.engine.close()
    left = [str(path) for path in (data / "jobs").rglob("*")]
    shutil.rmtree(data)
    assert [] == left


def within(image: str, more: str = "", kind: str = "requirements") -> str:
    return f"{kind}: {{DockerRequirement: {{dockerPull: '{image}'}}{more}}}"


def left(engine, job) -> str:
    if engine == "apptainer":
        found = [process for process in psutil.process_iter() if sees(process, str(job)) or knows(process, str(job))]
        return "".join(map(str, found))
    listed = [engine, "ps", "--all", "--quiet", f"--filter=label=ades.job={job}"]
    return subprocess.run(listed, check=True, capture_output=True, text=True).stdout


def sees(process: psutil.Process, name: str) -> bool:
    """Whether something of this name is mounted where the process is."""
    with suppress(OSError):
        return name in Path(f"/proc/{process.pid}/mountinfo").read_text()
    return False


def knows(process: psutil.Process, name: str) -> bool:
    with suppress(OSError):
        return name in Path(f"/proc/{process.pid}/cmdline").read_text()
    return False


def started(machine, image, seconds: float = 30):
    run = machine.start(shell("echo begun; exec sleep 7777", more=within(image)))
    run.wait_for_log(machine.engine, "tool", b"begun", seconds)
    return run


# -- what it is -----------------------------------------------------------------------------------------------------


def test_a_tool_runs_in_its_image(engine, machine, image):
    """Inputs come in, outputs and captured output come out, the log is live, the step names its image."""
    package = shell(
        "cat $0 - > o; ls /bin; echo captured; echo logged >&2",
        inputs="{f: {type: File, inputBinding: {position: 1}}}",
        outputs="{o: {type: File, outputBinding: {glob: o}}, s: stdout}",
        more=f"stdin: $(inputs.f.path)\n{within(image)}",
    )
    package["baseCommand"].pop()
    run = machine.run(package, {"f": {"value": "handed on\n", "mediaType": "text/plain"}})
    assert Outcome.SUCCESSFUL is run.ended.outcome, run.ended
    assert "handed on\n" * 2 == run.text("o")
    assert "busybox" in run.text("s")
    assert "captured" in run.text("s")
    assert "logged\n" == run.log("tool")
    assert (image, 0) == (run.steps["tool"].image, run.steps["tool"].exit_code)
    assert "" == left(engine, run.job)


@pytest.mark.long
def test_a_hint_without_its_image_is_left_alone_where_the_command_is_here(sandboxed):
    """What is only a hint stops nobody who has the command; the log says what was done instead and why."""
    nowhere = "localhost:1/nobody/nothing:1"
    package = shell("cat $0; ls /bin/sh", inputs="{f: {type: File, inputBinding: {}}}", outputs="{o: stdout}")
    package["baseCommand"].pop()
    package["hints"] = {"DockerRequirement": {"dockerPull": nowhere}}
    run = sandboxed.run(package, {"f": {"value": "handed on\n", "mediaType": "text/plain"}})

    assert Outcome.SUCCESSFUL is run.ended.outcome, run.ended
    assert "handed on\n/bin/sh\n" == run.text("o")
    assert f"in place of an image: the image {nowhere} cannot be pulled" in run.log("job")

    package["baseCommand"] = ["not-on-this-machine"]
    run = sandboxed.run(package, {"f": {"value": "", "mediaType": "text/plain"}})
    assert Reason.IMAGE_UNAVAILABLE is run.ended.failure.reason


@pytest.mark.long
def test_why_commands_run_in_place_of_an_image_is_said_once(sandboxed):
    """However many steps hint at it; each still says that its command is not that of the image."""
    nowhere = "localhost:1/nobody/nothing:1"
    hints = {"DockerRequirement": {"dockerPull": nowhere}}
    tool = {"class": "CommandLineTool", "inputs": {}, "outputs": {}, "hints": hints}
    steps = {name: {"run": tool | {"baseCommand": name}, "in": {}, "out": []} for name in ("true", "pwd", "ls")}
    flow = {"cwlVersion": "v1.2", "class": "Workflow", "id": "w", "inputs": {}, "outputs": {}, "steps": steps}
    log = sandboxed.run(flow).log("job")
    assert 1 == log.count("cannot be pulled")
    assert 3 == log.count("of this machine runs in place of")
    assert 2 == log.count(f"runs in place of the image {nowhere} too.")


def test_a_hint_is_followed_where_images_are_run(sandboxed, image):
    """What the package hints at is what it runs in."""
    run = sandboxed.run(shell("ls /bin/busybox /usr", more=within(image, kind="hints")))
    assert "/usr: No such file" in run.log("tool")


def test_a_tool_without_an_image_stays_a_command(sandboxed, image):
    """In one workflow some steps run in images and others in the sandbox, and files go from one to the other."""
    flow = f"""
cwlVersion: v1.2
$graph:
- class: Workflow
  id: main
  inputs: []
  outputs: {{o: {{type: File, outputSource: count/o}}}}
  steps:
    make: {{run: '#make', in: [], out: [o]}}
    count: {{run: '#count', in: {{f: make/o}}, out: [o]}}
- {{class: CommandLineTool, id: make, baseCommand: [sh, -c, 'ls -d /usr'], inputs: [], outputs: {{o: stdout}}}}
- class: CommandLineTool
  id: count
  {within(image)}
  baseCommand: [wc, -l]
  stdin: $(inputs.f.path)
  inputs: {{f: File}}
  outputs: {{o: stdout}}
"""
    run = sandboxed.run(flow, entry="main")
    assert Outcome.SUCCESSFUL is run.ended.outcome, run.ended
    assert "1" == run.text("o").strip()


def test_a_work_folder_is_filled_as_the_package_says(sandboxed, image):
    """Files of the initial work folder are there, and can be written where the package says so."""
    more = ", InitialWorkDirRequirement: {listing: [{entryname: a, entry: one}, {entryname: o, entry: two, writable: true}]}"
    run = sandboxed.run(shell("cat a >> o", outputs=FILE, more=within(image, more)))
    assert "twoone" == run.text("o"), run.ended


@pytest.mark.long
def test_progress_is_told_from_inside(sandboxed, image):
    """A tool in a container says how far it is like any other."""
    run = sandboxed.run(shell("echo '::progress 40 nearly half::'", more=within(image)))
    assert 40 in run.percents
    assert "nearly half" in run.messages


# -- what it sees ---------------------------------------------------------------------------------------------------


def test_a_container_sees_its_own_files_only(machine, image):
    """No file of the server, no right, no network; it can write to its own folder and to /tmp."""
    script = (
        f"exec 2>&1; ls {machine.data}; wc -l < /proc/net/dev; touch /etc/x; id; touch /tmp/x x && echo written;"
        " cat /proc/self/status"
    )
    log = machine.run(shell(script, more=within(image))).log("tool")
    assert f"{machine.data}: No such file" in log
    assert "/etc/x: " in log
    assert "written" in log
    assert "CapEff:\t0000000000000000" in log
    assert "NoNewPrivs:\t1" in log
    assert "\n3\n" in f"\n{log}", "there is more than the loopback interface"


@pytest.mark.long
def test_a_network_is_for_those_who_ask(sandboxed, image):
    """NetworkAccess gives the container a network of its own, which is not the machine's."""
    run = sandboxed.run(shell("wc -l < /proc/net/dev", more=within(image, ", NetworkAccess: {networkAccess: true}")))
    assert Outcome.SUCCESSFUL is run.ended.outcome, run.ended
    assert "3" != run.log("tool").strip()


def test_whoever_starts_containers_believes_nothing(tmp_path):
    """Only files of the job can be mounted, and captured output goes nowhere else, whatever the inside asks for."""
    folder = tmp_path / "job"
    for name in ("in", "work", "out", "tmp", "logs"):
        (folder / name).mkdir(parents=True)
    (folder / "work" / "link").symlink_to("/etc")
    keeper = Containers(Terms("podman"), None, 1, folder, (), Limits(), Logs(folder), (0, 0))
    wanted = Wanted("tool", "image", ("true",), "/work", ())
    for mount in (
        Mount("/etc", "/work"),
        Mount(str(folder / "work" / "link"), "/work"),
        Mount(str(folder / "logs"), "/work"),
        Mount(str(folder / "in"), "/work", writable=True),
        Mount(str(folder / "work"), "/work,source=/etc"),
        Mount(str(folder / "work"), "relative"),
    ):
        with pytest.raises(RunFailed):
            keeper._box("name", Wanted(**{**fields(wanted), "mounts": (mount,)}))
    with pytest.raises((RunFailed, OSError)), keeper._writing(str(folder / "work" / "link" / "passwd")):
        pass
    (folder / "work" / "out").symlink_to("/etc/passwd")
    with pytest.raises((RunFailed, OSError)), keeper._writing(str(folder / "work" / "out")):
        pass
    with pytest.raises(RunFailed), keeper._reading("/etc/shadow"):
        pass


def fields(wanted: Wanted) -> dict:
    return {name: getattr(wanted, name) for name in Wanted.__dataclass_fields__}


# -- how it ends ----------------------------------------------------------------------------------------------------

EATS = "exec dd if=/dev/zero of=/dev/null bs=300M count=1"
CROWD = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 60 & done; wait"
STATED = ", ResourceRequirement: {ramMin: 50, ramMax: 100}"
LIMITS = {
    "memory": (EATS, "", Limits(memory=100 * MIB), Reason.OUT_OF_MEMORY, "100 MiB"),
    "memory that the package states": (EATS, STATED, Limits(), Reason.OUT_OF_MEMORY, "asked for 50 MiB (ramMin)"),
    "processor time": ("while :; do :; done", "", Limits(cpu_seconds=0.5), Reason.CPU_LIMIT, "0.5 seconds"),
    "time": ("sleep 60", "", Limits(seconds=2), Reason.TIME_LIMIT, "2 seconds"),
    "time of a tool": ("sleep 60", "", Limits(tool_seconds=2), Reason.TIME_LIMIT, "without a ToolTimeLimit"),
    "processes": (CROWD, "", Limits(processes=8), Reason.PROCESS_LIMIT, "more than 8 processes"),
    "disk": ("dd if=/dev/zero of=x bs=1M count=30; sleep 60", "", Limits(disk=20 * MIB), Reason.DISK_LIMIT, "20.0 MiB"),
    "output": ("dd if=/dev/zero of=o bs=1M count=3", "", Limits(output=2 * MIB), Reason.OUTPUT_LIMIT, "2.0 MiB"),
}


@pytest.mark.parametrize(
    "case",
    [case if case in {"memory", "processor time"} else pytest.param(case, marks=pytest.mark.long) for case in LIMITS],
)
def test_a_limit_ends_a_container(engine, sandboxed, image, case):
    """Each limit holds in a container too, and job and step say which it was."""
    script, more, limits, reason, words = LIMITS[case]
    outputs = FILE if case == "output" else "{}"
    run = sandboxed.run(shell(script, outputs=outputs, more=within(image, more)), limits=limits)
    assert (Outcome.FAILED, reason) == (run.ended.outcome, run.ended.failure.reason), run.ended
    assert words in run.ended.failure.message
    if case != "output":
        assert (StepState.FAILED, reason) == (run.steps["tool"].state, run.steps["tool"].reason)
    assert "" == left(engine, run.job)


@pytest.mark.long
def test_a_log_ends_at_its_limit(sandboxed, image):
    """What is too much is dropped, and the step says so."""
    run = sandboxed.run(shell("yes | head -c 100000", more=within(image)), limits=Limits(log=1000))
    assert 1100 > len(run.log("tool"))
    assert "log-limit" == run.steps["tool"].details["log"]["reason"]


FAILURES = {
    "exit code": ("exit 3", Reason.EXIT_CODE, "sh ended with exit code 3"),
    "command": ("no-such-tool", Reason.TOOL_MISSING, "a command is not in the image"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_explains_itself(sandboxed, image, case):
    """What the tool says of itself is kept apart from what the engine says."""
    script, reason, words = FAILURES[case]
    run = sandboxed.run(shell(script, more=within(image)))
    assert reason is run.ended.failure.reason
    assert words in run.ended.failure.message


@pytest.mark.parametrize("captured", ["", "stderr: said\nstdout: o"], ids=["logged", "captured"])
def test_a_program_that_is_not_in_the_image_is_missed(sandboxed, image, captured):
    """It is no failure of the tool, and none of the engine."""
    package = shell("", more=f"{within(image)}\n{captured}")
    package["baseCommand"] = ["no-such-program"]
    run = sandboxed.run(package)
    assert Reason.TOOL_MISSING is run.ended.failure.reason, run.ended
    assert f"a command is not in the image {image}" in run.ended.failure.message


def test_a_tool_has_the_variables_that_its_package_gives_it(sandboxed, image):
    """Letter by letter, whatever shells would make of them; its home is its own folder."""
    value = "a, $HOME `id` $(id) \\ \"b\" 'c'\nd"
    package = shell('printf %s "$WORD" > o; [ "$HOME" = "$PWD" ] && printf %s " $TMPDIR" >> o', outputs=FILE)
    package["requirements"] = {
        "DockerRequirement": {"dockerPull": image},
        "EnvVarRequirement": {"envDef": {"WORD": "X"}},
    }
    package["requirements"]["EnvVarRequirement"]["envDef"]["WORD"] = value.replace("$(", "\\$(")
    run = sandboxed.run(package)
    assert Outcome.SUCCESSFUL is run.ended.outcome, run.ended
    assert f"{value} /tmp" == run.text("o")


def test_a_killed_job_leaves_no_container(engine, machine, image):
    """After `kill` the container is gone, and `Ended` comes only when it is."""
    run = started(machine, image)
    machine.engine.kill(run.job)
    run.wait()
    assert Outcome.DISMISSED is run.ended.outcome
    assert "" == left(engine, run.job)
    assert (StepState.DISMISSED, Reason.DISMISSED) == (run.steps["tool"].state, run.steps["tool"].reason)


def test_a_killed_keeper_leaves_no_container(engine, machine, image):
    """kill -9 of what keeps a job: the job is lost, and its container is gone."""
    run = started(machine, image)
    for keeper in psutil.Process(machine.engine._parent.pid).children():
        keeper.kill()
    run.wait()
    assert Outcome.LOST is run.ended.outcome
    assert "" == left(engine, run.job)


# -- images ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def registry(engine, system):
    with served(Registry(system, "alice", "opensesame")) as registry:
        yield registry


@pytest.fixture
def puller(engine, registry, tmp_path, monkeypatch):
    """Makes engines that reach the registry."""
    config = tmp_path / "registries.conf"
    config.write_text(f'[[registry]]\nlocation = "{registry.address}"\ninsecure = true\n')
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(config))
    monkeypatch.setenv("APPTAINER_NOHTTPS", "true")
    machines = []

    def make(credentials: str | None = None, **settings) -> Machine:
        data = Path(tempfile.mkdtemp(prefix="ades-engine-"))
        data.chmod(0o755)
        machines.append(Machine(data, containers=engine, **settings))
        machines[-1].engine._registries = {"alice": credentials}.get
        return machines[-1]

    yield make
    if engine != "apptainer":
        subprocess.run([engine, "rmi", "--force", f"{registry.address}/tools:1"], check=False, capture_output=True)
    for machine in machines:
        machine.engine.close()
        shutil.rmtree(machine.data)


def test_an_image_is_pulled_with_the_credentials_of_the_workspace(puller, registry):
    """The secret of the workspace opens its registry, no job leaves it anywhere, and a pulled image is not pulled again."""
    machine = puller(registry.credentials)
    package = shell("true", more=within(f"{registry.address}/tools:1"))
    assert Outcome.SUCCESSFUL is (run := machine.run(package)).ended.outcome, run.ended
    asked = len(registry.asked)
    again = machine.run(package)
    assert Outcome.SUCCESSFUL is again.ended.outcome
    assert asked == len(registry.asked)
    assert [] == list((machine.data / "jobs").iterdir())
    for path in machine.data.rglob("*"):
        if path.is_file():
            assert registry.key.encode() not in path.read_bytes()
    assert registry.key not in str(run.events)


UNPULLABLE = {
    "password": ("tools:1", None, ("unauthorized", "no basic auth credentials")),
    "name": ("nothing:1", "own", ("manifest unknown",)),
}


@pytest.mark.parametrize("case", UNPULLABLE)
def test_an_image_that_cannot_be_pulled_is_named_at_once(engine, puller, registry, case):
    """With its name and the engine's own words, on job and step."""
    name, credentials, words = UNPULLABLE[case]
    machine = puller(credentials and registry.credentials)
    run = machine.run(shell("true", more=within(f"{registry.address}/{name}")))
    failure = run.ended.failure
    assert (Reason.IMAGE_UNAVAILABLE, "tool") == (failure.reason, failure.step), run.ended
    assert f"{registry.address}/{name} cannot be pulled; {engine} says: " in failure.message
    assert any(word in failure.message.lower() for word in words)


def test_what_the_engine_says_of_an_image_is_told_once(engine, puller, registry):
    """The first step has it; the others name that step."""
    image = f"{registry.address}/nothing:1"
    docker = {"DockerRequirement": {"dockerPull": image}}
    tool = {
        "class": "CommandLineTool", "inputs": {}, "outputs": {}, "baseCommand": "true", "requirements": docker,
    }  # fmt: skip
    steps = {name: {"run": tool, "in": {}, "out": []} for name in "abc"}
    flow = {"cwlVersion": "v1.2", "class": "Workflow", "id": "w", "inputs": {}, "outputs": {}, "steps": steps}
    run = puller(registry.credentials).run(flow, limits=Limits(cores=4))
    told = {name: step.message for name, step in run.steps.items() if step.reason is Reason.IMAGE_UNAVAILABLE}
    (first,) = (name for name, message in told.items() if f"{engine} says: " in message)
    others = told.keys() - {first}
    assert others
    for name in others:
        assert f"Step {name} failed: its image {image} is not there either; step {first} says why." == told[name]


def test_a_killed_job_brings_no_image(puller):
    """Who pulls ends with the job that it pulls for, and nothing unfinished stays."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        image = f"127.0.0.1:{silent.getsockname()[1]}/tools:1"
        machine = puller()
        run = machine.start(shell("true", more=within(image)))
        silent.accept()[0].close()
        machine.engine.kill(run.job)
        assert Outcome.DISMISSED is run.wait().ended.outcome
    assert [] == [process for process in psutil.process_iter() if knows(process, image)]
    assert [] == list((machine.data / "jobs").iterdir())


@pytest.mark.long
def test_nothing_is_pulled_where_that_is_wished(puller, registry):
    """With `never` an image is here or it is not."""
    machine = puller(registry.credentials, containers_pull="never")
    asked = len(registry.asked)
    run = machine.run(shell("true", more=within(f"{registry.address}/tools:1")))
    assert Reason.IMAGE_UNAVAILABLE is run.ended.failure.reason
    assert "ADES_CONTAINERS_PULL=never" in run.ended.failure.message
    assert asked == len(registry.asked)


def test_the_credentials_are_a_secret_of_the_workspace(tmp_path):
    """Kept encrypted under one name, and found by the worker."""
    settings = Settings(data=tmp_path)
    with Store.open(settings.database_url) as store:
        store.workspaces.create("alice", "", {})
        vault = Vault(settings, store.secrets)
        assert registries(vault, "alice") is None
        vault.put("alice", REGISTRIES, '{"auths": {}}')
        assert '{"auths": {}}' == registries(vault, "alice")


@pytest.mark.long
@pytest.mark.parametrize("key", ["dockerFile", "dockerImport", "dockerLoad"])
def test_images_are_not_made(sandboxed, key):
    """What would have to be built or loaded is refused, with what to do instead."""
    run = sandboxed.run(shell("true", more=f"requirements: {{DockerRequirement: {{{key}: x, dockerImageId: y}}}}"))
    assert Reason.PACKAGE is run.ended.failure.reason
    assert f"({key})" in run.ended.failure.message
    assert "dockerPull" in run.ended.failure.message


# -- engines --------------------------------------------------------------------------------------------------------


@pytest.fixture
def clients(tmp_path, monkeypatch):
    """A machine with clients that reach nothing."""
    for name in engines.ENGINES:
        script = tmp_path / name
        script.write_text(f"#!/bin/sh\necho 'Cannot connect to the {name} daemon' >&2\nexit 1\n")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/nowhere", prepend=os.pathsep)
    monkeypatch.setattr(engines, "_known", {})


@pytest.mark.long
def test_apptainer_has_an_old_name(apptainer, system, fresh, monkeypatch):
    """What is installed as `singularity` pulls and runs as well."""
    monkeypatch.setenv("APPTAINER_NOHTTPS", "true")
    with served(Registry(system, "alice", "opensesame")) as registry:
        machine = fresh(containers="singularity")
        machine.engine._registries = {"alice": registry.credentials}.get
        run = machine.run(shell("ls /bin/busybox /usr", more=within(f"{registry.address}/tools:1")))
    assert "/bin/busybox\n" in run.log("tool"), run.ended
    assert "/usr: No such file" in run.log("tool")


def test_a_client_without_a_daemon_is_no_engine(clients):
    """What is found is what runs, not what is installed; the doctor says what is wrong with the rest."""
    found = engines.find("auto")
    assert "" == found.name
    check = check_containers(Settings(data=Path("x"), containers="auto"))
    assert State.OK is check.state
    assert "docker is only a client here: Cannot connect to the docker daemon" in check.message
    wanted = check_containers(Settings(data=Path("x"), containers="docker"))
    assert State.FAILED is wanted.state


def test_the_doctor_names_the_clients_that_are_no_engines_too(podman, tmp_path, monkeypatch):
    """Where one engine works it still says what is wrong with another."""
    script = tmp_path / "docker"
    script.write_text("#!/bin/sh\necho 'no daemon' >&2\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(engines, "_known", {})
    check = check_containers(Settings(data=Path("x"), containers="auto"))
    assert check.message.startswith("podman")
    assert "docker is only a client here: no daemon" in check.message


def test_an_engine_that_should_be_there_and_is_not_fails_what_needs_it(clients, fresh):
    """Whoever names an engine does not want commands of the machine in its place."""
    machine = fresh(containers="docker")
    run = machine.run(shell("true", more=within("x")))
    assert Reason.TOOL_MISSING is run.ended.failure.reason
    assert "docker is only a client here" in run.ended.failure.message


def test_without_an_engine_tools_are_commands(clients, fresh):
    """By default what a package names an image for runs as a command of this machine."""
    run = fresh(containers="auto").run(shell("true", more=within("x")))
    assert Outcome.SUCCESSFUL is run.ended.outcome
