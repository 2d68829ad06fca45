"""An execution form is made from the schema of the inputs, and read back to the inputs of a request."""

from __future__ import annotations

import base64

import pytest
from markup import Markup

from ades.http import filling, forms
from ades.http.filling import Upload
from ades.http.forms import Kind, fields
from ades.http.pages import Context, render

ROOT = "http://ades.test/demo/ogc-api"
FILE = {"oneOf": [{"type": "string", "format": "uri"}, {"type": "object", "properties": {"href": {"type": "string"}}}]}
BINARY = {
    "oneOf": [
        {"type": "string", "contentEncoding": "binary", "contentMediaType": f"image/{k}"} for k in ("png", "tiff")
    ]
}


def process(**ports):
    return {
        "id": "p",
        "title": "Process",
        "version": "1",
        "inputs": {name: port if "schema" in port else {"schema": port} for name, port in ports.items()},
        "outputs": {"a": {"schema": {}}, "b": {"title": "Bee", "schema": {}}},
    }


def one(schema, **more):
    return fields(process(x={"schema": schema} | more))[0]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, Kind.TEXT),
        ({"type": ["null", "string"]}, Kind.TEXT),
        ({"type": "string", "maxLength": 4000}, Kind.LONG),
        ({"type": "string", "default": "a\nb"}, Kind.LONG),
        ({"type": "string", "format": "date"}, Kind.DATE),
        ({"type": "string", "format": "date-time"}, Kind.MOMENT),
        ({"type": "string", "format": "uri"}, Kind.ADDRESS),
        ({"type": "string", "enum": ["a", "b"]}, Kind.CHOICE),
        ({"enum": [1, 2]}, Kind.CHOICE),
        ({"type": "integer"}, Kind.WHOLE),
        ({"type": "number"}, Kind.NUMBER),
        ({"type": "boolean", "default": False}, Kind.FLAG),
        ({"type": "boolean"}, Kind.CHOICE),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, Kind.TEXT),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, Kind.TEXT),
        ({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]}, Kind.JSON),
        (FILE, Kind.FILE),
        (BINARY, Kind.FILE),
        ({"type": "array", "items": FILE}, Kind.FILES),
        ({"type": "array", "items": {"type": "number"}}, Kind.LIST),
        ({"type": "array", "items": {"type": "string"}}, Kind.LIST),
        ({"type": "array", "items": {"enum": ["red", "nir"]}}, Kind.CHOICES),
        ({"type": "array", "items": {"type": "object"}}, Kind.JSON),
        ({"allOf": [{"format": "ogc-bbox"}]}, Kind.BOX),
        ({"type": "object", "properties": {"bbox": {"type": "array"}}}, Kind.BOX),
        ({"type": "object", "format": "geojson-geometry"}, Kind.JSON),
        ({}, Kind.JSON),
    ],
)
def test_each_schema_gets_the_kind_of_field_that_is_easiest_to_fill_in(schema, expected):
    assert expected is one(schema).kind


def test_several_occurrences_of_a_simple_value_become_a_list():
    known = one({"type": "integer"}, maxOccurs="unbounded")
    assert (Kind.LIST, Kind.WHOLE, "list of whole numbers") == (known.kind, known.item, known.fits)


def read(schema, posted=None, files=None, **more):
    known = one(schema, **more)
    raw = {known.control + part: text if isinstance(text, list) else [text] for part, text in (posted or {}).items()}
    answer = filling.read([known], raw, {"in:x:file": files or []})
    return answer.errors.get("x") or answer.inputs.get("x", "left out")


SENT = Upload("a.png", "image/png", b"\x89PNG")


@pytest.mark.parametrize(
    ("schema", "posted", "expected"),
    [
        ({"type": "string"}, {"": " a b "}, " a b "),
        ({"type": "string"}, {"": "one\r\ntwo"}, "one\ntwo"),
        ({"type": "integer"}, {"": "7"}, 7),
        ({"type": "number"}, {"": "-2.5e3"}, -2500.0),
        ({"type": "number"}, {"": "3"}, 3),
        ({"type": "boolean", "default": True}, {}, False),
        ({"type": "boolean", "default": False}, {"": "true"}, True),
        ({"type": "boolean"}, {"": "false"}, False),
        ({"enum": [1, "b", None]}, {"": "1"}, 1),
        ({"type": "array", "items": {"enum": ["r", "n"]}}, {"": ["n"]}, ["n"]),
        ({"type": "array", "items": {"type": "number"}}, {"": "1\r\n\r\n 2.5 \r\n"}, [1, 2.5]),
        ({"type": "array", "items": {"type": "integer"}}, {"": "[1, 2]"}, [1, 2]),
        ({"type": "array", "items": {"type": "string"}}, {"": "a b\n[c]"}, ["a b", "[c]"]),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, {"": "5"}, 5),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, {"": "5x"}, "5x"),
        ({"oneOf": [{"type": "boolean"}, {"type": "string"}]}, {"": "true"}, True),
        ({"type": "string", "format": "date-time"}, {"": "2025-07-01T12:00"}, "2025-07-01T12:00:00Z"),
        ({"type": "string", "format": "date-time"}, {"": "2025-07-01T12:00:01+02:00"}, "2025-07-01T12:00:01+02:00"),
        (FILE, {"": "https://example.org/a"}, {"href": "https://example.org/a"}),
        (FILE, {"": '{"type": "Feature"}'}, {"value": {"type": "Feature"}}),
        ({"type": "array", "items": FILE}, {"": "s3://b/1\ns3://b/2"}, [{"href": "s3://b/1"}, {"href": "s3://b/2"}]),
        ({"format": "ogc-bbox"}, {":west": "-10", ":south": "50.5", ":east": "2", ":north": "60"}, {"bbox": [-10, 50.5, 2, 60]}),
        ({"type": "object"}, {"": '{"a": 1}'}, {"value": {"a": 1}}),
        ({"type": "array", "items": {"type": "object"}}, {"": '[{"a": 1}]'}, [{"a": 1}]),
    ],
)  # fmt: skip
def test_an_answer_is_read_as_the_value_that_it_stands_for(schema, posted, expected):
    assert expected == read(schema, posted)


@pytest.mark.parametrize(
    ("schema", "posted", "words"),
    [
        ({"type": "integer"}, {"": "2.5"}, "not a whole number"),
        ({"type": "number"}, {"": "many"}, "“many” is not a number"),
        ({"type": "number"}, {"": "inf"}, "finite"),
        ({"enum": ["a"]}, {"": "z"}, "not among the choices"),
        ({"type": "array", "items": {"type": "integer"}}, {"": "1\nx"}, "Line 2"),
        ({"type": "string", "format": "date-time"}, {"": "noon"}, "looks like"),
        ({"format": "ogc-bbox"}, {":west": "1"}, "south, east, north is empty"),
        ({"type": "object"}, {"": "{"}, "not JSON (line 1"),
        ({"type": "object"}, {"": "[" * 100_000}, "not JSON"),
        ({"type": "string"}, {"": "  "}, "required"),
        (FILE, {}, "required"),
    ],
)
def test_what_cannot_be_read_is_told_beside_the_field(schema, posted, words):
    assert words in read(schema, posted)


def test_an_empty_field_of_an_optional_input_is_left_out():
    assert "left out" == read({"type": "string"}, {"": ""}, minOccurs=0)
    assert "left out" == read({"format": "ogc-bbox"}, {}, minOccurs=0)


def test_an_upload_travels_inside_the_request():
    assert {"value": base64.b64encode(SENT.body).decode(), "encoding": "base64", "mediaType": "image/png"} == read(
        BINARY, files=[SENT]
    )
    document = Upload("area.geojson", "", b'{"type": "Polygon"}')
    assert {"value": {"type": "Polygon"}, "mediaType": "application/geo+json"} == read(FILE, files=[document])
    assert {"value": {"type": "Polygon"}} == read({"type": "object"}, files=[document])
    assert "not both" in read(BINARY, {"": "https://example.org/a"}, [SENT])


@pytest.mark.parametrize(
    ("name", "said", "expected"),
    [
        ("a.tif", "image/tiff", "image/tiff; application=geotiff"),
        ("a.jp2", "application/octet-stream", "image/jp2"),
        ("a.bin", "", "application/octet-stream"),
        ("a.png", "image/png", "image/png"),
    ],
)
def test_an_upload_has_the_media_type_that_the_process_describes(name, said, expected):
    kinds = ("image/tiff; application=geotiff", "image/jp2")
    schema = {"oneOf": [{"type": "string", "contentEncoding": "binary", "contentMediaType": kind} for kind in kinds]}
    assert expected == read(schema, files=[Upload(name, said, b"x")])["mediaType"]


def test_a_form_that_is_filled_in_and_read_again_gives_the_same_inputs():
    description = process(
        text={"type": "string"}, number={"type": "number"}, flag={"type": "boolean", "default": True},
        choice={"enum": ["a", 2]}, many={"type": "array", "items": {"enum": ["r", "n"]}},
        numbers={"type": "array", "items": {"type": "integer"}}, area={"format": "ogc-bbox"}, file=FILE,
        files={"type": "array", "items": FILE}, moment={"type": "string", "format": "date-time"},
        thing={"type": "object"},
    )  # fmt: skip
    inputs = {
        "text": "x", "number": 1.5, "flag": False, "choice": 2, "many": ["n"], "numbers": [1, 2],
        "area": {"bbox": [1, 2, 3, 4]}, "file": {"href": "s3://b/k"}, "files": [{"href": "s3://b/k"}],
        "moment": "2025-07-01T12:00:00Z", "thing": {"value": {"a": [1]}},
    }  # fmt: skip
    known = fields(description)
    assert inputs == filling.read(known, filling.fill(known, inputs), {}).inputs


def test_defaults_are_filled_in_also_where_an_earlier_request_left_them_out():
    known = fields(process(flag={"type": "boolean", "default": True}, size={"type": "integer", "default": 0}))
    assert {"flag": True, "size": 0} == filling.read(known, filling.fill(known), {}).inputs
    assert {"flag": True, "size": 0} == filling.read(known, filling.fill(known, {}), {}).inputs


def test_the_outputs_that_are_ticked_are_asked_for():
    assert {"b": {}} == filling.outputs(process(), {"out": ["b", "forged"]})
    assert None is filling.outputs(process(), {"out": ["b", "a"]})
    assert None is filling.outputs(process(), {})


EVERY = process(
    text={"type": "string"}, long={"type": "string", "maxLength": 999}, number={"type": "number", "minimum": 1},
    whole={"type": "integer", "maximum": 9}, flag={"type": "boolean", "default": True}, yes={"type": "boolean"},
    choice={"enum": ["a", "b"]}, many={"type": "array", "items": {"enum": ["r", "n"]}}, file=BINARY,
    files={"type": "array", "items": FILE}, list={"type": "array", "items": {"type": "string"}},
    box={"format": "ogc-bbox"}, moment={"type": "string", "format": "date-time"}, json={},
    day={"type": "string", "format": "date"}, mail={"type": "string", "format": "email"},
    link={"type": "string", "format": "uri"},
)  # fmt: skip


def form(raw=None, problems=None, description=EVERY):
    known = fields(description)
    extra = {
        "fields": known,
        "raw": filling.fill(known) if raw is None else raw,
        "problems": problems or {},
        "action": f"{ROOT}/processes/p/execute",
    }
    context = Context(url=f"{ROOT}/processes/p/execute", root=ROOT, workspace="demo", extra=extra)
    return Markup.read(render("execute", description, context=context))


def test_each_control_of_the_form_has_a_label():
    page = form()
    controls = [e for e in page.elements if e.tag in {"input", "select", "textarea"}]
    labelled = {e.attributes.get("for") for e in page.all("label")}
    ticks = [e for e in controls if e.attributes.get("type") == "checkbox"]
    assert [] == [e.attributes for e in controls if e not in ticks and e.attributes["id"] not in labelled]
    assert len(controls) > len(forms.fields(EVERY))
    assert set(forms.Kind) == {known.kind for known in forms.fields(EVERY)}


def test_descriptions_of_controls_point_to_elements_that_are_there():
    page = form(problems={"text": "Too short.", "box": "Empty."})
    named = {name for e in page.elements for name in (e.attributes.get("aria-describedby") or "").split()}
    assert set() == named - set(page.ids)
    assert {"field-1-error", "field-12-error"} <= named


def test_problems_stand_at_the_top_with_links_and_beside_their_fields():
    page = form(raw={"in:text": ["<b>"]}, problems={"text": "Too short.", "": "The workspace is full."})
    assert 2 == page.text.count("Too short.")
    assert "#field-1" in page.links
    assert "The workspace is full." in page.text
    assert ["<b>"] == [e.attributes["value"] for e in page.all("input", name="in:text")]
    assert "2 things do not fit yet" in page.text


def test_the_browser_is_told_the_limits():
    page = form()
    assert ("1", "any") == tuple(page.all("input", name="in:number")[0].attributes[a] for a in ("min", "step"))
    assert "9" == page.all("input", name="in:whole")[0].attributes["max"]
    assert "image/png,image/tiff" == page.all("input", name="in:file:file")[0].attributes["accept"]


def test_markup_in_names_and_choices_stays_text():
    evil = '"><script>alert(1)</script>'
    page = form(description=process(**{evil: {"title": evil, "description": evil, "schema": {"enum": [evil]}}}), raw={})
    assert [""] == [script.text for script in page.all("script")]
    assert evil in page.text
