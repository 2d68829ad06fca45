"""A deployed package and what may be sent to it: the two sides agree on the inputs."""

import json

import pytest

from tests.api.conftest import ROOT

S = "https://raw.githubusercontent.com/eoap/schemas/main/"
FEATURE = {"type": "Feature", "geometry": None, "properties": {}}
TYPES = {
    "text": "string?",
    "count": "int?",
    "bands": "string[]?",
    "level": ["null", {"type": "enum", "symbols": ["low", "high"]}],
    "image": ["null", "File"],
    "scene": "Directory?",
    "scenes": "Directory[]?",
    "day": S + "string_format.yaml#Date?",
    "page": S + "string_format.yaml#URI?",
    "box": S + "ogc.yaml#BBox?",
    "aoi": S + "geojson.yaml#FeatureCollection?",
    "window": ["null", {"type": "record", "fields": {"start": "string", "n": "int"}}],
}


@pytest.fixture
def execute(client):
    """Deploys the tool with all these inputs, and executes it."""
    tool = {"cwlVersion": "v1.2", "class": "CommandLineTool", "id": "taker", "baseCommand": "true", "outputs": {}}
    tool["inputs"] = {name: {"type": kind} for name, kind in TYPES.items()}
    answer = client.post(f"{ROOT}/processes", data=json.dumps(tool), content_type="application/cwl+json")
    assert 201 == answer.status_code

    def send(**inputs):
        return client.post(
            f"{ROOT}/processes/taker/execution", json={"inputs": inputs}, headers={"Prefer": "respond-async"}
        )

    return send


@pytest.mark.parametrize(
    "inputs",
    [
        {"text": "x", "count": 5, "bands": ["a", "b"], "level": "low"},
        {"bands": "a"},
        {"text": {"value": "x", "mediaType": "text/plain"}, "count": {"value": 5}},
        {"text": {"href": "https://example.com/x.txt"}},
        {"image": "https://example.com/x.tif", "scene": {"href": "https://example.com/item.json"}},
        {"image": {"value": "aGVsbG8=", "encoding": "base64", "mediaType": "image/tiff"}},
        {"scenes": ["https://example.com/a", {"href": "https://example.com/b"}]},
        {"scene": {"value": FEATURE | {"stac_version": "1.0.0", "id": "x", "assets": {}}, "mediaType": "application/geo+json"}},
        {"day": "2024-02-29", "page": "https://example.com"},
        {"box": {"bbox": [1, 2, 3, 4], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}},
        {"aoi": {"type": "FeatureCollection", "features": [FEATURE]}},
        {"aoi": {"value": {"type": "FeatureCollection", "features": []}}},
        {"window": {"start": "x", "n": 1}},
        {"window": {"value": {"start": "x", "n": 1}}},
    ],
)  # fmt: skip
def test_what_the_validator_takes_the_server_takes(execute, inputs):
    answer = execute(**inputs)

    assert 201 == answer.status_code, answer.text


@pytest.mark.parametrize(
    ("inputs", "word"),
    [
        ({"count": "five"}, "count"),
        ({"level": "mid"}, "level"),
        ({"bands": [1]}, "bands"),
        ({"box": {"bbox": [1, 2, 3]}}, "box"),
        ({"aoi": {"type": "Point"}}, "aoi"),
        ({"aoi": "https://example.com"}, "aoi"),
        ({"window": {"start": "x"}}, "window"),
        ({"scene": {"no": "stac"}}, "scene"),
        ({"nothing": 1}, "nothing"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(execute, inputs, word):
    answer = execute(**inputs)

    assert 400 == answer.status_code
    assert word in answer.json["detail"]
