"""Section I: deploy, replace, undeploy, packages, revisions."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
import pytest
import yaml

from ades.http import deploy as views
from tests.api.conftest import PROBLEMS, REL, ROOT, rels

PART_2 = "http://www.opengis.net/def/exceptions/ogcapi-processes-2/1.0/"
EODH = "/ades/demo/ogc-api"

ECHO = """\
cwlVersion: v1.2
$namespaces: {s: https://schema.org/}
s:softwareVersion: "1.4.0"
class: CommandLineTool
id: shout
label: Shout
doc: Says it again.
requirements:
  DockerRequirement: {dockerPull: "docker.io/library/busybox:1.36"}
  ResourceRequirement: {coresMax: 1, ramMax: 64}
baseCommand: [echo]
inputs:
  message: {type: string, inputBinding: {position: 1}}
outputs:
  said: {type: stdout}
  folder: {type: Directory, outputBinding: {glob: .}}
"""
TWO = """\
cwlVersion: v1.2
$graph:
- {class: CommandLineTool, id: tool, baseCommand: "true", inputs: {}, outputs: {}}
- {class: Workflow, id: first, inputs: {}, outputs: {}, steps: {s: {run: "#tool", in: {}, out: []}}}
- {class: Workflow, id: second, inputs: {}, outputs: {}, steps: {s: {run: "#tool", in: {}, out: []}}}
"""
DESCRIPTION = {
    "id": "described",
    "title": "As described",
    "version": "9.9.9",
    "keywords": ["one"],
    "inputs": {"message": {"title": "What to say", "schema": {"type": "string", "maxLength": 10}}},
    "outputs": {"said": {"schema": {"type": "string"}}},
}


def post(client, body, kind="application/cwl+yaml", root=ROOT, **arguments):
    data = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return client.post(f"{root}/processes", data=data, content_type=kind, **arguments)


def put(client, process, body, kind="application/cwl+yaml", **arguments):
    return client.put(f"{ROOT}/processes/{process}", data=body, content_type=kind, **arguments)


def as_json(text):
    return orjson.dumps(yaml.safe_load(text))


class Elsewhere:
    """Another server, which has documents and counts who asks."""

    def __init__(self):
        self.documents: dict[str, bytes] = {}
        self.asked: list[tuple[str, str | None]] = []
        outer = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.partition("?")[0]
                outer.asked.append((path, self.headers.get("If-None-Match")))
                body = outer.documents.get(path)
                etag = f'"{hash(body)}"'
                if body is None:
                    self.send_error(404)
                elif self.headers.get("If-None-Match") == etag:
                    self.send_response(304)
                    self.end_headers()
                else:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.send_header("ETag", etag)
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def add(self, path, text):
        self.documents[path] = text.encode()
        return f"http://{self.host}{path}"


@pytest.fixture
def elsewhere():
    server = Elsewhere()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def reaching(make_app, elsewhere):
    """A client of a server that may read from the other one."""
    return make_app(fetch_allow=(elsewhere.host,)).test_client()


# -- I1, I2: what comes in ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/cwl", ECHO),
        ("application/cwl", as_json(ECHO)),
        ("application/cwl+yaml", ECHO),
        ("application/cwl+yaml; charset=utf-8", ECHO),
        ("application/cwl+json", as_json(ECHO)),
        ("application/json", as_json(ECHO)),
        ("application/x-yaml", ECHO),
        ("text/yaml", ECHO),
        ("application/yaml", ECHO),
    ],
)
def test_i1_cwl_in_any_form_becomes_a_process(client, kind, body):
    answer = post(client, body, kind)

    assert 201 == answer.status_code
    assert [f"http://localhost{ROOT}/processes/shout"] == answer.headers.getlist("Location")
    assert "shout" == answer.json["id"]
    assert "1.4.0" == answer.json["version"]
    assert answer.json["mutable"] is True
    assert {"self", "alternate", REL + "execute"} <= rels(answer.json).keys()
    assert [] == answer.json["warnings"]
    described = client.get(answer.headers["Location"]).json
    assert ["message"] == list(described["inputs"])
    assert "Says it again." == described["description"]


@pytest.mark.parametrize("kind", ["application/ogcapppkg+json", "application/json"])
@pytest.mark.parametrize(
    "unit",
    [
        {"value": yaml.safe_load(ECHO), "mediaType": "application/cwl+json"},
        {"value": ECHO, "mediaType": "application/cwl+yaml"},
        [{"value": ECHO, "mediaType": "application/cwl"}],
        [{"unit": yaml.safe_load(ECHO)}],
        {"unit": {"value": ECHO}},
        yaml.safe_load(ECHO),
        [{"type": "application/x-r-script", "value": "print(1)"}, {"value": ECHO, "mediaType": "application/cwl"}],
    ],
)
def test_i2_application_packages_hold_cwl(client, kind, unit):
    answer = post(client, {"executionUnit": unit}, kind)

    assert 201 == answer.status_code
    assert "shout" == answer.json["id"]


@pytest.mark.parametrize("wrapped", [True, False])
def test_i2_what_the_description_says_goes_first(client, wrapped):
    said = DESCRIPTION | {"additionalParameters": [{"name": "x", "value": ["y"]}]}
    package = {"processDescription": {"process": said} if wrapped else said, "executionUnit": {"value": ECHO}}
    answer = post(client, package, "application/ogcapppkg+json")

    assert 201 == answer.status_code
    described = client.get(answer.headers["Location"]).json
    assert ("described", "As described", "9.9.9", ["one"]) == tuple(
        described[key] for key in ("id", "title", "version", "keywords")
    )
    assert "What to say" == described["inputs"]["message"]["title"]
    assert {"type": "string", "maxLength": 10} == described["inputs"]["message"]["schema"]
    assert "Says it again." == described["description"]
    assert "additionalParameters" not in described


@pytest.mark.parametrize("kind", ["docker", "oci"])
def test_i2_a_container_image_becomes_a_tool(client, services, kind):
    unit = {
        "type": kind,
        "image": "docker.io/library/busybox:1.36",
        "config": {"cpuMin": 2, "cpuMax": 4, "memoryMin": 1, "memoryMax": 2, "jobTimeout": 60},
        "bindings": {
            "inputBindings": {"message": {"prefix": "--say", "position": 1}},
            "outputBindings": {"said": {"glob": "said.txt"}},
        },
    }
    package = {"processDescription": {"process": DESCRIPTION}, "executionUnit": unit}
    answer = post(client, package, "application/ogcapppkg+json")

    assert 201 == answer.status_code
    stored = services.store.processes.package(services.store.processes.get("demo", "described").digest)
    tool = stored.executable["document"]["$graph"][0]
    asked = {item["class"]: item for item in tool["requirements"]}
    assert "docker.io/library/busybox:1.36" == asked["DockerRequirement"]["dockerPull"]
    assert (2, 4, 1024, 2048) == tuple(
        asked["ResourceRequirement"][key] for key in ("coresMin", "coresMax", "ramMin", "ramMax")
    )
    assert 60 == asked["ToolTimeLimit"]["timelimit"]
    assert {"prefix": "--say", "position": 1} == tool["inputs"][0]["inputBinding"]
    assert "said.txt" == tool["outputs"][0]["outputBinding"]["glob"]


def test_i2_by_reference(reaching, elsewhere):
    """As pyeodh and the EOEPCA notebooks send it."""
    href = elsewhere.add("/packages/shout.cwl", ECHO)
    answer = post(reaching, {"executionUnit": {"href": href, "type": "application/cwl"}}, "application/json")

    assert 201 == answer.status_code
    assert "shout" == answer.json["id"]
    package = reaching.get(answer.headers["Location"] + "/package")
    assert "application/json" == package.content_type
    assert {"executionUnit": {"href": href, "type": "application/cwl"}} == package.json


def test_i2_files_beside_a_package_by_reference_come_along(reaching, elsewhere, services):
    flow = TWO.replace('"#tool"', "parts/tool.cwl").replace(
        '- {class: CommandLineTool, id: tool, baseCommand: "true", inputs: {}, outputs: {}}\n', ""
    )
    href = elsewhere.add("/p/flow.cwl", flow)
    elsewhere.add("/p/parts/tool.cwl", "{cwlVersion: v1.0, class: CommandLineTool, inputs: [], outputs: []}")
    answer = post(reaching, {"executionUnit": {"href": href}}, "application/json")

    assert 201 == answer.status_code
    assert ["/p/flow.cwl", "/p/parts/tool.cwl"] == [path for path, _ in elsewhere.asked]
    yaml_form = reaching.get(answer.headers["Location"] + "/package", headers={"Accept": "application/cwl+yaml"})
    document = yaml.safe_load(yaml_form.data)
    assert ["first", "tool"] == [process["id"] for process in document["$graph"]]


# -- I3: duplicates -------------------------------------------------------------------------------------------------


def test_i3_a_duplicate_is_refused_and_says_where_it_is(client):
    post(client, ECHO)
    answer = post(client, ECHO)

    assert 409 == answer.status_code
    assert PART_2 + "duplicated-process" == answer.json["type"]
    assert f"http://localhost{ROOT}/processes/shout" == answer.headers["Location"]


def test_i3_the_id_of_a_built_in_process_is_taken(client):
    answer = post(client, ECHO.replace("id: shout", "id: echo"))

    assert 403 == answer.status_code
    assert PART_2 + "immutable-process" == answer.json["type"]


def test_i3_of_many_at_once_exactly_one_deploys(app):
    """Twelve clients deploy the same id at the same moment."""
    gate = threading.Barrier(12)

    def attempt(number):
        client = app.test_client()
        gate.wait()
        return post(client, ECHO.replace("Says it again", f"Number {number}")).status_code

    with ThreadPoolExecutor(12) as pool:
        codes = sorted(pool.map(attempt, range(12)))

    assert [201] + [409] * 11 == codes


# -- I4: types before everything ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("body", [b"", b"what", ECHO.encode()])
@pytest.mark.parametrize("kind", ["text/plain", None, "application/xml", "multipart/form-data", "application/x-sh"])
def test_i4_the_type_is_looked_at_first(client, method, body, kind):
    path = f"{ROOT}/processes" + ("/nowhere" if method == "PUT" else "")
    answer = client.open(path, method=method, data=body, content_type=kind)

    assert 415 == answer.status_code
    assert PART_2 + "unsupported-media-type" == answer.json["type"]


@pytest.mark.parametrize("kind", ["application/cwl", "application/cwl+json", "application/ogcapppkg+json"])
def test_i4_an_empty_body_of_a_known_type_is_malformed(client, kind):
    answer = post(client, b"", kind)

    assert 400 == answer.status_code
    assert "empty" in answer.json["detail"]


# -- I5, I6: replace and undeploy -----------------------------------------------------------------------------------


def test_i5_replace_makes_a_new_revision(client):
    post(client, ECHO)
    newer = ECHO.replace("1.4.0", "2.0.0").replace("label: Shout", "label: Shout louder")
    answer = put(client, "shout", newer)

    assert 204 == answer.status_code
    assert b"" == answer.data
    assert f"http://localhost{ROOT}/processes/shout" == answer.headers["Location"]
    assert "Shout louder" == client.get(f"{ROOT}/processes/shout").json["title"]
    assert "Shout" == client.get(f"{ROOT}/processes/shout?revision=1").json["title"]
    assert ECHO.encode() == client.get(f"{ROOT}/processes/shout/package?revision=1").data
    assert newer.encode() == client.get(f"{ROOT}/processes/shout/package").data
    for rel in ("related", "preview"):
        links = client.get(f"{ROOT}/processes/shout?revision=1").json["links"]
        assert next(link["href"] for link in links if rel == link["rel"]).endswith("?revision=1")
    history = client.get(f"{ROOT}/processes/shout/revisions").json
    assert [(2, "2.0.0"), (1, "1.4.0")] == [(entry["revision"], entry["version"]) for entry in history["revisions"]]
    for entry in history["revisions"]:
        for link in entry["links"]:
            assert 200 == client.get(link["href"]).status_code
    assert 404 == client.get(f"{ROOT}/processes/shout?revision=3").status_code


def test_i5_the_history_is_a_page_too(client):
    post(client, ECHO)
    answer = client.get(f"{ROOT}/processes/shout/revisions", headers={"Accept": "text/html"})

    assert 200 == answer.status_code
    assert "1.4.0" in answer.text


def test_i5_replace_refuses_what_it_cannot_replace(client):
    unknown = put(client, "nowhere", ECHO)
    builtin = put(client, "echo", ECHO.replace("id: shout", "id: echo"))
    post(client, ECHO)
    other = put(client, "shout", ECHO.replace("id: shout", "id: whisper"))

    assert (404, PROBLEMS + "no-such-process") == (unknown.status_code, unknown.json["type"])
    assert (403, PART_2 + "immutable-process") == (builtin.status_code, builtin.json["type"])
    assert 400 == other.status_code
    assert "`whisper`" in other.json["detail"]
    assert "`shout`" in other.json["detail"]
    assert 400 == put(client, "shout", "a: [").status_code
    assert "Shout" == client.get(f"{ROOT}/processes/shout").json["title"]


def test_i5_the_address_names_what_has_no_id_and_chooses_among_several(client):
    post(client, TWO, query_string={"w": "second"})
    assert 204 == put(client, "second", TWO).status_code

    post(client, ECHO)
    assert 204 == put(client, "shout", ECHO.replace("id: shout\n", "")).status_code


def test_i6_undeploy(client):
    post(client, ECHO)
    answer = client.delete(f"{ROOT}/processes/shout")

    assert (204, b"") == (answer.status_code, answer.data)
    for path in ("", "/package", "/revisions", "/workflow.svg"):
        assert PROBLEMS + "no-such-process" == client.get(f"{ROOT}/processes/shout{path}").json["type"]
    assert 404 == client.delete(f"{ROOT}/processes/shout").status_code
    builtin = client.delete(f"{ROOT}/processes/echo")
    assert (403, PART_2 + "immutable-process") == (builtin.status_code, builtin.json["type"])
    assert 201 == post(client, ECHO).status_code


# -- I7: packages ---------------------------------------------------------------------------------------------------


def test_i7_a_package_comes_back_as_it_was_deployed(client):
    post(client, ECHO)
    answer = client.get(f"{ROOT}/processes/shout/package")

    assert 200 == answer.status_code
    assert ECHO.encode() == answer.data
    assert "application/cwl+yaml" == answer.content_type
    again = client.get(f"{ROOT}/processes/shout/package", headers={"If-None-Match": answer.headers["ETag"]})
    assert 304 == again.status_code


@pytest.mark.parametrize("deployed", [ECHO, as_json(ECHO)])
def test_i7_cwl_is_converted_if_asked(client, deployed):
    post(client, deployed, "application/cwl")
    url = f"{ROOT}/processes/shout/package"
    as_yaml = client.get(url, headers={"Accept": "application/cwl+yaml"})
    in_json = client.get(url, headers={"Accept": "application/cwl+json"})

    assert ("application/cwl+yaml", "application/cwl+json") == (as_yaml.content_type, in_json.content_type)
    assert yaml.safe_load(ECHO) == yaml.safe_load(as_yaml.data) == orjson.loads(in_json.data)
    assert list(yaml.safe_load(ECHO)) == list(orjson.loads(in_json.data))
    assert 406 == client.get(url, headers={"Accept": "image/png"}).status_code


def test_i7_built_in_processes_have_no_package(client):
    answer = client.get(f"{ROOT}/processes/echo/package")

    assert (403, PART_2 + "immutable-process") == (answer.status_code, answer.json["type"])
    assert 404 == client.get(f"{ROOT}/processes/echo/workflow.svg").status_code


# -- I8: which workflow ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("w", "expected"),
    [(None, "first"), ("second", "second"), ("#second", "second"), ("x.cwl#second", "second"), ("tool", "tool")],
)
def test_i8_w_chooses_the_workflow(client, w, expected):
    answer = post(client, TWO, query_string={"w": w} if w else None)

    assert (201, expected) == (answer.status_code, answer.json["id"])


def test_i8_a_fragment_chooses_the_workflow(reaching, elsewhere):
    href = elsewhere.add("/two.cwl", TWO) + "#second"
    answer = post(reaching, {"executionUnit": {"href": href}}, "application/ogcapppkg+json")

    assert (201, "second") == (answer.status_code, answer.json["id"])


def test_i8_a_missing_workflow_is_named_with_what_there_is(client):
    answer = post(client, TWO, query_string={"w": "secnd"})

    assert 400 == answer.status_code
    assert PART_2 + "workflow-not-found" == answer.json["type"]
    assert "Did you mean `second`?" in answer.json["detail"]


def test_i8_an_entry_called_main(client):
    answer = post(client, TWO.replace("first", "main"))

    assert (201, "main") == (answer.status_code, answer.json["id"])


# -- I9: refusals that help -----------------------------------------------------------------------------------------


def test_i9_syntax_is_400_with_the_line(client):
    answer = post(client, ECHO.replace("label: Shout", "label: Shout: loud"))

    assert 400 == answer.status_code
    assert (6, 13) == (answer.json["line"], answer.json["column"])
    assert "quotes" in answer.json["detail"]


def test_i9_meaning_is_422_with_every_problem(client):
    answer = post(client, ECHO.replace("baseCommand", "basecommand").replace("type: string", "type: str"))

    assert 422 == answer.status_code
    found = {problem["line"]: problem["message"] for problem in answer.json["problems"]}
    assert {11, 13} == found.keys()
    assert "Did you mean `baseCommand`?" in found[11]
    assert "Write `string`." in found[13]


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        (("  ResourceRequirement", "  GPURequirement"), 422, "`GPURequirement` is not supported"),
        (("v1.2", "v1.9"), 422, "v1.0, v1.1, v1.2"),
        (("cwlVersion: v1.2\n", ""), 422, "cwlVersion: v1.2"),
        (("class: CommandLineTool", "class: Tool"), 422, "`CommandLineTool`"),
        (("id: shout", "id: a/b c"), 422, "cannot be the id"),
        (("id: shout", "id: größe"), 422, "cannot be the id"),
        (("  message:", "  STAGE_AWS_ACCESS_KEY_ID:"), 400, "reserved"),
        (("outputs:", "output:"), 422, "Did you mean `outputs`?"),
        (("ramMax: 64", "ramMax: lots"), 422, "must be a number"),
    ],
)
def test_i9_refusals_say_what_to_write(client, change, status, word):
    answer = post(client, ECHO.replace(*change))

    assert status == answer.status_code
    assert word in answer.text.replace("\\u00f6", "ö")


def test_i9_steps_with_reserved_names(client):
    answer = post(client, TWO.replace("{s: {", "{node_stage_in_1: {"))

    assert 400 == answer.status_code
    assert "node_stage_in_1" in answer.json["detail"]


def test_i9_files_that_did_not_come_along(client):
    answer = post(client, TWO.replace('"#tool"', "tool.cwl"))

    assert 422 == answer.status_code
    assert "did not come along" in answer.json["detail"]
    assert "--pack" in answer.json["detail"]


def test_i9_without_an_id_there_are_other_names(reaching, client, elsewhere):
    nameless = ECHO.replace("id: shout\n", "")
    href = elsewhere.add("/some/my%20tool.cwl", nameless)

    assert "wanted" == post(client, nameless, query_string={"w": "wanted"}).json["id"]
    assert "Shout" == post(client, nameless).json["id"]
    assert "my-tool" == post(reaching, {"executionUnit": {"href": href}}, "application/json").json["id"]
    assert 422 == post(client, nameless.replace("label: Shout\n", "")).status_code


def test_i9_warnings_do_not_refuse(client):
    bare = "{cwlVersion: v1.2, class: CommandLineTool, id: bare, baseCommand: 'true', inputs: {}, outputs: {}}"
    answer = post(client, bare)

    assert 201 == answer.status_code
    said = " ".join(answer.json["warnings"])
    for word in ("version", "ResourceRequirement", "DockerRequirement", "Directory"):
        assert word in said
    assert '299 - "' in answer.headers["Warning"]
    assert '299 - "' in put(client, "bare", bare).headers["Warning"]


def test_i9_warnings_cannot_break_the_header(client):
    """Whatever stands in a package, the header stays one line of plain characters."""
    odd = TWO.replace("inputs: {}, outputs: {}, steps", 'inputs: {"ö\\r\\nX: \\"": string}, outputs: {}, steps')
    answer = post(client, odd)

    assert 201 == answer.status_code
    assert answer.headers["Warning"].isascii()
    assert "X" not in answer.headers


# -- I11: addresses -------------------------------------------------------------------------------------------------


def test_i11_addresses_that_cannot_be_read(reaching, elsewhere):
    missing = post(reaching, {"executionUnit": {"href": f"http://{elsewhere.host}/none.cwl"}}, "application/json")

    assert 400 == missing.status_code
    assert "404" in missing.json["detail"]


@pytest.mark.parametrize(
    "href",
    [
        "http://127.0.0.1:1/x.cwl",
        "http://localhost/x.cwl",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/x.cwl",
        "http://[::1]/x.cwl",
        "file:///etc/passwd",
        "ftp://example.com/x.cwl",
        "http://0x7f000001/x.cwl",
        "x.cwl",
        "",
    ],
)
def test_i11_addresses_that_may_not_be_read(client, href):
    answer = post(client, {"executionUnit": {"href": href}}, "application/json")

    assert 400 == answer.status_code
    assert "root:" not in answer.text


def test_i11_too_large(make_app, elsewhere):
    small = make_app(fetch_allow=(elsewhere.host,), body_limit=2000).test_client()
    href = elsewhere.add("/large.cwl", ECHO + "#" * 2000)

    assert 413 == post(small, {"executionUnit": {"href": href}}, "application/json").status_code
    assert 413 == post(small, ECHO + "#" * 2000).status_code


def test_i11_an_unchanged_document_is_not_sent_again(reaching, elsewhere):
    body = json.dumps({"executionUnit": {"href": elsewhere.add("/shout.cwl", ECHO)}})
    post(reaching, body, "application/json")
    assert 204 == put(reaching, "shout", body, "application/json").status_code
    elsewhere.add("/shout.cwl", ECHO.replace("1.4.0", "1.5.0"))
    assert 204 == put(reaching, "shout", body, "application/json").status_code

    assert [False, True, True] == [etag is not None for _, etag in elsewhere.asked]
    assert "1.5.0" == reaching.get(f"{ROOT}/processes/shout").json["version"]
    assert "1.4.0" == reaching.get(f"{ROOT}/processes/shout?revision=2").json["version"]


# -- I13, I14 -------------------------------------------------------------------------------------------------------


def test_i13_two_workspaces_do_not_touch(client, services):
    services.store.workspaces.create("other")
    other = "/other/ogc-api"
    assert 201 == post(client, ECHO).status_code
    assert 201 == post(client, ECHO.replace("label: Shout", "label: Other"), root=other).status_code

    assert "Shout" == client.get(f"{ROOT}/processes/shout").json["title"]
    assert "Other" == client.get(f"{other}/processes/shout").json["title"]
    assert 204 == client.delete(f"{other}/processes/shout").status_code
    assert "Shout" == client.get(f"{ROOT}/processes/shout").json["title"]
    assert 404 == post(client, ECHO, root="/third/ogc-api").status_code


def test_i14_latin_1_is_understood(client):
    answer = post(client, ECHO.replace("Shout", "Größe").encode("latin-1"), "application/cwl")

    assert "Größe" == answer.json["title"]


# -- ours -----------------------------------------------------------------------------------------------------------


def test_a_dry_run_only_looks(client):
    answer = post(client, ECHO, query_string={"dryRun": "true"})

    assert 200 == answer.status_code
    assert ["message"] == list(answer.json["inputs"])
    assert 404 == client.get(f"{ROOT}/processes/shout").status_code
    post(client, ECHO)
    again = post(client, ECHO, query_string={"dryRun": "true"})
    assert 200 == again.status_code
    assert "PUT" in again.json["warnings"][0]
    assert 422 == post(client, ECHO.replace("inputs:", "in:"), query_string={"dryRun": "true"}).status_code
    assert 400 == post(client, ECHO, query_string={"dryRun": "perhaps"}).status_code


def test_the_steps_are_drawn(client):
    post(client, TWO)
    description = client.get(f"{ROOT}/processes/first").json
    picture = client.get(rels(description)["preview"]["href"])

    assert 200 == picture.status_code
    assert "image/svg+xml" == picture.content_type
    assert "default-src 'none'" in picture.headers["Content-Security-Policy"]
    assert ">s</text>" in picture.text


def test_the_eodh_prefix_takes_packages_with_a_slash_at_the_end(client):
    answer = client.post(f"{EODH}/processes/", data=ECHO, content_type="application/cwl+yaml")

    assert 201 == answer.status_code
    assert f"http://localhost{EODH}/processes/shout" == answer.headers["Location"]
    assert {"id", "title", "description", "mutable", "version", "metadata", "AccessReasoning"} <= answer.json.keys()
    assert 1 == len([link for link in answer.json["links"] if link["rel"] == REL + "execute"])


def test_the_conformance_classes_of_part_2_are_declared(client):
    classes = client.get(f"{ROOT}/conformance").json["conformsTo"]

    assert set(views.AREA.conformance) <= set(classes)
