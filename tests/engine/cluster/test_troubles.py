"""Each row of the table in docs/kubernetes.md: what is seen, after how long, and what is said."""

import time

import pytest
from clusters import NAMESPACE, until
from kubernetes_double import ApiFault, PodFault, Script

from ades.engine.kubernetes import watchdog
from ades.model import Failure, Reason, StepState
from ades.runner.events import Ended, LogStored, Outcome, StepChanged

SOON = {
    "kubernetes_pull_deadline": 0.3,
    "kubernetes_start_deadline": 0.3,
    "kubernetes_schedule_deadline": 0.5,
}
RUNNER, STEP = "job-*", "warp-*"

STUCK = {
    "image-name": (Reason.IMAGE_UNAVAILABLE, "InvalidImageName"),
    "image-never": (Reason.IMAGE_UNAVAILABLE, "ErrImageNeverPull"),
    "config-error": (Reason.INTERNAL, 'secret "missing" not found'),
    "image-pull": (Reason.IMAGE_UNAVAILABLE, "cannot be pulled"),
    "unschedulable": (Reason.UNSCHEDULABLE, "no node fits: 0/1 nodes are available"),
}


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    """A runner of these tests does nothing by itself."""
    monkeypatch.setattr(watchdog, "PATIENCE", 0.1)
    monkeypatch.setattr(watchdog, "PATIENCE_LOST", 0.3)
    monkeypatch.setattr(watchdog, "QUIET", 0.2)


def with_step(site, engine):
    """A job whose runner runs, and which has a pod for the step `warp`."""
    told = site.start(engine)
    site.runner(told)
    site.step(told, "warp", resources={"requests": {"cpu": "2", "memory": "4Gi"}, "limits": {"memory": "4Gi"}})
    return told


def failed_step(told):
    return until(lambda: next((step for step in told.steps.values() if step.state is StepState.FAILED), None))


@pytest.mark.parametrize("kind", STUCK)
def test_a_runner_that_cannot_start_fails_the_job(make, kind):
    """With the words of the kubelet or the scheduler; nothing is left behind."""
    site = make(**SOON)
    site.cluster.fault(PodFault(RUNNER, kind))
    told = site.start(site.engine())
    reason, words = STUCK[kind]
    ended = told.wait()
    assert (Outcome.FAILED, reason) == (ended.outcome, ended.failure.reason)
    assert words in ended.failure.message
    assert ended.failure.message.startswith(("The runner of the job", "The image runner:1"))
    assert ended.failure.message in told.messages, "it was said before it was fatal"
    until(site.empty)


@pytest.mark.parametrize("kind", STUCK)
def test_a_step_that_cannot_start_fails_the_job_when_its_runner_does_nothing(make, kind):
    site = make(**SOON)
    site.cluster.fault(PodFault(STEP, kind))
    told = with_step(site, site.engine())
    reason, words = STUCK[kind]
    ended = told.wait()
    assert (Outcome.FAILED, reason, "warp") == (ended.outcome, ended.failure.reason, ended.failure.step)
    assert words in ended.failure.message
    assert any("waiting" in event.step.details for event in told.of(StepChanged))
    until(site.empty)


def test_nothing_is_failed_before_its_time(make):
    """A pod that waits is said to wait; when what it waits for comes, nothing was lost."""
    site = make()
    site.cluster.fault(PodFault(RUNNER, "unschedulable"))
    told = site.start(site.engine())
    until(lambda: told.messages)
    assert "needs 0.25 CPU and 1,024 MiB, and no node fits" in told.messages[0]
    assert not told.done.is_set()


def test_an_autoscaler_gets_its_time(make):
    """A node is on its way: the deadline begins anew."""
    site = make(kubernetes_schedule_deadline=3)
    site.cluster.fault(PodFault(RUNNER, "unschedulable"))
    told = site.start(site.engine())
    (pod,) = until(lambda: site.find("pods", told))
    site.cluster.event(pod, "TriggeredScaleUp", "pod triggered scale-up: 1->2", kind="Normal")
    until(lambda: any("making room" in text for text in told.messages))
    assert Reason.UNSCHEDULABLE is told.wait().failure.reason


def test_a_pod_that_waits_without_a_word_is_explained_by_its_events(make):
    site = make()
    site.kubelet.begin = lambda pod, fault: None
    told = site.start(site.engine())
    (pod,) = until(lambda: site.find("pods", told))
    site.cluster.event(pod, "FailedMount", 'persistentvolumeclaim "job-x" not bound')
    until(lambda: told.messages)
    assert told.messages == ['The runner of the job waits: persistentvolumeclaim "job-x" not bound']


def test_a_step_out_of_memory_gets_advice(site):
    """The kubelet's reason is on the step before the pod is deleted, and on the job although the runner knew less."""
    site.cluster.fault(PodFault(STEP, "oom"))
    told = with_step(site, site.engine())
    step = failed_step(told)
    advice = (
        "The step warp was killed at its memory limit of 4,096 MiB; raise ramMin or ramMax of its ResourceRequirement."
    )
    assert (Reason.OUT_OF_MEMORY, 137, advice) == (step.reason, step.exit_code, step.message)


def test_what_the_kubelet_knew_is_on_the_job(site):
    site.cluster.fault(PodFault(STEP, "oom"))
    told = with_step(site, site.engine())
    failed_step(told)
    runner = site.runner(told)
    missing = Failure(Reason.EXIT_CODE, "Did not find output file with glob pattern.", step="warp", exit_code=137)
    site.record(runner, Ended(Outcome.FAILED, missing))
    site.kubelet.ended(runner, runner["spec"]["containers"][0], 1, None)
    failure = told.wait().failure
    assert (Reason.OUT_OF_MEMORY, "warp") == (failure.reason, failure.step)
    assert "raise ramMin" in failure.message


def test_a_runner_out_of_memory_says_which_setting(site):
    site.cluster.fault(PodFault(RUNNER, "oom"))
    ended = site.start(site.engine()).wait()
    assert (Outcome.FAILED, Reason.OUT_OF_MEMORY) == (ended.outcome, ended.failure.reason)
    assert "1,024 MiB; raise ADES_KUBERNETES_MEMORY" in ended.failure.message
    until(site.empty)


@pytest.mark.parametrize("kind", ["evicted", "evicted-before-start", "preempted", "node-lost"])
@pytest.mark.parametrize("again", [1, 0], ids=["again", "not again"])
def test_a_runner_that_lost_its_node_is_run_again_or_failed(make, kind, again):
    """It is not the job's fault: whether it is run again is a setting."""
    site = make(kubernetes_retries_lost=again)
    site.cluster.fault(PodFault(RUNNER, kind))
    ended = site.start(site.engine()).wait()
    assert (Outcome.LOST if again else Outcome.FAILED) is ended.outcome
    if kind != "preempted":  # that pod is gone before anybody has seen why
        assert Reason.EVICTED is ended.failure.reason
    until(site.empty)


@pytest.mark.parametrize("kind", ["evicted", "node-lost"])
def test_a_step_that_lost_its_node_says_so(site, kind):
    """On the step at once, and on the job when its runner waits for ever."""
    site.cluster.fault(PodFault(STEP, kind))
    told = with_step(site, site.engine())
    step = failed_step(told)
    assert Reason.EVICTED is step.reason
    ended = told.wait()
    assert (Reason.EVICTED, "warp") == (ended.failure.reason, ended.failure.step)
    until(site.empty)


def test_a_pod_that_the_runner_starts_again_is_another_try(make, monkeypatch):
    """The newest pod of a step is the step."""
    monkeypatch.setattr(watchdog, "PATIENCE_LOST", 60)
    site = make()
    site.cluster.fault(PodFault(STEP, "evicted", times=1))
    told = with_step(site, site.engine())
    failed_step(told)
    time.sleep(1.1)  # the API tells seconds
    site.step(told, "warp")
    until(lambda: told.steps["warp"].state is StepState.SUCCESSFUL)
    assert 2 == told.steps["warp"].details["attempts"]


def test_the_wall_time_ends_a_job(make):
    site = make(kubernetes_wall_limit=60)
    told = site.start(site.engine())
    site.runner(told)
    site.cluster._controllers.ahead = 61
    site.cluster.namespace("wake-up")
    ended = told.wait()
    assert (Outcome.FAILED, Reason.TIME_LIMIT) == (ended.outcome, ended.failure.reason)
    until(site.empty)


@pytest.mark.parametrize("begun", [False, True], ids=["no step had begun", "a step had begun"])
def test_a_runner_that_dies_is_run_again_unless_a_step_has_begun(site, begun):
    """What a step has done nobody knows; its last words are kept."""
    engine = site.engine()
    if begun:
        site.kubelet.scripts["job-*"] = Script(0.4, code=3, log=b"Traceback\n")
        told = site.start(engine)
        site.runner(told)
        site.kubelet.scripts[STEP] = Script(0.01)
        site.step(told, "warp")
    else:
        site.kubelet.scripts["job-*"] = Script(0.01, code=3, log=b"Traceback\n")
        told = site.start(engine)
    ended = told.wait()
    assert ((Outcome.FAILED if begun else Outcome.LOST), Reason.WORKER_LOST) == (ended.outcome, ended.failure.reason)
    assert "(exit code 3)" in ended.failure.message
    with site.objects.open(f"{told.document.logs_prefix}/job.log") as log:
        assert b"Traceback\n" == log.read()
    until(site.empty)


@pytest.mark.parametrize(("refused", "kept"), [(0, {"job": 7, "warp": 10}), (1, {"warp": 10}), (3, {})])
def test_logs_of_a_dead_runner_that_cannot_be_read_hold_up_nothing(site, refused, kept):
    """What can be read is kept, a step that ran twice in one log."""
    site.kubelet.scripts |= {RUNNER: Script(60, log=b"runner\n"), STEP: Script(60, log=b"step\n")}
    told = site.start(site.engine())
    runner = site.runner(told)
    for _ in range(2):
        site.step(told, "warp")
    until(lambda: all(pod["status"]["phase"] == "Running" for pod in site.find("pods", told)))
    site.cluster.fault(ApiFault("get", "pods/log", times=refused))
    site.kubelet.strike(runner, PodFault(RUNNER, "oom"))
    assert Outcome.FAILED is told.wait().outcome
    assert kept == {event.name: event.size for event in told.of(LogStored)}
    until(site.empty)


def test_a_runner_that_is_deleted_is_lost(site):
    told = site.start(site.engine())
    pod = site.runner(told)
    site.cluster.delete("pods", pod, 0)
    assert Outcome.LOST is told.wait().outcome
    until(site.empty)


def test_a_job_that_is_deleted_is_lost(site):
    """Somebody has used kubectl: the job ends, and is not waited for."""
    told = site.start(site.engine())
    site.runner(told)
    site.cluster.delete("jobs", site.job(told), policy="Background")
    ended = told.wait()
    assert (Outcome.LOST, Reason.WORKER_LOST) == (ended.outcome, ended.failure.reason)
    until(site.empty)


@pytest.mark.parametrize("where", ["the Job", "its pod"])
def test_a_quota_fails_the_job_with_its_words(site, where):
    if where == "the Job":
        words = 'jobs.batch "job" is forbidden: exceeded quota: count, requested: count/jobs.batch=1'
        site.cluster.fault(ApiFault("create", "jobs", 403, "Forbidden", words))
    else:
        quota = {"metadata": {"name": "small"}, "spec": {"hard": {"requests.memory": "512Mi"}}}
        site.cluster.objects.create("resourcequotas", NAMESPACE, quota)
    ended = site.start(site.engine()).wait()
    assert Outcome.FAILED is ended.outcome
    assert "exceeded quota" in ended.failure.message
    assert "The quota of the namespace ws-alice is used up" in ended.failure.message
    until(site.empty)


def test_a_missing_account_is_told(make):
    """The cluster makes no pod, and its events say why."""
    site = make(kubernetes_service_account="nobody", kubernetes_start_deadline=0.2)
    ended = site.start(site.engine()).wait()
    assert 'serviceaccount "nobody" not found' in ended.failure.message
    until(site.empty)


def test_a_namespace_that_is_not_there_is_told(make):
    ended = (site := make()).start(site.engine(), executing="bob").wait()
    assert "`ades doctor` says what is missing in ws-bob" in ended.failure.message


def test_a_refusal_is_final_and_names_the_namespace(site):
    site.cluster.fault(ApiFault("create", "jobs", 403, "Forbidden", 'jobs is forbidden: User "ades" cannot create'))
    ended = site.start(site.engine()).wait()
    assert "The server may not run jobs in ws-alice" in ended.failure.message
