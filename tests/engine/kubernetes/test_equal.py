"""A package gives the same results in a cluster as on one machine, whatever it is made of."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from folder_server import served_folder

from ades import shipped
from ades.objects import open_store
from ades.recipe import compile_package, read
from ades.runner.events import Outcome

CWL = shipped.folder("cwl")
GOLDEN = Path(__file__).parents[2] / "golden/packages"

NESTED = """
cwlVersion: v1.2
$graph:
- class: Workflow
  id: main
  requirements: {SubworkflowFeatureRequirement: {}, ScatterFeatureRequirement: {}, InlineJavascriptRequirement: {}}
  inputs: {words: "string[]"}
  outputs:
    shouted: {type: "File[]", outputSource: inner/loud}
    lengths: {type: "int[]", outputSource: inner/length}
  steps:
    inner: {run: "#inner", in: {word: words}, scatter: word, out: [loud, length]}
- class: Workflow
  id: inner
  requirements: {InlineJavascriptRequirement: {}}
  inputs: {word: string}
  outputs:
    loud: {type: File, outputSource: shout/out}
    length: {type: int, outputSource: count/length}
  steps:
    shout: {run: "#shout", in: {word: word}, out: [out]}
    count: {run: "#count", in: {file: shout/out}, out: [length]}
- class: CommandLineTool
  id: shout
  hints: {DockerRequirement: {dockerPull: "debian:12"}}
  requirements:
    InitialWorkDirRequirement:
      listing: [{entryname: script.sh, entry: 'echo "$1" | tr a-z A-Z'}]
  baseCommand: [sh, script.sh]
  inputs: {word: {type: string, inputBinding: {position: 1}}}
  outputs: {out: {type: stdout}}
  stdout: loud/word.txt
- class: CommandLineTool
  id: count
  hints: {DockerRequirement: {dockerPull: "debian:12"}}
  requirements: {InlineJavascriptRequirement: {}}
  baseCommand: [wc, -c]
  inputs: {file: {type: File, inputBinding: {position: 1}}}
  outputs:
    length:
      type: int
      outputBinding: {glob: counted, loadContents: true, outputEval: '$(parseInt(self[0].contents))'}
  stdout: counted
"""

CONDITIONAL = """
cwlVersion: v1.2
class: Workflow
id: main
requirements: {InlineJavascriptRequirement: {}, MultipleInputFeatureRequirement: {}}
inputs: {large: boolean}
outputs: {out: {type: File, outputSource: [big/out, small/out], pickValue: first_non_null}}
steps:
  big: {run: &echo {class: CommandLineTool, baseCommand: [echo], stdout: out.txt, inputs: {word: {type: string,
    inputBinding: {}}, large: boolean}, outputs: {out: stdout}}, in: {word: {default: big}, large: large},
    when: $(inputs.large), out: [out]}
  small: {run: *echo, in: {word: {default: small}, large: large}, when: "$(!inputs.large)", out: [out]}
"""


def compiled(content: bytes) -> tuple[dict, dict]:
    found = compile_package(read(content, "application/cwl+yaml"))
    return found.executable, found.description["outputs"]


def files(store, prefix: str) -> dict[str, bytes]:
    """Everything below a prefix, by its name in there."""
    found = {}
    for info in store.list(prefix):
        with store.open(info.key) as file:
            found[info.key.removeprefix(prefix)] = file.read()
    return found


def shown(content: bytes) -> bytes:
    """What a document says, except when it was written."""
    days = (datetime.now(UTC), datetime.now(UTC) - timedelta(days=1))
    return re.sub("|".join(rf'"{day:%Y-%m-%d}T[^"]*"' for day in days).encode(), b'"now"', content)


def assert_equal(site, machine, content: bytes, inputs: dict) -> tuple:
    """Run it here and there as the same job, and compare everything that is left."""
    executable, outputs = compiled(content)
    job = uuid4()
    here = machine.run(executable, inputs, outputs=outputs, job=job)
    there = site.run(executable, inputs, outputs=outputs, job=job)
    assert Outcome.SUCCESSFUL == here.ended.outcome, here.ended
    assert Outcome.SUCCESSFUL == there.end.outcome, there.spoken()
    prefix = there.document.results_prefix
    expected, found = files(open_store(machine.settings), prefix), files(site.store, prefix)
    assert expected.keys() == found.keys()
    assert {name: shown(text) for name, text in expected.items()} == {name: shown(text) for name, text in found.items()}

    def key(result) -> tuple:
        return result.output, result.index, result.kind, result.media_type, result.value, result.key, result.checksum

    assert sorted(map(key, here.results), key=str) == sorted(map(key, there.results), key=str)
    told = lambda steps: {name: (step.state, step.scatter) for name, step in steps.items()}  # noqa: E731
    assert told(here.steps) == told(there.steps)
    return here, there


def test_a_scatter_of_two_steps(site, sandboxed):
    lines = "\n".join(f"line {number} has six words each" for number in range(25))
    inputs = {"text": {"value": lines, "mediaType": "text/plain"}, "lines": 10}
    _, there = assert_equal(site, sandboxed, (CWL / "scatter.cwl").read_bytes(), inputs)
    assert 150 == there.value("total")


@pytest.mark.long
def test_a_single_tool(site, sandboxed):
    assert_equal(site, sandboxed, (CWL / "echo.cwl").read_bytes(), {"message": "it's; $(x)", "times": 3})


@pytest.mark.long
def test_a_workflow_in_a_workflow_with_files_and_expressions(site, sandboxed):
    _, there = assert_equal(site, sandboxed, NESTED.encode(), {"words": ["one", "three"]})
    assert [4, 6] == there.value("lengths")


@pytest.mark.long
@pytest.mark.parametrize("large", [True, False])
def test_a_condition(site, sandboxed, large):
    _, there = assert_equal(site, sandboxed, CONDITIONAL.encode(), {"large": large})
    assert ("big\n" if large else "small\n") == there.text("out")


@pytest.fixture(scope="module")
def scene():
    """The address of the sample scene, as a catalogue elsewhere would have it."""
    with served_folder(CWL / "eo-sample-data") as address:
        yield address


@pytest.mark.long
def test_a_scene_from_stac_to_stac(site, fresh, scene, monkeypatch):
    monkeypatch.setattr(site, "env", {"ADES_FETCH_ALLOW": scene})
    inputs = {"scene": {"href": f"http://{scene}/sample-scene/sample-scene.json"}, "threshold": 0.1}
    _, there = assert_equal(site, fresh(fetch_allow=(scene,)), (CWL / "eo-sample.cwl").read_bytes(), inputs)
    assert any(result.items for result in there.results)
