"""The runner while the cluster stumbles, refuses, takes pods away, or tells it to go."""

from __future__ import annotations

import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from checking_s3 import CheckingS3
from kubernetes_double import ApiFault
from kubernetes_packages import alone, tool, workflow
from kubernetes_runs import NAMESPACE
from moments import within
from s3_servers import KEY, SECRET

from ades.model import Reason, StepState
from ades.objects import Credentials
from ades.runner.document import Pods, Retries
from ades.runner.events import Outcome

PODS = Pods(default_image="debian:12", max_cores=100, grace=1)


def until(what, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_step_is_started_again_after_an_eviction_and_with_more_memory(site):
    """As often as its policy says, and then it is successful as if nothing had been."""
    site.fault("evicted", "evicted", times=1, seconds=0.1)
    site.fault("hungry", "oom", times=1, seconds=0.1)
    run = site.run(
        workflow(evicted="sleep 0.5; echo a > $HOME/x; cat $HOME/x", hungry="sleep 0.5; echo b"),
        pods=Pods(default_image="debian:12", retries=Retries(lost=1, memory=1)),
    )
    assert Outcome.SUCCESSFUL == run.end.outcome, run.spoken()
    assert ("a\n", "b\n") == (run.text("o0"), run.text("o1"))
    assert {2} == {step.details["attempts"] for step in run.steps.values()}
    assert ("128Mi", "256Mi") == tuple(run.steps[name].details["limits"]["memory"] for name in ("evicted", "hungry"))


@pytest.mark.long
def test_memory_grows_no_further_than_allowed(site):
    site.fault("hungry", "oom", seconds=0.05)
    retries = Retries(memory=5, memory_maximum=300 * 1024**2)
    run = site.run(workflow(hungry="sleep 5"), pods=Pods(default_image="debian:12", retries=retries))
    assert Reason.OUT_OF_MEMORY == run.failure.reason
    assert (3, "300Mi") == (run.steps["hungry"].details["attempts"], run.steps["hungry"].details["limits"]["memory"])


@pytest.mark.long
def test_a_scatter_of_short_pods_runs_as_wide_as_allowed_and_keeps_every_log(site):
    """However few processors the runner has, and however short the pods are."""
    package = workflow()
    inner = tool("echo said $0; sleep 1", inputs={"n": {"type": "int", "inputBinding": {}}}, outputs={})
    package["requirements"] = {"ScatterFeatureRequirement": {}}
    package["inputs"] = {"ns": "int[]"}
    package["steps"] = {"many": {"run": inner, "in": {"n": "ns"}, "scatter": "n", "out": []}}
    run = site.run(package, {"ns": list(range(20))}, pods=PODS)
    assert Outcome.SUCCESSFUL == run.end.outcome, run.spoken()
    assert [f"said {n}\n" for n in range(20)] == [run.log("many" if n == 0 else f"many_{n + 1}") for n in range(20)]
    times = [(step.started, step.finished) for step in run.steps.values()]
    assert max(sum(begun <= at < ended for begun, ended in times) for at, _ in times) > (os.cpu_count() or 1) + 4


@pytest.mark.long
def test_a_watch_may_expire_and_break_while_a_pod_is_pending(site):
    site.fault("late", "slow", seconds=2)
    run = site.start(workflow(late="echo done"), pods=PODS)
    # The double's kubelet reads the same history: it must have taken the pod before that is forgotten.
    until(lambda: [pod for pod in run.pods() if pod["status"].get("startTime")])
    site.cluster.objects.forget()
    time.sleep(0.3)
    site.cluster.cut_watches("pods")
    run.wait()
    assert Outcome.SUCCESSFUL == run.end.outcome, run.spoken()
    assert "done\n" == run.text("o0")


@pytest.mark.long
def test_an_api_that_is_away_for_a_while_costs_time_only(site):
    run = site.start(workflow(slow="echo a; sleep 2; echo b"), pods=PODS)
    run.wait_for_pod()
    away = site.cluster.fault(ApiFault("*", "*", 503, "ServiceUnavailable", "away", times=10**9))
    site.cluster.cut_watches("pods")
    time.sleep(4)
    away.times = 0
    run.wait()
    assert Outcome.SUCCESSFUL == run.end.outcome, run.spoken()
    assert [] == run.pods()


@pytest.mark.parametrize(
    ("code", "message", "reason", "words"),
    [
        (
            403,
            'pods "x" is forbidden: exceeded quota: jobs, requested: memory=1Gi',
            Reason.UNSCHEDULABLE,
            "exceeded quota: jobs",
        ),
        pytest.param(
            422,
            "spec.containers[0].image: Required value",
            Reason.INTERNAL,
            "image: Required value",
            marks=pytest.mark.long,
        ),
    ],
    ids=["quota", "invalid"],
)
def test_what_the_cluster_refuses_fails_at_once(site, code, message, reason, words):
    """With the text of the quota or of the API, and without one attempt more."""
    site.cluster.fault(ApiFault("create", "pods", code, "Forbidden", message, times=100))
    asked = site.cluster.calls["create pods"]
    run = site.run(workflow(refused="true"), pods=PODS)
    assert reason == run.failure.reason
    assert words in run.failure.message
    assert 1 == site.cluster.calls["create pods"] - asked


@pytest.mark.long
def test_an_api_that_asks_for_patience_gets_it(site):
    site.cluster.fault(ApiFault("create", "pods", 429, "TooManyRequests", "later", times=2))
    site.cluster.fault(ApiFault("create", "pods", 500, "InternalError", "etcd", times=1))
    assert Outcome.SUCCESSFUL == site.run(workflow(one="true"), pods=PODS).end.outcome


@pytest.mark.long
def test_an_injected_sidecar_is_no_reason_to_fail_or_to_wait(site):
    def inject(request) -> None:
        safe = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        request.body["spec"]["containers"].append({"name": "a-proxy", "image": "proxy", "securityContext": safe})

    site.cluster.fault(ApiFault("create", "pods", action=inject, times=1))
    run = site.run(workflow(one="echo fine"), pods=PODS)
    assert Outcome.SUCCESSFUL == run.end.outcome, run.spoken()
    assert [] == run.pods()


ASK = """
import os, ssl, urllib.error, urllib.request
host = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
try:
    urllib.request.urlopen(f"{host}/api/v1/namespaces/ws-alice/secrets/credentials", context=ssl._create_unverified_context())
except urllib.error.HTTPError as error:
    print(error.code)
"""


def test_a_step_can_reach_neither_a_token_nor_the_secrets_of_its_runner(site):
    """What the runner may do for its caller, a step of a user service may not."""
    site.cluster.objects.create("secrets", NAMESPACE, {"metadata": {"name": "credentials"}, "data": {}})
    look = "ls /var/run/secrets/kubernetes.io /ades 2>&1 | grep -c 'No such file'; env | grep -c -e ADES -e CALRISSIAN"
    asking = tool(f'{look}; python3 -c "$0"', arguments=[ASK], outputs={"out": {"type": "stdout"}}, stdout="out.txt")
    run = site.run(alone(asking), outputs={"out": {}}, pods=PODS)
    assert ["2", "0", "401"] == run.text("out").split()


@pytest.mark.long
def test_progress_of_a_tool_is_on_the_runners_pod(site):
    """In one annotation, which is not written more often than somebody could read."""
    before = site.cluster.calls["patch pods"]
    many = "".join(f"echo '::progress {n} part {n}::'; " for n in range(40))
    run = site.start(alone(tool(f"{many} sleep 4")), pods=PODS)

    def told() -> bool:
        pods = run.pods(steps=False)
        return any(
            '"percent": 39' in (pod["metadata"].get("annotations") or {}).get("ades/progress", "") for pod in pods
        )

    until(told)
    run.wait()
    assert site.cluster.calls["patch pods"] - before <= 6
    assert "::progress 39" in run.log("tool")


@pytest.mark.long
def test_credentials_are_read_again_when_they_have_been_renewed(site, monkeypatch):
    """Those of the beginning have ended when the results are stored; the Secret has new ones by then."""
    soon = Credentials(KEY, SECRET, None, datetime.now(UTC) + timedelta(seconds=20))
    monkeypatch.setattr(site, "credentials", soon.to_json())
    run = site.start(workflow(slow="sleep 20; echo done"), pods=PODS)
    run.wait_for_pod()
    (runner,) = run.pods(steps=False)
    file = site.cluster.folder / "node/pods" / runner["metadata"]["uid"] / "volumes/secret/credentials.json"
    assert file.exists()
    file.write_bytes(Credentials(KEY, SECRET, None, datetime.now(UTC) + timedelta(hours=1)).to_json())
    run.wait()
    assert Outcome.SUCCESSFUL == run.end.outcome, run.spoken()


def test_a_store_that_goes_away_is_waited_for(site, moto, monkeypatch):
    """Results, logs and record are published when it is back, and meanwhile the runner says that it waits."""
    door = CheckingS3(moto)
    monkeypatch.setitem(site.env, "ADES_S3_ENDPOINT", door.url)
    try:
        run = site.start(workflow(one="sleep 2; echo done"), pods=PODS)
        run.wait_for_pod()
        door.away = True
        until(lambda: "Waiting for the object store" in run.spoken(), within(30))
        door.away = False
        run.wait()
    finally:
        door.close()
    assert Outcome.SUCCESSFUL == run.end.outcome, run.spoken()
    assert "The object store answers again." in run.spoken()


@pytest.mark.long
def test_a_step_that_prints_much_does_not_flood_the_log_of_the_runner(site):
    """Its own log has every line; the runner repeats the first ones, and says so."""
    run = site.run(alone(tool("seq 1 50000")), pods=PODS)
    assert [str(n) for n in range(1, 50001)] == run.log("tool").split()
    assert "[tool] 2000\n" in run.spoken()
    assert "[tool] 2001\n" not in run.spoken()
    assert 1 == run.spoken().count("its own log has everything")


# -- told to go -----------------------------------------------------------------------------------------------------


def runner_processes(run) -> list[int]:
    """The processes of the runner's Python, by the job in their environment."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            mine = folder.name.isdigit() and f"ADES_JOB={run.job}".encode() in (folder / "environ").read_bytes()
            if mine and b"\0-m\0ades.cli\0" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def delete(site, run, grace=None) -> None:
    site.cluster.delete("jobs", run.object(), grace, "Background")


def test_when_the_job_is_deleted_its_pods_are_gone_in_seconds(site):
    """The runner takes its steps along and leaves no record: whoever deleted it knows why."""
    run = site.start(workflow(slow="sleep 100", other="sleep 100"), pods=PODS)
    until(lambda: sum(pod["status"].get("phase") == "Running" for pod in run.pods()) == 2)
    delete(site, run)
    until(lambda: not run.pods() and not run.pods(steps=False), within(8))
    with pytest.raises(FileNotFoundError):
        _ = run.record


@pytest.mark.long
def test_two_sigterms_are_one(site):
    run = site.start(workflow(slow="sleep 100"), pods=PODS)
    run.wait_for_pod()
    (pid,) = runner_processes(run)
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGTERM)
    run.wait()
    (runner,) = run.pods(steps=False)
    (status,) = runner["status"]["containerStatuses"]
    assert 143 == status["state"]["terminated"]["exitCode"]
    assert [] == run.pods()


@pytest.mark.long
def test_the_steps_of_a_runner_that_was_killed_go_with_the_job(site):
    """They belong to the Job, so that the garbage collector finds them when nobody else does."""
    run = site.start(workflow(slow="sleep 100"), pods=PODS)
    run.wait_for_pod()
    (pid,) = runner_processes(run)
    os.kill(pid, signal.SIGKILL)
    run.wait()
    assert 1 == len(run.pods())
    delete(site, run)
    until(lambda: not run.pods())


@pytest.mark.long
def test_a_second_attempt_finds_nothing_of_the_first(site):
    """Its folder on the volume is made anew."""
    run = site.start(workflow(one="ls -A; echo clean"), pods=PODS)
    left = site.cluster.folder / "node" / "claims" / NAMESPACE / run.name / str(run.job) / "out"
    left.mkdir(parents=True, exist_ok=True)
    (left / "left-over").touch()
    run.wait()
    assert StepState.SUCCESSFUL == run.steps["one"].state
    assert "out file.txt\nclean\n" == run.text("o0")
