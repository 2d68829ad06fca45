"""A volume that the jobs of a workspace share, and a runner that is killed; on the double, whose volumes can be looked into."""

from __future__ import annotations

import pytest
from clusters import Site, until
from kubernetes_double import ProcessKubelet
from kubernetes_packages import workflow
from kubernetes_runs import ACCOUNT, IMAGE, NAMESPACE, ROLE
from s3_servers import KEY, SECRET

from ades.objects import open_store
from ades.runner.events import Outcome

CLAIM = "ades-scratch"


@pytest.fixture
def shared(tmp_path, runner_image, moto):
    """A site with real runners."""
    kubelet = ProcessKubelet(tmp_path / "node", images={IMAGE: runner_image})
    store = {"objects": "s3://bucket/shared", "s3_endpoint": moto, "s3_region": "us-east-1", "s3_addressing": "path"}
    pods = {"kubernetes_default_image": "debian:12", "kubernetes_scratch": "shared", "kubernetes_grace": 1}
    with Site(tmp_path, kubelet, s3_access_key=KEY, s3_secret_key=SECRET, **store, **pods) as site:
        site.objects = open_store(site.settings)
        subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
        binding = {"roleRef": {"kind": "Role", "name": ACCOUNT}, "subjects": [subject]}
        made = {
            "roles": {"rules": ROLE, "metadata": {"name": ACCOUNT}},
            "rolebindings": {**binding, "metadata": {"name": ACCOUNT}},
            "persistentvolumeclaims": {"spec": {}, "metadata": {"name": CLAIM}},
        }
        for kind, one in made.items():
            site.cluster.objects.create(kind, NAMESPACE, one)
        yield site


@pytest.mark.long
def test_a_killed_runner_leaves_nothing_on_a_shared_volume(shared, tmp_path):
    """Whatever a tool has done to its folders."""
    folders = tmp_path / "node/claims" / NAMESPACE / CLAIM / "jobs"
    package = workflow(one="mkdir locked; touch locked/in; chmod 0 locked; sleep 300")
    executable = {"kind": "cwl", "document": package, "entry": None}
    told = shared.start(shared.engine(), executable=executable)
    until(lambda: list(folders.glob("*/*/work/*/locked")), 90, "the folder of the tool")
    shared.cluster.delete("pods", shared.runner(told), 0)
    assert told.wait(90).outcome in {Outcome.FAILED, Outcome.LOST}
    until(lambda: [] == list(folders.iterdir()), 90, "the shared volume")
