"""Pages show all the data of their documents, and nothing that a stranger wrote runs."""

from __future__ import annotations

import json
import time

import pytest
from markup import Markup

from ades.http import assets, schemas, values
from ades.http.pages import HEADERS, Context, curl, render

HOME = "http://ades.test/"
ROOT = "http://ades.test/demo/ogc-api"
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def links(path, *more):
    return [
        {"href": f"{ROOT}{path}", "rel": "self", "type": "application/json", "title": "This document"},
        {"href": f"{ROOT}{path}?f=html", "rel": "alternate", "type": "text/html", "title": "This document as HTML"},
        *more,
    ]


PROCESS = {
    "id": "warp",
    "title": "Warp a scene",
    "description": "Brings a scene into another projection.\nKeeps its resolution.",
    "version": "1.2.0",
    "mutable": True,
    "keywords": ["raster", "projection"],
    "jobControlOptions": ["sync-execute", "async-execute", "dismiss"],
    "outputTransmission": ["value", "reference"],
    "metadata": [{"role": "https://schema.org/author", "value": "Ada Example"}],
    "inputs": {
        "scene": {
            "title": "Scene",
            "description": "What is warped",
            "schema": {"oneOf": [{"type": "string", "format": "uri"}, {"type": "object", "format": "stac-item"}]},
            "valuePassing": ["byReference"],
        },
        "crs": {"title": "Target", "minOccurs": 0, "schema": {"type": "string", "default": "EPSG:3413"}},
        "size": {"minOccurs": 0, "schema": {"type": "integer", "minimum": 1, "maximum": 8192, "default": 512}},
        "bands": {"minOccurs": 0, "maxOccurs": 4, "schema": {"type": "string", "enum": ["red", "nir"]}},
    },
    "outputs": {"warped": {"title": "Result", "schema": {"type": "string", "contentMediaType": "image/tiff"}}},
    "links": links("/processes/warp", {"href": f"{ROOT}/processes/warp/execution", "rel": "execute"}),
}
API = {
    "openapi": "3.0.3",
    "info": {"title": "ADES demo", "version": "0.1.0", "description": "All addresses."},
    "servers": [{"url": ROOT, "description": "here"}],
    "paths": {
        "/processes": {
            "get": {
                "operationId": "listProcesses",
                "summary": "The processes",
                "parameters": [{"$ref": "#/components/parameters/limit"}],
                "responses": {
                    "200": {"description": "A page of them", "content": {"application/json": {}, "text/html": {}}},
                    "400": {"$ref": "#/components/responses/Problem"},
                },
            },
            "post": {
                "summary": "Deploy",
                "requestBody": {"required": True, "content": {"application/cwl": {"schema": {"type": "string"}}}},
                "responses": {"201": {"description": "Deployed"}},
                "security": [{"bearer": []}],
            },
        }
    },
    "components": {
        "parameters": {
            "limit": {
                "name": "limit",
                "in": "query",
                "description": "At most so many",
                "schema": {"type": "integer", "minimum": 1, "maximum": 10000},
            }
        },
        "responses": {"Problem": {"description": "What was wrong"}},
        "schemas": {"Link": {"type": "object", "required": ["href"]}},
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
    },
}
DOCUMENTS = {
    "server": {
        "title": "ADES",
        "description": "Runs workflows next to the data.",
        "workspaces": [{"name": "demo", "title": "Demonstration", "links": links("")}],
        "links": links("", {"href": "http://ades.test/metrics", "rel": "related", "title": "Metrics"}),
    },
    "landing": {"title": "Demo", "description": "A place to try things.", "links": links("")},
    "conformance": {"conformsTo": ["http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core"], "links": links("")},
    "processes": {"processes": [PROCESS], "links": links("/processes", {"href": f"{ROOT}/p2", "rel": "next"})},
    "process": PROCESS,
    "error": {
        "type": "about:blank",
        "title": "No such process",
        "status": 404,
        "detail": "There is no process “x”.",
        "instance": "urn:request:7",
    },
    "revisions": {
        "id": "warp",
        "revisions": [{"revision": 2, "version": "1.1.0", "digest": "ab12", "links": links("/processes/warp")}],
        "links": links("/processes/warp/revisions"),
    },
    "item": {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "scene-1",
        "geometry": None,
        "bbox": [-50, 60, -40, 70],
        "properties": {"datetime": "2025-07-01T12:00:00Z", "eo:cloud_cover": 3},
        "assets": {
            "visual": {
                "href": f"{HOME}f/v.png",
                "type": "image/png",
                "roles": ["visual"],
                "file:size": 100,
                "title": "Picture",
            },
            "far": {"href": "https://elsewhere.example/f.png", "type": "image/png", "title": "Far"},
        },
        "links": links("/stac/scene-1", {"href": f"{ROOT}/stac", "rel": "parent", "title": "Above"}),
    },
    "catalogue": {
        "type": "Catalog",
        "stac_version": "1.0.0",
        "id": "results",
        "description": "All results.",
        "links": links("/stac", {"href": f"{ROOT}/stac/c1", "rel": "child", "title": "First"}),
    },
    "collections": {
        "collections": [{"id": "c1", "description": "One", "links": links("/stac/c1")}],
        "links": links("/c"),
    },
    "files": {
        "files": [
            {"path": "a.txt", "href": f"{HOME}demo/files/a.txt", "size": 5, "modified": "2026-01-01", "tags": []},
            {"path": "b.tif", "href": f"{HOME}demo/files/b.tif", "size": 5_000_000, "parts": [{"n": 1, "sum": "ab"}]},
        ],
        "links": links("/files"),
    },
    "wide": {
        "callbacks": [{f"key{number}": f"value {number}" for number in range(9)} | {"links": links("/callbacks")}],
        "links": links("/wide"),
    },
    "document": {"title": "Anything", "nested": {"list": [1, 2.5, "three"], "flag": True}, "links": links("/x")},
}


def page(name, document, **more):
    context = Context(url=f"{ROOT}/here", home=HOME, root=ROOT, workspace="demo", **more)
    return Markup.read(render(name, document, context=context))


def leaves(value):
    if isinstance(value, dict):
        for entry in value.values():
            yield from leaves(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from leaves(entry)
    else:
        yield value


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_page_shows_all_the_data_of_its_document(name):
    markup = page(name, DOCUMENTS[name])
    attributes = " ".join(str(v) for e in markup.elements for v in e.attributes.values())
    said = markup.text + attributes
    told = [leaf for leaf in leaves(DOCUMENTS[name]) if not isinstance(leaf, bool) and leaf != "about:blank"]
    missing = [leaf for leaf in told if str(leaf) not in said]
    assert missing == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_link_of_a_document_is_an_anchor(name):
    wanted = {entry["href"] for entry in DOCUMENTS[name].get("links", [])}
    assert set() == wanted - page(name, DOCUMENTS[name]).links


@pytest.mark.parametrize("name", [*DOCUMENTS, "api"])
def test_a_page_loads_nothing_from_elsewhere(name):
    markup = page(name, DOCUMENTS.get(name, API))
    assert set() == {address for address in markup.loaded if not address.startswith("/") or address.startswith("//")}
    assert [s.text for s in markup.all("script") if s.text.strip()] == []
    assert [e for e in markup.elements if "style" in e.attributes or e.tag == "style"] == []


@pytest.mark.parametrize("name", [*DOCUMENTS, "api"])
def test_a_page_has_the_landmarks_that_a_screen_reader_needs(name):
    markup = page(name, DOCUMENTS.get(name, API))
    assert [e.attributes["lang"] for e in markup.all("html")] == ["en"]
    assert tuple(len(markup.all(tag)) for tag in ("main", "header", "footer", "h1")) == (1, 1, 1, 1)
    assert [e.attributes for e in markup.all("img") if "alt" not in e.attributes] == []
    assert len(markup.ids) == len(set(markup.ids))
    assert markup.all("a")[0].attributes["href"] == "#content"


def poisoned(value):
    if isinstance(value, dict):
        return {key: poisoned(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [poisoned(entry) for entry in value]
    return value + EVIL if isinstance(value, str) else value


@pytest.mark.parametrize("name", [*DOCUMENTS, "api"])
def test_markup_in_a_document_is_shown_and_never_becomes_markup(name):
    clean, dirty = page(name, DOCUMENTS.get(name, API)), page(name, poisoned(DOCUMENTS.get(name, API)))
    assert len(clean.all("script")) == len(dirty.all("script"))
    assert [e for e in dirty.elements if any(a.startswith("on") for a in e.attributes)] == []
    assert EVIL in dirty.text


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)", " JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "http://[x"]
)
def test_an_address_that_would_run_something_is_text(href):
    document = {"title": "x", "links": [{"href": href, "rel": "related", "title": "Click"}], "more": {"href": href}}
    markup = page("document", document)
    assert set() == {link for link in markup.links if link and link.strip().lower() == href.strip().lower()}
    assert href in markup.text


@pytest.mark.parametrize("value", [None, 1, "text", [], ["x", None], {}, {"x": None}])
@pytest.mark.parametrize("key", ["links", "assets", "features", "collections", "properties", "type", "title", "bbox"])
def test_a_strange_document_is_shown_all_the_same(key, value):
    assert "ADES" in page("document", DOCUMENTS["item"] | {key: value}).text


def test_the_page_of_the_api_tells_each_operation_parameter_and_answer():
    text = " ".join(page("api", API).text.split())
    for words in ("GET /processes The processes", "whole number, 1 to 10000", "At most so many", "What was wrong",
                  "POST /processes Deploy", "application/cwl", "201 Deployed", "text/html", "Security: bearer"):  # fmt: skip
        assert words in text


def test_a_process_page_tells_what_fits_and_what_is_required():
    text = " ".join(page("process", PROCESS).text.split())
    for words in ("scene required", "address or STAC item", "crs optional", 'if left out: "EPSG:3413"',
                  "whole number, 1 to 8192", "one of red, nir", "up to 4 values", "file (image/tiff)"):  # fmt: skip
        assert words in text


def test_the_command_on_a_process_page_can_be_pasted_into_a_shell():
    command = curl("http://x/it's", method="POST", body={"a": "it's"}, headers={"Prefer": "respond-async"})
    assert command.splitlines() == [
        "curl -X POST 'http://x/it'\"'\"'s' \\",
        "  -H 'Prefer: respond-async' \\",
        "  -H 'Content-Type: application/json' \\",
        '  -d \'{"a": "it\'"\'"\'s"}\'',
    ]


def test_objects_of_one_kind_are_a_table_whose_first_column_leads_to_them():
    markup = page("document", DOCUMENTS["files"], heading="The files")
    assert ["Path", "Size", "Modified", "Tags", "Parts"] == [head.text for head in markup.all("th")][:5]
    assert ["The files", "a.txt", "b.tif"] == [
        markup.all("h1")[0].text,
        *(e.text for e in markup.all("td") if e.attributes["data-label"] == "Path"),
    ]
    assert {f"{HOME}demo/files/a.txt", f"{HOME}demo/files/b.tif"} <= markup.links
    assert ["5", "5000000"] == [size.attributes["value"] for size in markup.all("data")]
    assert "4.8 MiB" in markup.text


def test_objects_with_much_to_say_stand_below_each_other():
    markup = page("document", DOCUMENTS["wide"])
    assert ([], 1) == (markup.all("table"), len([e for e in markup.all("li") if e.attributes.get("class") == "row"]))


def test_the_page_of_how_results_came_about_tells_it_in_sentences():
    document = {
        "prefix": {"run": "http://x/"},
        "activity": {
            "run:a": {"prov:label": "Warp", "prov:type": {"$": "wfprov:ProcessRun", "type": "prov:QUALIFIED_NAME"}}
        },
        "entity": {"run:b": {"prov:label": "warped", "ades:size": 2048}},
        "wasGeneratedBy": {
            "_:r1": {"prov:entity": "run:b", "prov:activity": "run:a", "prov:time": "2026-01-01T00:00:00Z"}
        },
    }
    text = " ".join(page("prov", document, heading="How it came about").text.split())
    for words in (
        "How it came about",
        "warped was generated by Warp",
        "2026-01-01 00:00:00 UTC",
        "2.0 KiB",
        "wfprov:ProcessRun",
    ):
        assert words in text


def test_a_page_that_nobody_has_drawn_is_shown_as_a_plain_document():
    assert "three" in page("no-such-template", DOCUMENTS["document"]).text


def test_words_between_backticks_are_code_and_markup_in_them_is_text():
    assert "Ask for <code>&lt;b&gt;</code> &amp; <code>x</code>`" == values.prose("Ask for `<b>` & `x``")


def test_a_description_flows_where_its_lines_were_broken_for_want_of_room():
    long = "Computes spectral indices of an optical scene, marks water where"
    text = f"{long}\nit is above.\n\nTakes:\n- a scene\n- <b>\n"
    assert (
        f'<p class="lines">{long} it is above.</p>\n<p class="lines">Takes:\n- a scene\n- &lt;b&gt;</p>'
        == values.paragraphs(text)
    )
    assert "" == values.paragraphs(None)


def test_a_deep_value_is_shown_as_json_instead_of_nesting_for_ever():
    value = "end"
    for _ in range(50):
        value = {"in": value}
    assert "<pre>" in values.show(value)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, "anything"),
        ({"type": "string"}, "text"),
        ({"type": "number", "minimum": 0}, "number, at least 0"),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, "number, more than 0"),
        ({"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}, "list of 4 numbers"),
        ({"allOf": [{"format": "ogc-bbox"}]}, "bounding box"),
        ({"enum": list(range(30))}, "one of 30 choices"),
        ({"type": "string", "minLength": 1, "maxLength": 8, "pattern": "a+"}, "text, 1 to 8 characters, pattern a+"),
    ],
)
def test_a_schema_is_put_into_words(schema, expected):
    assert expected == schemas.in_words(schema)


def test_the_example_of_a_process_holds_what_is_required():
    assert schemas.example(PROCESS) == {"scene": "https://example.org/item.json"}


def test_the_headers_forbid_everything_from_elsewhere_and_inline_scripts():
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_static_addresses_change_with_the_bytes_and_are_found():
    assert f"static/{assets.version()}/ades.css" == assets.path("ades.css")
    with pytest.raises(LookupError, match="nothing"):
        assets.path("nothing.css")


def test_a_page_costs_about_a_millisecond():
    context = Context(url=f"{ROOT}/here", home=HOME, root=ROOT, workspace="demo")
    render("process", PROCESS, context=context)
    costs = []
    for _ in range(20):
        start = time.process_time()
        render("process", PROCESS, context=context)
        costs.append(time.process_time() - start)
    assert min(costs) < 0.002, json.dumps(costs)
