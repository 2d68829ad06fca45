"""The double of the Kubernetes API keeps the promises that tests of the engine rely on."""

import pytest
from clusters import until
from kubernetes_double import ApiFault, Cluster, MemoryKubelet, PodFault, Script
from kubernetes_double.pod_security import ENFORCE

from ades.engine.kubernetes.api import Api, ApiError

NS = "ws-alice"
PODS, JOBS, SECRETS = f"/api/v1/namespaces/{NS}/pods", f"/apis/batch/v1/namespaces/{NS}/jobs", "secrets"


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path, MemoryKubelet({"slow*": Script(3600), "talk*": Script(3600, log=b"words\n")})) as cluster:
        cluster.namespace(NS)
        yield cluster


@pytest.fixture
def api(cluster, tmp_path):
    api = Api(cluster.kubeconfig(tmp_path / "config"))
    yield api
    api.close()


def pod(name, **meta):
    return {
        "metadata": {"name": name, **meta},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]},
    }


def job(name, **spec):
    template = {"metadata": {"labels": {"app": name}}, "spec": pod("x")["spec"]}
    return {"metadata": {"name": name}, "spec": {"backoffLimit": 0, **spec, "template": template}}


def phase(api, name):
    try:
        return api.get(f"{PODS}/{name}")["status"].get("phase")
    except ApiError as error:
        return error.code


def watch(api, seen, count, **query):
    import orjson

    lines = api.lines(PODS, 10, watch="true", timeoutSeconds="5", **query)
    for line in lines:
        seen.append(orjson.loads(line))
        if len(seen) == count:
            break
    lines.close()


def test_a_pod_comes_runs_and_ends(api, cluster):
    api.create(PODS, pod("quick"))
    until(lambda: phase(api, "quick") == "Succeeded")
    state = api.get(f"{PODS}/quick")["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (0, "Completed") == (state["exitCode"], state["reason"])


def test_a_watch_goes_on_from_a_version_and_misses_nothing(api, cluster):
    version = api.get(PODS)["metadata"]["resourceVersion"]
    api.create(PODS, pod("slow-1", labels={"a": "b"}))
    api.create(PODS, pod("slow-2"))
    seen = []
    watch(api, seen, 1, resourceVersion=version, labelSelector="a=b")
    assert [("ADDED", "slow-1")] == [(event["type"], event["object"]["metadata"]["name"]) for event in seen]


def test_a_watch_from_a_forgotten_version_is_gone(api, cluster):
    version = api.get(PODS)["metadata"]["resourceVersion"]
    cluster.objects.forget()
    seen = []
    watch(api, seen, 1, resourceVersion=version)
    assert ("ERROR", 410) == (seen[0]["type"], seen[0]["object"]["code"])


def test_bookmarks_tell_how_far_a_watch_is(api, cluster):
    seen = []
    watch(api, seen, 1, resourceVersion=api.get(PODS)["metadata"]["resourceVersion"], allowWatchBookmarks="true")
    assert "BOOKMARK" == seen[0]["type"]


def test_a_cut_watch_is_an_error_for_its_reader(api, cluster):
    import threading

    threading.Timer(0.3, cluster.cut_watches, ("pods",)).start()
    with pytest.raises(ApiError, match="broke"):
        watch(api, [], 5, resourceVersion=api.get(PODS)["metadata"]["resourceVersion"])


def test_a_suspended_job_makes_no_pod_until_it_is_let_go(api, cluster):
    api.create(JOBS, job("slow", suspend=True))
    assert [] == api.get(PODS)["items"]
    api.merge(f"{JOBS}/slow", {"spec": {"suspend": False}})
    (made,) = until(lambda: api.get(PODS)["items"])
    assert {"job-name", "batch.kubernetes.io/controller-uid"} <= made["metadata"]["labels"].keys()


def test_what_a_job_owns_goes_with_it(api, cluster):
    made = api.create(JOBS, job("slow"))
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "slow", "uid": made["metadata"]["uid"]}
    secret = {"metadata": {"name": "s", "ownerReferences": [owner]}, "stringData": {"a": "b"}}
    api.create(f"/api/v1/namespaces/{NS}/{SECRETS}", secret)
    until(lambda: api.get(PODS)["items"])
    api.delete(f"{JOBS}/slow", {"propagationPolicy": "Background"})
    until(lambda: not api.get(PODS)["items"] and not cluster.objects.find(SECRETS, NS))


def test_finished_jobs_expire_and_late_ones_fail(api, cluster):
    api.create(JOBS, job("quick", ttlSecondsAfterFinished=60))
    api.create(JOBS, job("slow", activeDeadlineSeconds=600))
    until(lambda: "conditions" in api.get(f"{JOBS}/quick")["status"])
    cluster._controllers.ahead = 601
    cluster.namespace("wake-up")
    until(lambda: {"slow"} == {each["metadata"]["name"] for each in api.get(JOBS)["items"]})
    until(lambda: api.get(f"{JOBS}/slow")["status"].get("conditions"))
    assert "DeadlineExceeded" == api.get(f"{JOBS}/slow")["status"]["conditions"][0]["reason"]


def test_quotas_names_and_accounts_are_checked(api, cluster):
    cluster.objects.create("resourcequotas", NS, {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}})
    with pytest.raises(ApiError, match="exceeded quota: q"):
        api.create(PODS, pod("one"))
    with pytest.raises(ApiError) as wrong:
        api.create(PODS, pod("Not-Allowed"))
    assert 422 == wrong.value.code


def test_an_account_may_do_what_its_role_says(api, cluster, tmp_path):
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    cluster.objects.create("roles", NS, {"metadata": {"name": "r"}, "rules": rules})
    cluster.objects.create(
        "rolebindings",
        NS,
        {
            "metadata": {"name": "r"},
            "roleRef": {"kind": "Role", "name": "r"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": NS}],
        },
    )
    account = Api(cluster.kubeconfig(tmp_path / "account", f"{NS}/default"))
    assert [] == account.get(PODS)["items"]
    with pytest.raises(ApiError, match="cannot create resource"):
        account.create(PODS, pod("one"))
    account.close()


def test_faults_strike_as_often_as_they_say(api, cluster):
    cluster.fault(ApiFault("list", "pods", 503, times=2))
    for _ in range(2):
        with pytest.raises(ApiError):
            api.get(PODS)
    assert [] == api.get(PODS)["items"]
    cluster.fault(PodFault("un*", "image-pull"))
    api.create(PODS, pod("unlucky"))
    until(lambda: api.get(f"{PODS}/unlucky")["status"].get("containerStatuses"))
    until(lambda: any(each["reason"] == "BackOff" for each in cluster.objects.find("events", NS)))
    assert "Pending" == phase(api, "unlucky")


def test_logs_and_deletion(api, cluster):
    api.create(PODS, pod("talk"))
    until(lambda: phase(api, "talk") == "Running")
    assert b"words\n" == api.text(f"{PODS}/talk/log")
    api.delete(f"{PODS}/talk", None)
    until(lambda: phase(api, "talk") == 404)


def test_a_restricted_namespace_refuses_pods_in_the_words_of_a_real_one(api, cluster):
    """Also those of Jobs, whose controller tells it in an event; other levels let them pass."""
    cluster.namespace("ws-strict", "restricted")
    where = "/api/v1/namespaces/ws-strict"
    with pytest.raises(ApiError) as refused:
        api.create(f"{where}/pods", pod("one"))
    words = (
        'violates PodSecurity "restricted:latest": '
        'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), '
        'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), '
        'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), '
        'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or '
        '"Localhost")'
    )
    assert (403, "Forbidden", f'pods "one" is forbidden: {words}') == (
        refused.value.code, refused.value.reason, refused.value.message,
    )  # fmt: skip
    api.create(JOBS.replace(NS, "ws-strict"), job("two"))
    until(lambda: any(words in each["message"] for each in cluster.objects.find("events", "ws-strict")))
    assert [] == api.get(f"{where}/pods")["items"]
    api.merge("/api/v1/namespaces/ws-strict", {"metadata": {"labels": {ENFORCE: "baseline"}}})
    until(lambda: api.get(f"{where}/pods")["items"])


def test_a_pod_waits_for_a_node_that_fits_and_for_an_image_that_there_is(api, cluster):
    """Without a fault that somebody has injected."""
    far, large, unknown = pod("far"), pod("large"), pod("unknown")
    far["spec"]["nodeSelector"] = {"pool": "none"}
    large["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "4000"}}
    unknown["spec"]["containers"][0]["image"] = "registry.invalid:5000/nothing:1"
    for each in (far, large, unknown):
        api.create(PODS, each)

    def told(name):
        events = cluster.objects.find("events", NS)
        return [event["message"] for event in events if event["involvedObject"]["name"] == name]

    until(lambda: told("far") and told("large") and len(told("unknown")) > 1)
    assert told("far") == ["0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."]
    assert told("large") == ["0/1 nodes are available: 1 Insufficient cpu."]
    assert any("Back-off" in message for message in told("unknown"))
    assert {"Pending"} == {phase(api, name) for name in ("far", "large", "unknown")}


def test_a_namespace_comes_with_an_account_and_goes_with_all_that_is_in_it(api, cluster):
    api.create("/api/v1/namespaces", {"metadata": {"name": "ws-new"}})
    where = "/api/v1/namespaces/ws-new"
    assert api.get(f"{where}/serviceaccounts/default")
    api.create(JOBS.replace(NS, "ws-new"), job("slow"))
    until(lambda: api.get(f"{where}/pods")["items"])
    api.delete(where, {})
    until(lambda: not any(cluster.objects.find(kind, "ws-new") for kind in ("jobs", "pods", "serviceaccounts")))
    assert 404 == phase(api, "slow")
