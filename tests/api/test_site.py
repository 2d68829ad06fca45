"""What lies above the workspaces, and how it looks from behind a proxy."""

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from ades.model import ANONYMOUS
from ades.policy import Decision
from tests.api.conftest import ROOT, rels

PROXIED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "ades.example", "X-Forwarded-Prefix": "/eo"}


def links_of(document):
    return [link["href"] for link in document["links"]]


def test_the_first_page_leads_to_each_workspace_under_each_prefix(client, services):
    services.store.workspaces.create("other", "The other one")
    document = client.get("/").json

    assert {"demo", "other"} == {workspace["name"] for workspace in document["workspaces"]}
    for workspace in document["workspaces"]:
        assert 3 == len({link["title"] for link in workspace["links"]})
        for link in workspace["links"]:
            assert 200 == client.get(link["href"]).status_code


def test_the_first_page_is_a_web_page(client):
    page = client.get("/", headers={"Accept": "text/html"})

    assert 200 == page.status_code
    assert 'href="/demo/ogc-api"' in page.text or 'href="http://localhost/demo/ogc-api"' in page.text


def test_strangers_see_the_first_page_but_no_workspaces(client, services):
    class Closed:
        def check(self, question):
            return Decision(allowed=question.action == "read-service")

    object.__setattr__(services, "policy", Closed())
    object.__setattr__(services, "identify", lambda _request: ANONYMOUS)
    answer = client.get("/")

    assert 200 == answer.status_code
    assert [] == answer.json["workspaces"]


@pytest.mark.parametrize("path", ["", "/processes", "/processes/echo", "/conformance"])
def test_a1_links_are_those_of_the_trusted_proxy(make_app, path):
    client = make_app(trusted_proxies="127.0.0.1").test_client()
    answer = client.get(ROOT + path, headers=PROXIED)

    assert all(href.startswith(f"https://ades.example/eo{ROOT}") or "opengis" in href for href in links_of(answer.json))
    assert "https://ades.example/eo" in answer.headers["Link"]
    page = client.get(ROOT + path, headers=PROXIED | {"Accept": "text/html"}).text
    assert f'href="https://ades.example/eo{ROOT}' in page
    assert '"/eo/static/' in page


def test_a1_strangers_cannot_put_their_address_into_links(client):
    answer = client.get(ROOT, headers=PROXIED | {"Forwarded": "host=ades.example;proto=https"})

    assert "ades.example" not in answer.text
    assert "ades.example" not in answer.headers["Link"]


def test_a1_the_public_address_goes_before_what_the_request_says(make_app):
    client = make_app(public_url="https://public.example/x/").test_client()

    assert f"https://public.example/x{ROOT}" == rels(client.get(ROOT).json)["self"]["href"]


def test_prefixes_are_those_of_the_settings(make_app):
    client = make_app(prefixes="eodh:/w/{workspace} ogc:/o/{workspace}/api").test_client()

    assert "Catalog" == client.get("/w/demo").json["type"]
    assert "http://localhost/o/demo/api" == rels(client.get("/o/demo/api").json)["self"]["href"]
    assert 404 == client.get(ROOT).status_code


@pytest.mark.parametrize(
    "prefixes", ["", "ogc", "ogc:/x", "zoo:/{workspace}", "ogc:{workspace}", "ogc:/{workspace}/{workspace}", "ogc:/a b"]
)
def test_prefixes_that_make_no_sense_stop_the_server(make_app, prefixes):
    from ades.errors import Misconfigured

    with pytest.raises(Misconfigured, match="ADES_PREFIXES"):
        make_app(prefixes=prefixes)


def test_the_documentation_is_where_clients_of_the_eodh_look_for_it(client):
    document = client.get("/api/docs/workflow-runner").json

    OpenAPIV30SpecValidator(document).validate()
    assert "{workspace}" in document["servers"][0]["url"]
    assert "text/html" == client.get("/api/docs/workflow-runner", headers={"Accept": "text/html"}).mimetype
    assert 200 == client.get("/api/docs/workflow-runner/ping").status_code


def test_processors_of_the_configuration_file_are_listed_without_being_imported(make_app, tmp_path):
    config = tmp_path / "pygeoapi-config.yml"
    config.write_text(
        "resources:\n"
        "  hello-world:\n    type: process\n    processor:\n      name: HelloWorld\n"
        "  dotted:\n    type: process\n    processor:\n      name: pygeoapi.process.echo.EchoProcessor\n"
    )
    client = make_app(config=config).test_client()
    listed = client.get(f"{ROOT}/processes").json["processes"]

    assert ["echo", "hello", "hello-world", "dotted"] == [process["id"] for process in listed]
    description = client.get(f"{ROOT}/processes/hello-world").json
    assert "Hello World" == description["title"]
    assert {"name", "message"} == description["inputs"].keys()
    assert description["mutable"] is False


def test_a_processor_that_does_not_exist_stops_the_server(make_app, tmp_path):
    from ades.errors import Misconfigured

    config = tmp_path / "pygeoapi-config.yml"
    config.write_text("resources:\n  x:\n    type: process\n    processor:\n      name: nowhere.Processor\n")

    with pytest.raises(Misconfigured, match="nowhere"):
        make_app(config=config)
