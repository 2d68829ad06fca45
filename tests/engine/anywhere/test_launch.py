"""Jobs that never come to run: what the launcher, the watchdog and the next server make of them."""

import time

import pytest
from anywhere import NOWHERE

from ades.engine.kubernetes import places
from ades.engine.kubernetes.belongings import BOUNDS
from ades.model import Reason
from ades.runner.document import Limits
from ades.runner.events import Outcome

WAITS = {"kubernetes_image": NOWHERE, "kubernetes_pull_deadline": 600.0}


def ended(idle, told):
    found = told.wait(idle.target.patience)
    idle.until(lambda: not idle.left(told), "everything of the job to go")
    return found


def test_an_image_that_is_nowhere_fails_the_job(idle):
    told = idle.start(engine=idle.engine(kubernetes_image=NOWHERE, kubernetes_pull_deadline=2.0))
    end = ended(idle, told)
    assert (Outcome.FAILED, Reason.IMAGE_UNAVAILABLE) == (end.outcome, end.failure.reason)
    assert NOWHERE in end.failure.message


def test_a_runner_that_fits_on_no_node_fails_the_job(idle):
    """With the scheduler's words, which are told before they are fatal."""
    engine = idle.engine(kubernetes_node_selector={"ades-tests": "nowhere"}, kubernetes_schedule_deadline=2.0)
    told = idle.start(engine=engine)
    end = ended(idle, told)
    assert (Outcome.FAILED, Reason.UNSCHEDULABLE) == (end.outcome, end.failure.reason)
    assert "nodes are available" in end.failure.message
    assert any("nodes are available" in text for text in told.messages)


def test_a_quota_that_is_used_up_fails_the_job_with_its_words(idle):
    """It is the quota of the namespace that the server has made."""
    end = ended(idle, idle.start(engine=idle.engine(kubernetes_quota={"pods": "0"})))
    assert Outcome.FAILED is end.outcome
    assert f"exceeded quota: {BOUNDS}" in end.failure.message


def test_the_wall_time_ends_a_job(idle):
    end = ended(idle, idle.start(engine=idle.engine(**WAITS), limits=Limits(seconds=3)))
    assert (Outcome.FAILED, Reason.TIME_LIMIT) == (end.outcome, end.failure.reason)


def test_what_is_dismissed_is_gone(idle):
    """The Job within five seconds, everything else after the grace."""
    engine = idle.engine(**WAITS)
    told = idle.start(engine=engine)
    idle.until(lambda: idle.pods(told, steps=False), "the pod of the runner")
    began = time.monotonic()
    engine.kill(told.job)
    idle.until(lambda: not idle.job(told), "the Job to go")
    assert time.monotonic() - began < 5 + idle.target.patience / 10
    assert Outcome.DISMISSED is ended(idle, told).outcome


def test_the_next_server_goes_on(idle):
    """With the same Job, which was not touched."""
    first = idle.engine(**WAITS)
    told = idle.start(engine=first)
    idle.until(lambda: idle.job(told).get("spec", {}).get("suspend") is False, "the Job to be let go")
    uid = idle.job(told)["metadata"]["uid"]
    first.close()
    second = idle.engine(**WAITS)
    again = idle.go_on(second, told.document)
    idle.until(lambda: again.messages, "a word about the image")
    assert uid == idle.job(told)["metadata"]["uid"]
    second.kill(told.job)
    assert Outcome.DISMISSED is ended(idle, again).outcome


@pytest.mark.parametrize("what", ["the Job", "its pod"])
def test_what_somebody_deletes_is_lost(idle, what):
    """And is not waited for."""
    told = idle.start(engine=idle.engine(**WAITS))
    (pod,) = idle.until(lambda: idle.pods(told, steps=False), "the pod of the runner")
    path = places.jobs(idle.namespace, f"job-{told.job}")
    idle.delete(path if what == "the Job" else places.pods(idle.namespace, pod["metadata"]["name"]))
    assert Outcome.LOST is ended(idle, told).outcome


def test_the_namespace_is_made_with_all_that_belongs_into_it(idle):
    """And kept as the settings say; pods that break the restricted level are refused there."""
    first = idle.engine(**WAITS)
    told = idle.start(engine=first)
    idle.until(lambda: idle.pods(told, steps=False), "the pod of the runner")
    labels = idle.api.get(places.core("", "namespaces", idle.namespace))["metadata"]["labels"]
    assert "restricted" == labels["pod-security.kubernetes.io/enforce"]
    policies = idle.api.get(places.policies(idle.namespace))["items"]
    assert {"ades-nothing", "ades-steps", "ades-runner"} == {each["metadata"]["name"] for each in policies}
    quota = lambda: idle.api.get(places.core(idle.namespace, "resourcequotas", BOUNDS))["spec"]["hard"]  # noqa: E731
    assert "200" == quota()["pods"]
    bare = {"metadata": {"name": "bare"}, "spec": {"containers": [{"name": "c", "image": NOWHERE}]}}
    with pytest.raises(Exception, match='violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false'):
        idle.api.create(places.pods(idle.namespace), bare)
    first.kill(told.job)
    ended(idle, told)
    second = idle.engine(kubernetes_quota={"pods": "7"}, **WAITS)
    told = idle.start(engine=second)
    idle.until(lambda: idle.job(told), "the next Job")
    assert {"pods": "7"} == quota()
    second.kill(told.job)
    ended(idle, told)
