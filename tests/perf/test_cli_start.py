"""What a command costs before it does anything, in processor time."""

import os
import subprocess
import sys

import pytest
from served import ADES, Process, clean_environment

MARGIN = 4  # other work makes a machine slower even in CPU time


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    process = Process("serve", tmp_path_factory.mktemp("start"), worker="false")
    yield process.address()
    process.stop()


@pytest.mark.parametrize(
    ("words", "budget"),
    [(["--help"], 0.15), (["jobs"], 0.3)],
    ids=["help", "jobs"],
)
def test_a_command_starts_at_once(server, tmp_path, words, budget):
    """`ades --help` below 150 ms, `ades jobs` below 300 ms."""
    env = clean_environment(tmp_path) | {"ADES_URL": server}
    spent = []
    for _ in range(3):
        before = os.times()
        ran = subprocess.run([*ADES, *words], env=env, capture_output=True, check=False)
        assert 0 == ran.returncode, ran.stderr
        after = os.times()
        spent.append(after.children_user + after.children_system - before.children_user - before.children_system)
    sys.stdout.write(f"ades {' '.join(words)}: {min(spent) * 1000:.0f} ms CPU (budget {budget * 1000:.0f} ms)\n")
    assert min(spent) <= budget * MARGIN
