"""The tests that run in any cluster, in one that is another process and of which they know the kubeconfig only."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kubernetes_double import bubblewrap

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
TESTS = [
    "tests/engine/anywhere/test_launch.py",
    "tests/engine/anywhere/test_jobs.py",
    "tests/engine/cluster/test_usage.py",
]


@pytest.fixture
def environment(tmp_path):
    """The environment that names the cluster."""
    if why := bubblewrap():
        pytest.skip(why)
    plain = {name: word for name, word in os.environ.items() if not name.startswith("PYTEST_")}
    plain["PYTHONPATH"] = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    command = [sys.executable, str(ROOT / "tests/stand_in_cluster.py"), str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=plain, text=True, cwd=ROOT
    ) as process:
        yield plain | json.loads(process.stdout.readline())
        process.stdin.close()
        process.wait(120)


def test_the_suite_runs_against_the_cluster_of_kubeconfig(environment):
    """What needs the double is skipped and says for what; everything else passes."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-n",
        "2",
        "-rs",
        "-m",
        "long or not long",
        *TESTS,
    ]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout[-5000:]
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert skipped
    assert all("it needs the double of a cluster: runners by a script" in line for line in skipped)
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 14
