"""What a package asks for beyond the maximum is refused before there is a job, and says what it may have."""

import json

import pytest

from ades.service.dispatch import Supervised
from tests.api.conftest import ROOT, Live

GREEDY = {
    "coresMin": ({"ResourceRequirement": {"coresMin": 8}}, "cpu_max", 4, "8 cores (coresMin), and the maximum is 4"),
    "ramMin": (
        {"ResourceRequirement": {"ramMin": 4096}},
        "memory_max",
        "2Gi",
        "4096 MiB of memory (ramMin), and the maximum is 2048",
    ),
    "ToolTimeLimit": (
        {"ToolTimeLimit": {"timelimit": 7200}},
        "seconds_max",
        3600,
        "7200 seconds (ToolTimeLimit), and the maximum is 3600",
    ),
}
"""A requirement, the maximum that it breaks, and the words."""


def tool(name, **requirements):
    return {
        "cwlVersion": "v1.2", "class": "CommandLineTool", "id": name, "baseCommand": "true", "inputs": {"n": "int?"},
        "outputs": {}, "requirements": requirements,
    }  # fmt: skip


def deploy(client, package, **query):
    return client.post(
        f"{ROOT}/processes", data=json.dumps(package), content_type="application/cwl+json", query_string=query
    )


def execute(client, process):
    return client.post(
        f"{ROOT}/processes/{process}/execution", json={"inputs": {}}, headers={"Prefer": "respond-async"}
    )


@pytest.fixture
def limited(make_app):
    """A server with maxima."""
    return make_app(job_cores_max=4, job_memory_max="2Gi", job_seconds_max=3600).test_client()


@pytest.mark.parametrize("field", GREEDY)
def test_what_no_workspace_may_have_is_not_deployed(limited, field):
    """Neither deployed nor replaced; the answer names field, wish, maximum and setting."""
    requirements, _, _, words = GREEDY[field]
    assert 201 == deploy(limited, tool("modest")).status_code
    replaced = limited.put(
        f"{ROOT}/processes/modest", data=json.dumps(tool("modest", **requirements)), content_type="application/cwl+json"
    )
    for refused in (deploy(limited, tool("greedy", **requirements)), replaced):
        assert 422 == refused.status_code
        assert words in refused.json["detail"]
        assert "_MAX)" in refused.json["detail"]
        assert field == refused.json["field"]
    assert 404 == limited.get(f"{ROOT}/processes/greedy").status_code


@pytest.mark.parametrize("field", GREEDY)
def test_what_the_workspace_may_not_have_is_not_executed(client, services, field):
    """Its own maximum counts when it executes, whatever was deployed before; without it the job is taken."""
    requirements, maximum, value, words = GREEDY[field]
    assert 201 == deploy(client, tool("greedy", **requirements)).status_code
    assert 201 == execute(client, "greedy").status_code
    made = client.patch("/workspaces/demo", json={"settings": {maximum: value}})
    assert 200 == made.status_code, made.json
    services.catalog._workspaces.clear()
    refused = execute(client, "greedy")
    assert 422 == refused.status_code
    assert f"{words} ({maximum} of the workspace demo)" in refused.json["detail"]
    assert field == refused.json["field"]


def test_a_job_that_was_made_before_is_not_started(client, services):
    """Part 4: what was allowed when the job was made is looked at once more."""
    requirements, maximum, value, words = GREEDY["ramMin"]
    deploy(client, tool("greedy", **requirements))
    body = {"inputs": {}, "process": f"http://localhost{ROOT}/processes/greedy"}
    job = client.post(f"{ROOT}/jobs", json=body).json["jobID"]
    client.patch("/workspaces/demo", json={"settings": {maximum: value}})
    services.catalog._workspaces.clear()
    refused = client.post(f"{ROOT}/jobs/{job}/results", json={})
    assert 422 == refused.status_code
    assert words in refused.json["detail"]


def test_an_expression_is_taken(limited):
    """What it says is known when the step starts."""
    assert 201 == deploy(limited, tool("computed", ResourceRequirement={"ramMin": "$(inputs.n)"})).status_code
    assert 201 == execute(limited, "computed").status_code


@pytest.mark.parametrize("method", ["post", "patch"])
def test_a_workspace_is_given_no_more_than_the_maximum(limited, method):
    """Neither when it is made nor when it is changed; both numbers are named."""
    settings = {"settings": {"memory": "4Gi"}}
    if method == "post":
        refused = limited.post("/workspaces", json={"name": "carol"} | settings)
    else:
        refused = limited.patch("/workspaces/demo", json=settings)
    assert 400 == refused.status_code
    assert "settings.memory" == refused.json["field"]
    assert "4294967296 is more than the maximum, 2147483648 (ADES_JOB_MEMORY_MAX)" in refused.json["detail"]
    assert 200 == limited.patch("/workspaces/demo", json={"settings": {"memory": "2Gi"}}).status_code


@pytest.fixture
def live(make_app, configure):
    """A server with little memory for jobs and more for those that ask, and its worker."""
    numbers = {"job_memory": "1Gi", "job_memory_max": "2Gi", "slots": 1}
    served = Live(make_app(**numbers))
    worker = Supervised(configure(**numbers))
    worker.start()
    yield served
    worker.stop()


def test_a_job_gets_what_its_package_asks_for_up_to_the_maximum(live):
    """More than the default where the package says so; an expression beyond the maximum fails with both numbers."""
    constant = live.deploy(tool("constant", ResourceRequirement={"ramMin": 1500}))
    computed = live.deploy(tool("computed", ResourceRequirement={"ramMin": "$(inputs.n)"}))
    assert "successful" == live.wait(live.submit(constant, {"inputs": {}}))["status"]
    assert "successful" == live.wait(live.submit(computed, {"inputs": {"n": 1500}}))["status"]
    failed = live.wait(live.submit(computed, {"inputs": {"n": 4096}}))
    assert "failed" == failed["status"]
    assert "asks for 4096 MiB of memory (ramMin), and this job may use 2048" in failed["message"]
