"""Packages through our launcher, our runner and the unmodified Calrissian, with the results of the local engine."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from clusters import Told, until
from folder_server import served_folder
from kubernetes_runs import IMAGE
from runs import Machine, shell
from s3_servers import settings_for

from ades import shipped
from ades.engine.kubernetes.engine import KubernetesEngine
from ades.engine.kubernetes.placement import Placement
from ades.model import ResultKind
from ades.objects import open_store
from ades.recipe import compile_package, read
from ades.runner.document import JobDocument
from ades.runner.events import Ended, Outcome, ResultStored

CWL = shipped.folder("cwl")


class Both:
    """The same job in the cluster and on this machine."""

    def __init__(self, site, moto, folder: Path) -> None:
        self.site = site
        self.machine = Machine(Path(tempfile.mkdtemp(prefix="ades-engine-")), fetch_allow=("127.0.0.1",))
        self.settings = settings_for(
            moto,
            data=folder,
            engine="kubernetes",
            kubernetes_config=site.cluster.kubeconfig(folder / "kubeconfig"),
            kubernetes_image=IMAGE,
            kubernetes_default_image="debian:12",
            fetch_allow=("127.0.0.1",),
        )
        self.store = open_store(self.settings)
        placement = Placement.of(self.settings)
        self.engine = KubernetesEngine(
            self.settings, self._hear, self.store, lambda workspace: (f"ws-{workspace}", placement)
        )
        self._told: dict = {}

    def _hear(self, job, attempt, event) -> None:
        told = self._told[job]
        told.events.append(event)
        if isinstance(event, Ended):
            told.done.set()

    def close(self) -> None:
        self.engine.close()
        self.machine.engine.close()
        shutil.rmtree(self.machine.data)

    def run(self, package: dict, inputs: dict | None = None, **more) -> tuple[Told, list, list]:
        """How it went in the cluster, and the results of both."""
        local = self.machine.run(package, inputs, **more)
        executable = package if "kind" in package else {"kind": "cwl", "document": package, "entry": None}
        given = JobDocument(
            job=local.job, attempt=1, process="thing", deploying="alice", calling="alice", executing="alice",
            executable=executable, inputs=inputs or {}, results_prefix=f"alice/processing-results/thing/{local.job}",
            logs_prefix=f"alice/jobs/{local.job}", **({"outputs": {}} | more),
        )  # fmt: skip
        told = self._told[given.job] = Told(given)
        self.engine.start(given)
        ended = told.wait(120)
        with self.store.open(f"{given.logs_prefix}/job.log") as log:
            assert local.ended.outcome is ended.outcome, (local.ended, ended, log.read().decode())
        return (
            told,
            self._shape(told.of(ResultStored), self.store),
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
def both(_site, moto, tmp_path_factory):
    made = Both(_site, moto, tmp_path_factory.mktemp("both"))
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
    kinds = ("jobs", "pods", "secrets", "persistentvolumeclaims")
    until(lambda: not any(both.site.cluster.objects.find(kind, "ws-alice") for kind in kinds))


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
    """From STAC to STAC, read over the network and published in a bucket."""
    package, more = compiled("eo-sample.cwl")
    with served_folder(CWL / "eo-sample-data") as address:
        href = f"http://{address}/sample-scene/sample-scene.json"
        told, ours, theirs = both.run(package, {"scene": {"href": href}}, **more)
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
    import yaml

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
