"""What a job of one workspace can find out, on the machine itself, of another workspace's jobs and of the server."""

import time

import pytest
import requests
from callers import token
from served import Process

from ades.store import Store

MARK = "marked-7f3a"
"""Stands in everything that the spy must not find."""
SECRET = "server-secret-91c2"
HOLDER = f"""cwlVersion: v1.2
class: CommandLineTool
id: holder
requirements: {{EnvVarRequirement: {{envDef: {{HELD: $(inputs.held)}}}}}}
baseCommand: [sh, -c, 'echo "$0" > {MARK}.txt; echo "$0" > /tmp/{MARK}.tmp; echo {MARK}; exec sleep 60']
inputs: {{held: {{type: string, inputBinding: {{}}}}}}
outputs: []
"""
SPY = """cwlVersion: v1.2
class: CommandLineTool
id: spy
baseCommand: [sh, -c]
arguments:
- |
  env
  id
  cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n'
  ls -la /tmp /var/tmp / . .. ../.. "$DATA" "$DATA"/*
  find / -xdev -maxdepth 8 -newermt '-10 minutes' -not -path '/proc/*'
  grep -rl --max-count=1 MARKED "$DATA" /tmp /var/tmp /dev/shm /run
  cat "$DATA"/ades.db "$DATA"/secret.key | strings
  ls -la /proc/1/cwd/ /proc/[0-9]*/root/tmp /proc/[0-9]*/fd
stdout: seen.txt
inputs: {data: string}
requirements: {EnvVarRequirement: {envDef: {DATA: $(inputs.data)}}}
successCodes: [0, 1, 2, 127]
outputs: {seen: stdout}
"""
CWL = {"Content-Type": "application/cwl+yaml"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("isolation")
    process = Process("serve", folder, tokens=True, slots=2, secret_key=SECRET, env_SOME_PASSWORD=SECRET)
    process.url = process.address()
    process.data = folder / "data"
    with Store.open(f"sqlite:///{process.data / 'ades.db'}") as store:
        for name in ("alice", "bob"):
            store.workspaces.create(name)
        process.tokens = {name: {"Authorization": f"Bearer {token(store, name)}"} for name in ("alice", "bob")}
    yield process
    process.stop()


def start(server, workspace, package, name, inputs):
    root, headers = f"{server.url}/{workspace}/ogc-api", server.tokens[workspace]
    deployed = requests.post(f"{root}/processes", data=package, headers=headers | CWL, timeout=30)
    assert deployed.status_code == 201, deployed.text
    made = requests.post(
        f"{root}/processes/{name}/execution",
        json={"inputs": inputs},
        headers=headers | {"Prefer": "respond-async"},
        timeout=30,
    )
    assert made.status_code == 201, made.text
    return made.headers["Location"]


def until(server, workspace, job, *states):
    deadline = time.monotonic() + 90
    while (found := requests.get(job, headers=server.tokens[workspace], timeout=30).json())["status"] not in states:
        assert time.monotonic() < deadline, found
        assert found["status"] not in {"failed", "dismissed"}, found
        time.sleep(0.1)
    return found


def test_a_spy_sees_nothing(server):
    """A job that looks around sees no other job's values, files or processes, and no secret of the server."""
    held = start(server, "alice", HOLDER, "holder", {"held": MARK})
    deadline = time.monotonic() + 60
    while MARK not in requests.get(f"{held}/logs", headers=server.tokens["alice"], timeout=30).text:
        assert time.monotonic() < deadline, until(server, "alice", held, "running")
        time.sleep(0.1)

    spying = start(server, "bob", SPY.replace("MARKED", MARK), "spy", {"data": str(server.data)})
    until(server, "bob", spying, "successful")
    seen = requests.get(f"{spying}/results/seen", headers=server.tokens["bob"], timeout=30).text
    own = [line for line in seen.splitlines() if MARK in line and "--max-count" not in line]

    assert "DATA=" in seen
    assert own == []
    assert SECRET not in seen
    assert "SOME_PASSWORD" not in seen
    assert held.rsplit("/", 1)[-1] not in seen
    assert requests.delete(held, headers=server.tokens["alice"], timeout=30).status_code == 200
