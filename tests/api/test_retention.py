"""How long jobs are kept: said by the job, its process, its workspace or the server; shown wherever a job is shown."""

from datetime import datetime, timedelta

import pytest
from checking_s3 import CheckingS3
from s3_servers import SECRET, moto, settings_for  # noqa: F401 - a fixture

from ades.model import JobStatus, Result, ResultKind
from ades.service import sweep
from ades.service.handover import results_prefix

TOOL = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "say",
    "baseCommand": "echo",
    "inputs": {},
    "outputs": {"said": {"type": "stdout"}},
}


def submitted(client, **body):
    answer = client.post(
        "/demo/ogc-api/processes/say/execution", json={"inputs": {}} | body, headers={"Prefer": "respond-async"}
    )
    assert 201 == answer.status_code, answer.text
    return answer.json


@pytest.fixture
def say(client):
    assert 201 == client.post("/demo/ogc-api/processes", json=TOOL, content_type="application/cwl+json").status_code


def test_who_says_it(client, say, services):
    """The job goes before its process, the process before the workspace, the workspace before the server."""
    assert "keep" not in submitted(client)
    services.store.workspaces.update("demo", settings={"keep": "90"})
    services.catalog._workspaces.clear()
    assert "90" == submitted(client)["keep"]
    changed = client.patch("/demo/ogc-api/processes/say", json={"keep": 30})
    assert (200, "30", "private") == (changed.status_code, changed.json["keep"], changed.json["access"])
    assert "30" == submitted(client)["keep"]
    assert "none" == submitted(client, keep="none")["keep"]
    assert "keep" not in submitted(client, keep="forever")
    assert "keep" not in client.patch("/demo/ogc-api/processes/say", json={"keep": None}).json


def test_the_server_says_it(make_app):
    """Where nobody else says anything, the setting holds."""
    client = make_app(keep="7").test_client()
    client.post("/demo/ogc-api/processes", json=TOOL, content_type="application/cwl+json")
    assert "7" == submitted(client)["keep"]


def test_later(client, say, services):
    """It can be changed later, also after the end of the job; status and pages say until when it is kept."""
    job = submitted(client)["jobID"]
    place = f"/demo/ogc-api/jobs/{job}"
    assert "10" == client.put(f"{place}/keep", json={"keep": 10}).json["keep"]
    claim = services.store.queue.claim("w", timedelta(minutes=1))
    found = Result(claim.id, "said", 0, ResultKind.VALUE, "application/json", value=1)
    services.store.queue.finish(claim, JobStatus.SUCCESSFUL, [found])
    told = client.get(place).json

    kept = datetime.fromisoformat(told["keepUntil"]) - datetime.fromisoformat(told["finished"])
    assert timedelta(days=10) == kept
    assert "Kept until" in client.get(place, headers={"Accept": "text/html"}).text
    assert "Kept until" in client.get(f"{place}/results?f=html").text
    assert "keepUntil" not in client.put(f"{place}/keep", json={"keep": "forever"}).json


@pytest.mark.parametrize("value", ["soon", 0, -1, True, [], {}])
def test_nonsense(client, say, value):
    """What says nothing is refused, wherever it is said."""
    job = submitted(client)["jobID"]
    answers = [
        client.post("/demo/ogc-api/processes/say/execution", json={"inputs": {}, "keep": value}),
        client.patch("/demo/ogc-api/processes/say", json={"keep": value}),
        client.put(f"/demo/ogc-api/jobs/{job}/keep", json={"keep": value}),
    ]
    assert [(400, "keep")] * 3 == [(answer.status_code, answer.json["field"]) for answer in answers]
    assert 400 == client.put(f"/demo/ogc-api/jobs/{job}/keep", json={}).status_code


def test_a_builtin_process(client):
    """A process of the server is nobody's to change."""
    assert client.patch("/demo/ogc-api/processes/echo", json={"keep": 1}).status_code in {403, 409}


def test_a_job_that_is_changed_before_it_starts(client, say):
    """Another definition may say it otherwise; one that says nothing leaves it as it was."""
    made = client.post("/demo/ogc-api/jobs", json={"process": "say", "inputs": {}, "keep": "5"})
    place = made.headers["Location"]
    assert "5" == client.get(place).json["keep"]
    assert client.patch(place, json={"keep": 9}).status_code in {200, 204}
    assert "9" == client.get(place).json["keep"]
    assert client.patch(place, json={"inputs": {}}).status_code in {200, 204}
    assert "9" == client.get(place).json["keep"]


def test_a_job_is_removed_although_its_files_stay(make_app, moto, monkeypatch):  # noqa: F811
    """It vanishes at once; what the store would not delete goes with the next sweep."""
    door = CheckingS3(moto)
    place = settings_for(door.url).model_dump(exclude_unset=True) | {"s3_secret_key": SECRET}
    app = make_app(**place)
    client, services = app.test_client(), app.extensions["ades"]
    client.post("/demo/ogc-api/processes", json=TOOL, content_type="application/cwl+json")
    job = submitted(client)["jobID"]
    claim = services.store.queue.claim("w", timedelta(minutes=1))
    key = f"{results_prefix(claim.job)}/said/a.txt"
    services.objects.put(key, b"1")
    services.store.queue.finish(
        claim, JobStatus.SUCCESSFUL, [Result(claim.id, "said", 0, ResultKind.FILE, "x/y", key=key)]
    )
    allowed = door.why_not
    door.why_not = lambda method, path, headers: (
        "AccessDenied" if method in {"DELETE", "POST"} else allowed(method, path, headers)
    )

    assert 200 == client.delete(f"/demo/ogc-api/jobs/{job}").status_code
    assert 404 == client.get(f"/demo/ogc-api/jobs/{job}").status_code
    assert [key] == [info.key for info in services.objects.list("demo")]
    door.why_not = allowed
    monkeypatch.setattr(sweep, "YOUNG", timedelta(seconds=-5))
    assert [sweep.Kind.ORPHAN] == [
        one.kind for one in sweep.Sweeper(services.store, services.objects, services.settings).sweep()
    ]
    assert [] == list(services.objects.list("demo"))
    door.close()
