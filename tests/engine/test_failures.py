"""Failures explain themselves: a reason for machines, a sentence for people, on job and step, never a stack trace."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs import shell

from ades.engine.local.words import Words
from ades.model import Reason, StepState
from ades.runner.document import Options
from ades.runner.events import Outcome

TOOL = "cwlVersion: v1.2\nclass: CommandLineTool\nid: tool\ninputs: {}\n"
JAVASCRIPT = "requirements: {InlineJavascriptRequirement: {}}"
IMAGE = "hints: {DockerRequirement: {dockerPull: 'ghcr.io/osgeo/gdal:3.13'}}"


def tool(command: str, outputs: str = "{}", more: str = "") -> str:
    return f"{TOOL}baseCommand: {command}\noutputs: {outputs}\n{more}"


FAILURES = {
    "exit code": (
        shell("echo one; echo two >&2; exit 3"),
        Reason.EXIT_CODE,
        "Step tool failed: sh ended with exit code 3.",
    ),
    "glob that matches nothing": (
        shell("true", outputs="{o: {type: File, outputBinding: {glob: '*.tif'}}}"),
        Reason.OUTPUT_MISSING,
        "*.tif",
    ),
    "secondary file that is not there": (
        shell(
            "echo 1 > a",
            outputs="{o: {type: File, secondaryFiles: [{pattern: .x, required: true}], outputBinding: {glob: a}}}",
        ),
        Reason.OUTPUT_MISSING,
        "a.x",
    ),
    "several files for one": (
        shell("touch a.t b.t", outputs="{o: {type: File, outputBinding: {glob: '*.t'}}}"),
        Reason.OUTPUT_INVALID,
        "Multiple matches",
    ),
    "time limit": (
        shell("sleep 60", more="requirements: {ToolTimeLimit: {timelimit: 1}}"),
        Reason.TIME_LIMIT,
        "longer than the 1 seconds that the package allows",
    ),
    "missing tool": (
        tool("no-such-tool"),
        Reason.TOOL_MISSING,
        "the command no-such-tool is not on this machine; install it",
    ),
    "missing tool with an image": (
        tool("no-such-tool", more=IMAGE),
        Reason.TOOL_MISSING,
        "the package expects it in the image ghcr.io/osgeo/gdal:3.13",
    ),
    "missing tool with a required image": (
        tool("no-such-tool", more=IMAGE.replace("hints", "requirements")),
        Reason.TOOL_MISSING,
        "ghcr.io/osgeo/gdal:3.13",
    ),
    "missing tool in a script": (
        shell("no-such-tool --version", more=IMAGE),
        Reason.TOOL_MISSING,
        "no-such-tool: not found); the package expects it in the image ghcr.io/osgeo/gdal:3.13",
    ),
    "a folder as command": (tool("/etc"), Reason.TOOL_MISSING, "/etc cannot be executed here"),
    "an empty command line": (f"{TOOL}outputs: {{}}", Reason.PACKAGE, "empty command line"),
    "invalid JSON": (
        shell("echo '{\"o\": ' > cwl.output.json", outputs="{o: int}"),
        Reason.OUTPUT_INVALID,
        "cwl.output.json that is not valid JSON",
    ),
    "JSON of the wrong kind": (
        shell('echo \'{"o": "many"}\' > cwl.output.json', outputs="{o: int}"),
        Reason.OUTPUT_INVALID,
        "'many'",
    ),
    "a signal from outside": (shell("kill -9 $$"), Reason.KILLED, "ended from outside by signal SIGKILL"),
    "a signal to a process of the tool": (
        shell("sh -c 'kill -11 $$'"),
        Reason.EXIT_CODE,
        "as when one of its processes is ended by SIGSEGV",
    ),
    "expression": (
        tool("[echo, $(inputs.a.b.c)]", more=f"{JAVASCRIPT}\narguments: ['$(inputs.nothing.at.all)']"),
        Reason.EXPRESSION,
        "inputs.nothing.at.all",
    ),
    "expression without end": (
        tool("echo", more=JAVASCRIPT + "\narguments: ['${while (true) {}}']"),
        Reason.EXPRESSION,
        "did not end within",
    ),
    "expression without limit": (
        tool(
            "echo",
            more=JAVASCRIPT + "\narguments: ['${var a = []; while (true) { a.push(\"x\".repeat(1000) + a.length); }}']",
        ),
        Reason.EXPRESSION,
        "MiB of memory",
    ),
    "unknown class": ("cwlVersion: v1.2\nclass: Dance\nid: x\ninputs: {}\noutputs: {}", Reason.PACKAGE, "Dance"),
    "operation": ("cwlVersion: v1.2\nclass: Operation\nid: x\ninputs: {}\noutputs: {}", Reason.PACKAGE, "Operation"),
    "a link out of the job": (
        shell("ln -s /etc/hostname o", outputs="{o: {type: File, outputBinding: {glob: o}}}"),
        Reason.OUTPUT_INVALID,
        "leads out of the job",
    ),
    "a link to a folder of the system": (
        shell("ln -s /usr/share o", outputs="{o: {type: Directory, outputBinding: {glob: o}}}"),
        Reason.OUTPUT_INVALID,
        "leads out of the job",
    ),
    "a link that leads in a circle": (
        shell("mkdir -p o/a; ln -s .. o/a/up", outputs="{o: {type: Directory, outputBinding: {glob: o}}}"),
        Reason.OUTPUT_INVALID,
        "leads in a circle: up",
    ),
    "links that lead in a circle together": (
        shell(
            "mkdir -p o/a o/b; ln -s ../b o/a/x; ln -s ../a o/b/y",
            outputs="{o: {type: Directory, outputBinding: {glob: o}}}",
        ),
        Reason.OUTPUT_INVALID,
        "leads in a circle",
    ),
    "a link that leads nowhere": (
        shell("mkdir o; ln -s missing o/a", outputs="{o: {type: Directory, outputBinding: {glob: o}}}"),
        Reason.OUTPUT_INVALID,
        "leads nowhere: a",
    ),
    "no file, although one was promised": (
        shell("ln -s /etc/hostname o", outputs="{o: {type: File, outputBinding: {glob: nothere}}}"),
        Reason.OUTPUT_MISSING,
        "nothere",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_explains_itself(sandboxed, case):
    """Reason and sentence are on the job; nothing of it is a stack trace, and nothing leads to files of ours."""
    package, reason, words = FAILURES[case]
    run = sandboxed.run(package, options=Options(javascript_seconds=0.5, javascript_memory=16 * 2**20))
    failure = run.ended.failure
    assert (Outcome.FAILED, reason) == (run.ended.outcome, failure.reason), failure
    assert words in failure.message
    for word in ("Traceback", ".py", "package.cwl", "file://", "\n"):
        assert word not in failure.message
    assert [] == run.results
    assert not sandboxed.folder(run).exists()


def test_the_failure_of_a_step_carries_its_last_words(sandboxed):
    """Step, exit code and the last lines of the log are on the failure of the job, the reason is on the step too."""
    run = sandboxed.run(shell("for i in $(seq 100); do echo line $i; done; exit 7"))
    failure = run.ended.failure
    assert ("tool", 7) == (failure.step, failure.exit_code)
    assert [f"line {n}" for n in range(81, 101)] == failure.log_tail.splitlines()
    step = run.steps["tool"]
    assert (StepState.FAILED, Reason.EXIT_CODE, 7) == (step.state, step.reason, step.exit_code)
    assert failure.message == step.message


WITH_PATHS = {
    "a folder without rights": ("mkdir d; chmod 000 d", "{o: {type: Directory, outputBinding: {glob: d}}}"),
    "a file without rights": (
        "touch d; chmod 000 d",
        "{o: {type: string, outputBinding: {glob: d, loadContents: true, outputEval: '$(self[0].contents)'}}}",
    ),
    "a pipe": ("mkfifo d", "{o: {type: File, outputBinding: {glob: d}}}"),
    "a tool that names its folder": ("echo $PWD; exit 3", "{}"),
}


@pytest.mark.parametrize("case", WITH_PATHS)
def test_where_the_server_keeps_its_files_is_not_told(sandboxed, case):
    """Messages name files as the job knows them."""
    script, outputs = WITH_PATHS[case]
    run = sandboxed.run(shell(script, outputs=outputs))
    assert Outcome.FAILED is run.ended.outcome
    assert "work/" in f"{run.ended.failure.message}{run.ended.failure.log_tail}"
    for event in run.events:
        assert str(sandboxed.data).lstrip("/") not in str(event)


def test_other_paths_stay_as_they_are():
    """Only whole paths of the server are taken out, wherever its data folder is."""
    words = Words.of(Path("/data/jobs/0b"))
    assert b'"work/x of . in objects/y"' == words.plain(b'"/data/jobs/0b/work/x of /data/jobs/0b in /data/objects/y"')
    for line in (b'{"data": "/mnt/data/x"}', b'"metadata/x data/y"', b'"/data/jobs/0bc"'.replace(b"/data/", b"/srv/")):
        assert line == words.plain(line)


FLOW = """
cwlVersion: v1.2
$graph:
- class: Workflow
  id: main
  requirements: {ScatterFeatureRequirement: {}, MultipleInputFeatureRequirement: {}, InlineJavascriptRequirement: {},
                 StepInputExpressionRequirement: {}}
  inputs: {n: 'int[]', m: 'int[]', x: int}
  outputs: []
  steps: STEPS
- class: CommandLineTool
  id: exit
  baseCommand: [sh, -c, 'exit $0']
  inputs: {code: {type: int, inputBinding: {}}, other: 'int?'}
  outputs: []
"""
WORKFLOWS = {
    "the first failure is the reason": (
        "{a: {run: '#exit', in: {code: x}, out: []}}", Reason.EXIT_CODE, "a", "exit code 4"
    ),
    "a task of a scatter": (
        "{a: {run: '#exit', scatter: code, in: {code: n}, out: []}}", Reason.EXIT_CODE, "a_2", "exit code 9"
    ),
    "a scatter over arrays of different length": (
        "{a: {run: '#exit', scatter: [code, other], scatterMethod: dotproduct, in: {code: n, other: m}, out: []}}",
        Reason.PACKAGE, "a", "Length of input arrays must be equal",
    ),
    "a condition that is no boolean": (
        "{a: {run: '#exit', when: $(inputs.code), in: {code: x}, out: []}}",
        Reason.EXPRESSION, "a", "'when' must evaluate",
    ),
    "an expression of a step input": (
        "{a: {run: '#exit', in: {code: {source: x, valueFrom: '$(self.a.b)'}}, out: []}}",
        Reason.EXPRESSION, "a", "self.a.b",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WORKFLOWS)
def test_a_failure_names_its_step(sandboxed, case):
    """Whatever goes wrong in a workflow, the failure says in which step."""
    steps, reason, step, words = WORKFLOWS[case]
    run = sandboxed.run(FLOW.replace("STEPS", steps), {"n": [0, 9, 0], "m": [1], "x": 4}, entry="main")
    failure = run.ended.failure
    assert (reason, step) == (failure.reason, failure.step), failure
    assert words in failure.message


def test_what_comes_after_a_failure_is_not_run(sandboxed):
    """Steps that never began say that the job ended before them."""
    steps = "[{id: a, run: '#exit', in: {code: x}, out: []}, {id: b, run: '#two', in: {code: x, after: a/o}, out: []}]"
    flow = FLOW.replace("STEPS", steps).replace("out: []}, {id: b", "out: [o]}, {id: b")
    flow = flow.replace("outputs: []\n", "outputs: {o: stdout}\n") + (
        "- class: CommandLineTool\n  id: two\n  baseCommand: 'true'\n  inputs: {after: File}\n  outputs: []\n"
    )
    flow = flow.replace("outputs: {o: stdout}\n", "outputs: []\n", 1).replace("code: x, after", "after")
    run = sandboxed.run(flow, {"n": [], "m": [], "x": 4}, entry="main")
    assert StepState.DISMISSED is run.steps["b"].state
    assert run.steps["b"].started is None


@pytest.mark.parametrize(
    ("declared", "given", "words"),
    [
        ("int", "many", "'n'"),
        ("int", None, "'n'"),
        ("File", 3, "The input n cannot be used"),
        ("File", {"value": "***", "encoding": "base64"}, "base64"),
        ("File", "https://127.0.0.1:1/x", "The input n could not be read"),
    ],
)
def test_inputs_that_do_not_fit_are_named(sandboxed, declared, given, words):
    """An input that turns out wrong when it is looked at fails the job with its name."""
    run = sandboxed.run(shell("true", inputs=f"{{n: {declared}}}"), {"n": given})
    assert Outcome.FAILED is run.ended.outcome
    assert run.ended.failure.reason in {Reason.INVALID_INPUT, Reason.STAGE_IN}
    assert words in run.ended.failure.message
