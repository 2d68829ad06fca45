"""A2: the definition of the API is valid, complete, and what the server really does."""

import re

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from openapi_spec_validator import OpenAPIV30SpecValidator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.api.conftest import REL, ROOT, rels

EODH = "/api/catalogue/stac/catalogs/user/catalogs/demo"


@pytest.fixture
def definition(client):
    return client.get(f"{ROOT}/api").json


def test_a2_the_definition_comes_as_its_link_says(client):
    link = rels(client.get(ROOT).json)["service-desc"]
    answer = client.get(link["href"])

    assert 200 == answer.status_code
    assert "application/vnd.oai.openapi+json;version=3.0" == answer.headers["Content-Type"] == link["type"]


@pytest.mark.parametrize("prefix", [ROOT, "/ades/demo/ogc-api", EODH])
def test_a2_the_definition_is_valid(client, prefix):
    document = client.get(f"{prefix}/api").json

    OpenAPIV30SpecValidator(document).validate()
    assert re.fullmatch(r"3\.0\.\d", document["openapi"])
    assert [{"url": f"http://localhost{prefix}"}] == document["servers"]


def test_a2_who_asks_for_plain_json_gets_it(client):
    assert "application/json" == client.get(f"{ROOT}/api", headers={"Accept": "application/json"}).content_type


def test_a2_every_path_and_method_that_is_served_is_in_it(app, definition):
    prefix = "/<workspace>/ogc-api"
    served = {
        (re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule.removeprefix(prefix)) or "/", method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(prefix)
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    described = {(path, method) for path, methods in definition["paths"].items() for method in methods}

    assert served == described


def test_a2_every_operation_tells_what_can_go_wrong(definition):
    for path, methods in definition["paths"].items():
        for method, operation in methods.items():
            found = operation["responses"].keys()
            assert {"400", "401", "403", "404", "406", "429", "500", "503"} <= found, (method, path)
            assert any(status < "400" for status in found), (method, path)
            if "requestBody" in operation:
                assert {"413", "415"} <= found, (method, path)


def test_a2_operations_have_names_and_words(definition):
    names = [operation["operationId"] for methods in definition["paths"].values() for operation in methods.values()]

    assert len(names) == len(set(names))
    assert all(
        operation["summary"] and operation["tags"]
        for methods in definition["paths"].values()
        for operation in methods.values()
    )


def test_a2_it_says_how_to_say_who_one_is(client, make_app, definition):
    schemes = definition["components"]["securitySchemes"]
    assert {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}} == schemes
    assert [{}, {"token": []}] == definition["security"]


def test_every_link_relation_of_the_landing_page_is_described(client, definition):
    base = f"http://localhost{ROOT}"
    for rel, link in rels(client.get(ROOT).json).items():
        path = link["href"].removeprefix(base).partition("?")[0] or "/"
        assert path in definition["paths"], rel
    assert REL + "processes" in rels(client.get(ROOT).json)


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_l1_the_server_does_what_its_definition_says(app, mode):
    """Requests made up from the definition, right and wrong ones, find no answer that it does not announce."""
    # The events of a workspace have no end to read to: tests/api/test_events.py reads them.
    schema = schemathesis.openapi.from_wsgi(f"{ROOT}/api", app).exclude(operation_id="followJobs")
    probed = [probe(result.ok(), mode) for result in schema.get_all_operations()]

    assert any(probed)


def probe(operation, mode):
    """Send some requests of one kind to one operation; there are no wrong ones where everything fits."""
    if mode is GenerationMode.NEGATIVE and not [*operation.iter_parameters(), *operation.body]:
        return False

    @settings(
        max_examples=8,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case):
        case.call_and_validate(checks=CHECKS)

    try:
        send()
    except Unsatisfiable:
        if mode is GenerationMode.POSITIVE:
            raise
        return False
    return True
