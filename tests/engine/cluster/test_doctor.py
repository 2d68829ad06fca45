"""What is missing for jobs in a cluster is said before the first job fails for it."""

import pytest
from clusters import NAMESPACE

from ades.app import create_app, prepare
from ades.engine.kubernetes.provision import SERVER_RIGHTS
from ades.service import cluster
from ades.service.health import State, examine
from ades.store import Store

WATCHES = [{"apiGroups": ["", "batch"], "resources": ["jobs", "pods"], "verbs": ["get", "list", "watch"]}]


@pytest.fixture
def checked(site):
    """A server that acts as an account of the cluster; what its doctor finds, after the account got some rights."""
    objects = site.cluster.objects
    objects.create("serviceaccounts", NAMESPACE, {"metadata": {"name": "server"}})
    config = site.cluster.kubeconfig(site.folder / "server", f"{NAMESPACE}/server")
    settings = site.settings.model_copy(update={"kubernetes_config": config, "objects": "s3://bucket"})
    subject = {"kind": "ServiceAccount", "name": "server", "namespace": NAMESPACE}

    def allow(kind, namespace, rules):
        objects.create(kind, namespace, {"metadata": {"name": "server"}, "rules": rules})
        role = {"kind": {"roles": "Role", "clusterroles": "ClusterRole"}[kind], "name": "server"}
        binding = {"metadata": {"name": "server"}, "roleRef": role, "subjects": [subject]}
        objects.create(kind.removesuffix("s") + "bindings", namespace, binding)

    def check(**changes):
        with Store.open(settings.database_url) as store:
            if not store.workspaces.list():
                store.workspaces.create("alice")
            return cluster.check(settings.model_copy(update=changes), store)

    return allow, check


def test_each_right_that_is_missing_is_named(checked):
    allow, check = checked
    found = check()
    assert State.FAILED is found.state
    assert "alice lacks the right to create jobs in ws-alice" in found.message
    assert "the right to watch pods in the whole cluster (or set ADES_KUBERNETES_WATCH=namespaces)" in found.message
    allow("clusterroles", "", WATCHES)
    rules = [{"apiGroups": [group], "resources": [kind], "verbs": [verb]} for group, kind, verb in SERVER_RIGHTS]
    allow("roles", NAMESPACE, rules)
    assert State.OK is check().state, check().message


def test_settings_without_which_no_job_runs_are_named(checked):
    _, check = checked
    found = check(kubernetes_image="", objects="")
    assert "set ADES_KUBERNETES_IMAGE" in found.message
    assert "set ADES_OBJECTS=s3://bucket" in found.message


def test_objects_that_are_not_there_are_named(make):
    site = make(objects="s3://bucket", kubernetes_service_account="nobody", kubernetes_scratch="shared")
    with Store.open(site.settings.database_url) as store:
        store.workspaces.create("alice")
        store.workspaces.create("bob")
        found = cluster.check(site.settings, store)
    assert (
        "alice lacks serviceaccounts nobody in ws-alice, persistentvolumeclaims ades-scratch in ws-alice"
        in found.message
    )
    assert "bob lacks namespaces ws-bob" in found.message


def test_doctor_and_readyz_look_at_the_cluster(site):
    prepare(site.settings)
    assert {"cluster"} == {check.part for check in examine(site.settings)} - {"data", "database", "objects", "identity"}
    client = create_app(site.settings).test_client()
    answer = client.get("/readyz")
    assert 200 == answer.status_code, answer.text
    assert "ok" == answer.json["parts"]["cluster"]
