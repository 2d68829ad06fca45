"""Links to results that work without a token for a while."""

from datetime import timedelta
from uuid import uuid4

import pytest
import requests
from jobs_of_tests import a_job
from published import item, publish
from s3_servers import KEY, SECRET, moto  # noqa: F401 - a fixture

from ades.model import JobStatus, Result, ResultKind
from ades.service.handover import results_prefix
from tests.api.conftest import deployed


@pytest.fixture
def bucket(make_app, moto):  # noqa: F811
    """A server whose files lie in a bucket."""
    return make_app(
        objects=f"s3://bucket/{uuid4()}",
        s3_endpoint=moto,
        s3_access_key=KEY,
        s3_secret_key=SECRET,
        s3_region="us-east-1",
        s3_addressing="path",
        link_lifetime=timedelta(minutes=5),
    )


def finished(services):
    """A job with a file, an array of files and a value."""
    outputs = {name: {"schema": {}} for name in ("one", "several", "value")}
    job = services.store.jobs.submit(a_job(digest=deployed(services, "echo2", outputs=outputs).digest))
    claim = services.store.queue.claim("w", timedelta(minutes=1))
    found = [Result(job.id, "value", 0, ResultKind.VALUE, "application/json", value=1)]
    for name, index, many in (("one", 0, False), ("several", 0, True), ("several", 1, True)):
        key = f"{results_prefix(job)}/{name}/{index}.txt"
        services.objects.put(key, f"{name} {index}".encode())
        found.append(Result(job.id, name, index, ResultKind.FILE, "text/plain", key=key, many=many))
    services.store.queue.finish(claim, JobStatus.SUCCESSFUL, found)
    return f"/demo/ogc-api/jobs/{job.id}/results"


def test_a_file_by_its_link(bucket):
    """The link gives the file to whoever has it, and nobody needs a token for it."""
    client, services = bucket.test_client(), bucket.extensions["ades"]
    results = finished(services)
    for path, said in (("one", "one 0"), ("several/1", "several 1")):
        told = client.get(f"{results}/{path}?link=true").get_json()
        assert (300, said) == (told["expires_in"], requests.get(told["href"], timeout=10).text)
    for path in ("value", "several"):
        assert 409 == client.get(f"{results}/{path}?link=true").status_code
    assert 404 == client.get(f"{results}/one/none?link=true").status_code


def test_an_asset_by_its_link(bucket, tmp_path):
    """A file in a folder has one, too."""
    client, services = bucket.test_client(), bucket.extensions["ades"]
    digest = deployed(services, "mapper", outputs={"out": {"schema": {}}}).digest
    job = publish(services, tmp_path, item("a"), process_id="mapper", digest=digest)
    told = client.get(f"/demo/ogc-api/jobs/{job}/results/out/a.txt?link=true").get_json()
    assert "a" == requests.get(told["href"], timeout=10).text
    assert 409 == client.get(f"/demo/ogc-api/jobs/{job}/results/out?link=true").status_code


def test_a_folder_gives_none(client, services):
    """Where files lie in a folder there are no links, and that is said."""
    answer = client.get(f"{finished(services)}/one?link=true")
    assert (409, True) == (answer.status_code, "token" in answer.json["detail"])
