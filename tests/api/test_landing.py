"""Section A: landing page, API definition, conformance, and what holds for every address."""

import re
from html.parser import HTMLParser

import pytest

from tests.api.conftest import PROBLEMS, REL, ROOT, rels

OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
EODH = "/api/catalogue/stac/catalogs/user/catalogs/demo"


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.hrefs = []

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.hrefs.append(dict(attrs).get("href"))


def hrefs_of(page):
    parser = _Links()
    parser.feed(page)
    return parser.hrefs


@pytest.mark.parametrize("path", [ROOT, f"{ROOT}/"])
def test_a1_the_landing_page_leads_everywhere(client, path):
    answer = client.get(path)

    assert 200 == answer.status_code
    assert "application/json" == answer.content_type
    assert {"title", "description", "links"} <= answer.json.keys()
    found = rels(answer.json)
    wanted = {"self", "alternate", "service-desc", "service-doc", REL + "conformance", REL + "processes"}
    assert wanted <= found.keys()
    assert OPENAPI == found["service-desc"]["type"]
    assert "text/html" == found["service-doc"]["type"]
    assert "text/html" == found["alternate"]["type"]
    for link in answer.json["links"]:
        assert {"href", "rel", "type", "title"} <= link.keys()
        assert link["href"].startswith("http://localhost/demo/ogc-api")


def test_a1_every_link_of_the_landing_page_can_be_followed(client):
    for link in client.get(ROOT).json["links"]:
        answer = client.get(link["href"], headers={"Accept": link["type"]})
        assert 200 == answer.status_code, link
        assert link["type"].partition(";")[0] == answer.mimetype, link


def test_a1_links_are_built_from_the_prefix_that_was_called(client):
    for prefix in (ROOT, "/ades/demo/ogc-api", EODH):
        for link in client.get(prefix).json["links"]:
            assert link["href"].startswith(f"http://localhost{prefix}"), link


def test_a1_the_eodh_dialect_lands_on_a_stac_catalogue(client):
    document = client.get(EODH).json

    assert "Catalog" == document["type"]
    assert "demo" == document["id"]
    assert re.fullmatch(r"1\.\d\.\d", document["stac_version"])
    assert {"self", "root", "service-desc", REL + "processes"} <= rels(document).keys()


def test_a3_the_definition_is_a_web_page_too(client):
    answer = client.get(rels(client.get(ROOT).json)["service-doc"]["href"])

    assert 200 == answer.status_code
    assert "text/html" == answer.mimetype
    assert "/processes/{processID}" in answer.text


def test_a3_the_definition_needs_nothing_from_elsewhere(client):
    page = client.get(f"{ROOT}/api", headers={"Accept": "text/html"}).text

    assert [] == re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(?:https?:)?//(?!localhost)', page)


def test_a4_conformance_says_what_is_fulfilled(client, services):
    answer = client.get(f"{ROOT}/conformance")

    assert 200 == answer.status_code
    assert {uri for area in services.areas for uri in area.conformance} == set(answer.json["conformsTo"])
    assert len(answer.json["conformsTo"]) == len(set(answer.json["conformsTo"]))
    base = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"
    assert {base + "ogc-process-description", base + "json", base + "html", base + "oas30"} <= set(
        answer.json["conformsTo"]
    )


def simple_paths(app):
    """Every GET route whose path can be filled in without running anything."""
    services = app.extensions["ades"]
    for area in services.areas:
        for route in area.routes:
            path = route.path.replace("{processID}", "echo")
            if route.method == "GET" and "{" not in path:
                yield ROOT + path


def test_a5_head_answers_as_get_without_a_body(app, client):
    for path in [*simple_paths(app), "/", "/healthz", "/readyz"]:
        get, head = client.get(path), client.head(path)
        if get.is_streamed:
            continue
        assert (get.status_code, get.content_type) == (head.status_code, head.content_type), path
        assert b"" == head.data
        assert str(len(get.data)) == head.headers["Content-Length"] == get.headers["Content-Length"], path
        changing = {"X-Request-Id"}
        assert set(get.headers.keys()) - changing == set(head.headers.keys()) - changing


def test_a6_an_unknown_method_is_told_which_ones_there_are(client):
    for method in ("PUT", "PATCH", "TRACE", "NONSENSE"):
        answer = client.open(f"{ROOT}/conformance", method=method)
        assert 405 == answer.status_code
        assert {"GET", "HEAD", "OPTIONS"} == set(answer.headers["Allow"].split(", "))
        assert 405 == answer.json["status"]


@pytest.mark.parametrize("path", ["/nowhere", f"{ROOT}/nowhere", "/demo/nowhere/at/all", "/absent/ogc-api"])
def test_a6_an_unknown_path_is_not_found(client, path):
    answer = client.get(path)

    assert 404 == answer.status_code
    assert {"type", "title", "status", "detail", "instance"} <= answer.json.keys()


@pytest.mark.parametrize("name", ["api", "static", "metrics", "UPPER", "with_underscore", "-x", "a" * 61])
def test_a6_what_cannot_be_a_workspace_is_not_found(client, name):
    assert 404 == client.get(f"/{name}/ogc-api").status_code


def test_a7_browsers_of_other_sites_may_call(client):
    answer = client.get(ROOT, headers={"Origin": "https://elsewhere.example"})
    assert "*" == answer.headers["Access-Control-Allow-Origin"]
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"Location", "Link", "Preference-Applied"} <= set(exposed)

    preflight = client.options(
        f"{ROOT}/processes", headers={"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    )
    assert 200 == preflight.status_code
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert {"Authorization", "Content-Type", "Prefer"} <= set(
        preflight.headers["Access-Control-Allow-Headers"].split(", ")
    )
    assert "*" == client.get(f"{ROOT}/nowhere").headers["Access-Control-Allow-Origin"]


@pytest.mark.parametrize("path", ["", "/conformance", "/processes", "/processes/echo"])
def test_a8_every_document_is_a_web_page_with_all_its_links(client, path):
    document = client.get(ROOT + path).json
    for page in (
        client.get(ROOT + path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}),
        client.get(f"{ROOT}{path}?f=html"),
    ):
        assert 200 == page.status_code
        assert "text/html" == page.mimetype
        assert page.text.lstrip().lower().startswith("<!doctype html>")
        hrefs = {href.removeprefix("http://localhost") for href in hrefs_of(page.text)}
        for link in document["links"]:
            assert link["href"].removeprefix("http://localhost") in hrefs, link


def test_a8_f_goes_before_accept(client):
    browser = {"Accept": "text/html"}
    assert "application/json" == client.get(f"{ROOT}?f=json", headers=browser).mimetype
    assert "text/html" == client.get(f"{ROOT}?f=html", headers={"Accept": "application/json"}).mimetype


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", "application/json"),
        ("", "application/json"),
        ("text/*", "text/html"),
        ("application/json;q=0.2, text/html;q=0.3", "text/html"),
        ("text/html;q=0.2, application/json;q=0.3", "application/json"),
        ("text/html, application/json", "application/json"),
        ("text/html;q=0, */*", "application/json"),
        ("image/png, */*;q=0.1", "application/json"),
        ("APPLICATION/JSON", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
    ],
)
def test_a8_accept_is_weighed(client, accept, expected):
    assert expected == client.get(ROOT, headers={"Accept": accept}).mimetype


@pytest.mark.parametrize("accept", ["image/png", "application/json;q=0", "nonsense", "application/xml;q=1, image/*"])
def test_a8_what_cannot_be_given_is_not_acceptable(client, accept):
    answer = client.get(ROOT, headers={"Accept": accept})

    assert 406 == answer.status_code
    assert 406 == answer.json["status"]


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=abc", "limit=1.5", "limit=", "skip=-1", "cursor=%00"])
def test_a9_a_malformed_value_is_refused(client, query):
    answer = client.get(f"{ROOT}/processes?{query}")

    assert 400 == answer.status_code
    assert PROBLEMS + "invalid-query-parameter-value" == answer.json["type"]
    assert query.partition("=")[0] in answer.json["detail"]


@pytest.mark.parametrize("query", ["unknown=1", "f=yaml", "Limit=1", "cursor=rubbish"])
def test_a9_an_unknown_parameter_or_value_is_refused(client, query):
    answer = client.get(f"{ROOT}/processes?{query}")

    assert 400 == answer.status_code
    assert PROBLEMS + "invalid-query-parameter-value" == answer.json["type"]


def test_a9_the_eodh_dialect_tolerates_unknown_parameters_but_not_wrong_values(client):
    assert 200 == client.get(f"{EODH}/processes?unknown=1").status_code
    assert 400 == client.get(f"{EODH}/processes?limit=0").status_code


def test_a9_of_a_parameter_given_twice_the_first_counts(client):
    document = client.get(f"{ROOT}/processes?limit=1&skip=1&limit=2").json

    assert 1 == len(document["processes"])
    assert "hello" == document["processes"][0]["id"]
