"""The whole way: our launcher makes the Job, our runner runs it on the unmodified Calrissian, our reconciler tells it."""

from __future__ import annotations

import pytest
from clusters import Site, until
from kubernetes_double import ProcessKubelet, bubblewrap
from kubernetes_packages import printing, workflow
from kubernetes_runs import ACCOUNT, IMAGE, NAMESPACE, ROLE
from s3_servers import KEY, SECRET, rclone

from ades.model import Reason, StepState
from ades.objects import open_store
from ades.runner.events import LogStored, Outcome, ResultStored

__all__ = ["rclone"]


@pytest.fixture
def launch(tmp_path, runner_image, rclone):
    """Makes a site whose runners are real, on a store that asks for keys."""
    if why := bubblewrap():
        pytest.skip(why)
    sites = []

    def make(**settings) -> Site:
        kubelet = ProcessKubelet(tmp_path / "node", images={IMAGE: runner_image})
        store = {"objects": "s3://bucket/launched", "s3_endpoint": rclone, "s3_region": "us-east-1"}
        keys = {"s3_access_key": KEY, "s3_secret_key": SECRET, "s3_addressing": "path"}
        given = {"kubernetes_default_image": "debian:12", **store, **keys, **settings}
        site = Site(tmp_path, kubelet, **given).__enter__()
        sites.append(site)
        site.objects = open_store(site.settings)
        role = {"metadata": {"name": ACCOUNT}, "rules": ROLE}
        subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
        binding = {"roleRef": {"kind": "Role", "name": ACCOUNT}, "subjects": [subject]}
        site.cluster.objects.create("roles", NAMESPACE, role)
        site.cluster.objects.create("rolebindings", NAMESPACE, {"metadata": {"name": ACCOUNT}, **binding})
        return site

    yield make
    for site in sites:
        site.__exit__(None, None, None)


def start(site, package: dict, **more):
    executable = {"kind": "cwl", "document": package, "entry": None}
    return site.start(site.engine(), executable=executable, **more)


def test_a_job_from_the_launcher_to_its_results(launch):
    """With the keys of its own Secret, as the user of the image, and nothing is left in the cluster."""
    site = launch()
    told = start(site, workflow(one="echo 1; id -u", two="echo 2"), outputs={"o0": {}, "o1": {}})
    assert Outcome.SUCCESSFUL == told.wait(60).outcome, told.events
    assert {"one": StepState.SUCCESSFUL, "two": StepState.SUCCESSFUL} == {
        name: step.state for name, step in told.steps.items()
    }
    first = next(event.result for event in told.of(ResultStored) if event.result.output == "o0")
    with site.objects.open(first.key) as file:
        assert b"1\n1000\n" == file.read()
    assert {"job"} <= {event.name for event in told.of(LogStored)}
    until(site.empty)


@pytest.mark.long
def test_a_step_that_fails_is_told_with_its_reason(launch):
    site = launch()
    told = start(site, {"cwlVersion": "v1.2", "id": "tool", **printing("echo bad >&2; exit 3")})
    ended = told.wait(60)
    assert (Outcome.FAILED, Reason.EXIT_CODE) == (ended.outcome, ended.failure.reason)
    assert "exit code 3" in ended.failure.message
    assert told.steps["tool"].exit_code == 3
    until(site.empty)


@pytest.mark.long
def test_a_job_that_is_dismissed_is_gone_within_seconds(launch):
    site = launch(kubernetes_grace=1)
    engine_made = start(site, workflow(slow="sleep 100"))
    until(lambda: engine_made.steps.get("slow") and engine_made.steps["slow"].state is StepState.RUNNING, 60)
    site.engines[-1].kill(engine_made.job)
    assert Outcome.DISMISSED == engine_made.wait(10).outcome
    until(site.empty, 10)
