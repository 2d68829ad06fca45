"""The dialect of the EODH says what its clients look for, and loses nothing of what the plain description says."""

import json

import pytest

from ades.recipe import describe_eodh
from tests.unit.recipe.test_golden import PACKAGES, compiled

URI = {"type": "string", "format": "uri"}
ITEM = {"type": "object", "format": "stac-item"}
CATALOGUE = {"type": "object", "format": "geojson-feature-collection"}


def dialect(**ports):
    found = describe_eodh({"inputs": ports, "outputs": ports})
    return found["inputs"], found["outputs"]


def test_lists_are_recognised_by_their_extended_schema():
    """The QGIS plugin looks for `extended-schema.type == "array"` with items of type string."""
    inputs, _ = dialect(
        bands={"title": "Bands", "schema": {"type": "array", "items": {"type": "string"}}},
        scenes={"title": "Scenes", "schema": {"type": "array", "items": {"oneOf": [URI, ITEM]}, "nullable": True}},
    )
    for port in inputs.values():
        assert {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 999} == port["extended-schema"]
        assert 999 == port["maxOccurs"]
        assert "array" == port["schema"]["type"]


def test_files_and_folders_are_texts():
    """A form that knows nothing of alternatives shows a text field; the alternatives stand beside it."""
    whole = {"oneOf": [URI, ITEM], "nullable": True, "default": ""}
    inputs, _ = dialect(scene={"title": "Scene", "schema": whole})

    assert URI | {"nullable": True, "default": ""} == inputs["scene"]["schema"]
    assert whole == inputs["scene"]["extended-schema"]


def test_the_output_is_a_collection():
    """In the words of the service that this one replaces."""
    whole = {"oneOf": [ITEM, CATALOGUE, URI]}
    _, outputs = dialect(stac={"title": "Results", "schema": whole})

    assert {"oneOf": [CATALOGUE]} == outputs["stac"]["schema"]
    assert whole == outputs["stac"]["extended-schema"]
    assert "Results" == outputs["stac"]["description"]


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.stem)
def test_nothing_is_lost(path):
    """Names, order, titles, defaults and occurrences are those of the plain description, which stays as it is."""
    plain = compiled(path).description
    before = json.dumps(plain)
    found = describe_eodh(plain)

    assert before == json.dumps(plain)
    for ports in ("inputs", "outputs"):
        assert list(plain[ports]) == list(found[ports])
        for name, port in plain[ports].items():
            said = found[ports][name]
            assert port["title"] == said["title"]
            assert port.get("minOccurs") == said.get("minOccurs")
            assert port["schema"].get("default") == said["schema"].get("default")
            assert port["schema"] in (said["schema"], said.get("extended-schema"))
            assert isinstance(said["description"], str)
