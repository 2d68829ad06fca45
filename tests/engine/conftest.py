"""A local engine for the tests, warm through a whole module; and which tests of a cluster run in which one."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from powers import NEEDED
from runs import Machine

from ades.engine.local import Isolation, probe

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    """In the cluster of KUBECONFIG nobody has the powers of the double."""
    if not os.environ.get("KUBECONFIG"):
        return
    for item in items:
        why = NEEDED.get(str(item.path.relative_to(HERE))) if item.path.is_relative_to(HERE) else None
        if why:
            item.add_marker(pytest.mark.skip(reason=f"it needs the double of a cluster: {why}"))


@pytest.fixture(scope="module", params=["namespaces", "subreaper"])
def machine(request):
    """The engine in both isolation modes."""
    if request.param == "namespaces" and probe().isolation is not Isolation.NAMESPACES:
        pytest.skip(f"no sandbox on this machine: {probe().why}")
    data = Path(tempfile.mkdtemp(prefix="ades-engine-"))
    data.chmod(0o755)
    made = Machine(data, local_isolation="auto" if request.param == "namespaces" else "none")
    yield made
    made.engine.close()
    left = [str(path) for path in (data / "jobs").rglob("*")]
    shutil.rmtree(data)
    assert left == []


@pytest.fixture(scope="module")
def sandboxed():
    """The engine with its sandbox."""
    if probe().isolation is not Isolation.NAMESPACES:
        pytest.skip(f"no sandbox on this machine: {probe().why}")
    data = Path(tempfile.mkdtemp(prefix="ades-engine-"))
    made = Machine(data)
    yield made
    made.engine.close()
    shutil.rmtree(data)


@pytest.fixture
def fresh(tmp_path_factory):
    """Makes engines that a test may break."""
    made = []

    def make(**settings) -> Machine:
        data = Path(tempfile.mkdtemp(prefix="ades-engine-"))
        data.chmod(0o755)
        made.append(Machine(data, **settings))
        return made[-1]

    yield make
    for machine in made:
        machine.engine.close()
        shutil.rmtree(machine.data, ignore_errors=True)
