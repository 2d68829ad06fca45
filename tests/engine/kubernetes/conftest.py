"""A cluster for the tests of a module, with the runner in it."""

from __future__ import annotations

import calrissian_environment
import pytest
from kubernetes_double import Cluster, ProcessKubelet, bubblewrap
from kubernetes_runs import IMAGE, Site
from s3_servers import moto

__all__ = ["moto"]


@pytest.fixture(scope="session")
def runner_image(tmp_path_factory):
    """The folder that stands for the runner's image."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    return calrissian_environment.with_this_tree(shared / "runner-image")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, runner_image):
    """A cluster whose pods are processes."""
    if why := bubblewrap():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("cluster")
    with Cluster(folder, ProcessKubelet(folder / "node", images={IMAGE: runner_image})) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def _site(cluster, moto):
    return Site(cluster, moto)


@pytest.fixture
def site(_site):
    """The cluster, and nothing wrong with it. What a job made must be gone when its test is over."""
    yield _site
    _site.cluster.pod_faults.clear()
    _site.cluster.api_faults.clear()
