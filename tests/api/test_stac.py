"""The STAC API over the results of a workspace, held against the specification and against pystac-client."""

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pystac
import pystac.validation
import pystac_client
import pytest
from published import item, publish
from werkzeug.serving import make_server

from tests.api.conftest import deployed, rels

STAC = "/demo/stac"
EODH = "/api/catalogue/stac/catalogs/user/catalogs/demo"
TREE = f"{EODH}/catalogs/processing-results"


@pytest.fixture
def fill(services, tmp_path):
    """Publishes jobs of two processes."""
    outputs = {"out": {"schema": {"type": "string"}}}
    digests = {name: deployed(services, name, outputs=outputs).digest for name in ("mapper", "other")}

    def run(*items, process_id="mapper", **more):
        return publish(services, tmp_path, *items, process_id=process_id, digest=digests[process_id], **more)

    return run


@pytest.fixture
def filled(fill):
    """Three jobs: two with items of their own collections, one with a collection that has a name."""
    return [
        fill(item("a", 1), item("b", 2, (10, 10, 11, 11))),
        fill(item("c", 3, (178, -1, 179, 1)), named="lakes"),
        fill(item("d", 4, (-5, -5, -4, -4)), named="lakes", process_id="other"),
    ]


def ids(document):
    return [one["id"] for one in document["features"]]


def valid(document):
    """By the schemas of 1.1, which what we write fits as well as those of 1.0."""
    pystac.validation.validate_dict({**document, "stac_version": "1.1.0"}, stac_version="1.1.0", extensions=[])


def test_the_top(client, filled):
    """A catalogue with what the standard asks for: conformance, search, collections, definition, children."""
    document = client.get(STAC).get_json()
    valid(document)
    links = rels(document)
    assert {"self", "root", "conformance", "data", "search", "service-desc", "service-doc", "child"} <= set(links)
    assert {"GET", "POST"} == {link["method"] for link in document["links"] if link["rel"] == "search"}
    assert "http://localhost/demo/stac" == links["self"]["href"]
    assert document["conformsTo"] == client.get(f"{STAC}/conformance").get_json()["conformsTo"]
    for rel, link in links.items():
        if link.get("method") != "POST":
            answer = client.get(link["href"])
            assert (200, link["type"].split(";")[0]) == (answer.status_code, answer.mimetype), rel


def test_its_definition(client, filled):
    """OpenAPI for exactly what stands here, below its own address."""
    from openapi_spec_validator import validate

    document = client.get(f"{STAC}/api").get_json()
    validate(document)
    assert "http://localhost/demo/stac" == document["servers"][0]["url"]
    assert {"/search", "/collections/{collectionID}/items/{itemID}", "/conformance"} <= set(document["paths"])


def test_collections(client, filled):
    """Each once, whichever jobs have published it, with the extent of all its items and links of the API."""
    document = client.get(f"{STAC}/collections").get_json()
    assert ["lakes", f"col_{filled[0]}"] == [one["id"] for one in document["collections"]]
    lakes = client.get(f"{STAC}/collections/lakes").get_json()
    valid(lakes)
    assert [[-5, -5, 179, 1]] == lakes["extent"]["spatial"]["bbox"]
    assert [["2024-01-03T00:00:00Z", "2024-01-04T00:00:00Z"]] == lakes["extent"]["temporal"]["interval"]
    assert "MIT" == lakes["license"]
    assert {"c", "d"} == set(ids(client.get(rels(lakes)["items"]["href"]).get_json()))


def test_an_item(client, filled):
    """With links of the API, and assets that can be read, whole or in parts."""
    answer = client.get(f"{STAC}/collections/lakes/items/c")
    document = answer.get_json()
    valid(document)
    assert ("application/geo+json", "lakes") == (answer.mimetype, document["collection"])
    links = rels(document)
    assert f"http://localhost{STAC}/collections/lakes/items/c" == links["self"]["href"]
    assert "lakes" == client.get(links["parent"]["href"]).get_json()["id"]
    asset = document["assets"]["data"]["href"]
    assert b"c" == client.get(asset).data
    assert 206 == client.get(asset, headers={"Range": "bytes=0-0"}).status_code
    assert "c" == client.get(links["via"]["href"]).get_json()["id"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "dcba"),
        ({"limit": 2}, "dc"),
        ({"collections": ["lakes"]}, "dc"),
        ({"ids": ["a", "d", "none"]}, "da"),
        ({"bbox": [0, 0, 5, 5]}, "a"),
        ({"bbox": [0, 0, -1, 5, 5, 1]}, "a"),
        ({"bbox": [170, -10, -170, 10]}, "c"),
        ({"datetime": "2024-01-02T00:00:00Z"}, "b"),
        ({"datetime": "2024-01-02T01:00:00+01:00/.."}, "dcb"),
        ({"datetime": "../2024-01-02T00:00:00Z"}, "ba"),
        ({"datetime": "/2024-01-02T00:00:00Z"}, "ba"),
        ({"intersects": {"type": "Point", "coordinates": [0.5, 0.5]}}, "a"),
        ({"intersects": {"type": "Point", "coordinates": [1, 1]}}, "a"),
        ({"intersects": {"type": "LineString", "coordinates": [[-4.5, -6], [-4.5, 0]]}}, "d"),
        ({"intersects": {"type": "LineString", "coordinates": [[2, -1], [2, 9], [9, 9]]}}, ""),
        (
            {
                "intersects": {
                    "type": "Polygon",
                    "coordinates": [
                        [[-20, -20], [20, -20], [20, 20], [-20, 20], [-20, -20]],
                        [[-1, -1], [2, -1], [2, 2], [-1, 2], [-1, -1]],
                    ],
                }
            },
            "db",
        ),
        ({"collections": ["lakes"], "bbox": [-180, -90, 0, 90], "limit": 1}, "d"),
    ],
)
def test_a_search(client, filled, query, expected):
    """By collection, id, box, time and geometry, in the address and in the body alike."""
    text = {
        name: json.dumps(value)
        if isinstance(value, dict)
        else ",".join(map(str, value))
        if isinstance(value, list)
        else value
        for name, value in query.items()
    }
    for answer in (client.get(f"{STAC}/search", query_string=text), client.post(f"{STAC}/search", json=query)):
        assert (200, "application/geo+json") == (answer.status_code, answer.mimetype), answer.text
        assert list(expected) == ids(answer.get_json())


@pytest.mark.parametrize(
    "query",
    [
        *({"bbox": box} for box in ([0, 0, 1], [0, 5, 1, 1], [0, 0, 1, 100], [-200, 0, 1, 1], ["a", 0, 1, 1])),
        *(
            {"datetime": text}
            for text in ("2024-01-01", "../..", "/", "2024-13-01T00:00:00Z", "yesterday", "", "a/b/c")
        ),
        {"datetime": "2024-01-02T00:00:00Z/2024-01-01T00:00:00Z"},
        {"datetime": "1937-01-01T12:00:27,87Z"},
        {"limit": 0},
        {"limit": -1},
        {"token": "!"},
        {"intersects": {"type": "Circle"}},
        {"intersects": {"type": "Point"}},
        {"intersects": {"type": "Polygon", "coordinates": [1]}},
        {"intersects": {"type": "Point", "coordinates": [1, 1]}, "bbox": [0, 0, 1, 1]},
    ],
)
def test_wrong_searches(client, filled, query):
    """400, with the name of what is wrong."""
    text = {
        name: json.dumps(value)
        if isinstance(value, dict)
        else ",".join(map(str, value))
        if isinstance(value, list)
        else value
        for name, value in query.items()
    }
    answers = [client.post(f"{STAC}/search", json=query), client.get(f"{STAC}/search", query_string=text)]
    for answer in answers:
        assert 400 == answer.status_code, answer.text
        assert any(name in answer.get_json()["detail"] for name in (*query, "cursor"))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages(client, filled, method):
    """The `next` link leads through all items, each once."""
    found, query = [], {"limit": 3, "bbox": [-180, -90, 180, 90]}
    answer = (
        client.post(f"{STAC}/search", json=query)
        if method == "POST"
        else client.get(f"{STAC}/search?limit=3&bbox=-180,-90,180,90")
    )
    while True:
        document = answer.get_json()
        found += ids(document)
        link = rels(document).get("next")
        if link is None:
            break
        assert method == link["method"]
        answer = client.post(link["href"], json=link["body"]) if method == "POST" else client.get(link["href"])
    assert list("dcba") == found


def test_results_come_and_go_with_their_jobs(client, filled):
    """The moment a job is removed, its items are gone, and its collection if nobody else has published it."""
    client.delete(f"/demo/ogc-api/jobs/{filled[1]}")
    assert list("dba") == ids(client.get(f"{STAC}/search").get_json())
    client.delete(f"/demo/ogc-api/jobs/{filled[2]}")
    assert [f"col_{filled[0]}"] == [one["id"] for one in client.get(f"{STAC}/collections").get_json()["collections"]]
    assert 404 == client.get(f"{STAC}/collections/lakes").status_code


def test_the_newest_of_an_item(client, fill):
    """Published again it replaces the earlier one in the API; each job still shows its own."""
    first, second = fill(item("x", 1), named="c"), fill(item("x", 9), named="c")
    (found,) = client.get(f"{STAC}/search").get_json()["features"]
    assert "2024-01-09T00:00:00Z" == found["properties"]["datetime"]
    for job, day in ((first, 1), (second, 9)):
        own = client.get(f"{TREE}/catalogs/mapper/catalogs/cat_{job}/search").get_json()["features"]
        assert [f"2024-01-{day:02}T00:00:00Z"] == [one["properties"]["datetime"] for one in own]


@pytest.mark.parametrize(
    "path",
    ["/collections/none", "/collections/none/items", "/collections/lakes/items/none", "/collections/lakes/items/a"],
)
def test_what_is_not_there(client, filled, path):
    """404."""
    assert 404 == client.get(STAC + path).status_code


def test_another_workspace_is_empty(client, services, filled):
    """Nothing of one workspace shows in another; what is no workspace is not there."""
    services.store.workspaces.create("alice")
    assert [] == client.get("/alice/stac/search").get_json()["features"]
    assert [] == client.get("/alice/stac/collections").get_json()["collections"]
    assert 404 == client.get("/nobody/stac").status_code


def test_documents_that_were_deleted(client, services, filled):
    """What somebody has deleted in the store behind our back is left out, and does no harm."""
    services.objects.delete(f"demo/processing-results/mapper/{filled[0]}")
    assert list("dc") == ids(client.get(f"{STAC}/search").get_json())
    assert ["lakes"] == [one["id"] for one in client.get(f"{STAC}/collections").get_json()["collections"]]


@pytest.mark.parametrize("path", ["", "/collections", "/collections/lakes", "/search", "/collections/lakes/items/c"])
def test_pages_for_browsers(client, filled, path):
    """Every document has a page."""
    answer = client.get(STAC + path, headers={"Accept": "text/html"})
    assert (200, "text/html") == (answer.status_code, answer.mimetype)


# -- below the address of the EODH ----------------------------------------------------------------------------------


def test_the_tree_of_the_dialect(client, filled):
    """From the workspace's own address down to the collection of one job, by links alone."""
    top = client.get(EODH).get_json()
    links = rels(top)
    assert {"catalogs", "data", "search"} <= set(links)
    (results,) = client.get(links["catalogs"]["href"]).get_json()["catalogs"]
    assert "processing-results" == results["id"]
    processes = client.get(f"{TREE}/catalogs").get_json()["catalogs"]
    assert ["other", "mapper"] == [one["id"] for one in processes]
    jobs = client.get(f"{TREE}/catalogs/mapper/catalogs").get_json()["catalogs"]
    assert [f"cat_{filled[1]}", f"cat_{filled[0]}"] == [one["id"] for one in jobs]
    for one in (results, *processes, *jobs):
        assert 200 == client.get(rels(one)["self"]["href"]).status_code
    at = f"{TREE}/catalogs/mapper/catalogs/cat_{filled[0]}"
    assert list("ba") == ids(client.post(f"{at}/search", json={}).get_json())
    found = client.get(f"{at}/collections/col_{filled[0]}/items").get_json()["features"]
    assert all(one["assets"]["data"]["href"].startswith(f"http://localhost{EODH}/jobs/") for one in found)
    assert b"b" == client.get(found[0]["assets"]["data"]["href"]).data
    assert list("d") == ids(client.get(f"{TREE}/catalogs/other/search").get_json())
    assert list("dcba") == ids(client.get(f"{EODH}/search").get_json())


@pytest.mark.parametrize(
    "path", ["/catalogs/none/search", "/catalogs/mapper/catalogs/none", "/catalogs/mapper/catalogs/x/search"]
)
def test_parts_of_the_tree_that_are_not_there(client, filled, path):
    """No such process: nothing is found; no job: 404."""
    answer = client.get(TREE + path)
    assert answer.status_code == 404 or [] == answer.get_json()["features"]


# -- with other people's clients ------------------------------------------------------------------------------------


@pytest.fixture
def server(app):
    """The application behind a real socket."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.port}"
    running.shutdown()
    running.server_close()
    thread.join()


def test_pystac_client(server, filled):
    """Opens, lists, searches through pages by GET and POST, and reads items with their assets."""
    client = pystac_client.Client.open(server + STAC)
    assert {"lakes", f"col_{filled[0]}"} == {one.id for one in client.get_collections()}
    assert {"c", "d"} == {one.id for one in client.get_collection("lakes").get_items()}
    for method in ("GET", "POST"):
        found = list(client.search(limit=1, method=method).items())
        assert list("dcba") == [one.id for one in found]
    (only,) = client.search(bbox=[0, 0, 2, 2], datetime="2024-01-01/2024-01-31").items()
    assert "a" == only.id
    assert "lakes" == client.get_collection("lakes").get_item("c").get_collection().id
    (crossing,) = client.search(intersects={"type": "Point", "coordinates": [178.5, 0]}).items()
    assert urlsplit(crossing.assets["data"].href).path.endswith("/results/out/c.txt")


def test_the_validator(server, filled):
    """stac-api-validator finds no error in core, tree, collections, features, search, nor in the documents themselves."""
    program = Path(__file__).parents[1] / "offline_stac_validator.py"
    command = [
        *(sys.executable, str(program), "--root-url", server + STAC),
        *("--conformance", "core", "--conformance", "collections", "--conformance", "features"),
        *("--conformance", "browseable", "--conformance", "item-search", "--collection", "lakes"),
        *("--geometry", '{"type": "Polygon", "coordinates": [[[-90,-45],[179.5,-45],[179.5,45],[-90,45],[-90,-45]]]}'),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    told = done.stdout + done.stderr
    assert "Validating STAC API - Item Search" in told, told
    assert "Errors: none" in told, told


@pytest.mark.parametrize("names", [["\0"], ["i"] * 300_000, [7]])
@pytest.mark.parametrize("member", ["ids", "collections"])
def test_names_that_no_database_takes_are_refused(client, member, names):
    """A search by body has the bounds of one by address: the fault is told, and the database not asked."""
    answer = client.post(f"{STAC}/search", json={member: names})
    assert (400, member) == (answer.status_code, answer.json["field"])
