"""The client against the ways in which other servers speak: answers as they would give them, written for these tests."""

from __future__ import annotations

import json

import pytest
from web import Server

from ades.client import Client, JobFailed, Rejected

REL = "http://www.opengis.net/def/rel/ogc/1.0/"
ITEM = {
    "type": "Feature", "stac_version": "1.0.0", "id": "scene", "links": [],
    "geometry": {"type": "Polygon", "coordinates": [[[10, 50], [11, 50], [11, 51], [10, 51], [10, 50]]]},
    "properties": {"datetime": "2024-05-01T10:00:00Z"}, "assets": {"mask": {"href": "./mask.tif"}},
}  # fmt: skip


@pytest.fixture
def server():
    found = Server()
    yield found
    found.close()


def give(server, path, document, status="200 OK", **headers):
    server.give(path, json.dumps(document).encode(), status, **{"Content_Type": "application/json"} | headers)


# -- ZOO, as EOEPCA and the EODH run it ------------------------------------------------------------------------------


@pytest.fixture
def zoo(server):
    """Jobs with a monitor link, a description with extended schemas, results that are the collection itself."""
    root, job = f"{server.url}/alice/ogc-api", "5c2b3f0e-1111-11ef-9c1a-0242ac110002"
    status = {
        "id": job, "jobID": job, "type": "process", "processID": "water", "created": "2024-05-01T10:00:00.123Z",
        "started": "2024-05-01T10:00:00.124Z", "updated": "2024-05-01T10:00:00.124Z",
    }  # fmt: skip
    monitor = {"rel": "monitor", "type": "application/json", "title": "Status", "href": f"{root}/jobs/{job}"}
    log = {"rel": "related", "type": "text/plain", "title": "Tool log node_stage_in.log", "href": f"{root}/x.log"}
    results = {"rel": f"{REL}results", "type": "application/json", "href": f"{root}/jobs/{job}/results"}
    path = "/alice/ogc-api"
    description = {
        "id": "water", "title": "Water", "version": "1.0.0", "mutable": True,
        "inputs": {"scenes": {"title": "Scenes", "maxOccurs": 999, "schema": {"type": "string"},
                              "extended-schema": {"type": "array", "items": {"type": "string"}}}},
        "outputs": {"stac": {"schema": {"oneOf": [{"type": "object", "format": "geojson-feature-collection"}]}}},
        "links": [{"rel": f"{REL}execute", "href": f"{root}/processes/water/execution"}],
    }  # fmt: skip
    give(server, f"{path}/processes/water", description)
    running = status | {"status": "running", "progress": 0, "message": "queued", "links": [monitor]}
    give(server, f"{path}/processes/water/execution", running, "201 Created", Location=f"{root}/jobs/{job}")
    done = status | {"status": "successful", "message": "done", "links": [monitor, log, results]}
    give(server, f"{path}/jobs/{job}", done)
    collection = {
        "type": "Collection", "id": f"col_{job}", "stac_version": "1.0.0", "license": "proprietary",
        "links": [{"rel": "item", "href": f"{server.url}/files/scene.json", "type": "application/geo+json"}],
    }  # fmt: skip
    give(server, f"{path}/jobs/{job}/results", collection)
    give(server, "/files/scene.json", ITEM)
    server.give("/files/mask.tif", b"bytes")
    give(server, f"{path}/jobs", {"jobs": [done], "links": [], "numberTotal": 1})
    give(server, f"{path}/nothing", {"title": "NoSuchJob", "type": "…/no-such-job"}, "404 Not Found")
    return Client(root, "secret")


def test_zoo(zoo, server, tmp_path):
    """From the description to items and files; progress vanishes at the end, and logs are where they are."""
    job = zoo.process("water").execute({"scenes": ["a"]}).wait()
    assert ("successful", 0, "water") == (job.status, job.progress, job.document["processID"])
    assert ["scene"] == [item.id for item in job.items()]
    assert {"scene.json", "mask.tif"} == {path.name for path in job.download(tmp_path)}
    assert [job.id] == [found.id for found in zoo.jobs()]
    assert [] == list(job.logs())
    request = next(head for head in server.heads if head.startswith("POST"))
    assert "prefer: respond-async" in request.lower()


def test_a_collection_shows_its_footprints(zoo):
    """In a notebook: a map of what came out, without anything from elsewhere."""
    shown = zoo.process("water").execute({}).wait().results()._repr_html_()
    assert "<svg" in shown
    assert "<title>scene</title>" in shown
    assert "2024-05-01T10:00:00Z" in shown
    assert "<script" not in shown
    assert "src=" not in shown


# -- Weaver ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def weaver(server):
    """Its own words for states, a `location` in the body, percent under another name, jobs listed by their ids."""
    job = "b8a3f6d2-2222-4c5e-9a1b-3f2e1d0c9b8a"
    place = f"{server.url}/processes/echo/jobs/{job}"
    status = {"jobID": job, "processID": "echo", "type": "process"}
    give(server, "/processes/echo", {"process": {"id": "echo", "title": "Echo", "version": "1.0", "inputs": [
        {"id": "message", "title": "Message", "minOccurs": 1}], "outputs": [{"id": "out"}]}, "links": []})  # fmt: skip
    accepted = status | {"status": "accepted", "location": place}
    give(server, "/processes/echo/execution", accepted, "201 Created")
    done = status | {"status": "succeeded", "percentCompleted": 100, "message": "Job succeeded.", "links": [
        {"rel": f"{REL}results", "href": f"{place}/results", "type": "application/json"},
        {"rel": "logs", "href": f"{place}/logs", "type": "application/json"}]}  # fmt: skip
    give(server, f"/processes/echo/jobs/{job}", done)
    give(server, f"/jobs/{job}", done)
    give(
        server,
        f"/processes/echo/jobs/{job}/results",
        {"out": {"href": f"{server.url}/wpsoutputs/out.txt", "type": "text/plain"}},
    )
    give(server, f"/processes/echo/jobs/{job}/logs", ["[2024-05-01] INFO start", "[2024-05-01] INFO done"])
    server.give("/wpsoutputs/out.txt", b"said")
    give(server, "/jobs", {"jobs": [job], "page": 0, "limit": 10, "count": 1, "total": 1})
    return Client(server.url)


def test_weaver(weaver, tmp_path):
    """A nested description with lists of ports; states in the words of the standard; a log that is a list."""
    process = weaver.process("echo")
    assert ("Echo", ["message"]) == (process.title, list(process.inputs))
    job = process.execute({"message": "said"}).wait()
    assert ("successful", 100) == (job.status, job.progress)
    assert ["[2024-05-01] INFO start", "[2024-05-01] INFO done"] == list(job.logs())
    assert ["said"] == [path.read_text() for path in job.download(tmp_path)]
    assert ["successful"] == [found.status for found in weaver.jobs()]


# -- pygeoapi --------------------------------------------------------------------------------------------------------


def test_pygeoapi_that_answers_at_once(server, tmp_path):
    """A server that runs everything synchronously gives results instead of a job, whatever was preferred."""
    give(server, "/processes/echo", {"id": "echo", "inputs": {}, "links": []})
    give(server, "/processes/echo/execution", {"id": "echo", "value": "said"})
    job = Client(server.url).process("echo").execute({})
    assert job.wait().finished
    assert {"id": "echo", "value": "said"} == job.results()
    assert ([], []) == (list(job.logs()), [update.lines for update in job.follow() if update.lines])


def test_pygeoapi_tells_failures_as_codes(server):
    """`code` and `description` instead of a problem document."""
    give(server, "/processes/echo", {"id": "echo", "links": []})
    said = {"code": "InvalidParameterValue", "type": "InvalidParameterValue", "description": "Error executing process"}
    give(server, "/processes/echo/execution", said, "400 Bad Request")
    with pytest.raises(Rejected, match="Error executing process"):
        Client(server.url).process("echo").execute({})


def test_pages_are_no_links_to_documents(server):
    """pygeoapi links every document as JSON-LD, HTML and JSON; JSON is followed."""
    give(server, "/jobs/1", {"jobID": "1", "status": "successful", "links": [
        {"rel": f"{REL}results", "type": "text/html", "href": f"{server.url}/jobs/1/results?f=html"},
        {"rel": f"{REL}results", "type": "application/json", "href": f"{server.url}/jobs/1/results?f=json"}]})  # fmt: skip
    give(server, "/jobs/1/results?f=json", {"a": 1})
    assert {"a": 1} == Client(server.url).job("1").results()


# -- any server ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "status"),
    [("succeeded", "successful"), ("Successful", "successful"), ("started", "running"), ("canceled", "dismissed")],
)
def test_states_are_told_in_the_words_of_the_standard(server, said, status):
    """Whatever a server calls them."""
    give(server, "/jobs/1", {"jobID": "1", "status": said})
    assert status == Client(server.url).job("1").status


def test_a_failed_job_has_no_results(server):
    """The reason may stand in an exception document inside the status."""
    give(server, "/jobs/1", {"jobID": "1", "status": "failed", "exception": {"detail": "The disk is full."}})
    with pytest.raises(JobFailed, match="The disk is full"):
        Client(server.url).job("1").results()


def test_pages_of_a_list_are_followed_and_never_twice(server):
    """A server whose last page links to itself ends the list."""
    following = [{"rel": "next", "href": f"{server.url}/processes?page=2", "type": "application/json"}]
    give(server, "/processes", {"processes": [{"id": "a"}], "links": following})
    give(server, "/processes?page=2", {"processes": [{"id": "b"}], "links": following})
    assert ["a", "b"] == [process.id for process in Client(server.url).processes()]


def test_a_small_file_travels_inside_the_request_where_there_are_no_uploads(server, tmp_path):
    """Base64 with its media type; a large one is refused with the remedy."""
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "large").write_bytes(bytes(300_000))
    give(server, "/processes/p", {"id": "p", "links": []})
    give(server, "/processes/p/execution", {"x": 1})
    process = Client(server.url).process("p")
    process.execute({"one": tmp_path / "a.json", "many": [tmp_path / "a.json"]})
    sent = json.loads(server.bodies[-1])["inputs"]
    assert {"value": "e30=", "mediaType": "application/json", "encoding": "base64"} == sent["one"] == sent["many"][0]
    with pytest.raises(Exception, match="give its address instead"):
        process.execute({"one": tmp_path / "large"})


def test_names_in_a_notebook_are_escaped(server):
    """What servers and tools call their things stays text."""
    evil = "<img src=x onerror=alert(1)>"
    give(server, "/processes/p", {"id": evil, "title": evil, "inputs": {evil: {"title": evil}}, "links": []})
    give(server, "/jobs/1", {"jobID": evil, "processID": evil, "status": "successful", "message": evil})
    give(server, "/jobs/1/results", {evil: evil})
    client = Client(server.url)
    job = client.job("1")
    job.url = f"{server.url}/jobs/1"
    for thing in (client.process("p"), job, job.results()):
        assert "<img" not in thing._repr_html_()
