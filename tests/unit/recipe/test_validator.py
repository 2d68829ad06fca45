"""The validator takes each value in every way in which the standard lets a client write it, and names what is wrong."""

import json

import jsonschema
import pytest

from ades.recipe import compile_package, read

S = "https://raw.githubusercontent.com/eoap/schemas/main/"
TYPES = {
    "text": "string",
    "count": "int",
    "size": "long",
    "share": "double",
    "flag": "boolean",
    "level": {"type": "enum", "symbols": ["low", "high"]},
    "texts": "string[]",
    "grid": "int[][]",
    "file": "File",
    "files": "File[]",
    "scene": "Directory",
    "scenes": "Directory[]",
    "window": {"type": "record", "fields": {"start": "string", "end": "string?", "n": "int[]"}},
    "either": ["int", "string"],
    "any": "Any",
    "day": S + "string_format.yaml#Date",
    "box": S + "ogc.yaml#BBox",
    "aoi": S + "geojson.yaml#Feature",
}
FEATURE = {"type": "Feature", "geometry": None, "properties": {}}
ITEM = FEATURE | {"stac_version": "1.0.0", "id": "x", "assets": {}}


def compiled(**inputs):
    tool = {"cwlVersion": "v1.2", "class": "CommandLineTool", "id": "t", "inputs": inputs, "outputs": {}}
    return compile_package(read(json.dumps(tool).encode(), "application/cwl+json"))


@pytest.fixture(scope="module")
def optional():
    """Checks one input at a time: all may be left out."""
    inputs = {name: {"type": ["null", *(kind if isinstance(kind, list) else [kind])]} for name, kind in TYPES.items()}
    return jsonschema.Draft202012Validator(compiled(**inputs).validator)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", "x"), ("text", ""), ("text", {"value": "x"}), ("text", {"value": "x", "mediaType": "text/plain"}),
        ("text", {"href": "https://example.com/x"}), ("text", {"href": "https://example.com/x", "type": "text/plain"}),
        ("text", {"value": "x", "format": {"mediaType": "text/plain"}}), ("text", None),
        ("text", {"process": "other", "inputs": {"a": 1}}),
        ("count", 5), ("count", 5.0), ("count", {"value": 5}), ("count", {"href": "https://example.com/n"}),
        ("size", 2**40), ("share", 1), ("share", 1.5), ("flag", True), ("flag", {"value": False}),
        ("level", "low"), ("level", {"value": "high"}),
        ("texts", ["a", "b"]), ("texts", []), ("texts", "a"), ("texts", {"value": ["a"]}), ("texts", [{"value": "a"}, "b"]),
        ("texts", [{"href": "https://example.com/x"}]), ("texts", {"href": "https://example.com/list.json"}),
        ("grid", [[1, 2], [3]]), ("grid", [[]]),
        ("file", "https://example.com/x.tif"), ("file", {"href": "s3://bucket/x.tif", "type": "image/tiff"}),
        ("file", {"href": "x", "format": {"mediaType": "image/tiff"}}), ("file", {"class": "File", "location": "https://x"}),
        ("file", {"value": "aGVsbG8=", "encoding": "base64", "mediaType": "image/tiff"}),
        ("file", {"value": {"type": "FeatureCollection", "features": []}, "mediaType": "application/geo+json"}),
        ("files", ["https://a", {"href": "https://b"}]), ("files", "https://a"), ("files", {"href": "https://b"}),
        ("scene", "https://example.com/item.json"), ("scene", {"href": "https://example.com/item.json"}),
        ("scene", ITEM), ("scene", {"value": ITEM, "mediaType": "application/geo+json"}),
        ("scene", {"type": "FeatureCollection", "features": [ITEM]}), ("scene", {"class": "Directory", "location": "s3://x"}),
        ("scenes", ["https://a", ITEM, {"href": "https://c"}]), ("scenes", ITEM),
        ("window", {"start": "x", "n": [1]}), ("window", {"start": "x", "end": None, "n": [1]}),
        ("window", {"value": {"start": "x", "n": []}}),
        ("either", 1), ("either", "x"), ("any", {"x": [1]}), ("any", "x"), ("any", None),
        ("day", "2024-01-31"), ("day", {"value": "2024-01-31"}),
        ("box", {"bbox": [1, 2, 3, 4]}), ("box", {"bbox": [1, 2, 3, 4, 5, 6], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}),
        ("box", {"value": {"bbox": [1, 2, 3, 4]}}),
        ("aoi", FEATURE), ("aoi", {"value": FEATURE}), ("aoi", {"href": "https://example.com/aoi.geojson"}),
    ],
)  # fmt: skip
def test_d1_d3_every_way_of_writing_a_value(optional, name, value):
    """Inline, qualified, by reference; arrays and single values; boxes, features, folders."""
    assert [] == [error.message for error in optional.iter_errors({name: value})]


@pytest.mark.parametrize(
    ("name", "value", "path", "word"),
    [
        ("text", 5, [], "string"), ("text", ["a"], [], "string"), ("text", {"value": 5}, ["value"], "string"),
        ("count", "5", [], "integer"), ("count", 5.5, [], "integer"), ("count", 2**31, [], "maximum"),
        ("count", True, [], "integer"), ("flag", "true", [], "boolean"), ("flag", 1, [], "boolean"),
        ("level", "mid", [], "['low', 'high']"), ("texts", ["a", 5], [1], "string"),
        ("texts", [{"value": 5}], [0, "value"], "string"), ("grid", [[1, "x"]], [0, 1], "integer"),
        ("file", 5, [], "'string', 'object'"), ("file", "", [], "non-empty"), ("file", {"href": 5}, ["href"], "string"),
        ("file", {"href": ""}, ["href"], "non-empty"), ("file", {"class": "Directory"}, ["class"], "File"),
        ("scene", {"type": "Point"}, ["type"], "Feature"), ("scene", {"x": 1}, [], "'type' is a required"),
        ("window", {"n": [1]}, [], "'start' is a required"), ("window", {"start": "x", "n": ["y"]}, ["n", 0], "integer"),
        ("box", {"bbox": [1, 2, 3]}, ["bbox"], "valid under"), ("box", [1, 2, 3, 4], [], "object"),
        ("aoi", {"type": "Point"}, ["type"], "Feature"), ("day", 5, [], "string"),
    ],
)  # fmt: skip
def test_d2_what_is_wrong_is_named(optional, name, value, path, word):
    """One error, at the place of the value that is wrong, about the way in which it was written."""
    errors = list(optional.iter_errors({name: value}))
    assert [[name, *path]] == [list(error.absolute_path) for error in errors]
    assert word in errors[0].message or word == errors[0].validator


def test_d5_d6_what_may_be_left_out():
    """Optional inputs and those with a default; names that are not known are refused."""
    schema = compiled(a="string", b="string?", c={"type": "int", "default": 0}).validator
    check = jsonschema.Draft202012Validator(schema)

    assert ["a"] == schema["required"]
    assert check.is_valid({"a": "x"})
    assert check.is_valid({"a": "x", "b": None, "c": None})
    assert not check.is_valid({"b": "x"})
    assert not check.is_valid({"a": None})
    assert not check.is_valid({"a": "x", "d": 1})


def test_the_authors_own_bounds_hold():
    """What `processDescription` asks of plain values is checked, in each way of writing them."""
    tool = {"cwlVersion": "v1.2", "class": "CommandLineTool", "id": "t", "outputs": {}}
    tool |= {"inputs": {"n": "int", "words": "string[]", "file": "File"}}
    said = {
        "n": {"schema": {"type": "integer", "minimum": 1, "maximum": 9}},
        "words": {"schema": {"type": "array", "items": {"type": "string"}, "maxItems": 2}},
        "file": {"schema": {"type": "string", "maxLength": 3}},
    }
    package = {"executionUnit": {"value": tool}, "processDescription": {"inputs": said}}
    found = compile_package(read(json.dumps(package).encode(), "application/ogcapppkg+json"))
    check = jsonschema.Draft202012Validator(found.validator)
    rest = {"words": ["a"], "file": "https://example.com/a"}

    assert check.is_valid({"n": 9} | rest)
    assert not check.is_valid({"n": 10} | rest)
    assert not check.is_valid({"n": {"value": 10}} | rest)
    assert not check.is_valid({"n": 1} | rest | {"words": ["a", "b", "c"]})


def test_a_record_with_a_value_is_taken_for_the_record():
    """It cannot be told from a qualified value."""
    check = jsonschema.Draft202012Validator(
        compiled(r={"type": {"type": "record", "fields": {"value": "int", "unit": "string"}}}).validator
    )
    assert check.is_valid({"r": {"value": 1, "unit": "m"}})
    assert not check.is_valid({"r": {"value": 1}})
