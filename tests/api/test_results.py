"""Results: in which form they come, waited for or fetched later."""

import base64
import email
import io
import json
import zipfile

import pytest

from tests.api.conftest import PROBLEMS, ROOT

TIFF = b"II*\0" + bytes(range(256)) * 40

SCRIPT = (
    f"echo {base64.b64encode(TIFF).decode()} | base64 -d > image.tif; printf 'a;b\\n1;2\\n' > table.csv; "
    "echo A > a.txt; echo B > b.txt; mkdir -p folder/deep scene; echo x > folder/x.txt; echo y > folder/deep/y.txt; "
    """echo '{"type":"Collection","id":"c","stac_version":"1.0.0","description":"d","license":"x","""
    """"links":[{"rel":"item","href":"./item.json"}],"extent":{}}' > scene/collection.json; """
    """echo '{"type":"Catalog","id":"c","links":[{"rel":"child","href":"collection.json"}]}' > scene/catalog.json; """
    """echo '{"type":"Feature"}' > scene/item.json"""
)
MAKER = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "maker",
    "requirements": {
        "InitialWorkDirRequirement": {
            "listing": [
                {
                    "entryname": "cwl.output.json",
                    "entry": json.dumps(
                        {
                            "text": "hi",
                            "number": 7,
                            "shape": {"type": "Point", "coordinates": [1, 2]},
                            "names": ["a", "b"],
                            "nothing": None,
                            "none": [],
                            "image": {"class": "File", "path": "image.tif"},
                            "table": {"class": "File", "path": "table.csv"},
                            "tiles": [{"class": "File", "path": "a.txt"}, {"class": "File", "path": "b.txt"}],
                            "folder": {"class": "Directory", "path": "folder"},
                            "scene": {"class": "Directory", "path": "scene"},
                        }
                    ).replace("$", "\\$"),
                }
            ]
        }
    },
    "baseCommand": ["sh", "-euc"],
    "arguments": [SCRIPT],
    "inputs": {},
    "outputs": {
        "text": "string",
        "number": "int",
        "shape": "Any",
        "names": "string[]",
        "nothing": "string?",
        "none": "string[]",
        "image": "File",
        "table": "File",
        "tiles": "File[]",
        "folder": "Directory",
        "scene": "Directory",
    },
}
BREAKER = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "breaker",
    "baseCommand": ["sh", "-c"],
    "arguments": ["echo the disk is on fire >&2; exit 3"],
    "inputs": {},
    "outputs": [],
}
SLEEPER = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "sleeper",
    "baseCommand": "sleep",
    "inputs": {"seconds": {"type": "float", "inputBinding": {}}},
    "outputs": [],
}


@pytest.fixture(scope="module", autouse=True)
def packages(live):
    """The packages of these tests."""
    for package in (MAKER, BREAKER, SLEEPER):
        live.deploy(package)


@pytest.fixture(scope="module")
def made(live):
    """A job that has produced everything."""
    job, status = live.run("maker", {})
    assert "successful" == status["status"], status
    return job


@pytest.fixture(params=["sync", "async"])
def answer(request, live):
    """Runs the maker and gives its results, waited for or fetched."""

    def run(body, accept=None, prefer=None):
        headers = {"Accept": accept} if accept else {}
        if request.param == "sync":
            return live.execute("maker", body, prefer=prefer, **headers)
        job = live.execute("maker", body, prefer=f"respond-async, {prefer}" if prefer else "respond-async")
        live.wait(job.headers["Location"])
        return live.client.get(f"{job.headers['Location']}/results", headers=headers)

    return run


def outputs(*names, **more):
    return {"outputs": {name: {} for name in names}, **more}


def links(response):
    """The Link headers by their relation."""
    found = {}
    for header in response.headers.getlist("Link"):
        for part in header.split(", <"):
            href, _, rest = part.strip("<").partition(">")
            found[rest.split('rel="')[1].split('"')[0]] = href
    return found


def parts(response):
    """The parts of a multipart body by their Content-ID."""
    head = f"Content-Type: {response.content_type}\r\n\r\n".encode()
    return {part["Content-ID"]: part for part in email.message_from_bytes(head + response.data).get_payload()}


# -- F: representation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [None, "raw"])
@pytest.mark.parametrize(
    ("name", "media_type", "expected"),
    [
        ("text", "text/plain", b"hi"),
        ("number", "application/json", b"7"),
        ("names", "application/json", b'["a","b"]'),
        ("none", "application/json", b"[]"),
        ("image", "image/tiff", TIFF),
        ("table", "text/csv", b"a;b\n1;2\n"),
    ],
)
def test_f1_one_output_is_its_value(answer, form, name, media_type, expected):
    """As bytes, in its own media type."""
    found = answer(outputs(name) | ({"response": form} if form else {}))
    assert (200, media_type, expected) == (found.status_code, found.mimetype, found.data)


def test_f1_a_scalar_as_json_for_who_wants_json(answer):
    """Negotiated."""
    found = answer(outputs("text"), accept="application/json")
    assert ("application/json", "hi") == (found.mimetype, found.get_json())


def test_f2_one_output_as_document(answer):
    """The map, when it is asked for."""
    assert {"text": "hi"} == answer(outputs("text", response="document")).get_json()


def test_f3_one_output_by_reference(answer, live):
    """204, and the link leads to the bytes."""
    found = answer({"outputs": {"image": {"transmissionMode": "reference"}}})
    assert (204, b"", None) == (found.status_code, found.data, found.headers.get("Content-Type"))
    assert TIFF == live.client.get(links(found)["image"]).data


def test_f4_several_outputs_are_json(answer):
    """And say which profile they follow."""
    found = answer(outputs("text", "number", "image"))
    assert (200, "application/json") == (found.status_code, found.mimetype)
    assert {"text", "number", "image"} == set(found.get_json())
    assert "profile" in links(found)


@pytest.mark.parametrize("accept", [None, "*/*", "multipart/related"])
def test_f5_several_raw_outputs_are_multipart(answer, accept):
    """One part for each, with id and type; what comes by reference is empty and says where it is."""
    body = {"outputs": {"text": {}, "image": {"transmissionMode": "reference"}, "table": {"transmissionMode": "value"}}}
    found = answer(body | {"response": "raw"}, accept=accept)
    assert (200, "multipart/related") == (found.status_code, found.mimetype)
    part = parts(found)
    assert ("text/plain", "hi") == (part["text"].get_content_type(), part["text"].get_payload())
    assert ("text/csv", b"a;b\n1;2\n") == (part["table"].get_content_type(), part["table"].get_payload(decode=True))
    assert "" == part["image"].get_payload()
    assert part["image"]["Content-Location"].endswith("/results/image")


def test_f5_all_by_reference_is_only_links(answer):
    """204 with a link for each."""
    body = {"outputs": {name: {"transmissionMode": "reference"} for name in ("text", "image")}, "response": "raw"}
    found = answer(body)
    assert 204 == found.status_code
    assert {"text", "image"} <= set(links(found))


def test_f6_several_raw_outputs_for_who_reads_only_json(answer):
    """JSON."""
    found = answer(outputs("text", "number", response="raw"), accept="application/json")
    assert {"text": "hi", "number": 7} == found.get_json()


def test_f7_the_document_has_values_and_links(answer, live):
    """Values in place, objects qualified, files as links that work, arrays of files as arrays of links."""
    found = answer({"response": "document"}).get_json()
    assert ("hi", 7, ["a", "b"], []) == (found["text"], found["number"], found["names"], found["none"])
    assert {"value": {"type": "Point", "coordinates": [1, 2]}, "mediaType": "application/json"} == found["shape"]
    assert ("image/tiff", len(TIFF)) == (found["image"]["type"].split(";")[0], found["image"]["length"])
    assert [b"A\n", b"B\n"] == [live.client.get(link["href"]).data for link in found["tiles"]]
    assert "nothing" not in found
    assert 200 == live.client.get(found["folder"]["href"]).status_code


def test_f8_return_minimal(answer):
    """Files as links."""
    found = answer(outputs("image", "text"), prefer="return=minimal").get_json()
    assert ("hi", True) == (found["text"], found["image"]["href"].endswith("/results/image"))


def test_f8_return_representation(answer):
    """Everything in place: binary as base64, text as text."""
    found = answer(outputs("image", "table", "tiles"), prefer="return=representation").get_json()
    assert ("image/tiff", "base64") == (found["image"]["mediaType"].split(";")[0], found["image"]["encoding"])
    assert TIFF == base64.b64decode(found["image"]["value"])
    assert "a;b\n1;2\n" == found["table"]["value"]
    assert ["A\n", "B\n"] == [tile["value"] for tile in found["tiles"]]


def test_f8_what_was_preferred_is_said(live):
    """Preference-Applied."""
    found = live.execute("maker", outputs("text"), prefer="return=minimal")
    assert "return=minimal" == found.headers["Preference-Applied"]


def test_f9_a_part_of_the_outputs(answer, live):
    """Only those; an unknown one is refused."""
    assert {"text", "number"} == set(answer(outputs("text", "number")).get_json())
    found = live.execute("maker", outputs("text", "poem"))
    assert (400, f"{PROBLEMS}no-such-output") == (found.status_code, found.get_json()["type"])


def test_f10_no_outputs_at_all(live):
    """204 for who waits, nothing to fetch for who does not; with `response` everything."""
    assert (204, b"") == ((found := live.execute("maker", {"outputs": {}})).status_code, found.data)
    job, _ = live.run("maker", {"outputs": {}})
    later = live.client.get(f"{job}/results")
    assert (404, f"{PROBLEMS}result-not-available") == (later.status_code, later.get_json()["type"])
    assert 10 == len(live.execute("maker", {"outputs": {}, "response": "document"}).get_json())


def test_f11_a_media_type_that_the_output_does_not_have(live):
    """400 when the description says so, 406 when only the result can tell."""
    found = live.execute("maker", {"outputs": {"image": {"format": {"mediaType": "image/png"}}}})
    assert found.status_code in {400, 406}
    body = {"inputs": {"message": "x"}, "outputs": {"image": {"format": {"mediaType": "image/bmp"}}}}
    assert 400 == live.execute("echo", body).status_code


def test_f12_everything_as_zip(answer):
    """Made while it is sent."""
    found = answer({}, accept="application/zip")
    assert (200, "application/zip") == (found.status_code, found.mimetype)
    archive = zipfile.ZipFile(io.BytesIO(found.data))
    assert archive.testzip() is None
    assert {"text.txt", "image/image.tif", "tiles/0/a.txt", "folder/deep/y.txt", "scene/collection.json"} <= set(
        archive.namelist()
    )


@pytest.mark.parametrize("body", [{}, outputs("text"), outputs("text", "number", response="raw")])
def test_f12_what_nobody_can_give_is_not_acceptable(answer, body):
    """406."""
    assert 406 == answer(body, accept="audio/ogg").status_code


def test_f13_a_stac_folder_is_its_collection(answer, live):
    """With addresses that can be read; in documents it is a link."""
    found = answer(outputs("scene")).get_json()
    assert "Collection" == found["type"]
    (item,) = [link["href"] for link in found["links"] if link["rel"] == "item"]
    document = live.client.get(item)
    assert ("application/geo+json", "Feature") == (document.mimetype, document.get_json()["type"])
    links = {link["rel"]: link["href"] for link in document.get_json()["links"]}
    assert item == links["self"]
    assert found["id"] == live.client.get(links["collection"]).get_json()["id"]
    assert 304 == live.client.get(item, headers={"If-None-Match": document.headers["ETag"]}).status_code
    assert set(answer(outputs("scene", response="document")).get_json()["scene"]) >= {"href", "type"}


def test_f13_a_plain_folder_is_the_list_of_its_files(live, made):
    """Each with its address."""
    found = live.client.get(f"{made}/results/folder").get_json()
    assert ["deep/y.txt", "x.txt"] == [link["title"] for link in found["links"]]
    assert [b"y\n", b"x\n"] == [live.client.get(link["href"]).data for link in found["links"]]


def test_f14_a_synchronous_answer_points_to_its_job(live, make_app):
    """`monitor`, unless the setting for the test suite leaves it away."""
    found = live.execute("maker", outputs("text"))
    assert "successful" == live.client.get(links(found)["monitor"]).get_json()["status"]


@pytest.mark.parametrize("path", ["/results", "/results/text", "/results/image"])
def test_a8_results_have_a_page(live, made, path):
    """For browsers."""
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    for found in (live.client.get(made + path, headers=browser), live.client.get(f"{made}{path}?f=html")):
        assert (200, "text/html") == (found.status_code, found.mimetype)
        assert "</html>" in found.text


def test_a8_the_query_wins_over_the_header(live, made):
    """`f=json` for browsers that send something else."""
    found = live.client.get(f"{made}/results?f=json", headers={"Accept": "text/html"})
    assert "application/json" == found.mimetype


# -- G: results of jobs ---------------------------------------------------------------------------------------------


def test_g3_results_before_the_end(live):
    """404 result-not-ready."""
    job = live.submit("sleeper", {"inputs": {"seconds": 30}})
    for path in ("/results", "/results/x"):
        found = live.client.get(job + path)
        assert (404, f"{PROBLEMS}result-not-ready") == (found.status_code, found.get_json()["type"])
    live.client.delete(job)
    found = live.client.get(f"{job}/results")
    assert (404, f"{PROBLEMS}result-not-available") == (found.status_code, found.get_json()["type"])


def test_g3_results_of_a_failed_job(live):
    """An error with the cause, for who waits and for who comes later: exit code and last words."""
    job, status = live.run("breaker", {})
    assert ("failed", 3) == (status["status"], status["exception"]["exitCode"])
    for found in (live.client.get(f"{job}/results"), live.execute("breaker", {})):
        assert found.status_code >= 400
        document = found.get_json()
        assert ("exit-code", 3) == (document["reason"], document["exitCode"])
        assert "on fire" in document["log"]
        assert "Traceback" not in found.text


@pytest.mark.parametrize(
    ("query", "expected"),
    [("outputs=text", b"hi"), ("outputs=number", b"7"), ("outputs=text,number", b'{"text":"hi","number":7}')],
)
def test_g4_a_part_of_the_results(live, made, query, expected):
    """Named in the query."""
    assert expected == live.client.get(f"{made}/results?{query}").data


def test_g4_an_unknown_output_in_the_query(live, made):
    """400."""
    assert 400 == live.client.get(f"{made}/results?outputs=poem").status_code


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        ("text", 200, b"hi"),
        ("image", 200, TIFF),
        ("tiles/1", 200, b"B\n"),
        ("tiles/2", 404, None),
        ("folder/x.txt", 200, b"x\n"),
        ("folder/../../../x", 404, None),
        ("folder/%2e%2e/x", 404, None),
        ("nothing", 404, None),
        ("text/0", 404, None),
    ],
)
def test_g5_one_output(live, made, path, status, expected):
    """The value, one of several, a file in a folder; nothing outside of it."""
    found = live.client.get(f"{made}/results/{path}")
    assert status == found.status_code, found.text
    if expected is not None:
        assert expected == found.data


def test_g5_an_unknown_output(live, made):
    """400 no-such-output; one that was not asked for 404."""
    found = live.client.get(f"{made}/results/poem")
    assert (400, f"{PROBLEMS}no-such-output") == (found.status_code, found.get_json()["type"])
    job, _ = live.run("maker", outputs("text"))
    assert 404 == live.client.get(f"{job}/results/number").status_code


@pytest.mark.parametrize(
    ("wanted", "status", "expected"),
    [
        ("bytes=0-3", 206, TIFF[:4]),
        ("bytes=-4", 206, TIFF[-4:]),
        ("bytes=10000-", 206, TIFF[10000:]),
        ("bytes=0-999999", 206, TIFF),
        ("bytes=0-1,5-6", 200, TIFF),
        ("lines=1-2", 200, TIFF),
        ("bytes=99999999-", 416, None),
    ],
)
def test_g5_ranges(live, made, wanted, status, expected):
    """Parts of files."""
    found = live.client.get(f"{made}/results/image", headers={"Range": wanted})
    assert status == found.status_code
    if expected is not None:
        assert expected == found.data
        assert str(len(expected)) == found.headers["Content-Length"]
    if status == 206:
        assert found.headers["Content-Range"].endswith(f"/{len(TIFF)}")


def test_g5_what_the_client_has_already(live, made):
    """ETag and If-None-Match, If-Range."""
    etag = live.client.get(f"{made}/results/image").headers["ETag"]
    assert 304 == live.client.get(f"{made}/results/image", headers={"If-None-Match": etag}).status_code
    same = live.client.get(f"{made}/results/image", headers={"Range": "bytes=0-3", "If-Range": etag})
    other = live.client.get(f"{made}/results/image", headers={"Range": "bytes=0-3", "If-Range": '"x"'})
    assert (206, 200) == (same.status_code, other.status_code)


@pytest.mark.parametrize("path", ["/results", "/results/text", "/results/image", "/results/folder/x.txt", "/logs"])
def test_a5_head(live, made, path):
    """Same status and type as GET, no body."""
    get, head = live.client.get(made + path), live.client.head(made + path)
    assert (get.status_code, get.content_type, b"") == (head.status_code, head.content_type, head.data)
    assert get.headers["Content-Length"] == head.headers["Content-Length"]


def test_no_name_of_an_output_breaks_out_of_a_link(live):
    """Quotes and letters beyond ASCII are escaped in the header that leads to an output."""
    name = 'a"ü'
    tool = {"class": "CommandLineTool", "id": "quoter", "baseCommand": ["touch", "o"], "inputs": {}}
    port = {"type": "File", "outputBinding": {"glob": "o"}}
    live.deploy(tool | {"cwlVersion": "v1.2", "outputs": {name: port}})
    body = {"inputs": {}, "response": "raw", "outputs": {name: {"transmissionMode": "reference"}}}
    found = live.execute("quoter", body)
    assert 204 == found.status_code
    assert 'rel="a%22%C3%BC"' in ", ".join(found.headers.getlist("Link"))


def test_what_a_tool_wrote_runs_nothing_in_a_browser(live, made):
    """Files are sandboxed, and their type is not guessed."""
    headers = live.client.get(f"{made}/results/image").headers
    assert "sandbox" in headers["Content-Security-Policy"]
    assert "nosniff" == headers["X-Content-Type-Options"]


# -- the dialect of the EODH ----------------------------------------------------------------------------------------

EODH = "/api/catalogue/stac/catalogs/user/catalogs/demo"


def test_the_dialect_answers_the_stac_collection(live):
    """The document itself, with addresses below the prefix that was called."""
    job, _ = live.run("maker", {}, EODH)
    found = live.client.get(f"{job}/results").get_json()
    assert "Collection" == found["type"]
    assert all(link["href"].startswith(f"http://localhost{EODH}/jobs/") for link in found["links"])


def test_the_dialect_makes_a_collection_of_files(live):
    """When the package has made none."""
    job, _ = live.run("maker", outputs("image", "tiles"), EODH)
    found = live.client.get(f"{job}/results").get_json()
    assert ("Collection", f"col_{job.rsplit('/', 1)[1]}") == (found["type"], found["id"])
    assert {"image", "tiles_0", "tiles_1"} == set(found["assets"])
    assert TIFF == live.client.get(found["assets"]["image"]["href"]).data


def test_the_dialect_answers_an_empty_object_when_nothing_was_produced(live):
    """As its clients expect it."""
    job, _ = live.run("sleeper", {"inputs": {"seconds": 0}}, EODH)
    assert {} == live.client.get(f"{job}/results").get_json()
    assert ROOT not in job
