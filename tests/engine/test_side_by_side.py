"""Steps share the machine: they run side by side as far as they fit."""

from __future__ import annotations

from flows import flow

from ades.runner.document import Limits


def test_steps_run_side_by_side(sandboxed):
    """On four cores four tasks run at the same time, on one core one after the other."""
    package = flow(
        "{wait: {run: '#wait', scatter: n, in: {n: ns}, out: []}}",
        "{ns: 'int[]'}",
        "[]",
        "{ScatterFeatureRequirement: {}}",
        "\n- {class: CommandLineTool, id: wait, baseCommand: [sleep, '2'], inputs: {n: int}, outputs: []}\n",
    )
    run = sandboxed.run(package, {"ns": [1, 2, 3, 4]}, entry="main", limits=Limits(cores=4))
    steps = run.steps.values()
    assert max(step.started for step in steps) < min(step.finished for step in steps)
    alone = sandboxed.run(package, {"ns": [1, 2]}, entry="main", limits=Limits(cores=1))
    first, second = sorted(alone.steps.values(), key=lambda step: step.started)
    assert first.finished <= second.started


def test_what_does_not_fit_waits(sandboxed):
    """Tools that need more memory than is left wait for others to end."""
    package = flow(
        "{wait: {run: '#wait', scatter: n, in: {n: ns}, out: []}}",
        "{ns: 'int[]'}",
        "[]",
        "{ScatterFeatureRequirement: {}}",
        "\n- {class: CommandLineTool, id: wait, baseCommand: [sleep, '0.2'], inputs: {n: int}, outputs: [],"
        " requirements: {ResourceRequirement: {ramMin: 600}}}\n",
    )
    run = sandboxed.run(package, {"ns": [1, 2]}, entry="main", limits=Limits(cores=4, memory=1000 * 2**20))
    first, second = sorted(run.steps.values(), key=lambda step: step.started)
    assert first.finished <= second.started
