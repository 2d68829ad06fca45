"""A job keeps within its limits, and where it does not, job and step say which limit it was and what to do."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from runs import shell

from ades.engine.local import cgroup
from ades.engine.local.watch import Watch
from ades.model import Reason, StepState
from ades.runner.document import Limits
from ades.runner.events import Outcome
from ades.service.health import check_limits
from ades.service.limits import granted
from ades.service.quotas import Quotas
from ades.settings import Settings

MIB = 2**20


def eats(megabytes: int) -> str:
    return f"python3 -c 'b = bytearray({megabytes} * 2**20)\nimport time; time.sleep(60)'"


def needs(**what: int) -> str:
    return f"requirements: {{ResourceRequirement: {{{', '.join(f'{key}: {value}' for key, value in what.items())}}}}}"


BUSY = "while :; do :; done"
CROWD = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do setsid sleep 60 & done; wait"
FILE = "{o: {type: File, outputBinding: {glob: x}}}"

CASES = {
    "memory": (shell(eats(400)), Limits(memory=300 * MIB), Reason.OUT_OF_MEMORY, "its limit allows 300 MiB"),
    "memory, and the tool goes on": (
        shell(f"{eats(400)}; exit 3"),
        Limits(memory=300 * MIB),
        Reason.OUT_OF_MEMORY,
        "ResourceRequirement: {ramMin: ",
    ),
    "memory that the package states": (
        shell(eats(200), more=needs(ramMin=50, ramMax=100)),
        Limits(),
        Reason.OUT_OF_MEMORY,
        "its package (ramMax) allows 100 MiB. The package asked for 50 MiB (ramMin)",
    ),
    "memory of a tool": (
        shell(eats(200)),
        Limits(tool_memory=100 * MIB),
        Reason.OUT_OF_MEMORY,
        "the server, for tools without a ramMax, allows 100 MiB",
    ),
    "processor time": (shell(BUSY), Limits(cpu_seconds=0.5), Reason.CPU_LIMIT, "0.5 seconds of processor time"),
    "processor time of many": (
        shell("while :; do python3 -c 'sum(range(3000000))'; done"),
        Limits(cpu_seconds=0.5),
        Reason.CPU_LIMIT,
        "0.5 seconds",
    ),
    "time": (shell("sleep 60"), Limits(seconds=0.5), Reason.TIME_LIMIT, "longer than 0.5 seconds"),
    "time of a tool": (shell("sleep 60"), Limits(tool_seconds=0.5), Reason.TIME_LIMIT, "without a ToolTimeLimit"),
    "processes": (shell(CROWD), Limits(processes=8), Reason.PROCESS_LIMIT, "more than 8 processes"),
    "disk": (
        shell("head -c 30000000 /dev/zero > x; sleep 60"),
        Limits(disk=20 * MIB),
        Reason.DISK_LIMIT,
        " MiB, and 20.0 MiB are allowed",
    ),
    "output": (
        shell("head -c 3000000 /dev/zero > x", outputs=FILE),
        Limits(output=2 * MIB),
        Reason.OUTPUT_LIMIT,
        "take 2.9 MiB, and the results of a job may have 2.0 MiB",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_limit_ends_the_job(machine, case):
    """Each limit is on the job and on its step: which it was, how much was used, how much is allowed."""
    package, allowed, reason, words = CASES[case]
    run = machine.run(package, limits=allowed)
    assert (Outcome.FAILED, reason) == (run.ended.outcome, run.ended.failure.reason), run.ended
    assert words in run.ended.failure.message
    if reason is not Reason.OUTPUT_LIMIT:
        assert "tool" == run.ended.failure.step
        assert (StepState.FAILED, reason) == (run.steps["tool"].state, run.steps["tool"].reason)
        assert words in run.steps["tool"].message
    assert [] == run.results
    assert not machine.folder(run).exists()


def test_a_log_ends_at_its_limit_and_the_step_says_so(machine):
    """What is too much is dropped; the job goes on."""
    run = machine.run(shell("yes | head -c 100000"), limits=Limits(log=1000))
    assert Outcome.SUCCESSFUL is run.ended.outcome
    assert 1100 > len(run.log("tool"))
    assert "log-limit" == run.steps["tool"].details["log"]["reason"]


def test_a_package_may_say_that_a_tool_runs_for_ever(sandboxed):
    """The time that the server gives to tools is for those whose package says nothing; 0 says: as long as it takes."""
    run = sandboxed.run(
        shell("sleep 1", more="requirements: {ToolTimeLimit: {timelimit: 0}}"), limits=Limits(tool_seconds=0.3)
    )
    assert Outcome.SUCCESSFUL is run.ended.outcome, run.ended


CEILINGS = {
    "cores": ("ResourceRequirement: {coresMin: $(inputs.n)}", Limits(cores=4), Limits(cores=4), "8 cores", "use 4"),
    "memory": (
        "ResourceRequirement: {ramMin: $(inputs.n * 64)}",
        Limits(memory=300 * MIB),
        Limits(memory=300 * MIB),
        "512 MiB of memory (ramMin)",
        "use 300",
    ),
    "memory of a tool": (
        "ResourceRequirement: {ramMin: $(inputs.n * 64)}",
        Limits(memory=1000 * MIB),
        Limits(tool_memory=300 * MIB),
        "512 MiB of memory (ramMin)",
        "use 300",
    ),
    "time": (
        "ToolTimeLimit: {timelimit: $(inputs.n)}",
        Limits(),
        Limits(seconds=4),
        "8 seconds (ToolTimeLimit)",
        "is 4",
    ),
    "time of a tool": (
        "ToolTimeLimit: {timelimit: $(inputs.n)}",
        Limits(),
        Limits(tool_seconds=4),
        "8 seconds (ToolTimeLimit)",
        "is 4",
    ),
}


@pytest.mark.parametrize("case", CEILINGS)
def test_an_expression_that_asks_for_more_than_the_maximum_fails(machine, case):
    """The failure names what was asked for and what may be; less is fine."""
    requirement, allowed, most, wish, maximum = CEILINGS[case]
    package = shell(
        "true", more=f"requirements: {{InlineJavascriptRequirement: {{}}, {requirement}}}", inputs="{n: int}"
    )
    failure = machine.run(package, {"n": 8}, limits=allowed, most=most).ended.failure
    expected = Reason.TIME_LIMIT if "time" in case else Reason.UNSCHEDULABLE
    assert expected is failure.reason
    assert wish in failure.message
    assert maximum in failure.message
    assert Outcome.SUCCESSFUL is machine.run(package, {"n": 3}, limits=allowed, most=most).ended.outcome


def test_for_ever_is_as_long_as_a_tool_may_run(sandboxed):
    """A ToolTimeLimit of 0 asks for no number, and the maximum holds."""
    failure = sandboxed.run(
        shell("sleep 60", more="requirements: {ToolTimeLimit: {timelimit: 0}}"), most=Limits(tool_seconds=0.5)
    ).ended.failure
    assert Reason.TIME_LIMIT is failure.reason
    assert "longer than the 0.5 seconds that a tool may run at most" in failure.message


def test_what_a_tool_states_is_capped_by_the_maximum(machine):
    """A ramMax beyond it is no reason to fail; to hold more than the maximum is."""
    roomy = needs(ramMin=50, ramMax=9000)
    assert (
        Outcome.SUCCESSFUL is machine.run(shell("true", more=roomy), most=Limits(tool_memory=100 * MIB)).ended.outcome
    )
    failure = machine.run(shell(eats(200), more=roomy), most=Limits(tool_memory=100 * MIB)).ended.failure
    assert Reason.OUT_OF_MEMORY is failure.reason
    assert "the maximum for a tool allows 100 MiB" in failure.message


def test_a_tool_gets_the_memory_that_it_asks_for(machine):
    """The server's number is for tools that ask for nothing."""
    script = "python3 -c 'b = bytearray(150 * 2**20)'"
    run = machine.run(shell(script, more=needs(ramMin=400)), limits=Limits(tool_memory=100 * MIB))
    assert Outcome.SUCCESSFUL is run.ended.outcome, run.ended


def test_a_small_job_runs_whose_package_says_nothing_of_memory(sandboxed):
    """CWL's default of 256 MiB is nobody's wish."""
    run = sandboxed.run(shell("true"), limits=Limits(memory=100 * MIB))
    assert Outcome.SUCCESSFUL is run.ended.outcome, run.ended


def test_folders_in_memory_have_a_size(sandboxed):
    """What lies in /dev/shm is memory: there is room for half of what the job may hold."""
    outputs = "{o: stdout}"
    run = sandboxed.run(shell("df -k /dev/shm | tail -1", outputs=outputs), limits=Limits(memory=100 * MIB))
    assert 50 * 1024 == int(run.text("o").split()[1])


def test_a_step_says_what_its_package_asked_for(sandboxed):
    """Requests and limits stand on the step, as in a cluster."""
    run = sandboxed.run(shell("true", more=needs(ramMin=50, ramMax=100, coresMin=1)))
    assert {"requests": {"memory": "50Mi", "cpu": 1}, "limits": {"memory": "100Mi"}} == run.steps["tool"].details


def test_without_a_control_group_the_memory_is_looked_at(tmp_path):
    """What all processes hold together counts, what they share once; never how much they could address."""
    program = (
        "import mmap, time; m = mmap.mmap(-1, 10 << 30); b = bytearray(150 << 20); print(1, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as tool:
        tool.stdout.readline()
        roomy, tight = (
            Watch(Limits(memory=size * MIB), tmp_path, keeper=tool.pid, elsewhere=lambda: [tool.pid])
            for size in (1000, 100)
        )
        assert roomy.look() is None
        failure = tight.look()
        tool.kill()
    assert Reason.OUT_OF_MEMORY is failure.reason
    assert 150 <= tight.peak / MIB < 250


def test_control_groups_do_not_stay(machine):
    """The group of a job goes with it."""
    machine.run(shell("true"), limits=Limits(memory=300 * MIB))
    assert [] == [path for place, _ in cgroup._places() for path in place.glob(f"ades-{list(machine.runs)[-1]}")]


def test_a_group_that_was_left_over_is_swept():
    """A worker that was killed leaves groups without processes; the next one removes them."""
    group = cgroup.Group.make("left-over", 10 * MIB)
    if group is None:
        pytest.skip("no control group can be made on this machine")
    cgroup.sweep()
    assert not group.path.exists()


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\\001b", r"a\x01b"), ("a\\377b", r"a\xffb"), ("a\\nb", r"a\nb")],
    ids=["control", "bytes", "line"],
)
@pytest.mark.parametrize("kind", ["File[]", "Directory"])
def test_a_file_whose_name_cannot_be_shown_is_named_at_once(sandboxed, name, shown, kind):
    """The step that made it fails, with the name in escapes."""
    output = f"{{o: {{type: '{kind}', outputBinding: {{glob: '{'d/*' if kind == 'File[]' else 'd'}'}}}}}}"
    run = sandboxed.run(shell(f"mkdir d; touch d/\"$(printf '{name}')\"", outputs=output))
    failure = run.ended.failure
    assert (Reason.OUTPUT_INVALID, "tool") == (failure.reason, failure.step)
    assert f"with the name {shown}," in failure.message


def test_the_doctor_says_how_memory_is_kept():
    """By trying; nothing of the try stays."""
    assert check_limits().startswith(("memory is kept by control groups", "memory is looked at"))
    assert [] == [path for place, _ in cgroup._places() for path in place.glob("ades-doctor-*")]


# -- who sets them --------------------------------------------------------------------------------------------------


def test_the_workspace_goes_before_the_server():
    """A number of the workspace replaces the server's; where neither says anything there is no limit but that of logs."""
    settings = Settings(job_memory="8Gi", job_seconds=60, data=Path("x"))
    chosen = granted(settings, Quotas(seconds=5, tool_seconds=1))
    assert (8 * 2**30, 5, 1, None) == (chosen.memory, chosen.seconds, chosen.tool_seconds, chosen.disk)
    assert Limits(log=100 * 1000**2) == granted(Settings(data=Path("x")), Quotas())


def test_every_limit_can_be_set_for_server_and_workspace():
    """No limit of the runner without a setting and a quota."""
    for field in fields(Limits):
        quota = {"cores": "cpu"}.get(field.name, field.name)
        setting = field.name if field.name.startswith("tool_") else f"job_{field.name}"
        number = 2**21 if "memory" in field.name else 2
        server = granted(Settings(data=Path("x"), **{setting: number}), Quotas())
        own = granted(Settings(data=Path("x")), Quotas.read({quota: number}))
        assert number == getattr(server, field.name) == getattr(own, field.name)
