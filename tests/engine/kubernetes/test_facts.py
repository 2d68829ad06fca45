"""What Calrissian does on real clusters and must not do with us: one test for each row of the table in
docs/kubernetes-operations.md, on the unmodified Calrissian.

Steps of one workflow do not depend on each other, so that one run shows many ways to fail.
"""

from __future__ import annotations

import pytest
from kubernetes_packages import printing, workflow

from ades.model import Reason, StepState
from ades.runner.document import Pods
from ades.runner.events import Outcome

LONG = "a-step-with-a-name-that-is-longer-than-the-sixty-three-characters-of-a-label"
FAST = Pods(
    default_image="debian:12",
    pull_deadline=1,
    start_deadline=1,
    schedule_deadline=1,
    max_cores=100,
    grace=1,
    scratch="shared",
)


@pytest.fixture(scope="module")
def table(_site):
    """A run in which everything goes wrong that the cluster can do to a step."""
    for step, kind in {
        "unpullable": "image-pull",
        "misnamed": "image-name",
        "homeless": "unschedulable",
        "hungry": "oom",
        "evicted": "evicted-before-start",
        "orphaned": "node-lost",
        "removed": "deleted",
    }.items():
        _site.fault(step, kind, seconds=0.2)
    limited = printing("sleep 60", {"ToolTimeLimit": {"timelimit": 1}})
    package = workflow(
        unpullable="true",
        misnamed="true",
        homeless="true",
        hungry="sleep 60",
        evicted="true",
        orphaned="sleep 60",
        removed="sleep 60",
        limited=limited,
        broken="echo bad >&2; exit 3",
        absent="no-such-command",
        **{LONG: "echo good"},
    )
    yield _site.run(package, pods=FAST)
    _site.cluster.pod_faults.clear()


@pytest.mark.parametrize(
    ("step", "reason", "words"),
    [
        (
            "unpullable",
            Reason.IMAGE_UNAVAILABLE,
            'its image cannot be pulled: ImagePullBackOff: Back-off pulling image "debian:12"',
        ),
        ("misnamed", Reason.IMAGE_UNAVAILABLE, "its container cannot be started: InvalidImageName"),
        ("homeless", Reason.UNSCHEDULABLE, "no node fits: 0/1 nodes are available: 1 Insufficient memory"),
        ("hungry", Reason.OUT_OF_MEMORY, "it was killed at its memory limit of 128Mi; raise ramMax"),
        ("evicted", Reason.EVICTED, "it was evicted (The node was low on resource: disk.)"),
        ("orphaned", Reason.EVICTED, "its node was lost"),
        ("removed", Reason.EVICTED, "it was deleted from outside"),
        ("limited", Reason.TIME_LIMIT, "it ran longer than the 1 seconds that the package allows (ToolTimeLimit)"),
        ("broken", Reason.EXIT_CODE, "sh ended with exit code 3"),
        ("absent", Reason.TOOL_MISSING, "a command is not in the image debian:12"),
    ],
)
def test_a_step_fails_with_the_reason_and_ends(table, step, reason, words):
    """Nothing waits for ever, and the cluster's own words are on the step."""
    told = table.steps[step]
    assert (StepState.FAILED, reason) == (told.state, told.reason), table.spoken()
    assert words in told.message
    assert told.details["pod"].startswith(f"{step}-pod-")


def test_a_step_with_a_long_name_runs(table):
    """Its pod's name is shortened with a hash; the step keeps its own."""
    step = table.steps[LONG]
    assert StepState.SUCCESSFUL == step.state, step.message
    assert len(step.details["pod"]) <= 63


def test_the_log_of_a_step_that_failed_is_kept(table):
    assert "bad\n" == table.log("broken")
    assert "bad" in table.spoken()


def test_the_job_fails_and_nothing_of_it_is_left(table):
    assert Outcome.FAILED == table.end.outcome
    assert [] == [pod["metadata"]["name"] for pod in table.pods()]
    (claim,) = (table.site.cluster.folder / "node" / "claims" / "ws-alice").glob(table.name)
    assert [] == [path.name for path in claim.iterdir()]
    (runner,) = table.pods(steps=False)
    (status,) = runner["status"]["containerStatuses"]
    assert '"outcome":"failed"' in status["state"]["terminated"]["message"]


def test_the_manifest_of_every_step_is_in_the_log_of_the_runner(table):
    spoken = table.spoken()
    assert all(f"{name}: pod {step.details['pod']}" in spoken for name, step in table.steps.items())
    assert '"image": "debian:12"' in spoken
