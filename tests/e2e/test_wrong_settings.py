"""Settings that can only be found wrong by using them: one sentence, and the server is not there."""

import subprocess
import sys

import pytest
from served import ADES, Process, clean_environment

WRONG = {
    "objects": ("ftp://x", "neither a folder nor s3://bucket/prefix"),
    "policy": ("/nonexistent.rego", "The policy /nonexistent.rego cannot be read"),
    "config": ("/nonexistent.yml", "The configuration file /nonexistent.yml cannot be read"),
    "prefixes": ("x", "'x' should look like ogc:/{workspace}/ogc-api"),
    "trusted_proxies": ("gate", "ADES_TRUSTED_PROXIES: 'gate' is neither an address nor a network"),
    "gateway_proxies": ("gate", "ADES_GATEWAY_PROXIES: 'gate' is neither an address nor a network"),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_server_says_it_once_and_ends(tmp_path, name):
    value, says = WRONG[name]
    server = Process("serve", tmp_path, worker="false", **{name: value})
    assert 1 == server.child.wait(60)
    (line,) = server.text().splitlines()
    assert line.startswith("ades: ")
    assert says in line


@pytest.mark.parametrize("name", WRONG)
def test_the_doctor_finds_it(tmp_path, name):
    value, says = WRONG[name]
    env = clean_environment(tmp_path / "data", **{name: value})
    found = subprocess.run([sys.executable, *ADES[1:], "doctor"], env=env, capture_output=True, text=True, check=False)
    assert 1 == found.returncode, found.stdout
    assert any(says in line for line in found.stdout.splitlines() if line.startswith("✗")), found.stdout
