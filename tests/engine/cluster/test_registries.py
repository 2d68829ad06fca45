"""The credentials of a workspace for registries are the Secret with which its pods are pulled."""

import json

import pytest
from clusters import NAMESPACE, document, until
from kubernetes_double import ApiFault

from ades.app import create_app
from ades.engine.kubernetes.api import Api
from ades.engine.kubernetes.registries import NAME, credentials
from ades.errors import Misconfigured
from ades.runner.document import JobDocument
from ades.runner.events import Outcome
from ades.store import Store

FIRST = '{"auths": {"registry.example": {"auth": "Zmlyc3Q="}}}'
SECOND = '{"auths": {"registry.example": {"auth": "c2Vjb25k"}}, "credsStore": "desktop"}'


def kept(site, namespace=NAMESPACE):
    """What the Secret of a namespace holds; None without one."""
    found = [each for each in site.cluster.objects.find("secrets", namespace) if each["metadata"]["name"] == NAME]
    return json.loads(found[0]["stringData"][".dockerconfigjson"])["auths"] if found else None


def auth(text):
    return json.loads(text)["auths"]


@pytest.fixture
def keys(site):
    """The credentials of workspaces, as the engine asks for them."""
    site.registries = {"alice": FIRST}
    return site.registries


def pull_secrets(site, told):
    """Of the runner's pod, and of the pods of steps."""
    of_runner = site.runner(told)["spec"].get("imagePullSecrets", [])
    with site.objects.open(f"{told.document.logs_prefix}/document.json") as source:
        of_steps = JobDocument.from_json(source.read()).pods.image_pull_secrets
    return [each["name"] for each in of_runner], list(of_steps)


def test_runner_and_steps_are_pulled_with_it(site, keys):
    """Beside those that the operator names, in the namespace of the workspace whose job it is."""
    told = site.start(site.engine(kubernetes_pull_secrets=("own",)))
    assert (["own", NAME], ["own", NAME]) == pull_secrets(site, told)
    (secret,) = [each for each in site.cluster.objects.find("secrets") if each["metadata"]["name"] == NAME]
    assert (NAMESPACE, "kubernetes.io/dockerconfigjson") == (secret["metadata"]["namespace"], secret["type"])
    assert auth(FIRST) == kept(site)


def test_each_job_brings_it_up_to_date(site, keys):
    """Also where others have changed or deleted it, and where it came in between."""
    engine = site.engine()
    site.runner(site.start(engine))
    keys["alice"] = SECOND
    site.runner(site.start(engine))
    assert auth(SECOND) == kept(site)
    site.cluster.objects.remove("secrets", NAMESPACE, NAME)
    between = lambda _: site.cluster.objects.create("secrets", NAMESPACE, {"metadata": {"name": NAME}})  # noqa: E731
    site.cluster.fault(ApiFault("create", "secrets", action=between))
    site.runner(site.start(engine))
    assert auth(SECOND) == kept(site)


def test_without_credentials_there_is_none(site, keys):
    """Nor is what an earlier life of the server has left; the cluster is told once."""
    site.runner(site.start(site.engine()))
    del keys["alice"]
    engine = site.engine()
    told = site.start(engine)
    assert ([], []) == pull_secrets(site, told)
    assert kept(site) is None
    site.runner(site.start(engine))
    assert 1 == site.cluster.calls["delete secrets"]


def test_each_workspace_has_its_own(site, keys):
    site.namespace("ws-bob")
    told = site.start(site.engine(), document(executing="bob", calling="alice"))
    assert ([], []) == pull_secrets(site, told)
    assert kept(site, "ws-bob") is None


@pytest.mark.parametrize("wrong", ["no JSON", "[]", "{}", '{"auths": []}'])
def test_what_is_no_credentials_fails_the_job_with_a_sentence(site, keys, wrong):
    """Which repeats nothing of it."""
    with pytest.raises(Misconfigured):
        credentials("alice", wrong)
    keys["alice"] = wrong + " "
    ended = site.start(site.engine()).wait()
    assert Outcome.FAILED is ended.outcome
    assert "The secret `registries` of the workspace alice is not like ~/.docker/config.json" in ended.failure.message
    until(site.empty)


def test_only_what_a_kubelet_can_use_goes_into_the_cluster():
    assert {"auths": auth(SECOND)} == json.loads(credentials("alice", SECOND))


@pytest.fixture
def served(site):
    """A client of a web process, and its workspace."""
    with Store.open(site.settings.database_url) as store:
        store.workspaces.create("alice")
    return create_app(site.settings).test_client()


def test_setting_and_forgetting_the_secret_counts_at_once(site, served):
    """And nothing that the server answers has it."""
    address = "/workspaces/alice/secrets/registries"
    for value in (FIRST, SECOND):
        assert 204 == served.put(address, json={"value": value}).status_code
        assert auth(value) == kept(site)
    assert b"c2Vjb25k" not in served.get("/workspaces/alice/secrets").data
    assert served.get(address).status_code in {404, 405}
    assert 204 == served.delete(address).status_code
    assert kept(site) is None


def test_other_secrets_stay_where_they_are(site, served):
    assert 204 == served.put("/workspaces/alice/secrets/mine", json={"value": FIRST}).status_code
    assert kept(site) is None
    assert 0 == site.cluster.calls["create secrets"]


def test_it_goes_with_its_workspace(site, served):
    served.put("/workspaces/alice/secrets/registries", json={"value": FIRST})
    assert 204 == served.delete("/workspaces/alice").status_code
    assert kept(site) is None


def test_a_cluster_that_does_not_answer_keeps_nobody_from_setting_secrets(site, served):
    """The next job makes up for it."""
    site.cluster.fault(ApiFault("*", "secrets", 500, times=100))
    assert 204 == served.put("/workspaces/alice/secrets/registries", json={"value": FIRST}).status_code
    assert kept(site) is None


def test_neither_the_runner_nor_a_step_can_read_it(site, keys):
    """By the rights of their accounts; nor is it mounted or in their environment."""
    told = site.start(site.engine())
    runner = site.runner(told)
    assert NAME not in json.dumps([runner["spec"]["volumes"], runner["spec"]["containers"]])
    for account in ("ades-runner", "default"):
        api = Api(site.cluster.kubeconfig(site.folder / account, f"{NAMESPACE}/{account}"))
        with pytest.raises(Exception, match="secrets is forbidden"):
            api.get(f"/api/v1/namespaces/{NAMESPACE}/secrets/{NAME}")
        api.close()
