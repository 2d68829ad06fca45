"""Files under the host of their workspace, as the EODH's clients address them."""

import pytest

DOMAIN = "workspaces.example"
HOST = f"http://demo.{DOMAIN}"


@pytest.fixture
def client(make_app):
    return make_app(workspaces_domain=DOMAIN).test_client()


def test_a_file_has_two_addresses(client):
    """What was put under the host is the file in the files area, and the other way round."""
    put = client.put("/files/workspaces-test/in/a.txt", base_url=HOST, data=b"one")
    assert (201, b"one") == (put.status_code, client.get("/demo/files/in/a.txt").data)
    client.put("/demo/files/in/b.txt", data=b"two")
    got = client.get("/files/workspaces-test/in/b.txt", base_url=f"{HOST}:8443", headers={"Range": "bytes=1-"})
    assert (206, b"wo") == (got.status_code, got.data)


def test_the_host_says_the_workspace(client):
    """A workspace that does not exist is not found, and another host has no such path."""
    client.put("/demo/files/a.txt", data=b"one")
    assert 404 == client.get("/files/b/a.txt", base_url=f"http://other.{DOMAIN}").status_code
    assert 404 == client.get("/files/b/a.txt", base_url="http://demo.elsewhere.example").status_code
    assert 404 == client.get("/files/b/a.txt", base_url=f"http://x.demo.{DOMAIN}").status_code
    assert 404 == client.get("/files/b/a.txt", base_url=f"http://{DOMAIN}").status_code


def test_what_a_job_has_published_is_there_too(client):
    """The layout of the store leads to the result of the job, which is looked for under the rules of its job."""
    path = "/files/b/processing-results/echo/00000000-0000-4000-8000-000000000000/out/item.json"
    got = client.get(path, base_url=HOST)
    assert (404, True) == (got.status_code, got.get_json()["type"].endswith("no-such-job"))


def test_everything_else_is_as_always(client):
    """The API is served under the host, too."""
    assert 200 == client.get("/demo/ogc-api/processes", base_url=HOST).status_code


def test_without_a_domain_there_are_no_hosts(make_app):
    """The setting is empty by default."""
    client = make_app().test_client()
    client.put("/demo/files/a.txt", data=b"one")
    assert 404 == client.get("/files/b/a.txt", base_url=HOST).status_code
