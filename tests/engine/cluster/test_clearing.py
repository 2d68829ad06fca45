"""What is left on a volume that jobs share, when a runner could not clear it."""

import kubernetes_validate
import pytest
from clusters import FOREVER, NAMESPACE, document, until
from kubernetes_double import ApiFault, PodFault, Script, pod_security

from ades.engine.kubernetes import clearing, manifests
from ades.engine.kubernetes.placement import Placement
from ades.runner.events import Outcome
from ades.settings import Settings

CLAIM = "ades-scratch"


@pytest.fixture
def shared(make):
    site = make(kubernetes_scratch="shared")
    site.cluster.objects.create("persistentvolumeclaims", NAMESPACE, {"metadata": {"name": CLAIM}, "spec": {}})
    site.kubelet.scripts |= {"job-*": Script(FOREVER)}
    return site


def clearings(site) -> list[str]:
    return [job["metadata"]["name"] for job in site.cluster.objects.find("jobs") if "clear-" in job["metadata"]["name"]]


def begun(site, told):
    """Its runner, with a step under way."""
    runner = site.runner(told)
    site.step(told, "warp")
    until(lambda: "warp" in told.steps and told.steps["warp"].started)
    return runner


def test_the_folder_of_a_killed_runner_is_cleared(shared):
    """By a pod of its own, before the end is told; the Job of the job is gone by then."""
    told = shared.start(shared.engine())
    shared.kubelet.strike(begun(shared, told), PodFault("job-*", "oom"))
    assert Outcome.FAILED is told.wait().outcome
    assert [f"clear-{told.job}-1"] == clearings(shared)


def test_the_folder_of_a_dismissed_job_is_cleared(shared):
    """Its runner may not have had the time."""
    engine = shared.engine()
    told = shared.start(engine)
    begun(shared, told)
    engine.kill(told.job)
    assert Outcome.DISMISSED is told.wait().outcome
    assert [f"clear-{told.job}-1"] == clearings(shared)


def test_nothing_is_cleared_where_nothing_is_left(make, shared):
    """A runner that comes to its end clears its folder by itself; a volume of the job's own goes with the job."""
    shared.kubelet.scripts["job-*"] = shared.finishes()
    assert Outcome.SUCCESSFUL is shared.start(shared.engine()).wait().outcome
    alone = make()
    told = alone.start(alone.engine())
    alone.kubelet.strike(begun(alone, told), PodFault("job-*", "oom"))
    assert Outcome.FAILED is told.wait().outcome
    assert ([], []) == (clearings(shared), clearings(alone))


def test_a_job_that_runs_again_has_another_folder():
    """So nothing of it goes when the last attempt is cleared."""
    given = Settings(engine="kubernetes", kubernetes_scratch="shared")
    folders = set()
    for attempt in (1, 2):
        job = manifests.job(document(attempt=attempt), Placement.of(given), given, secret=False)
        (mount,) = [one for one in job["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] if "subPath" in one]
        assert mount["subPath"].startswith("jobs/")
        folders.add(mount["subPath"][-2:])
    assert {"-1", "-2"} == folders


def test_a_clearing_pod_has_no_rights_and_is_restricted():
    """No account, no secret, no network, nothing but the folders of the jobs."""
    given = Settings(engine="kubernetes", kubernetes_scratch="shared", kubernetes_image="runner:1")
    made = clearing.manifest(document(), Placement.of(given), "ades")
    kubernetes_validate.validate(made, "1.31", strict=True)
    pod = made["spec"]["template"]["spec"]
    assert [] == pod_security.violations(made["spec"]["template"])
    assert pod["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in pod
    (mount,) = pod["containers"][0]["volumeMounts"]
    assert {"name": "scratch", "mountPath": "/jobs", "subPath": "jobs"} == mount
    assert [{"name": "scratch", "persistentVolumeClaim": {"claimName": CLAIM}}] == pod["volumes"]


def test_a_clearing_that_is_refused_holds_up_nothing(shared):
    """A quota may have no room for its pod, or the server no right any more."""
    told = shared.start(shared.engine())
    runner = begun(shared, told)
    shared.cluster.fault(ApiFault("create", "jobs", 403, "Forbidden", "exceeded quota"))
    shared.kubelet.strike(runner, PodFault("job-*", "oom"))
    assert Outcome.FAILED is told.wait().outcome
    until(shared.empty)
