"""pyeodh, unmodified, against a running server that asks for tokens, as EODH's users drive it."""

import re
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pyeodh
import pytest
import requests
from oidc_server import Issuer
from pyeodh.ades import Ades, ResultsNotReadyError
from pyeodh.types import Headers
from served import Process

# Writes what an application of the platform writes: a catalogue with an item and its asset.
WRITE = """
import json, sys
item = {"type": "Feature", "stac_version": "1.0.0", "id": "scene", "geometry": {"type": "Point", "coordinates": [1, 2]},
        "bbox": [1, 2, 1, 2], "properties": {"datetime": "2024-01-01T00:00:00Z", "said": sys.argv[1]}, "links": [],
        "assets": {"text": {"href": "said.txt", "type": "text/plain", "roles": ["data"]}}}
links = [{"rel": "item", "href": "scene.json", "type": "application/geo+json"}]
catalog = {"type": "Catalog", "stac_version": "1.0.0", "id": "out", "description": "out", "links": links}
json.dump(item, open("scene.json", "w")); json.dump(catalog, open("catalog.json", "w"))
open("said.txt", "w").write(sys.argv[1] * int(sys.argv[2]))
"""
PACKAGE = f"""cwlVersion: v1.2
$namespaces: {{s: https://schema.org/}}
s:softwareVersion: VERSION
$graph:
- class: Workflow
  id: say
  label: TITLE
  doc: Writes a text many times
  inputs:
    text: {{type: string, doc: What to say}}
    times: {{type: int, default: 1}}
    pause: {{type: float, default: 0}}
  outputs:
    out: {{type: Directory, outputSource: write/out}}
  steps:
    write:
      run: "#write"
      in: {{text: text, times: times, pause: pause}}
      out: [out]
- class: CommandLineTool
  id: write
  requirements:
    InitialWorkDirRequirement:
      listing:
      - entryname: write.py
        entry: |
{chr(10).join("          " + line for line in WRITE.replace("$", chr(92) + "$").splitlines())}
  baseCommand: [sh, -c, 'mkdir out && cd out && sleep "$3" && python3 ../write.py "$1" "$2"', write]
  inputs:
    text: {{type: string, inputBinding: {{position: 1}}}}
    times: {{type: int, inputBinding: {{position: 2}}}}
    pause: {{type: float, inputBinding: {{position: 3}}}}
  outputs:
    out: {{type: Directory, outputBinding: {{glob: out}}}}
"""


def package(version="1.0.0", title="Say it", name="say"):
    return PACKAGE.replace("VERSION", version).replace("TITLE", title).replace("id: say", f"id: {name}")


@pytest.fixture(scope="module")
def issuer():
    found = Issuer()
    yield found
    found.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A web server with packages, as a repository of workflows."""
    folder = tmp_path_factory.mktemp("repository")
    (folder / "linked.cwl").write_text(package(name="linked"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def address(issuer, files, tmp_path_factory):
    """A server that asks for the issuer's tokens, with the workspace alice, which an administrator makes."""
    where = urlsplit(files).netloc
    process = Process(
        "serve",
        tmp_path_factory.mktemp("pyeodh"),
        oidc_issuer=issuer.url,
        fetch_allow=where,
        slots=2,
        workspace="alice",
    )
    found = process.address()
    root = {"Authorization": f"Bearer {issuer.token('root', realm_access={'roles': ['hub_admin']})}"}
    assert requests.post(f"{found}/workspaces", json={"name": "bob"}, headers=root, timeout=10).status_code == 201
    yield found
    assert process.stop() == 0


def client(address, issuer, user="alice"):
    token = issuer.token(user, workspaces=[user], workspace=user, exp=int(time.time()) + 3600)
    # The user information in the address names the environment that pyeodh looks for; requests drops it.
    return pyeodh.Client(base_url=address.replace("http://", "http://test.@"), username=user, token=token)


@pytest.fixture
def alice(address, issuer):
    return client(address, issuer).get_ades()


@pytest.fixture
def clean(alice):
    """No process of an earlier test is left."""
    for process in alice.get_processes():
        if process.mutable:
            process.delete()


def followed(job, seconds=60):
    """The loop of every published notebook."""
    deadline = time.monotonic() + seconds
    while job.status == "running":
        assert time.monotonic() < deadline
        time.sleep(0.1)
        job.refresh()
    return job


def test_the_whole_life(alice, clean):
    """Deploy, list, describe, execute, watch, read the results, update, delete."""
    process = alice.deploy_process(cwl_yaml=package())
    assert (process.id, process.title, process.version) == ("say", "Say it", "1.0.0")
    assert {"echo", "say"} <= {entry.id for entry in alice.get_processes()}
    assert set(alice.get_process("say").inputs_schema) == {"text", "times", "pause"}

    job = process.execute({"text": "hello ", "times": 3})
    assert job.status == "running"
    assert job.process_id == "say"
    assert followed(job).status == "successful", job.message
    (item,) = job.get_result_items()
    assert item.id == "scene"
    asset = item.assets["text"].href
    token = alice._client.token
    answer = requests.get(asset, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert (answer.status_code, answer.text) == (200, "hello hello hello ")
    assert requests.get(asset, timeout=10).status_code == 401

    process.update(cwl_yaml=package("1.1.0", "Say it better"))
    assert (process.title, process.version) == ("Say it better", "1.1.0")
    process.delete()
    assert "say" not in {entry.id for entry in alice.get_processes()}
    job.refresh()
    assert job.status == "successful"


def test_by_address(alice, clean, files):
    """A package is deployed and updated by the address of its file."""
    process = alice.deploy_process(cwl_url=f"{files}/linked.cwl")
    assert process.id == "linked"
    process.update(cwl_url=f"{files}/linked.cwl")
    assert followed(process.execute({"text": "x"})).status == "successful"


def test_twice(alice, clean):
    """What is deployed already is a conflict, as its scripts expect."""
    alice.deploy_process(cwl_yaml=package())
    with pytest.raises(requests.HTTPError) as caught:
        alice.deploy_process(cwl_yaml=package())
    assert caught.value.response.status_code == 409


def test_undeploy_while_running(alice, clean):
    """Undeploying, deploying and executing again does not disturb a job that is running."""
    process = alice.deploy_process(cwl_yaml=package())
    first = process.execute({"text": "first", "pause": 2})
    process.delete()
    second = alice.deploy_process(cwl_yaml=package("2.0.0")).execute({"text": "second"})

    said = []
    for job in (second, first):
        assert followed(job).status == "successful", job.message
        said.append(job.get_result_items()[0].properties["said"])
    assert said == ["second", "first"]


def test_results_too_early(alice, clean):
    """Asked for too early, the client says that there are no results yet."""
    job = alice.deploy_process(cwl_yaml=package()).execute({"text": "x", "pause": 60})
    with pytest.raises(ResultsNotReadyError):
        job.get_result_items()
    job.delete()
    assert job.status == "dismissed"


def test_missing_inputs(alice, clean):
    """Without its inputs a job is made and fails, and can be deleted, as the client's own test does."""
    job = alice.deploy_process(cwl_yaml=package()).execute({})
    assert job.status in {"running", "failed"}
    assert followed(job).status == "failed"
    assert "text" in job.message
    job.delete()
    assert job.status == "dismissed"


def test_texts_for_numbers(alice, clean):
    """The QGIS plugin sends every value as a text."""
    job = alice.deploy_process(cwl_yaml=package()).execute({"text": "ab", "times": "2", "pause": ""})
    assert followed(job).status == "successful", job.message


def test_pages_of_jobs(alice, clean):
    """The list of jobs is read to its end over several pages, newest first, each job once."""
    process = alice.deploy_process(cwl_yaml=package())
    made = [process.execute({}).id for _ in range(7)]
    listed = [job.id for job in alice.get_jobs(limit=3)]

    assert listed[: len(made)] == made[::-1]
    assert len(set(listed)) == len(listed)
    assert alice.get_job(made[0]).id == made[0]


def test_deleting_finished_jobs(alice, clean):
    """A finished job can be deleted; then it is gone."""
    job = followed(alice.deploy_process(cwl_yaml=package()).execute({"text": "x"}))
    job.delete()
    assert job.status == "dismissed"
    with pytest.raises(requests.HTTPError) as caught:
        alice.get_job(job.id)
    assert caught.value.response.status_code in {403, 404}


def test_log_links(alice, clean):
    """The status of a finished job links the log of each step, readable with the token."""
    job = followed(alice.deploy_process(cwl_yaml=package()).execute({"text": "x"}))
    logs = [link.href for link in job.links if re.search(r"\.log$", link.href)]
    assert logs
    for href in logs:
        answer = requests.get(href, headers={"Authorization": f"Bearer {alice._client.token}"}, timeout=10)
        assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/plain")
        assert requests.get(href, timeout=10).status_code == 401


def test_other_workspace(alice, clean, address, issuer):
    """Another workspace sees and executes what was opened to it, and reads its own results only."""
    process = alice.deploy_process(cwl_yaml=package())
    mine = followed(process.execute({"text": "secret"}))
    bob = client(address, issuer, "bob")
    theirs = Ades(bob, Headers(), {"links": [{"rel": "self", "href": alice.self_href}]})
    assert [entry.id for entry in theirs.get_processes() if entry.mutable] == []

    answer = alice._client._session.patch(process.self_href, json={"access": "public"})
    assert answer.status_code == 200
    deadline = time.monotonic() + 20
    while not (found := [entry for entry in theirs.get_processes() if entry.mutable]):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    job = followed(found[0].execute({"text": "bob's"}))
    assert job.get_result_items()[0].properties["said"] == "bob's"
    with pytest.raises(requests.HTTPError):
        theirs.get_job(mine.id)
    with pytest.raises(requests.HTTPError):
        alice.get_job(job.id)
    assert mine.id not in {entry.id for entry in theirs.get_jobs()}
    assert job.id not in {entry.id for entry in alice.get_jobs()}


@pytest.mark.parametrize("prefix", ["/ades/{}/ogc-api", "/api/catalogue/stac/catalogs/user/catalogs/{}"])
def test_older_prefixes(alice, clean, address, prefix):
    """The same on the older prefixes: every link stays below the prefix that was called."""
    place = address + prefix.format("alice")
    ades = Ades(alice._client, Headers(), {"links": [{"rel": "self", "href": place}]})
    process = ades.deploy_process(cwl_yaml=package())
    job = followed(process.execute({"text": "x"}))

    assert all(link.href.startswith(place) for link in job.links)
    (item,) = job.get_result_items()
    assert item.assets["text"].href.startswith(address)
    job.delete()
    process.delete()
