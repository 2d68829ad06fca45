"""A page of another site, open in somebody's browser, cannot change anything on a server that lets everybody in."""

import pytest

PROCESSES = "/demo/ogc-api/processes"
TOOL = {
    "class": "CommandLineTool",
    "cwlVersion": "v1.2",
    "id": "tool",
    "baseCommand": "true",
    "inputs": {},
    "outputs": {},
}
FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:9999"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
]
OWN = [
    {},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://localhost"},
]


def deploy(client, headers):
    return client.post(PROCESSES, json=TOOL, headers=headers, content_type="application/cwl+json").status_code


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_foreign_page_changes_nothing(client, headers):
    assert 403 == deploy(client, headers)
    assert 403 == client.delete(f"{PROCESSES}/echo", headers=headers | {"X": "y"}).status_code
    assert 404 == client.get(f"{PROCESSES}/tool").status_code


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_foreign_page_may_read(client, headers):
    assert 200 == client.get(PROCESSES, headers=headers).status_code
    assert client.options(PROCESSES, headers=headers).status_code < 300


@pytest.mark.parametrize("headers", OWN)
def test_programs_and_own_pages_may_do_what_they_like(client, headers):
    assert 201 == deploy(client, headers)


def test_a_foreign_name_that_points_to_this_machine_does_not_help(client, make_app):
    rebound = {"Host": "evil.example:8080", "Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example:8080"}
    assert 403 == deploy(client, rebound)
    assert 201 == deploy(client, {"Host": "evil.example:8080"})
    known = make_app(public_url="http://evil.example:8080").test_client()
    assert deploy(known, rebound) in {201, 409}


def test_a_page_with_a_token_of_its_own_is_judged_by_its_token(client):
    assert 403 != deploy(client, FOREIGN[0] | {"Authorization": "Bearer of-somebody"})


def test_an_operator_can_name_pages_that_may(make_app):
    client = make_app(origins="https://hub.example https://lab.example").test_client()
    hub = {"Sec-Fetch-Site": "cross-site", "Origin": "https://hub.example"}
    assert 201 == deploy(client, hub)
    assert 403 == deploy(client, FOREIGN[0])
