"""What is written into the cluster: valid to the last field, restricted, and as the operator has said."""

import kubernetes_validate
import pytest
from clusters import document
from kubernetes_double.pod_security import violations

from ades.engine.kubernetes import belongings, manifests
from ades.engine.kubernetes.placement import Placement, amount, check_wishes
from ades.errors import BadRequest, Misconfigured
from ades.runner.document import Limits
from ades.service.quotas import Quotas
from ades.settings import Settings

OWNER = {"metadata": {"name": "job-x", "uid": "1"}}
RICH = {
    "kubernetes_image": "runner:1",
    "kubernetes_pull_secrets": ("registry",),
    "kubernetes_node_selector": {"pool": "large"},
    "kubernetes_tolerations": ({"key": "ades", "operator": "Exists"},),
    "kubernetes_priority_class": "batch",
    "kubernetes_runtime_class": "gvisor",
    "kubernetes_labels": {"cost": "centre"},
    "kubernetes_annotations": {"note": "this"},
    "kubernetes_runner_env": ({"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "one"}}},),
    "kubernetes_env": ({"name": "EDL", "value": "x"},),
    "kubernetes_scratch_class": "fast",
}
VERSION = "1.31"


def settings(**changes):
    return Settings(engine="kubernetes", **changes)


def all_of(given):
    placement, doc = Placement.of(given), document(process="https://example.org/a process")
    yield manifests.job(doc, placement, given, secret=True)
    yield manifests.secret(doc, OWNER, b"{}", given.kubernetes_instance)
    yield from filter(None, [manifests.volume(doc, OWNER, placement, given.kubernetes_instance)])
    yield from (manifest for _, manifest in belongings.objects("ws-alice", placement, given))


@pytest.mark.parametrize("scratch", ["rwo-node", "shared", "per-job"])
@pytest.mark.parametrize("more", [{}, RICH], ids=["plain", "rich"])
def test_each_manifest_is_valid(scratch, more):
    """By the schema of the API, with no field that it does not know."""
    found = list(all_of(settings(kubernetes_scratch=scratch, **more)))
    kinds = {"Job", "Secret", "Namespace", "ServiceAccount", "Role", "RoleBinding", "ResourceQuota", "LimitRange"}
    assert kinds | {"NetworkPolicy"} <= {each["kind"] for each in found}
    for manifest in found:
        kubernetes_validate.validate(manifest, VERSION, strict=True)


@pytest.mark.parametrize("scratch", ["rwo-node", "shared", "per-job"])
@pytest.mark.parametrize("more", [{}, RICH], ids=["plain", "rich"])
def test_the_pod_is_restricted(scratch, more):
    """By the restricted Pod Security Standard, field by field, and with a read-only file system on top."""
    given = settings(kubernetes_scratch=scratch, **more)
    pod = manifests.job(document(), Placement.of(given), given, secret=True)["spec"]["template"]
    assert [] == violations(pod)
    assert all(one["securityContext"]["readOnlyRootFilesystem"] for one in pod["spec"]["containers"])


def test_the_job_is_what_the_operator_has_said():
    given = settings(**RICH, kubernetes_wall_limit=3600, kubernetes_ttl=700_000)
    job = manifests.job(document(limits=Limits(seconds=60)), Placement.of(given), given, secret=False)
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    assert (True, 0, 60, 700_000) == (
        spec["suspend"], spec["backoffLimit"], spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"],
    )  # fmt: skip
    assert ({"pool": "large"}, "batch", "gvisor", [{"name": "registry"}]) == (
        pod["nodeSelector"], pod["priorityClassName"], pod["runtimeClassName"], pod["imagePullSecrets"],
    )  # fmt: skip
    assert "centre" == spec["template"]["metadata"]["labels"]["cost"]
    assert "this" == spec["template"]["metadata"]["annotations"]["note"]
    assert "KEY" in {each["name"] for each in pod["containers"][0]["env"]}


def test_no_secret_is_in_the_manifest():
    """Neither keys of the server nor what only the server does with them."""
    given = settings(
        objects="s3://bucket/here",
        s3_endpoint="https://s3",
        s3_access_key="hidden-key",
        s3_secret_key="hidden-secret",
        s3_role="hidden-role",
        fetch_allow=("a", "b"),
        database="postgresql://hidden",
    )
    job = manifests.job(document(), Placement.of(given), given, secret=True)
    env = {each["name"]: each.get("value") for each in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert ("s3://bucket/here", "https://s3", "a b") == (
        env["ADES_OBJECTS"], env["ADES_S3_ENDPOINT"], env["ADES_FETCH_ALLOW"],
    )  # fmt: skip
    assert "/ades/secret/credentials.json" == env["ADES_S3_CREDENTIALS_FILE"]
    assert "hidden" not in str(job)


def test_a_workspace_has_wishes_of_its_own():
    """Over the server's settings, and checked when they are said."""
    common = Placement.of(settings(kubernetes_max_ram="4Gi"))
    own = common.with_wishes({"max_ram": "64Gi", "scratch": "shared"})
    assert ("4Gi", "64Gi", "shared") == (common.max_ram, own.max_ram, own.scratch)
    assert 64 * 1024**3 == own.pods(Limits(), {}).max_ram
    assert 5 == own.pods(Limits(memory=5), {}).max_ram
    assert {"kubernetes": {"max_ram": "64Gi"}} == Quotas.read({"kubernetes": {"max_ram": "64Gi"}}).document()
    for wrong in ({"max_ram": "lots"}, {"colour": "red"}, {"ttl": 5}):
        with pytest.raises(BadRequest, match=rf"settings\.kubernetes: .*{next(iter(wrong))}"):
            Quotas.read({"kubernetes": wrong})


def test_a_wrong_setting_is_named():
    with pytest.raises(Misconfigured, match=r"ADES_KUBERNETES_MEMORY: .*'much' is no quantity"):
        Placement.of(settings(kubernetes_memory="much"))


@pytest.mark.parametrize(
    ("text", "expected"), [("250m", 0.25), ("2", 2), ("1Gi", 2**30), ("1.5G", 1.5e9), ("512Mi", 2**29), ("3k", 3000)]
)
def test_quantities_are_read(text, expected):
    assert expected == amount(text)


def test_checks_of_wishes_need_nothing_but_words():
    assert {"cpu": "1"} == check_wishes({"cpu": "1"})
