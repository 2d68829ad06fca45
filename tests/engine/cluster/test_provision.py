"""The server makes the namespace of a workspace where it may, and keeps it as the settings say."""

import itertools

import pytest
from clusters import NAMESPACE, document, until
from kubernetes_double import ApiFault

from ades.engine.kubernetes.belongings import BOUNDS
from ades.engine.kubernetes.placement import Placement
from ades.engine.kubernetes.provision import PROVISION_RIGHTS, SERVER_RIGHTS, difference
from ades.runner.events import Outcome
from ades.service import cluster
from ades.service.health import State
from ades.service.homes import homes
from ades.settings import Settings
from ades.store import Store

MADE = ["limitranges", "namespaces", "networkpolicies", "resourcequotas", "rolebindings", "roles", "serviceaccounts"]


@pytest.fixture
def site(make):
    site = make(kubernetes_provision=True)
    site.kubelet.scripts["job-*"] = site.finishes()
    return site


def run(site, engine, workspace="bob"):
    assert Outcome.SUCCESSFUL is site.start(engine, executing=workspace).wait().outcome
    until(site.empty)


def written(site):
    """How often something of a namespace was made or changed."""
    calls = site.cluster.calls
    return sum(calls[f"{verb} {kind}"] for kind in MADE for verb in ("create", "patch"))


def quota(site, namespace="ws-bob"):
    return site.cluster.objects.get("resourcequotas", namespace, BOUNDS)["spec"]["hard"]


def test_all_that_belongs_into_a_namespace_is_made_once(site):
    """With the first job; the runner may do what it must and no more, and pods are held to the restricted level."""
    engine = site.engine()
    run(site, engine)
    objects = site.cluster.objects
    labels = objects.get("namespaces", "", "ws-bob")["metadata"]["labels"]
    assert {"restricted"} == {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")}
    assert "ades" == labels["app.kubernetes.io/part-of"]
    (rules, logs) = objects.get("roles", "ws-bob", "ades-runner")["rules"]
    assert ["create", "delete", "list", "watch", "patch"] == rules["verbs"]
    assert ["pods/log"] == logs["resources"]
    assert "200" == quota(site)["pods"]
    assert {"memory": "1Gi"} == objects.get("limitranges", "ws-bob", BOUNDS)["spec"]["limits"][0]["default"]
    assert 3 == len(objects.find("networkpolicies", "ws-bob"))
    before = written(site)
    run(site, engine)
    assert before == written(site)


def test_what_the_settings_say_anew_is_carried_over(site):
    """Also to a namespace that an earlier life of the server has made: what is no longer said is taken away."""
    run(site, site.engine())
    less = {"kubernetes_quota": {"pods": "7"}, "kubernetes_default_limits": {}, "kubernetes_closed_networks": ()}
    run(site, site.engine(**less, kubernetes_service_account_annotations={"role": "arn"}))
    assert {"pods": "7"} == quota(site)
    objects = site.cluster.objects
    (limits,) = objects.get("limitranges", "ws-bob", BOUNDS)["spec"]["limits"]
    assert {"type", "defaultRequest"} == limits.keys()
    policy = objects.get("networkpolicies", "ws-bob", "ades-steps")
    assert {"cidr": "0.0.0.0/0"} == policy["spec"]["egress"][1]["to"][0]["ipBlock"]
    assert {"role": "arn"} == objects.get("serviceaccounts", "ws-bob", "ades-runner")["metadata"]["annotations"]


def test_what_others_have_made_stays_as_it_is(site):
    """Argo CD and people have the last word on theirs."""
    site.cluster.objects.create(
        "resourcequotas", NAMESPACE, {"metadata": {"name": BOUNDS}, "spec": {"hard": {"pods": "3"}}}
    )
    run(site, site.engine(), "alice")
    assert {"pods": "3"} == quota(site, NAMESPACE)
    assert 3 == len(site.cluster.objects.find("networkpolicies", NAMESPACE))


def test_a_namespace_that_somebody_has_removed_is_made_again(site):
    engine = site.engine()
    run(site, engine)
    site.cluster.delete("namespaces", site.cluster.objects.get("namespaces", "", "ws-bob"))
    run(site, engine)
    assert site.cluster.objects.get("namespaces", "", "ws-bob")


def test_what_may_not_be_made_fails_the_job_with_the_words_of_the_cluster(site):
    """Jobs do not run without bounds only because a right is missing."""
    words = 'networkpolicies.networking.k8s.io is forbidden: User "ades" cannot create resource'
    site.cluster.fault(ApiFault("create", "networkpolicies", 403, "Forbidden", words))
    ended = site.start(site.engine(), document(executing="bob")).wait()
    assert Outcome.FAILED is ended.outcome
    assert words in ended.failure.message


def test_a_workspace_that_says_how_much_it_runs_gets_a_quota_for_that(tmp_path):
    """With room for one job more; one that names a quota of its own gets that one."""
    settings = Settings(engine="kubernetes", data=tmp_path, kubernetes_cpu="500m", kubernetes_memory="1Gi")
    whole = Placement.of(settings).quota

    store = Store.open(settings.database_url)
    numbers = itertools.count()

    def given(**wishes):
        name = f"alice{next(numbers)}"
        store.workspaces.create(name, settings=wishes)
        return homes(settings, store)(name)[1].quota

    assert whole == given()
    small = given(running=1, cpu=3, memory=2 * 1024**3)
    assert ("7000m", "6144Mi", "6144Mi") == (small["requests.cpu"], small["requests.memory"], small["limits.memory"])
    assert whole["pods"] == small["pods"]
    assert whole == given(running=100, cpu=3)
    assert {"pods": "9"} == given(running=1, kubernetes={"quota": {"pods": "9"}})
    store.close()


@pytest.mark.parametrize(
    ("found", "wanted", "change"),
    [
        ({"spec": {"hard": {"a": "1", "b": "2"}}}, {"spec": {"hard": {"a": "1"}}}, {"spec": {"hard": {"b": None}}}),
        ({"rules": [1], "status": {}}, {"rules": [1]}, {}),
        ({"rules": [1]}, {"rules": [2], "spec": {}}, {"rules": [2], "spec": {}}),
    ],
)
def test_only_what_differs_is_changed(found, wanted, change):
    assert change == difference(found, wanted)


# -- the doctor ---------------------------------------------------------------------------------------------------------


def checked(site, **changes):
    settings = site.settings.model_copy(update={"objects": "s3://bucket", **changes})
    with Store.open(settings.database_url) as store:
        if not store.workspaces.list():
            store.workspaces.create("alice")
        return cluster.check(settings, store)


def test_the_doctor_names_the_rights_that_making_namespaces_needs(make):
    site = make(kubernetes_provision=True)
    objects = site.cluster.objects
    objects.create("serviceaccounts", NAMESPACE, {"metadata": {"name": "server"}})
    config = site.cluster.kubeconfig(site.folder / "server", f"{NAMESPACE}/server")
    found = checked(site, kubernetes_config=config)
    assert State.FAILED is found.state
    words = "the server lacks the right to create namespaces in the whole cluster (for ADES_KUBERNETES_PROVISION)"
    assert words in found.message
    watched = [("batch", "jobs", verb) for verb in ("list", "watch")] + [
        ("", "pods", verb) for verb in ("list", "watch")
    ]
    needed = [*PROVISION_RIGHTS, *SERVER_RIGHTS, *watched]
    rules = [{"apiGroups": [group], "resources": [kind], "verbs": [verb]} for group, kind, verb in needed]
    objects.create("clusterroles", "", {"metadata": {"name": "server"}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "server", "namespace": NAMESPACE}
    binding = {"roleRef": {"kind": "ClusterRole", "name": "server"}, "subjects": [subject]}
    objects.create("clusterrolebindings", "", {"metadata": {"name": "server"}, **binding})
    assert State.OK is checked(site, kubernetes_config=config).state


def test_the_doctor_warns_of_a_namespace_without_bounds(make):
    """Which counts by whatever name, where the server does not make it."""
    site = make()
    found = checked(site)
    assert State.WARNING is found.state
    missing = ", ".join(f"{kind} in {NAMESPACE}" for kind in ("resourcequotas", "limitranges", "networkpolicies"))
    assert f"alice lacks {missing}" in found.message
    for kind in ("resourcequotas", "limitranges", "networkpolicies"):
        site.cluster.objects.create(kind, NAMESPACE, {"metadata": {"name": "mine"}, "spec": {}})
    assert State.OK is checked(site).state
