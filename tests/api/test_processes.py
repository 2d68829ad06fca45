"""Section C: the list of processes, and what one of them takes and gives."""

import jsonschema
import pytest

from ades.model import Access
from tests.api.conftest import PROBLEMS, REL, ROOT, deployed, rels

EODH = "/api/catalogue/stac/catalogs/user/catalogs/demo"

SCHEMA_KEYWORDS = {
    "title", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength",
    "pattern", "maxItems", "minItems", "uniqueItems", "maxProperties", "minProperties", "required", "enum", "type",
    "not", "allOf", "oneOf", "anyOf", "items", "properties", "additionalProperties", "description", "format",
    "default", "nullable", "readOnly", "writeOnly", "example", "deprecated", "contentMediaType", "contentEncoding",
    "contentSchema",
}  # fmt: skip
"""What the first version of the standard lets a schema say."""

LINK = {"type": "object", "required": ["href", "rel", "type", "title"]}
SUMMARY = {
    "type": "object",
    "required": ["id", "version", "mutable", "links"],
    "properties": {
        "id": {"type": "string"},
        "version": {"type": "string"},
        "title": {"type": "string"},
        "description": {"type": "string"},
        "mutable": {"type": "boolean"},
        "keywords": {"type": "array", "items": {"type": "string"}},
        "metadata": {"type": "array", "items": {"type": "object"}},
        "jobControlOptions": {
            "type": "array",
            "items": {"enum": ["sync-execute", "async-execute", "dismiss"]},
            "minItems": 1,
        },
        "outputTransmission": {"type": "array", "items": {"enum": ["value", "reference"]}},
        "links": {"type": "array", "items": {"type": "object", "required": ["href", "rel"]}},
    },
}
PORT = {
    "type": "object",
    "required": ["schema"],
    "properties": {
        "schema": {"type": "object"},
        "minOccurs": {"type": "integer", "minimum": 0},
        "maxOccurs": {"oneOf": [{"type": "integer"}, {"enum": ["unbounded"]}]},
    },
}
DESCRIPTION = {
    "allOf": [
        SUMMARY,
        {
            "required": ["inputs", "outputs"],
            "properties": {
                "inputs": {"type": "object", "additionalProperties": PORT},
                "outputs": {"type": "object", "additionalProperties": PORT},
            },
        },
    ]
}


def ids(document):
    return [process["id"] for process in document["processes"]]


def walk(schema):
    """Every keyword in a schema."""
    for key, value in schema.items():
        yield key
        if key in {"oneOf", "anyOf", "allOf"}:
            for branch in value:
                yield from walk(branch)
        elif key in {"items", "not"}:
            yield from walk(value)
        elif key == "properties":
            for branch in value.values():
                yield from walk(branch)


def test_c1_the_list_has_summaries_with_all_their_parts(client, deploy):
    deploy("mine", keywords=["a"], metadata=[], jobControlOptions=["async-execute"], outputTransmission=["value"])
    answer = client.get(f"{ROOT}/processes")

    assert 200 == answer.status_code
    assert {"self", "alternate"} == rels(answer.json).keys()
    assert ["echo", "hello", "mine"] == ids(answer.json)
    for process in answer.json["processes"]:
        jsonschema.validate(process, SUMMARY)
        assert {
            "id", "title", "version", "jobControlOptions", "outputTransmission", "mutable", "keywords", "metadata",
            "links",
        } <= process.keys()  # fmt: skip
        assert not {"inputs", "outputs"} & process.keys()
        assert {"self", "alternate", REL + "execute"} == rels(process).keys()
        assert f"http://localhost{ROOT}/processes/{process['id']}" == rels(process)["self"]["href"]


def test_c1_mutable_tells_deployed_from_built_in(client, deploy):
    deploy("mine")
    processes = client.get(f"{ROOT}/processes").json["processes"]

    assert {"echo": False, "hello": False, "mine": True} == {entry["id"]: entry["mutable"] for entry in processes}


def test_c1_the_links_of_the_body_are_in_the_header_too(client):
    answer = client.get(f"{ROOT}/processes?limit=1")

    for link in answer.json["links"]:
        assert f'<{link["href"]}>; rel="{link["rel"]}"' in answer.headers["Link"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_c2_following_next_visits_each_process_once(client, deploy, limit):
    for number in range(6):
        deploy(f"p{number}")
    url, seen = f"{ROOT}/processes?limit={limit}", []
    while url:
        document = client.get(url).json
        assert len(document["processes"]) <= limit
        seen += ids(document)
        url = rels(document).get("next", {}).get("href")

    assert ["echo", "hello", "p5", "p4", "p3", "p2", "p1", "p0"] == seen


def test_c2_following_prev_leads_back(client, deploy):
    for number in range(3):
        deploy(f"p{number}")
    first = client.get(f"{ROOT}/processes?limit=2").json
    second = client.get(rels(first)["next"]["href"]).json
    third = client.get(rels(second)["next"]["href"]).json

    assert "prev" not in rels(first)
    assert ids(second) == ids(client.get(rels(third)["prev"]["href"]).json)
    assert ids(first) == ids(client.get(rels(second)["prev"]["href"]).json)


def test_c2_one_is_exactly_one_with_next(client):
    document = client.get(f"{ROOT}/processes?limit=1").json

    assert 1 == len(document["processes"])
    assert "next" in rels(document)


@pytest.mark.parametrize("limit", ["99999999999999999999", "few", "1.5", ""])
def test_c2_a_limit_that_is_none_is_refused_with_the_range(client, limit):
    answer = client.get(f"{ROOT}/processes?limit={limit}")
    assert 400 == answer.status_code
    assert f"limit is not a whole number from 1 to 10000: {limit!r}" in answer.json["detail"]


def test_c2_a_limit_above_the_maximum_is_the_maximum(make_app):
    client = make_app(page_limit_max=1).test_client()

    answer = client.get(f"{ROOT}/processes?limit=1000000")
    assert 200 == answer.status_code
    assert 1 == len(answer.json["processes"])


def test_c2_clients_that_add_their_limit_again_come_to_the_end(client, deploy):
    """The SDK of the EODH sends its own parameters again behind those of the `next` link."""
    for number in range(3):
        deploy(f"p{number}")
    url, seen = f"{EODH}/processes?limit=2", []
    while url:
        document = client.get(url).json
        seen += ids(document)
        url = rels(document).get("next", {}).get("href")
        url = f"{url}&limit=2" if url else None

    assert ["echo", "hello", "p2", "p1", "p0"] == seen


def test_c2_only_what_the_caller_may_see_is_listed_and_counted(client, services, deploy):
    from ades.policy import Decision

    for number in range(6):
        deploy(f"p{number}")

    class OnlyOdd:
        def check(self, question):
            return Decision(allowed=question.action != "list-all-processes")

        def check_many(self, questions):
            return [Decision(allowed=question.process["id"] in {"hello", "p1", "p3", "p5"}) for question in questions]

    object.__setattr__(services, "policy", OnlyOdd())
    url, seen = f"{ROOT}/processes?limit=2", []
    while url:
        document = client.get(url).json
        seen.append(ids(document))
        url = rels(document).get("next", {}).get("href")

    assert [["hello", "p5"], ["p3", "p1"]] == [page for page in seen if page]


@pytest.mark.parametrize("prefix", [ROOT, "/ades/demo/ogc-api", EODH])
@pytest.mark.parametrize("process", ["echo", "hello"])
def test_c3_a_description_is_valid(client, prefix, process):
    answer = client.get(f"{prefix}/processes/{process}")

    assert 200 == answer.status_code
    jsonschema.validate(answer.json, DESCRIPTION)
    for port in [*answer.json["inputs"].values(), *answer.json["outputs"].values()]:
        assert set(walk(port["schema"])) <= SCHEMA_KEYWORDS


def test_c3_inputs_and_outputs_stand_in_the_order_of_their_declaration(client):
    document = client.get(f"{ROOT}/processes/echo").json

    assert ["message", "pause", "numbers", "area", "image"] == list(document["inputs"])
    assert list(document["inputs"]) == list(document["outputs"])


def test_c3_deployed_inputs_keep_their_order_too(client, deploy):
    names = ["zebra", "ant", "mole", "bee"]
    deploy("zoo", inputs={name: {"schema": {"type": "string"}} for name in names})

    assert names == list(client.get(f"{ROOT}/processes/zoo").json["inputs"])


def test_c3_a_description_leads_on(client):
    found = rels(client.get(f"{ROOT}/processes/echo").json)

    assert {"self", "alternate", REL + "execute", "profile", REL + "job-list"} <= found.keys()
    assert f"http://localhost{ROOT}/processes/echo/execution" == found[REL + "execute"]["href"]
    assert f"http://localhost{ROOT}/jobs?processID=echo" == found[REL + "job-list"]["href"]
    assert "https://www.opengis.net/def/profile/OGC/0/ogc-process-description" == found["profile"]["href"]


def test_c3_the_eodh_dialect_says_arrays_twice_and_why_they_are_seen(client, deploy):
    deploy("many", inputs={"scenes": {"schema": {"type": "array", "items": {"type": "string"}}}})
    ogc, eodh = (client.get(f"{prefix}/processes/many").json for prefix in (ROOT, EODH))

    assert "extended-schema" not in ogc["inputs"]["scenes"]
    scenes = eodh["inputs"]["scenes"]
    assert ogc["inputs"]["scenes"]["schema"] == scenes["schema"]
    assert 999 == scenes["maxOccurs"]
    assert {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 999} == scenes["extended-schema"]
    assert "Workspace owns this workflow" == eodh["AccessReasoning"]
    assert 1 == sum(link["rel"] == REL + "execute" for link in eodh["links"])


def test_c3_the_eodh_dialect_lists_everything_at_once(make_app):
    app = make_app(page_limit=1)
    for number in range(3):
        deployed(app.extensions["ades"], f"p{number}")

    assert 5 == len(app.test_client().get(f"{EODH}/processes").json["processes"])
    assert 1 == len(app.test_client().get(f"{ROOT}/processes").json["processes"])


def test_c3_the_eodh_dialect_labels_its_json_as_its_clients_know_it(client):
    assert "application/json;charset=UTF-8" == client.get(f"{EODH}/processes").content_type
    assert "application/json" == client.get(f"{ROOT}/processes").content_type


@pytest.mark.parametrize("name", ["absent", "ECHO", "Echo", "echo%20", "%65cho2", "%00", "a" * 5000, "échö", "..", "%"])
def test_c4_an_unknown_process_is_not_found(client, name):
    answer = client.get(f"{ROOT}/processes/{name}")

    assert 404 == answer.status_code
    if name != "..":
        assert PROBLEMS + "no-such-process" == answer.json["type"]


def test_c4_a_process_of_another_workspace_is_unknown(client, services, deploy):
    services.store.workspaces.create("other")
    deploy("theirs", workspace="other")

    assert 404 == client.get(f"{ROOT}/processes/theirs").status_code
    assert 200 == client.get("/other/ogc-api/processes/theirs").status_code


def test_c5_built_in_processes_come_first_then_the_newest(client, deploy):
    for name in ("old", "middle", "new"):
        deploy(name)

    assert ["echo", "hello", "new", "middle", "old"] == ids(client.get(f"{ROOT}/processes").json)


def test_c5_the_list_is_new_as_soon_as_something_is_deployed_or_removed(client, services, deploy):
    assert ["echo", "hello"] == ids(client.get(f"{ROOT}/processes").json)
    deploy("mine")
    assert ["echo", "hello", "mine"] == ids(client.get(f"{ROOT}/processes").json)
    services.store.processes.remove("demo", "mine")
    assert ["echo", "hello"] == ids(client.get(f"{ROOT}/processes").json)


def test_c6_ids_are_decoded_once(client, deploy):
    deploy("50%25")

    assert "50%25" == client.get(f"{ROOT}/processes/50%2525").json["id"]
    assert 404 == client.get(f"{ROOT}/processes/50%25").status_code


def test_c6_links_to_ids_with_odd_characters_lead_to_them(client, deploy):
    for name in ("a b", "ä", "a?b", "a#b", "50%", "a+b&c=d", "<b>"):
        deploy(name)
    for process in client.get(f"{ROOT}/processes").json["processes"]:
        answer = client.get(rels(process)["self"]["href"])
        assert process["id"] == answer.json["id"]
        assert rels(process)["self"]["href"] == rels(answer.json)["self"]["href"]


def test_unchanged_documents_are_not_sent_again(client, deploy):
    for path in ("", "/processes", "/processes/echo", "/conformance", "/api"):
        first = client.get(ROOT + path)
        again = client.get(ROOT + path, headers={"If-None-Match": first.headers["ETag"]})
        assert (304, b"") == (again.status_code, again.data)
        assert first.headers["ETag"] == again.headers["ETag"]
        assert 200 == client.get(ROOT + path, headers={"If-None-Match": '"other"'}).status_code
    tag = client.get(f"{ROOT}/processes").headers["ETag"]
    deploy("mine")
    assert 200 == client.get(f"{ROOT}/processes", headers={"If-None-Match": tag}).status_code


def test_access_is_told_in_the_eodh_dialect(client, services):
    deployed(services, "mine")
    services.store.processes.set_access("demo", "mine", Access.PUBLIC, ())

    assert "Workflow is public" == client.get(f"{EODH}/processes/mine").json["AccessReasoning"]
