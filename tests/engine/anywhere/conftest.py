"""A workspace of its own for each test or module, in the cluster of KUBECONFIG or on the double."""

from __future__ import annotations

import calrissian_environment
import pytest
from anywhere import Anywhere, Target
from kubernetes_double import bubblewrap
from s3_servers import rclone
from stand_in_cluster import target as stand_in

__all__ = ["rclone"]


@pytest.fixture(scope="session")
def target(request, tmp_path_factory):
    """The cluster, and what jobs need there."""
    if (found := Target.given()) is not None:
        yield found
        return
    if why := bubblewrap():
        pytest.skip(why)
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    image = calrissian_environment.with_this_tree(shared / "runner-image")
    with stand_in(tmp_path_factory.mktemp("cluster"), image, request.getfixturevalue("rclone")) as made:
        yield made


@pytest.fixture
def idle(target, tmp_path):
    """A workspace whose jobs never get to run: nothing but an API is needed."""
    made = Anywhere(target, tmp_path)
    yield made
    made.close()


@pytest.fixture
def anywhere(target, idle):
    """A workspace in which jobs run."""
    _has_runner(target)
    return idle


@pytest.fixture(scope="module")
def lasting(target, tmp_path_factory):
    """The same for all tests of a module."""
    _has_runner(target)
    made = Anywhere(target, tmp_path_factory.mktemp("lasting"))
    yield made
    made.close()


def _has_runner(target) -> None:
    if not target.image:
        pytest.skip("to run jobs in the cluster of KUBECONFIG, ADES_TESTS_IMAGE and ADES_TESTS_OBJECTS must be set")
