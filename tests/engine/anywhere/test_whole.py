"""Packages through our launcher, our runner and the unmodified Calrissian, with the results of the local engine."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from folder_server import served_folder
from runs import Machine, shell

from ades import shipped
from ades.model import ResultKind
from ades.objects import open_store
from ades.recipe import compile_package, read
from ades.runner.events import Outcome, ResultStored

CWL = shipped.folder("cwl")


class Both:
    """The same job in the cluster and on this machine."""

    def __init__(self, anywhere) -> None:
        self.anywhere = anywhere
        self.machine = Machine(Path(tempfile.mkdtemp(prefix="ades-engine-")), fetch_allow=("127.0.0.1",))
        self.engine = anywhere.engine()

    def close(self) -> None:
        self.machine.engine.close()
        shutil.rmtree(self.machine.data)

    def run(self, package: dict, inputs: dict | None = None, there: dict | None = None, **more):
        """How it went in the cluster, and the results of both; `there` are its inputs, where they are others."""
        people = dict.fromkeys(("deploying", "calling", "executing"), workspace := self.anywhere.workspace)
        job = uuid4()
        prefixes = {
            "results_prefix": f"{workspace}/processing-results/thing/{job}",
            "logs_prefix": f"{workspace}/jobs/{job}",
        }
        local = self.machine.run(package, inputs, job=job, **people, **prefixes, **more)
        outputs = {"outputs": {}} | more
        told = self.anywhere.run(package, there or inputs, engine=self.engine, job=job, **outputs)
        assert local.ended.outcome is told.wait().outcome, (local.ended, told.events, self.anywhere.log(told))
        return (
            told,
            self._shape(told.of(ResultStored), self.anywhere.objects),
            self._shape(local.of(ResultStored), open_store(self.machine.settings)),
        )

    @staticmethod
    def _shape(events, store) -> list:
        """What must be the same: everything but when and where."""
        found = []
        for event in events:
            one = event.result
            content = b""
            if one.kind is ResultKind.FILE:
                with store.open(one.key) as source:
                    content = source.read()
            names = sorted(info.key.removeprefix(one.key) for info in store.list(one.key)) if one.key else []
            found.append((one.output, one.index, one.kind, one.media_type, one.value, content, names))
        return sorted(found, key=lambda each: each[:2])


@pytest.fixture(scope="module")
def both(lasting):
    made = Both(lasting)
    yield made
    made.close()


def compiled(name):
    found = compile_package(read((CWL / name).read_bytes(), "application/cwl+yaml"))
    return found.executable, {"outputs": found.description["outputs"]}


@pytest.mark.long
def test_a_tool_gives_the_same_and_is_seen_while_it_runs(both):
    """Its step has a pod, a node and an image; afterwards nothing is in the cluster."""
    package = shell("echo said; echo wrote > out.txt", outputs="{out: {type: File, outputBinding: {glob: out.txt}}}")
    told, ours, theirs = both.run(package)
    assert theirs == ours
    (step,) = told.steps.values()
    assert {"pod", "node", "namespace", "requests"} <= step.details.keys()
    both.anywhere.until(lambda: not both.anywhere.left(told), "everything of the job to go")


@pytest.mark.long
def test_the_sample_packages_give_the_same(both):
    package, more = compiled("echo.cwl")
    _, ours, theirs = both.run(package, {"message": "it's; $(x)", "times": 3}, **more)
    assert theirs == ours
    package, more = compiled("scatter.cwl")
    text = {"value": "\n".join(f"line {number}" for number in range(25)), "mediaType": "text/plain"}
    _, ours, theirs = both.run(package, {"text": text, "lines": 10}, **more)
    assert theirs == ours


@pytest.mark.long
def test_the_sample_of_a_scene_gives_the_same(both):
    """From STAC to STAC: read from the bucket of the cluster there and over HTTP here, and published."""
    package, more = compiled("eo-sample.cwl")
    data, prefix = CWL / "eo-sample-data", f"{both.anywhere.workspace}/files/scene"
    for path in filter(Path.is_file, data.rglob("*")):
        both.anywhere.objects.put(f"{prefix}/{path.relative_to(data)}", path.read_bytes())
    bucket = f"{both.anywhere.settings.objects}/{prefix}/sample-scene/sample-scene.json"
    with served_folder(data) as address:
        here = {"scene": {"href": f"http://{address}/sample-scene/sample-scene.json"}}
        told, ours, theirs = both.run(package, here, {"scene": {"href": bucket}}, **more)
    assert Outcome.SUCCESSFUL is told.wait().outcome, told.events
    assert theirs == ours


WORKFLOW = """
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}, SubworkflowFeatureRequirement: {}, InlineJavascriptRequirement: {}}
inputs: {words: "string[]"}
outputs:
  all: {type: "string[]", outputSource: inner/said}
  some: {type: "string?", outputSource: never/said}
steps:
  inner:
    scatter: word
    in: {word: words}
    out: [said]
    run:
      class: Workflow
      inputs: {word: string}
      outputs: {said: {type: string, outputSource: say/said}}
      steps:
        say: {in: {word: word}, out: [said], run: &say {class: CommandLineTool, baseCommand: [echo, -n], inputs: {word: {type: string, inputBinding: {}}}, stdout: o.txt, outputs: {said: {type: string, outputBinding: {glob: o.txt, loadContents: true, outputEval: "$(self[0].contents)"}}}}}
  never: {in: {word: {default: x}}, out: [said], when: "$(false)", run: *say}
"""


@pytest.mark.long
def test_scatter_nested_and_conditional_steps_give_the_same(both):
    told, ours, theirs = both.run(
        yaml.safe_load(WORKFLOW),
        {"words": ["a", "b", "c"]},
        outputs={
            "all": {"schema": {"type": "array", "items": {"type": "string"}}},
            "some": {"schema": {"type": "string"}},
        },
    )
    assert Outcome.SUCCESSFUL is told.wait().outcome, told.events
    assert theirs == ours
