"""Section I: what cannot be deployed, and how the answer helps."""

import json

import pytest

from tests.api.conftest import ROOT
from tests.api.deploy.conftest import ECHO, TWO, post, put

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
