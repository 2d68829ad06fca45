"""The runner in a cluster, with the unmodified Calrissian in its own environment."""

from __future__ import annotations

import pytest
from runs import shell

from ades.model import StepState
from ades.runner.events import Outcome


@pytest.mark.long
def test_one_tool(site):
    """A tool becomes a pod; its output, its log and the record of the run are in the store, and the pod is gone."""
    package = shell("echo said; echo wrote > out.txt", outputs="{out: {type: File, outputBinding: {glob: out.txt}}}")
    run = site.run(package, outputs={"out": {"schema": {"type": "string"}}})
    assert Outcome.SUCCESSFUL == run.end.outcome, run.spoken()
    assert "wrote\n" == run.text("out")
    (step,) = run.steps.values()
    assert StepState.SUCCESSFUL == step.state
    assert "said\n" == run.log(step.name)
    assert [] == run.pods()
    assert run.log("job"), "who follows the log of the runner's pod goes on with the one that is kept"
    assert run.spoken().startswith(run.log("job"))
