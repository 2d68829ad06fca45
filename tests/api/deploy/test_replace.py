"""Section I: replace and undeploy, revisions, and packages as they come back."""

import orjson
import pytest
import yaml

from tests.api.conftest import PROBLEMS, ROOT
from tests.api.deploy.conftest import ECHO, PART_2, TWO, as_json, post, put

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
