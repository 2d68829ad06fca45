"""Jobs on the double of a cluster: from the start to the end, whatever happens in between."""

import time

import pytest
from clusters import FOREVER, NAMESPACE, document, finished, until
from kubernetes_double import ApiFault, PodFault, Script
from moments import within

from ades.errors import Misconfigured
from ades.model import Failure, Reason, StepState
from ades.runner.events import Ended, Outcome, ResultStored, StepChanged


def test_a_job_runs_and_leaves_nothing_but_its_record(site):
    """The runner's record is told as it stands, the end last; then nothing of the job is in the cluster."""
    site.kubelet.scripts["job-*"] = site.finishes()
    told = site.start(site.engine())
    assert Outcome.SUCCESSFUL == told.wait().outcome
    assert [7] == [event.result.value for event in told.of(ResultStored)]
    until(site.empty)
    assert site.calls() <= 6


def test_everything_is_there_before_the_runner_starts(site):
    """Job, volume and document come first; the Job is let go last of all."""
    seen = []
    site.cluster.fault(ApiFault("create", "jobs", times=99, action=seen.append))
    told = site.start(site.engine())
    site.runner(told)
    (created,) = seen
    assert created.body["spec"]["suspend"] is True
    assert not site.job(told)["spec"]["suspend"]
    (volume,) = site.find("persistentvolumeclaims", told)
    assert volume["metadata"]["ownerReferences"][0]["uid"] == site.job(told)["metadata"]["uid"]
    assert site.objects.stat(f"{told.document.logs_prefix}/document.json").size


def test_submit_to_job_takes_little_time(site):
    """A tenth of a second is the goal; the best of five."""
    engine = site.engine()
    site.runner(site.start(engine))

    def launch() -> float:
        began = time.monotonic()
        told = site.start(engine)
        until(lambda: site.find("jobs", told))
        return time.monotonic() - began

    assert min(launch() for _ in range(5)) < within(0.3)


def test_steps_are_seen_while_they_run(site):
    """A pod of a step is a step: its pod, node, image and requests, its times and its end."""
    told = site.start(site.engine())
    site.runner(told)
    site.kubelet.scripts["warp-*"] = Script(0.3)
    pod = site.step(told, "warp", resources={"requests": {"cpu": "2", "memory": "4Gi"}})
    until(lambda: told.steps.get("warp") and told.steps["warp"].state is StepState.SUCCESSFUL)
    states = list(dict.fromkeys(event.step.state for event in told.of(StepChanged)))
    assert [StepState.RUNNING, StepState.SUCCESSFUL] == [state for state in states if state is not StepState.PENDING]
    step = told.steps["warp"]
    assert ("warp:1", 0) == (step.image, step.exit_code)
    assert step.finished >= step.started
    assert {
        "pod": pod["metadata"]["name"],
        "namespace": NAMESPACE,
        "node": "double-node",
        "requests": {"cpu": "2", "memory": "4Gi"},
    } == step.details


def test_what_the_cluster_knew_of_a_step_survives_the_record(site):
    """The runner's last word on a step does not wipe out the pod and the node on which it ran."""
    engine = site.engine()
    told = site.start(engine)
    site.kubelet.scripts["warp-*"] = Script(0.01)
    runner = site.runner(told)
    site.step(told, "warp")
    until(lambda: told.steps.get("warp") and told.steps["warp"].state is StepState.SUCCESSFUL)
    site.record(runner, finished(told, "warp", peak_memory=5), Ended(Outcome.SUCCESSFUL))
    site.kubelet.ended(runner, runner["spec"]["containers"][0], 0, None)
    told.wait()
    assert (5, "double-node") == (told.steps["warp"].peak_memory, told.steps["warp"].details["node"])


def test_progress_comes_by_one_annotation(site):
    told = site.start(site.engine())
    runner = site.runner(told)
    for text in ('{"percent": 40, "message": "Warping."}', "nonsense", '{"percent": 60}'):
        site.cluster.objects.update(
            "pods",
            NAMESPACE,
            runner["metadata"]["name"],
            lambda pod, text=text: pod["metadata"].setdefault("annotations", {}).update({"ades/progress": text}),
        )
    until(lambda: told.percents[-1:] == [60])
    assert told.messages in ([], ["Warping."])


def test_a_failed_step_fails_the_job_with_the_runners_words(site):
    failure = Failure(Reason.EXIT_CODE, "warp ended with 3.", step="warp", exit_code=3)
    site.kubelet.scripts["job-*"] = site.finishes(Ended(Outcome.FAILED, failure), code=1)
    told = site.start(site.engine())
    assert failure == told.wait().failure
    until(site.empty)


def test_dismissal_clears_everything_at_once(site):
    """Within five seconds Job and pods are gone, and only then the end is told."""
    engine = site.engine()
    told = site.start(engine)
    site.runner(told)
    site.kubelet.scripts["warp-*"] = Script(FOREVER)
    site.step(told, "warp")
    engine.kill(told.job)
    assert Outcome.DISMISSED == told.wait(within(5)).outcome
    assert site.empty()
    assert frozenset() == engine.running()


def test_a_job_is_dismissed_while_it_is_launched(site):
    """Whichever call of the launcher it comes upon, nothing is left."""
    engine = site.engine()
    for resource, verb in (("jobs", "create"), ("persistentvolumeclaims", "create"), ("jobs", "patch")):
        given = document()
        kill = lambda _, given=given: engine.kill(given.job)  # noqa: E731
        site.cluster.fault(ApiFault(verb, resource, action=kill))
        assert Outcome.DISMISSED == site.start(engine, given).wait().outcome
        assert site.empty()


def test_a_node_that_is_gone_does_not_keep_a_dismissed_job(make):
    """Pods of a lost node never confirm their end; they are removed by force."""
    site = make(kubernetes_grace=0)
    site.cluster.fault(PodFault("job-*", "slow", seconds=FOREVER))
    engine = site.engine()
    told = site.start(engine)
    until(lambda: site.find("pods", told))
    engine.kill(told.job)
    assert Outcome.DISMISSED == told.wait().outcome


def test_namespaces_can_be_watched_one_by_one(make):
    """Where the cluster as a whole is not to be seen: two watches for each namespace that has had a job."""
    site = make(kubernetes_watch="namespaces")
    site.namespace("ws-bob")
    site.kubelet.scripts["job-*"] = site.finishes()
    engine = site.engine()
    told = [site.start(engine, executing=workspace) for workspace in ("alice", "bob", "alice")]
    assert {Outcome.SUCCESSFUL} == {each.wait().outcome for each in told}
    assert (2, 2) == (site.cluster.calls["watch jobs"], site.cluster.calls["watch pods"])
    until(site.empty)


def test_a_server_that_knows_no_cluster_says_so_at_once(site):
    with pytest.raises(Misconfigured, match="ADES_KUBERNETES_CONFIG"):
        site.engine(kubernetes_config=site.folder / "nothing")


def test_killing_what_is_not_there_does_nothing(site):
    engine = site.engine()
    engine.running()
    engine.kill(document().job)
    told = site.start(engine)
    site.runner(told)
    assert {told.job} == engine.running()


def test_there_is_room_for_so_many_jobs(site):
    engine = site.engine(kubernetes_jobs=2)
    assert 2 == engine.free()
    site.start(engine)
    assert 1 == engine.free()


def test_a_cluster_that_stumbles_is_tried_again(site):
    """5xx, 429 and broken connections cost time, not the job."""
    site.kubelet.scripts["job-*"] = site.finishes()
    for verb, resource, code in (
        ("create", "jobs", 500),
        ("create", "persistentvolumeclaims", 429),
        ("patch", "jobs", 503),
    ):
        site.cluster.fault(ApiFault(verb, resource, code, "Trouble", "try later"))
    site.cluster.fault(ApiFault("delete", "jobs", 500))
    told = site.start(site.engine())
    assert Outcome.SUCCESSFUL == told.wait().outcome
    until(site.empty)


def test_two_watches_are_enough_whatever_happens(site):
    """However many jobs there are: two watches; cut or expired ones begin anew and miss nothing."""
    engine = site.engine()
    first = [site.start(engine) for _ in range(5)]
    for told in first:
        site.runner(told)
    assert (1, 1) == (site.cluster.calls["watch jobs"], site.cluster.calls["watch pods"])
    site.cluster.objects.forget()
    site.cluster.cut_watches("pods")
    site.cluster.cut_watches("jobs")
    site.kubelet.scripts["job-*"] = site.finishes()
    assert Outcome.SUCCESSFUL == site.start(engine).wait().outcome
