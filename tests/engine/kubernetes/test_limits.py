"""The maxima hold for pods as for processes of one machine."""

from __future__ import annotations

from kubernetes_packages import alone, printing, tool, workflow

from ades.model import Reason, StepState
from ades.runner.document import Limits, Pods
from ades.runner.events import Outcome

PODS = Pods(default_image="debian:12", max_ram=512 * 2**20, grace=1, scratch="shared")


def needs(**amounts):
    return {"ResourceRequirement": amounts}


def test_steps_keep_within_the_time_and_the_memory_of_tools(site):
    """What is stated is capped or refused; what is not stated is the server's number."""
    package = workflow(
        roomy=printing("echo fine", needs(ramMin=64, ramMax=9000)),
        silent="sleep 60",
        endless=printing("sleep 60", {"ToolTimeLimit": {"timelimit": 0}}),
        asking=printing("echo fine", {"ToolTimeLimit": {"timelimit": 7200}}),
    )
    run = site.run(
        package,
        pods=PODS,
        limits=Limits(tool_seconds=1),
        most=Limits(tool_seconds=2, tool_memory=128 * 2**20, seconds=3600),
    )
    assert (StepState.SUCCESSFUL, "128Mi") == (run.steps["roomy"].state, run.steps["roomy"].details["limits"]["memory"])
    for step, words in {
        "silent": "longer than the 1 seconds that the server allows to tools without a ToolTimeLimit",
        "endless": "longer than the 2 seconds that a tool may run at most",
        "asking": "it asks for 7200 seconds (ToolTimeLimit), and the maximum is 2;",
    }.items():
        assert (Reason.TIME_LIMIT, True) == (run.steps[step].reason, words in run.steps[step].message), run.spoken()


def test_an_expression_that_asks_for_more_memory_than_a_job_may_have_fails(site):
    """With both numbers, and before there is a pod."""
    package = alone(tool("true", needs(ramMin="$(inputs.n)"), inputs={"n": "int"}))
    ended = site.run(package, {"n": 2048}, pods=PODS).end
    assert (Outcome.FAILED, Reason.UNSCHEDULABLE) == (ended.outcome, ended.failure.reason)
    assert "asks for 2048 MiB of memory (ramMin), and this job may use 512" in ended.failure.message
