"""What the status of a pod means for the step in it, as clusters were seen to write it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ades.model import Reason
from ades.runner.calrissian.sight import Sight, overdue, see
from ades.runner.document import Pods

PODS = Pods(pull_deadline=120, schedule_deadline=900, start_deadline=30)


def pod(*statuses, deleted=None, node="n1", init=(), **status):
    meta = {"name": "warp-pod-abcdefgh"} | ({"deletionTimestamp": deleted} if deleted else {})
    containers = {"containerStatuses": list(statuses)} if statuses else {}
    inits = {"initContainerStatuses": list(init)} if init else {}
    return {"metadata": meta, "spec": {"nodeName": node}, "status": {**containers, **inits, **status}}


def container(name="step", **state):
    return {"name": name, "state": state, "imageID": ""}


def ended(code, reason="Error", name="step"):
    times = {"startedAt": "2031-01-01T00:00:00Z", "finishedAt": "2031-01-01T00:00:05Z"}
    return container(name, terminated={"exitCode": code, "reason": reason, **times})


def waiting(reason, message=""):
    return container(waiting={"reason": reason, "message": message})


def test_a_pod_that_has_just_been_made_shows_nothing():
    assert Sight() == see({"metadata": {"name": "p"}, "spec": {}, "status": {"phase": "Pending"}}, "step")


def test_a_running_container_tells_since_when():
    sight = see(pod(container(running={"startedAt": "2031-01-01T00:00:00Z"}), phase="Running"), "step")
    assert datetime(2031, 1, 1, tzinfo=UTC) == sight.running
    assert not sight.over


@pytest.mark.parametrize(
    ("code", "reason", "memory"),
    [
        (0, "Completed", False),
        (3, "Error", False),
        (137, "OOMKilled", True),
        (137, "Error", True),
        (1, "OOMKilled", True),
    ],
)
def test_an_end_tells_its_code_and_whether_it_was_the_memory(code, reason, memory):
    """A shell hides the kernel's kill behind exit code 137; nobody else sends SIGKILL."""
    sight = see(pod(ended(code, reason), phase="Failed" if code else "Succeeded"), "step")
    assert code == sight.ending.code
    assert memory is sight.ending.out_of_memory
    assert 5 == (sight.ending.finished - sight.ending.started).total_seconds()


def test_a_container_that_somebody_injected_is_not_the_step():
    """Neither its running on nor its end says anything about the step."""
    sidecar = container("istio-proxy", running={"startedAt": "2031-01-01T00:00:00Z"})
    assert 0 == see(pod(sidecar, ended(0, "Completed"), phase="Running"), "step").ending.code
    assert see(pod(ended(0, "Completed", "istio-proxy"), phase="Running"), "step").ending is None


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (
            {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."},
            "evicted (The node",
        ),
        ({"phase": "Failed", "reason": "Preempting"}, "preempted"),
        ({"phase": "Running", "reason": "NodeLost"}, "node was lost"),
        (
            {"phase": "Failed", "reason": "UnexpectedAdmissionError", "message": "no cpu"},
            "before its container ran (UnexpectedAdmissionError: no cpu)",
        ),
        (
            {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]},
            "preempted",
        ),
        (
            {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}]},
            "node was lost",
        ),
        (
            {
                "conditions": [
                    {
                        "type": "DisruptionTarget",
                        "status": "True",
                        "reason": "EvictionByEvictionAPI",
                        "message": "drain",
                    }
                ]
            },
            "emptied (drain)",
        ),
    ],
    ids=["evicted", "preempting", "node-lost", "refused-by-kubelet", "preempted", "taint", "drained"],
)
def test_a_pod_that_was_taken_away_is_lost(status, words):
    sight = see(pod(**status), "step")
    assert words in sight.lost
    assert sight.over


def test_an_evicted_pod_is_evicted_even_if_its_container_was_killed():
    """Exit code 137 is then the kubelet's doing, and not the memory limit."""
    sight = see(pod(ended(137), phase="Failed", reason="Evicted"), "step")
    assert sight.ending is None
    assert "evicted" in sight.lost


def test_a_step_that_had_done_its_work_before_it_was_taken_away_has_done_it():
    disrupted = [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]
    assert 0 == see(pod(ended(0, "Completed"), phase="Succeeded", conditions=disrupted), "step").ending.code


def test_a_pod_that_is_being_deleted_is_lost():
    running = container(running={"startedAt": "2031-01-01T00:00:00Z"})
    assert "deleted from outside" in see(pod(running, phase="Running", deleted="2031-01-01T00:00:00Z"), "step").lost


@pytest.mark.parametrize(
    ("shown", "seconds", "reason", "words"),
    [
        (
            pod(waiting("ErrImagePull", "not found")),
            120,
            Reason.IMAGE_UNAVAILABLE,
            "cannot be pulled: ErrImagePull: not found",
        ),
        (pod(waiting("ImagePullBackOff", "Back-off")), 120, Reason.IMAGE_UNAVAILABLE, "cannot be pulled"),
        (pod(init=[waiting("ErrImagePull", "not found")]), 120, Reason.IMAGE_UNAVAILABLE, "cannot be pulled"),
        (
            pod(waiting("InvalidImageName", "invalid reference format")),
            30,
            Reason.IMAGE_UNAVAILABLE,
            "InvalidImageName",
        ),
        (pod(waiting("ErrImageNeverPull")), 30, Reason.IMAGE_UNAVAILABLE, "ErrImageNeverPull"),
        (pod(waiting("CreateContainerConfigError", 'secret "image-key" not found')), 30, Reason.INTERNAL, "image-key"),
        (
            pod(
                conditions=[
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
                ]
            ),
            900,
            Reason.UNSCHEDULABLE,
            "no node fits: 0/3 nodes",
        ),
    ],
    ids=["pull", "back-off", "init", "name", "never", "config", "schedule"],
)
def test_what_waits_too_long_fails_with_the_clusters_own_words(shown, seconds, reason, words):
    sight = see(shown, "step")
    assert overdue(sight, seconds - 1, PODS) is None
    failure = overdue(sight, seconds, PODS)
    assert reason == failure.reason
    assert words in failure.message


def test_a_container_that_is_being_made_may_take_its_time():
    """A large image is pulled for as long as it takes; only a pull that fails is a reason to end."""
    assert overdue(see(pod(waiting("ContainerCreating")), "step"), 10_000, PODS) is None
