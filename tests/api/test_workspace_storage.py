"""A workspace may keep its files in a bucket of its own, with keys that only it has."""

import json
import time
from uuid import uuid4

import pytest
from s3_servers import KEY, SECRET, moto, settings_for  # noqa: F401 - a fixture

from ades.errors import BadRequest
from ades.objects import open_store
from ades.service.dispatch import Supervised
from ades.service.quotas import Quotas

PACKAGE = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "copy-file",
    "baseCommand": "cat",
    "inputs": {"file": {"type": "File", "inputBinding": {}}},
    "outputs": {"out": {"type": "stdout"}},
    "stdout": "out.txt",
}


@pytest.fixture
def own(make_app, moto):  # noqa: F811
    """A server of files in a folder, with a workspace whose files lie in a bucket; and that bucket."""
    app = make_app()
    services = app.extensions["ades"]
    place = f"s3://bucket/{uuid4()}"
    settings = {"objects": place, "s3_endpoint": moto, "s3_region": "us-east-1"}
    services.store.workspaces.create("owner", settings=Quotas.read(settings).document())
    services.tenants.vault.put("owner", "storage", json.dumps({"access_key": KEY, "secret_key": SECRET}))
    return app, open_store(settings_for(moto).model_copy(update={"objects": place}))


def keys(store, prefix=""):
    return [info.key for info in store.list(prefix)]


def test_files_lie_in_its_bucket(own):
    """What is stored for it lies there and nowhere else; other workspaces stay where they were."""
    app, bucket = own
    client = app.test_client()
    client.put("/owner/files/a.txt", data=b"mine")
    client.put("/demo/files/a.txt", data=b"common")

    assert ["owner/files/a.txt"] == keys(bucket)
    assert b"mine" == client.get("/owner/files/a.txt").data
    assert ["demo/files/a.txt"] == keys(app.extensions["ades"].objects, "demo")
    assert 200 == client.get("/owner/files/a.txt?link=true").status_code
    assert 409 == client.get("/demo/files/a.txt?link=true").status_code


def test_jobs_read_and_write_there(own):
    """The runner gets the keys of the workspace that calls: inputs, results and logs are in its bucket."""
    app, bucket = own
    services = app.extensions["ades"]
    worker = Supervised(services.settings)
    worker.start()
    client = app.test_client()
    try:
        client.post("/owner/ogc-api/processes", data=json.dumps(PACKAGE), content_type="application/cwl+json")
        address = client.put("/owner/files/in.txt", data=b"from the bucket").headers["Location"]
        made = client.post(
            "/owner/ogc-api/processes/copy-file/execution",
            json={"inputs": {"file": {"href": address}}},
            headers={"Prefer": "respond-async"},
        )
        end = time.monotonic() + 60
        while (status := client.get(made.headers["Location"]).get_json())["status"] not in {"successful", "failed"}:
            assert time.monotonic() < end, status
            time.sleep(0.1)
        assert "successful" == status["status"], status
        assert b"from the bucket" == client.get(f"{made.headers['Location']}/results/out").data
        found = keys(bucket)
        assert any(key.endswith("/out/out.txt") for key in found)
        assert any(key.endswith("job.log") for key in found)
        assert [] == keys(services.objects._common)
    finally:
        worker.stop()


def test_without_its_keys(own, capsys):
    """It cannot be reached, and the server's log says what is missing; no other workspace is hurt."""
    app, _ = own
    client = app.test_client()
    app.extensions["ades"].tenants.vault.put("owner", "storage", "not json")
    answer = client.get("/owner/files/a.txt")

    assert 503 == answer.status_code
    assert "secret `storage`" in capsys.readouterr().err
    assert 404 == client.get("/demo/files/a.txt").status_code


@pytest.mark.parametrize(
    "settings",
    [
        {"objects": "/etc"},
        {"objects": "file:///x"},
        {"objects": "s3://"},
        {"s3_endpoint": "ftp://x"},
        {"s3_endpoint": "http://x/?y"},
    ],
    ids=["folder", "file", "nameless", "ftp", "query"],
)
def test_what_is_no_bucket(settings):
    """Only an administrator says where, and only buckets can be said."""
    with pytest.raises(BadRequest):
        Quotas.read(settings)
