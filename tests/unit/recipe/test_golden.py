"""Every package of the golden folder means what is written beside it.

`ADES_GOLDEN=write` in the environment writes the descriptions anew; look at the difference before committing it.
"""

import json
import os
from pathlib import Path

import jsonschema
import pytest

from ades.recipe import compile_package, draw, read

GOLDEN = Path(__file__).parents[2] / "golden"
PACKAGES = sorted((GOLDEN / "packages").iterdir())
KEYWORDS = {
    "title", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength",
    "pattern", "maxItems", "minItems", "uniqueItems", "maxProperties", "minProperties", "required", "enum", "type",
    "not", "allOf", "oneOf", "anyOf", "items", "properties", "additionalProperties", "description", "format",
    "default", "nullable", "readOnly", "writeOnly", "example", "deprecated", "contentMediaType", "contentEncoding",
    "contentSchema",
}  # fmt: skip
"""What OGC API - Processes 1.0 lets a schema say."""


def compiled(path):
    kind = "application/json" if path.suffix == ".json" else "application/cwl+yaml"
    return compile_package(read(path.read_bytes(), kind))


def keywords(schema):
    for key, value in schema.items():
        yield key
        if key in {"oneOf", "anyOf", "allOf"}:
            for part in value:
                yield from keywords(part)
        elif key == "items":
            yield from keywords(value)
        elif key == "properties":
            for part in value.values():
                yield from keywords(part)


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.stem)
def test_a_package_means_what_is_written_beside_it(path):
    """Description, validator, executable and warnings are exactly those that somebody has looked at."""
    found = compiled(path)
    written = GOLDEN / "descriptions" / f"{path.stem}.json"
    actual = {
        "id": found.id,
        "version": found.version,
        "entry": found.entry,
        "warnings": list(found.warnings),
        "description": found.description,
        "validator": found.validator,
        "executable": found.executable,
    }
    if os.environ.get("ADES_GOLDEN") == "write":
        written.write_text(json.dumps(actual, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    expected = json.loads(written.read_text(encoding="utf-8"))
    assert expected == actual
    for ports in ("inputs", "outputs"):
        assert list(expected["description"][ports]) == list(actual["description"][ports])


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.stem)
def test_a_description_keeps_to_the_standard(path):
    """Closed list of keywords, no `$ref`, `valuePassing` a list, falsy defaults present, order kept."""
    found = compiled(path)
    for port in [*found.description["inputs"].values(), *found.description["outputs"].values()]:
        assert set() == set(keywords(port["schema"])) - KEYWORDS
    for port in found.description["inputs"].values():
        assert {"byValue", "byReference"} == set(port["valuePassing"])
        assert isinstance(port["valuePassing"], list)
        assert port["minOccurs"] in {0, 1}
        if "default" in port["schema"] or port["schema"].get("nullable"):
            assert 0 == port["minOccurs"]
    assert {"sync-execute", "async-execute", "dismiss"} >= set(found.description["jobControlOptions"])
    assert found.description["mutable"] is True


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.stem)
def test_a_validator_is_a_schema(path):
    """It is valid JSON Schema, refuses unknown names, and asks for exactly what the description asks for."""
    found = compiled(path)
    jsonschema.Draft202012Validator.check_schema(found.validator)
    inputs = found.description["inputs"]
    assert list(inputs) == list(found.validator["properties"])
    assert {name for name, port in inputs.items() if port["minOccurs"]} == set(found.validator["required"])
    assert not jsonschema.Draft202012Validator(found.validator).is_valid({"no such input": 1})


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.stem)
def test_compiling_what_was_compiled_changes_nothing(path):
    """The normal form is its own normal form."""
    first = compiled(path)
    body = json.dumps(first.executable["document"]).encode()
    again = compile_package(read(body, "application/cwl+json"), entry=first.entry)
    assert first.executable == again.executable
    assert not [warning for warning in again.warnings if "was added" in warning]


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.stem)
def test_a_package_can_be_drawn(path):
    """One well-formed picture with a box for each input, step and output."""
    import xml.etree.ElementTree as ET

    found = compiled(path)
    picture = ET.fromstring(draw(found.executable))
    boxes = picture.findall(".//{http://www.w3.org/2000/svg}rect")
    entry = next(process for process in found.executable["document"]["$graph"] if process["id"] == found.entry)
    steps = len(entry.get("steps", [None]))
    assert len(entry["inputs"]) + len(entry["outputs"]) + steps == len(boxes)
