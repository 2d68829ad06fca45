"""Running exactly the same again, whatever has become of the process since."""

import json
from uuid import UUID

import pytest
from callers import Caller
from worlds import CWL, TOOL, World

from ades.service.submit import REPEATS
from ades.settings import Settings
from tests.api.conftest import ROOT

EODH = "/api/catalogue/stac/catalogs/user/catalogs/demo"
SAYS = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "says",
    "baseCommand": ["echo", "-n", "one"],
    "inputs": {"word": {"type": "string", "inputBinding": {}}},
    "outputs": {"said": "stdout"},
    "stdout": "said.txt",
}
READS = SAYS | {
    "id": "reads",
    "baseCommand": "cat",
    "inputs": {"file": {"type": "File", "inputBinding": {}}},
}


def made(services, answer):
    assert 201 == answer.status_code, answer.text
    return services.store.jobs.get(UUID(answer.json["id"]))


def deploy(client, package, **changes):
    body, address = json.dumps(package | changes), f"{ROOT}/processes"
    answer = client.post(address, data=body, content_type="application/cwl+json")
    if answer.status_code == 409:
        answer = client.put(f"{address}/{package['id']}", data=body, content_type="application/cwl+json")
    assert answer.status_code in {201, 204}, answer.text


def submit(client, process, root=ROOT, **body):
    return client.post(
        f"{root}/processes/{process}/execution", json=body, headers={"Prefer": "respond-async, return=minimal"}
    )


def test_it_is_the_same_job_with_another_id(client, services):
    """Same package, same revision, same request, same preferences; it knows which job it repeats."""
    deploy(client, SAYS)
    first = made(services, submit(client, "says", inputs={"word": "x"}, outputs={"said": {}}, response="document"))
    answer = client.post(f"{ROOT}/jobs/{first.id}/rerun")
    again = made(services, answer)
    assert (
        answer.headers["Location"]
        == f"http://localhost{ROOT}/jobs/{again.id}"
        != f"http://localhost{ROOT}/jobs/{first.id}"
    )
    for name in ("process_id", "revision", "digest", "request", "deploying", "calling", "executing"):
        assert getattr(first, name) == getattr(again, name), name
    assert first.preferences | {REPEATS: str(first.id)} == again.preferences
    assert "accepted" == answer.json["status"]


@pytest.mark.parametrize("fate", ["replaced", "undeployed", "deployed anew"])
def test_it_runs_the_package_of_then(live, fate):
    """Whatever the name stands for today."""
    workspace = live.workspace()
    root, package = f"/{workspace}/ogc-api", json.dumps(SAYS | {"baseCommand": ["echo", "-n", "two"]})
    live.deploy(SAYS, workspace)
    job, _ = live.run("says", {"inputs": {"word": "x"}}, root)
    if fate != "replaced":
        assert 204 == live.client.delete(f"{root}/processes/says").status_code
    if fate == "deployed anew":
        live.client.post(f"{root}/processes", data=package, content_type="application/cwl+json")
    if fate == "replaced":
        live.client.put(f"{root}/processes/says", data=package, content_type="application/cwl+json")
    answer = live.client.post(f"{job}/rerun")
    assert 201 == answer.status_code, answer.text
    assert "successful" == live.wait(answer.headers["Location"])["status"]
    assert "one x" == live.client.get(f"{answer.headers['Location']}/results").text


def test_the_same_key_makes_one_job(client, services):
    first = made(services, submit(client, "hello", inputs={"name": "Ann"}))
    sent = [client.post(f"{ROOT}/jobs/{first.id}/rerun", headers={"Idempotency-Key": "k"}).json["id"] for _ in "ab"]
    assert sent[0] == sent[1] != str(first.id)


def test_the_dialect_of_the_first_job_counts(client, services):
    """A job of the EODH's clients, who send text for everything, can be run again from anywhere."""
    first = made(services, submit(client, "echo", EODH, inputs={"message": "x", "pause": "0"}))
    again = made(services, client.post(f"{ROOT}/jobs/{first.id}/rerun"))
    assert (first.request, True) == (again.request, again.preferences["lenient"])
    assert 201 == client.post(f"{EODH}/jobs/{first.id}/rerun").status_code


def test_an_upload_that_is_gone_is_named(client, services):
    """400 at once, with the address of what is missing; put back, it works again."""
    deploy(client, READS)
    address = "http://localhost/demo/files/text.txt"
    client.put("/demo/files/text.txt", data=b"hello", content_type="text/plain")
    first = made(services, submit(client, "reads", inputs={"file": {"href": address}}))
    assert 201 == client.post(f"{ROOT}/jobs/{first.id}/rerun").status_code
    client.delete("/demo/files/text.txt")
    refused = client.post(f"{ROOT}/jobs/{first.id}/rerun")
    assert 400 == refused.status_code
    assert address in refused.json["detail"]
    assert "no longer there" in refused.json["detail"]
    client.put("/demo/files/text.txt", data=b"hello", content_type="text/plain")
    assert 201 == client.post(f"{ROOT}/jobs/{first.id}/rerun").status_code


def test_a_result_that_is_gone_is_named(live):
    """The same for the result of a job that was removed."""
    live.deploy(SAYS)
    live.deploy(READS)
    source, _ = live.run("says", {"inputs": {"word": "x"}})
    job, _ = live.run("reads", {"inputs": {"file": {"href": f"{source}/results/said"}}})
    assert 201 == live.client.post(f"{job}/rerun").status_code
    live.client.delete(source)
    refused = live.client.post(f"{job}/rerun")
    assert (400, True) == (refused.status_code, source.rsplit("/", 1)[1] in refused.json["detail"])


def test_a_server_with_another_name_knows_its_files_still(client, services):
    """What was an own file then is one now, also when the server is called by another name."""
    deploy(client, READS)
    client.put("/demo/files/text.txt", data=b"hello", content_type="text/plain")
    first = made(services, submit(client, "reads", inputs={"file": {"href": "http://localhost/demo/files/text.txt"}}))
    again = made(services, client.post(f"{ROOT}/jobs/{first.id}/rerun", base_url="http://ades.example"))
    assert first.preferences["own"] == again.preferences["own"]


# -- who may -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    found = World(Settings(data=tmp_path_factory.mktemp("rerun") / "data", log_level="error"))
    yield found
    found.issuer.close()


def rerun(world, who, job):
    return world.callers[who].post(f"/owner/ogc-api/jobs/{job}/rerun")


def test_who_may_run_it_again(world):
    """Whoever may see the job and execute the process, for his own workspace."""
    job = world.jobs["public"]
    assert 404 == rerun(world, "stranger", job.id).status_code
    assert 401 == rerun(world, "no token", job.id).status_code
    assert job.calling == world.parts.store.jobs.get(UUID(rerun(world, "caller", job.id).json["id"])).calling


def test_what_was_closed_since_is_closed(world):
    """Access is asked of the process as it is today; undeployed, it is its own workspace's alone."""
    owner = world.callers["owner"]
    owner.post("/owner/ogc-api/processes?access=public", data=TOOL.format("closing"), headers=CWL)
    body, prefer = {"inputs": {}}, {"Prefer": "respond-async"}
    job = (
        world.callers["caller"].post("/owner/ogc-api/processes/closing/execution", json=body, headers=prefer).json["id"]
    )
    waits = world.callers["caller"].post("/owner/ogc-api/jobs", json={"process": "closing"}).json["id"]
    assert 201 == rerun(world, "caller", job).status_code
    owner.open("/owner/ogc-api/processes/closing", method="PATCH", json={"access": "private"})
    assert 403 == rerun(world, "caller", job).status_code
    assert 403 == world.callers["caller"].post(f"/owner/ogc-api/jobs/{waits}/results").status_code
    own = owner.post("/owner/ogc-api/processes/closing/execution", json=body, headers=prefer).json["id"]
    owner.delete("/owner/ogc-api/processes/closing")
    assert 403 == rerun(world, "caller", job).status_code
    assert 201 == rerun(world, "owner", own).status_code


def test_making_jobs_needs_what_executing_needs(world):
    """A private process makes no job for others, and does not tell that it is there."""
    for who, status in (("owner", 201), ("caller", 403), ("no token", 401)):
        answer = world.callers[who].post("/owner/ogc-api/jobs", json={"process": "tool-private"})
        assert status == answer.status_code, who
    unknown = world.callers["caller"].post("/owner/ogc-api/jobs", json={"process": "nothing"})
    hidden = world.callers["caller"].post("/owner/ogc-api/jobs", json={"process": "tool-private"})
    assert {**unknown.json, "instance": ""} == {**hidden.json, "instance": ""}


def test_others_change_and_start_nothing(world):
    """Only the workspace that a job was made for changes and starts it; who may not see it, finds nothing."""
    job = world.callers["caller"].post("/owner/ogc-api/jobs", json={"process": "tool-user-service"}).json["id"]
    for who, status in (("owner", 403), ("stranger", 404), ("no token", 401), ("caller", 204)):
        caller: Caller = world.callers[who]
        assert status == caller.open(f"/owner/ogc-api/jobs/{job}", method="PATCH", json={"inputs": {}}).status_code, who
    for who, status in (("owner", 403), ("stranger", 404), ("caller", 200)):
        assert status == world.callers[who].post(f"/owner/ogc-api/jobs/{job}/results").status_code, who


def test_who_may_not_start_sees_no_start(world):
    """The page of a job that waits shows the button to those who may press it."""
    job = world.callers["caller"].post("/owner/ogc-api/jobs", json={"process": "tool-user-service"}).json["id"]
    page = {
        who: world.callers[who].get(f"/owner/ogc-api/jobs/{job}", headers={"Accept": "text/html"}).text
        for who in ("caller", "owner")
    }
    assert (True, False) == (f"/jobs/{job}/start" in page["caller"], f"/jobs/{job}/start" in page["owner"])


def test_a_job_cannot_change_to_where_it_would_run_elsewhere(world):
    """Who is charged stands fast from the beginning."""
    job = world.callers["caller"].post("/owner/ogc-api/jobs", json={"process": "tool-public"}).json["id"]
    change = {"process": "tool-user-service"}
    refused = world.callers["caller"].open(f"/owner/ogc-api/jobs/{job}", method="PATCH", json=change)
    assert (409, "process") == (refused.status_code, refused.json["field"])
