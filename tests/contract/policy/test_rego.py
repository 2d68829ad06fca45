"""The tests that lie beside the policy file, for those who change it."""

import re
import sys
from pathlib import Path

import opa_library
import pytest

SUITE = opa_library.POLICY.with_name("policy_test.rego")
NAMES = re.findall(r"^(test_\w+)", SUITE.read_text(encoding="utf-8"), re.MULTILINE)

ASK = """
import json, sys
sys.path.insert(0, sys.argv[1])
from opa_bindings import OpaEngine, OpaUndefinedError
engine = OpaEngine()
for path in sys.argv[2:]:
    engine.add_policy(path, open(path, encoding="utf-8").read())
print(json.dumps(engine.eval_document("ades_test", {})))
"""


@pytest.fixture(scope="module")
def outcome(opa):
    import json
    import subprocess

    command = [sys.executable, "-c", ASK, str(opa), str(opa_library.POLICY), str(SUITE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_there_are_tests():
    """The file has tests, each with a name of its own."""
    assert len(set(NAMES)) == len(NAMES) > 40


@pytest.mark.parametrize("name", NAMES)
def test_rego(outcome, name):
    """Each test of the file holds in Open Policy Agent."""
    assert outcome.get(name) is True


def test_shipped_with_the_package():
    """The file that is tested is the one that the package reads."""
    from ades.policy.embedded import shipped

    assert Path(opa_library.POLICY).read_text(encoding="utf-8") == shipped()
