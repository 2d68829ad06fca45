"""A server that dies, whenever that is, is followed by one that goes on: never two Jobs for one attempt."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from clusters import FOREVER, NAMESPACE, document, until
from kubernetes_double import Script

from ades.engine.kubernetes import launcher
from ades.engine.kubernetes.api import Api
from ades.model import Reason
from ades.objects import Credentials
from ades.runner.events import Ended, Outcome

WITH_KEYS = {"objects": "s3://bucket", "s3_access_key": "key", "s3_secret_key": "secret"}
CALLS = ("create jobs", "create secrets", "create persistentvolumeclaims", "patch jobs", "delete jobs")
PLURALS = ("jobs", "secrets", "persistentvolumeclaims")


class Death(BaseException):
    """The process was killed just here."""


def dies(engine, call, moment):
    """Let an engine die before or after one of its calls, without a word."""
    real, seen = engine._api._json, []

    def mortal(method, path, *arguments):
        verb = {"POST": "create", "PATCH": "patch", "DELETE": "delete", "GET": "get"}[method]
        kind = next((plural for plural in PLURALS if f"/{plural}" in path), "")
        if f"{verb} {kind}" != call:
            return real(method, path, *arguments)
        if moment == "after":
            real(method, path, *arguments)
        seen.append(call)
        raise Death

    engine._api._json = mortal
    return seen


def jobs_made(site, told):
    return [
        change
        for change in site.cluster.objects._history
        if (change.kind, change.what) == ("jobs", "ADDED") and str(told.job) in change.after["metadata"]["name"]
    ]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_dies_at_a_call_is_followed_by_one_that_goes_on(make, call, moment):
    """One Job, one run, one end, and nothing left."""
    site = make(**WITH_KEYS)
    site.kubelet.scripts["job-*"] = site.finishes()
    first = site.engine()
    seen = dies(first, call, moment)
    told = site.start(first)
    until(lambda: seen)
    first.close()
    assert not told.done.is_set()
    site.start(site.engine(), told.document)
    assert Outcome.SUCCESSFUL is site.told[told.job].wait().outcome
    assert 1 == len(jobs_made(site, told))
    until(site.empty)


def test_a_running_job_is_followed_by_the_next_server(site):
    """What it was told of the steps is told again; nothing is made."""
    first = site.engine()
    told = site.start(first)
    runner = site.runner(told)
    site.kubelet.scripts["warp-*"] = Script(FOREVER)
    site.step(told, "warp")
    until(lambda: "warp" in told.steps)
    first.close()
    calls = site.calls()
    again = site.start(site.engine(), told.document)
    until(lambda: "warp" in again.steps)
    assert calls == site.calls()
    site.record(runner)
    site.kubelet.ended(runner, runner["spec"]["containers"][0], 0, None)
    assert Outcome.SUCCESSFUL is again.wait().outcome


def test_a_job_that_ended_while_nobody_looked_is_found_finished(site):
    """Also when the cluster has removed the Job by its time to live: the record says how it ended."""
    first = site.engine()
    told = site.start(first)
    runner = site.runner(told)
    first.close()
    site.record(runner)
    site.kubelet.ended(runner, runner["spec"]["containers"][0], 0, None)
    site.cluster._controllers.ahead = 8 * 86400
    until(lambda: not site.find("jobs"))
    assert Outcome.SUCCESSFUL is site.start(site.engine(), told.document).wait().outcome


def test_a_job_that_is_gone_without_a_record_is_lost(site):
    """It has run, so it is not simply begun anew."""
    first = site.engine()
    told = site.start(first)
    site.runner(told)
    first.close()
    site.cluster.delete("jobs", site.job(told), policy="Background")
    ended = site.start(site.engine(), told.document).wait()
    assert (Outcome.LOST, Reason.WORKER_LOST) == (ended.outcome, ended.failure.reason)


def test_a_new_attempt_replaces_what_is_left_of_the_old_one(site):
    """Both have the same name; the old one goes first, and its record does not count."""
    engine = site.engine()
    told = site.start(engine)
    runner = site.runner(told)
    site.record(runner, Ended(Outcome.LOST))
    engine.close()
    site.kubelet.scripts["job-*"] = site.finishes()
    second = replace(told.document, attempt=2)
    assert Outcome.SUCCESSFUL is site.start(site.engine(), second).wait().outcome
    assert ["1", "2"] == [change.after["metadata"]["labels"]["ades/attempt"] for change in jobs_made(site, told)]
    until(site.empty)


def test_a_job_can_be_ended_by_a_server_that_did_not_start_it(site):
    told = site.start(first := site.engine())
    site.runner(told)
    first.close()
    second = site.engine()
    until(lambda: told.job in second.running())
    second.kill(told.job)
    until(site.empty)
    until(lambda: not second.running())


def test_credentials_are_in_the_secret_and_are_renewed_before_they_end(make, monkeypatch):
    """The runner finds new ones in its file before the old ones end."""
    minted = []

    def mint(settings, name, write, read):
        minted.append((name, list(write), list(read)))
        return Credentials(f"key{len(minted)}", "s", "t", datetime.now(UTC) + timedelta(seconds=2))

    monkeypatch.setattr(launcher, "job_credentials", mint)
    site = make(kubernetes_grace=0)
    told = site.start(site.engine())
    site.runner(told)

    def key():
        (secret,) = site.find("secrets", told)
        return secret["stringData"]["credentials.json"]

    assert '"AccessKeyId":"key1"' in key()
    until(lambda: '"AccessKeyId":"key2"' in key())
    given = told.document
    assert (f"ades-{told.job.hex}", [given.results_prefix, given.logs_prefix], ["alice"]) == minted[0]
    (mount,) = [m for m in site.job(told)["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
                if m["mountPath"] == "/ades/secret"]  # fmt: skip
    assert mount["readOnly"]


def test_the_secret_of_a_caller_is_out_of_reach_for_the_steps_of_a_user_service(make):
    """It lies in the owner's namespace, where the accounts of steps may read nothing."""
    site = make(**WITH_KEYS)
    told = site.start(site.engine(), calling="bob", results_prefix="bob/r", logs_prefix="bob/l")
    site.runner(told)
    (secret,) = site.find("secrets", told)
    assert NAMESPACE == secret["metadata"]["namespace"]
    pod = site.step(told, "warp")
    assert "ades-runner" != pod["spec"]["serviceAccountName"]
    assert pod["spec"]["automountServiceAccountToken"] is False
    config = site.cluster.kubeconfig(site.folder / "step", f"{NAMESPACE}/{pod['spec']['serviceAccountName']}")
    step = Api(config)
    path = f"/api/v1/namespaces/{NAMESPACE}/secrets/{secret['metadata']['name']}"
    with pytest.raises(Exception, match="secrets is forbidden"):
        step.get(path)
    step.close()


def test_a_finished_job_can_be_left_to_look_at(make):
    """For a while, and without its credentials; it does not count as running."""
    site = make(kubernetes_keep=600, **WITH_KEYS)
    site.kubelet.scripts["job-*"] = site.finishes()
    engine = site.engine()
    told = site.start(engine)
    told.wait()
    assert 600 == site.job(told)["spec"]["ttlSecondsAfterFinished"]
    assert [] == site.find("secrets")
    until(lambda: not engine.running())
    assert document().job not in engine.running()


def test_a_workspace_may_keep_its_files_in_a_bucket_of_its_own(make):
    """The runner for it gets that bucket and its keys; others get the server's."""
    site = make(**WITH_KEYS)
    own = site.settings.model_copy(update={"objects": "s3://alices", "s3_access_key": "alices-key"})
    engine = site.engine(storage=lambda workspace: own if workspace == "alice" else site.settings)
    for calling, bucket, key in (("alice", "s3://alices", "alices-key"), ("bob", "s3://bucket", '"key"')):
        told = site.start(engine, calling=calling, results_prefix=f"{calling}/r", logs_prefix=f"{calling}/l")
        site.runner(told)
        container = site.job(told)["spec"]["template"]["spec"]["containers"][0]
        assert bucket == next(each["value"] for each in container["env"] if each["name"] == "ADES_OBJECTS")
        (secret,) = site.find("secrets", told)
        assert key in secret["stringData"]["credentials.json"]
