"""Stage-in and stage-out by CWL of the operator's own, in place of what the runner does by itself."""

import json
import os
from pathlib import Path

import pytest
from folder_server import served_folder
from runs import until

from ades import shipped
from ades.model import Reason, ResultKind
from ades.recipe import compile_package, read
from ades.runner.document import OwnStaging
from ades.runner.events import Outcome

CWL = shipped.folder("cwl")


def compiled(text):
    return compile_package(read(text if isinstance(text, bytes) else text.encode(), "application/cwl+yaml"))


def shipped_cwl(name):
    return compiled((CWL / name).read_bytes()).executable


@pytest.fixture(scope="module")
def pair():
    return OwnStaging(shipped_cwl("stage-in.cwl"), shipped_cwl("stage-out.cwl"))


@pytest.fixture(scope="module")
def scene():
    """The address of the sample scene, as a catalogue elsewhere would have it."""
    with served_folder(CWL / "eo-sample-data") as address:
        yield f"http://{address}/sample-scene/sample-scene.json"


@pytest.fixture
def machine(fresh):
    return fresh(fetch_allow=("127.0.0.0/8",))


def published(machine, run, but="nothing"):
    """All that a job has published below its outputs, but one: each file by its place, documents without what differs from job to job."""
    top = machine.data / "objects" / f"alice/processing-results/thing/{run.job}"
    found = {}
    for path in sorted(top.rglob("*")):
        name = path.relative_to(top).as_posix()
        if path.is_file() and not name.startswith(f"{but}/"):
            body = path.read_bytes()
            if name.endswith(".json"):
                body = json.loads(body.replace(str(run.job).encode(), b"JOB"))
                body.get("properties", {}).pop("created", None)
            if name.endswith(".type"):
                name, body = "types", {body.partition(b" ")[2]} | found.get("types", set())
            found[name] = body
    return found


def told(run, but="nothing"):
    """What is told of the results but one, without what differs from job to job."""
    results = [result for result in run.results if result.output != but]
    text = repr(sorted(results, key=lambda result: (result.output, result.index)))
    return text.replace(str(run.job), "JOB").replace(repr(run.job), "JOB")


def test_the_water_mask_is_the_same(machine, scene, pair):
    """The reference pair gives, file by file and word by word, what the runner gives by itself."""
    found = compiled((CWL / "eo-sample.cwl").read_bytes())
    inputs = {"scene": {"href": scene}, "threshold": 0.1}
    own = machine.run(found.executable, inputs, outputs=found.description["outputs"])
    wrapped = machine.run(found.executable, inputs, outputs=found.description["outputs"], staging=pair)

    assert own.ended.outcome is Outcome.SUCCESSFUL, own.ended
    assert wrapped.ended.outcome is Outcome.SUCCESSFUL, wrapped.ended
    assert published(machine, own) == published(machine, wrapped)
    assert told(own) == told(wrapped)
    assert ["node_stage_in", *own.steps, "node_stage_out"] == list(wrapped.steps)
    assert "node_stage_in: ades stage-in --to staged --workspace alice" in wrapped.log("job")


MANY = """
cwlVersion: v1.2
$graph:
- class: Workflow
  id: many
  requirements:
    SubworkflowFeatureRequirement: {}
    StepInputExpressionRequirement: {}
    InlineJavascriptRequirement: {}
  inputs: {scenes: "Directory[]", more: "Directory[]?", mask: "Directory?", name: string}
  outputs:
    copies: {type: "Directory[]", outputSource: inner/copies}
    first: {type: Directory, outputSource: one/copy}
    none: {type: "Directory?", outputSource: never/copy}
    given: {type: File, outputSource: say/given}
  steps:
    inner: {run: "#inner", in: {scenes: scenes}, out: [copies]}
    one: {run: "#copy", in: {scene: {source: scenes, valueFrom: "$(self[0])"}}, out: [copy]}
    never: {run: "#copy", in: {scene: mask}, when: "$(inputs.scene !== null)", out: [copy]}
    say: {run: "#say", in: {name: name, more: more}, out: [given]}
- class: Workflow
  id: inner
  requirements: {ScatterFeatureRequirement: {}}
  inputs: {scenes: "Directory[]"}
  outputs: {copies: {type: "Directory[]", outputSource: each/copy}}
  steps: {each: {run: "#copy", in: {scene: scenes}, scatter: scene, out: [copy]}}
- class: CommandLineTool
  id: copy
  baseCommand: [sh, -c, 'mkdir out && cp -rL "$0"/. out', ]
  inputs: {scene: {type: "Directory?", inputBinding: {position: 1}}}
  outputs: {copy: {type: Directory, outputBinding: {glob: out}}}
- class: CommandLineTool
  id: say
  baseCommand: echo
  requirements: {InlineJavascriptRequirement: {}}
  arguments: ["$(inputs.name)", "$(inputs.more === null ? 'nothing' : inputs.more.length)"]
  inputs: {name: string, more: "Directory[]?"}
  stdout: given.txt
  outputs: {given: stdout}
"""


@pytest.mark.long
def test_arrays_and_what_may_be_missing(machine, scene, pair):
    """Arrays are scattered, what is missing is left out, workflows within workflows stay as they are."""
    found = compiled(MANY)
    runs = [
        machine.run(
            found.executable,
            {"scenes": [{"href": scene}, {"href": scene}], "name": "x"} | more,
            outputs=found.description["outputs"],
            staging=staging,
        )
        for staging in (None, pair)
        for more in ({}, {"more": [{"href": scene}], "mask": {"href": scene}})
    ]
    for run in runs:
        assert run.ended.outcome is Outcome.SUCCESSFUL, run.ended
    plain, plain_more, wrapped, wrapped_more = runs
    for one, other in ((plain, wrapped), (plain_more, wrapped_more)):
        assert published(machine, one, "given") == published(machine, other, "given")
        assert told(one, "given") == told(other, "given")
    assert ["nothing", "1"] == [run.text("given").split()[1] for run in (wrapped, wrapped_more)]
    assert {
        "node_stage_in",
        "node_stage_in_2",
        "node_stage_out_copies",
        "node_stage_out_copies_2",
        "node_stage_out_first",
    } <= set(wrapped.steps)


@pytest.mark.long
def test_items_that_came_with_the_request(machine, scene, pair):
    """An item in the request itself has an address for the stage-in, too."""
    item = json.loads((CWL / "eo-sample-data/sample-scene/sample-scene.json").read_bytes())
    for asset in item["assets"].values():
        asset["href"] = f"{scene.rpartition('/')[0]}/{asset['href'].removeprefix('./')}"
    found = compiled(
        "{cwlVersion: v1.2, class: CommandLineTool, id: look, baseCommand: [cat], inputs: {scene: Directory}, "
        "arguments: ['$(inputs.scene.path)/catalog.json'], outputs: {said: stdout}}"
    )
    run = machine.run(found.executable, {"scene": item}, outputs=found.description["outputs"], staging=pair)

    assert run.ended.outcome is Outcome.SUCCESSFUL, run.ended
    assert "./sample-scene/sample-scene.json" in run.text("said")


OTHER_IN = """
cwlVersion: v1.2
$graph:
- class: Workflow
  id: their-stage-in
  inputs: {input: string, greeting: string, workspace: string, job_id: string}
  outputs: {staged: {type: Directory, outputSource: make/folder}}
  steps: {make: {run: "#make", in: {input: input, greeting: greeting, workspace: workspace}, out: [folder]}}
- class: CommandLineTool
  id: make
  baseCommand: [sh, -c, 'mkdir scene; echo "$1 of $2 says $0" > scene/catalog.json; env > scene/environment']
  inputs:
    input: {type: string, inputBinding: {position: 1}}
    greeting: {type: string, inputBinding: {position: 2}}
    workspace: {type: string, inputBinding: {position: 3}}
  outputs: {folder: {type: Directory, outputBinding: {glob: scene}}}
"""
OTHER_OUT = """
cwlVersion: v1.0
class: CommandLineTool
id: their-stage-out
baseCommand: [sh, -c, 'test -f "$0/catalog.json" && printf s3://elsewhere/%s/catalog.json "$1" > uri']
inputs:
  wf_outputs: {type: Directory, inputBinding: {position: 1}}
  process: {type: string, inputBinding: {position: 2}}
outputs:
  StacCatalogUri: {type: string, outputBinding: {glob: uri, loadContents: true, outputEval: "$(self[0].contents)"}}
"""
LOOK = """
cwlVersion: v1.2
class: CommandLineTool
id: look
baseCommand: [sh, -c, 'mkdir out; cp "$0/catalog.json" out; env; cat "$0/catalog.json"']
inputs: {scene: {type: Directory, inputBinding: {position: 1}}}
outputs: {said: stdout, out: {type: Directory, outputBinding: {glob: out}}}
"""


def test_cwl_of_somebody_else(fresh):
    """The contract is enough: other names, parameters of the operator, a catalogue that lies elsewhere."""
    machine = fresh(s3_access_key="KEY", s3_secret_key="SECRET", s3_endpoint="http://127.0.0.1:1")
    staging = OwnStaging(
        compiled(OTHER_IN).executable, compiled(OTHER_OUT).executable, {"greeting": "hello", "unused": 1}
    )
    found = compiled(LOOK)
    run = machine.run(found.executable, {"scene": "urn:x:1"}, outputs=found.description["outputs"], staging=staging)

    assert run.ended.outcome is Outcome.SUCCESSFUL, run.ended
    assert "hello of alice says urn:x:1" in run.text("said")
    (out,) = [result for result in run.results if result.output == "out"]
    assert (ResultKind.VALUE, {"href": "s3://elsewhere/thing/catalog.json", "type": "application/json"}) == (
        out.kind,
        out.value,
    )
    assert "SECRET" not in run.text("said")  # the package sees nothing of what its staging knows


def test_credentials_are_for_these_steps_alone(fresh):
    """The staging finds the way to the store in its environment; the package finds none of it, and no log says it."""
    machine = fresh(s3_access_key="KEY", s3_secret_key="SECRET", s3_endpoint="http://127.0.0.1:1")
    staging = OwnStaging(compiled(OTHER_IN).executable, None, {"greeting": "hello"})
    found = compiled(
        "{cwlVersion: v1.2, class: CommandLineTool, id: look, baseCommand: [sh, -c, 'cat \"$0/environment\"; echo; echo mine; env'], "
        "inputs: {scene: {type: Directory, inputBinding: {position: 1}}}, outputs: {said: stdout}}"
    )
    run = machine.run(found.executable, {"scene": "x"}, outputs=found.description["outputs"], staging=staging)
    theirs, _, mine = run.text("said").partition("mine")

    assert {"ADES_S3_SECRET_KEY=SECRET", "AWS_SECRET_ACCESS_KEY=SECRET"} <= set(theirs.split())
    assert "SECRET" not in mine
    for path in (machine.data / "objects/alice/jobs").rglob("*.log"):
        assert "SECRET" not in path.read_text()


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param("http://127.0.0.1:1/none.json", marks=pytest.mark.long),
        "http://169.254.169.254/latest",
        pytest.param("file:///etc", marks=pytest.mark.long),
    ],
    ids=["nobody", "guarded", "folder"],
)
def test_what_cannot_be_brought(machine, pair, reference):
    """The step fails and says why; the guard holds here too."""
    found = compiled(LOOK)
    run = machine.run(found.executable, {"scene": reference}, outputs=found.description["outputs"], staging=pair)

    assert run.ended.outcome is Outcome.FAILED
    assert (Reason.EXIT_CODE, "node_stage_in") == (run.ended.failure.reason, run.ended.failure.step)
    assert "could not be read" in run.ended.failure.log_tail


def test_what_is_published_wrongly(machine):
    """A stage-out that promises more than there is fails the job, and nothing of it stays."""
    wrong = OTHER_OUT.replace("s3://elsewhere/%s/catalog.json", "store:alice/processing-results/thing/%s/x")
    wrong = wrong.replace("  process: {type: string", "  job: {type: string")
    found = compiled(
        LOOK.replace("inputs: {scene: {type: Directory, inputBinding: {position: 1}}}", "inputs: []")
        .replace('cp "$0/catalog.json" out', "echo {} > out/catalog.json")
        .replace('cat "$0/catalog.json"', "true")
    )
    run = machine.run(
        found.executable, {}, outputs=found.description["outputs"], staging=OwnStaging(None, compiled(wrong).executable)
    )

    assert run.ended.outcome is Outcome.FAILED
    assert (Reason.STAGE_OUT, True) == (run.ended.failure.reason, "there is no" in run.ended.failure.message)
    assert {} == published(machine, run)


def test_stopped_while_it_stages(machine):
    """A job that is dismissed while its inputs are brought leaves no process and no folder."""
    nap = f"sleep 9876.{os.getpid():07}"
    slow = compiled(OTHER_IN.replace("mkdir scene;", f"{nap} & {nap};")).executable
    found = compiled(LOOK)
    run = machine.start(found.executable, {"scene": "x"}, staging=OwnStaging(slow, None, {"greeting": "hello"}))
    until(lambda: "make" in " ".join(run.steps))
    machine.engine.kill(run.job)
    run.wait()

    assert run.ended.outcome is Outcome.DISMISSED
    assert not machine.folder(run).exists()
    assert not [path for path in Path("/proc").iterdir() if nap.split()[1].encode() in _command(path)]


def _command(path):
    try:
        return (path / "cmdline").read_bytes()
    except OSError:
        return b""
