"""What the pod of a step looks like."""

from __future__ import annotations

import re

import kubernetes_validate
import pytest
from kubernetes_double.pod_security import violations

from ades.runner.calrissian.manifest import Home, completed, pod_name
from ades.runner.document import Pods

OWNER = {"apiVersion": "batch/v1", "kind": "Job", "name": "job-1", "uid": "u-1", "controller": False}
HOME = Home("6f9c", OWNER, "node-7", "ades-runner")


def built():
    """A pod as Calrissian builds it."""
    container = {
        "name": "warp-container",
        "image": "debian:12",
        "command": ["/bin/sh", "-c"],
        "args": ["true"],
        "env": [{"name": "HOME", "value": "/x"}],
        "resources": {"requests": {"cpu": "1", "memory": "256Mi"}},
        "volumeMounts": [],
        "workingDir": "/x",
    }
    spec = {"initContainers": [], "containers": [container], "restartPolicy": "Never", "volumes": []}
    spec |= {"securityContext": {"runAsUser": 1}, "nodeSelector": {}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "warp-pod-x", "labels": {}}, "spec": spec}


def made(pods=None, **more):
    return completed(built(), "warp_3", pods or Pods(), HOME, **more)


def test_a_steps_pod_is_valid_and_restricted(monkeypatch):
    """It passes the strict schema and the restricted Pod Security Standard; as Calrissian builds it, it would not."""
    monkeypatch.setattr("os.getuid", lambda: 1000)
    pod = made()
    kubernetes_validate.validate(pod, "1.31", strict=True)
    assert [] == violations(pod)
    refused = {
        "allowPrivilegeEscalation != false",
        "unrestricted capabilities",
        "runAsNonRoot != true",
        "seccompProfile",
    }
    assert refused == {found.partition(" (")[0] for found in violations(built())}


def test_a_steps_pod_belongs_to_the_job_and_says_which_step_it_is():
    """So it goes when the Job goes, is found by label, and counts as none of the Job's own pods."""
    meta = made(Pods(labels={"team": "a", "ades/job": "forged"}, annotations={"note": "b"}))["metadata"]
    assert [OWNER] == meta["ownerReferences"]
    own = {"ades/job": "6f9c", "app.kubernetes.io/managed-by": "ades", "ades/network": "denied"}
    assert {"team": "a", **own} == meta["labels"]
    assert {"note": "b", "ades/step": "warp_3"} == meta["annotations"]


def test_network_policies_can_tell_who_may_use_the_network():
    assert "allowed" == made(network=True)["metadata"]["labels"]["ades/network"]


def test_a_step_gets_no_token_and_never_the_runners_account():
    """A step of a user service must not read what the runner may read."""
    spec = made(Pods(service_account="steps"))["spec"]
    assert (False, "steps") == (spec["automountServiceAccountToken"], spec["serviceAccountName"])
    assert "serviceAccountName" not in made()["spec"]
    with pytest.raises(ValueError, match="account of the runner"):
        made(Pods(service_account="ades-runner"))


def test_what_a_step_asks_for_is_also_its_limit():
    resources = made(megabytes=512)["spec"]["containers"][0]["resources"]
    assert {"cpu": "1", "memory": "512Mi"} == resources["requests"] == resources["limits"]


def test_everything_that_can_be_configured_is_in_the_pod():
    pods = Pods(
        image_pull_secrets=("registry",),
        node_selector={"pool": "eo"},
        tolerations=({"key": "eo", "operator": "Exists"},),
        priority_class="low",
        runtime_class="gvisor",
        env=({"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "a"}}}, {"name": "HOME", "value": "no"}),
        security_context={"readOnlyRootFilesystem": True},
        pod_security_context={"fsGroup": 7},
        grace=3,
        pin_to_node=True,
    )
    spec = made(pods)["spec"]
    kubernetes_validate.validate(made(pods), "1.31", strict=True)
    assert [{"name": "registry"}] == spec["imagePullSecrets"]
    assert ({"pool": "eo"}, [{"key": "eo", "operator": "Exists"}]) == (spec["nodeSelector"], spec["tolerations"])
    assert ("low", "gvisor", 3) == (
        spec["priorityClassName"],
        spec["runtimeClassName"],
        spec["terminationGracePeriodSeconds"],
    )
    container = spec["containers"][0]
    assert ["HOME", "A"] == [entry["name"] for entry in container["env"]]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert 7 == spec["securityContext"]["fsGroup"]
    rule = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert ["node-7"] == rule["nodeSelectorTerms"][0]["matchFields"][0]["values"]


@pytest.mark.parametrize("step", ["warp", "Warp_Image_3", "x" * 200, "-_-", "ü", "a." * 40])
def test_a_pods_name_is_one_that_clusters_take(step):
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", pod_name(step))


def test_long_names_that_begin_alike_can_be_told_apart():
    one, other = (pod_name("x" * 80 + tail).rpartition("-pod-")[0] for tail in "ab")
    assert one != other
