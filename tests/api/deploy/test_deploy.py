"""Section I: what can be deployed, in which form, and under which name."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from ades.http import deploy as views
from tests.api.conftest import REL, ROOT, rels
from tests.api.deploy.conftest import DESCRIPTION, ECHO, EODH, PART_2, TWO, as_json, post

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
