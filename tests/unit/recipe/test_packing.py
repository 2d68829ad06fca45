"""What a package names elsewhere becomes part of it, once, and only through the reader that was handed in."""

import pytest

from ades.errors import FetchFailed, InvalidPackage
from ades.recipe import compile_package, read

BASE = "https://example.com/p/flow.cwl"
FLOW = """\
cwlVersion: v1.2
class: Workflow
id: flow
inputs: {a: string}
outputs: {b: {type: File, outputSource: s/b}}
steps:
  s: {run: tool.cwl, in: {a: a}, out: [b]}
  t: {run: "tool.cwl", in: {a: a}, out: [b]}
"""
TOOL = "{cwlVersion: %s, class: CommandLineTool, %s baseCommand: echo, inputs: {a: string}, outputs: {b: stdout}}"


class Web:
    """Some documents by address, and who was asked for."""

    def __init__(self, **documents):
        self.documents = {f"https://example.com/p/{name.replace('__', '.')}": text for name, text in documents.items()}
        self.asked = []

    def __call__(self, address):
        self.asked.append(address)
        if address not in self.documents:
            raise FetchFailed(f"{address} answers 404 Not Found.")
        return self.documents[address].encode()


def compiled(written, web, address=BASE):
    return compile_package(read(written.encode(), "application/cwl", address=address), fetch=web)


def problem(written, web, address=BASE):
    with pytest.raises(InvalidPackage) as caught:
        compiled(written, web, address)
    return caught.value.detail


def test_a_tool_beside_the_workflow():
    """Read once, however often it is run; its name is free."""
    web = Web(tool__cwl=TOOL % ("v1.2", ""))
    found = compiled(FLOW, web)

    assert ["https://example.com/p/tool.cwl"] == web.asked
    assert ["flow", "tool"] == [process["id"] for process in found.executable["document"]["$graph"]]
    assert ["#tool", "#tool"] == [step["run"] for step in found.executable["document"]["$graph"][0]["steps"]]
    assert ("https://example.com/p/tool.cwl",) == found.files


def test_a_tool_of_a_graph_elsewhere_that_runs_others():
    """By fragment, by `main`, and through several files; equal names do not collide."""
    other = (
        "{cwlVersion: v1.2, $graph: [{class: Workflow, id: flow, inputs: {a: string}, outputs: {b: {type: File, "
        "outputSource: x/b}}, steps: {x: {run: deep/tool.cwl, in: {a: a}, out: [b]}}}]}"
    )
    web = Web(other__cwl=other, **{"deep/tool__cwl": TOOL % ("v1.2", "id: flow,")})
    found = compiled(FLOW.replace("tool.cwl", "other.cwl#flow"), web)

    assert ["flow", "flow_2", "flow_3"] == [process["id"] for process in found.executable["document"]["$graph"]]


def test_an_older_tool_keeps_its_meaning():
    """v1.0 gave tools the network and listed directories; within a newer package this must be said."""
    found = compiled(FLOW, Web(tool__cwl=TOOL % ("v1.0", "")))
    tool = found.executable["document"]["$graph"][1]

    assert "v1.2" == found.executable["document"]["cwlVersion"]
    assert {"NetworkAccess", "LoadListingRequirement"} == {hint["class"] for hint in tool["hints"]}


def test_a_newer_tool_lifts_the_package():
    """The whole becomes as new as its newest part."""
    found = compiled(FLOW.replace("v1.2", "v1.0"), Web(tool__cwl=TOOL % ("v1.2", "")))

    assert "v1.2" == found.executable["document"]["cwlVersion"]


def test_imports_and_includes():
    """Types, expression libraries and requirements may lie in other files."""
    written = """\
cwlVersion: v1.2
class: CommandLineTool
id: t
requirements:
  SchemaDefRequirement: {types: [{$import: types.yml}]}
  InlineJavascriptRequirement: {expressionLib: [{$include: lib.js}]}
inputs: {w: "types.yml#window", l: {type: "#level"}}
outputs: {}
"""
    types = "- {type: enum, name: level, symbols: [low]}\n- {type: record, name: window, fields: {l: level, n: int}}"
    web = Web(types__yml=types, lib__js="function f() { return 1; }")
    found = compiled(written, web)

    assert ["low"] == found.description["inputs"]["w"]["schema"]["properties"]["l"]["enum"]
    asked = found.executable["document"]["$graph"][0]["requirements"]
    assert [{"class": "InlineJavascriptRequirement", "expressionLib": ["function f() { return 1; }"]}] == asked


def test_known_types_and_schemas_are_never_fetched():
    """The addresses of the custom types of Earth-observation packages, and `$schemas`, need no network."""
    written = """\
cwlVersion: v1.2
$schemas: ["https://schema.org/version/latest/schemaorg-current-https.rdf"]
$graph:
- class: CommandLineTool
  id: t
  requirements:
    SchemaDefRequirement: {types: [{$import: "https://raw.githubusercontent.com/eoap/schemas/main/ogc.yaml"}]}
  inputs:
    full: "https://raw.githubusercontent.com/eoap/schemas/main/ogc.yaml#BBox"
    tagged: "https://raw.githubusercontent.com/eoap/schemas/refs/tags/v1/string_format.yaml#URI[]?"
    short: BBox
  outputs: {}
"""
    found = compile_package(read(written.encode(), "application/cwl"))
    inputs = found.description["inputs"]

    assert {"allOf": [{"format": "ogc-bbox"}]} == inputs["full"]["schema"] == inputs["short"]["schema"]
    assert {"type": "array", "items": {"type": "string", "format": "uri"}, "nullable": True} == inputs["tagged"][
        "schema"
    ]


GRAPH = "{cwlVersion: v1.2, $graph: [%s]}"
RUN = FLOW.replace("tool.cwl", "%s").replace("{run: ", '{run: "').replace(", in:", '", in:').replace('""', '"')


@pytest.mark.parametrize(
    ("written", "documents", "word"),
    [
        (FLOW, {}, "404 Not Found"),
        (FLOW, {"tool__cwl": "a: ["}, "cannot be read: Line 2"),
        (FLOW, {"tool__cwl": "{class: CommandLineTool}"}, "cwlVersion"),
        (FLOW, {"tool__cwl": "just words"}, "the text `just words`"),
        (RUN.replace("%s", "tool.cwl#x"), {"tool__cwl": TOOL % ("v1.2", "")}, "no process `x`"),
        (RUN.replace("%s", "file:///etc/passwd"), {}, "did not come along"),
        (RUN.replace("%s", "#nowhere"), {}, "no such process in the package"),
        (
            GRAPH % "{$import: a.cwl}",
            {"a__cwl": "{x: {$import: b.cwl}}", "b__cwl": "{$import: a.cwl}"},
            "imports itself",
        ),
        (GRAPH % "{$import: 't.cwl#no'}", {"t__cwl": "{$graph: []}"}, "nothing called `no`"),
        (GRAPH % "{$include: no.txt}", {}, "404 Not Found"),
        (GRAPH % "{$import: '#here'}", {}, "points into its own file"),
        ("{cwlVersion: v1.2, $include: a.txt}", {"a__txt": "words"}, "as a whole"),
    ],
)
def test_what_cannot_be_had_is_named(written, documents, word):
    """The file, and why."""
    assert word in problem(written, Web(**documents))


def test_nothing_is_read_without_a_reader():
    """And nothing relative without an address to be relative to."""
    assert "not read here" in problem(FLOW.replace("tool.cwl", "https://example.com/t.cwl"), None)
    assert "did not come along" in problem(FLOW, Web(), None)


def test_a_package_names_fifty_files_at_most():
    """However deep the chain."""
    chain = "{cwlVersion: v1.2, class: Workflow, inputs: [], outputs: [], steps: {s: {run: %d.cwl, in: [], out: []}}}"
    web = Web(**{f"{number}__cwl": chain % (number + 1) for number in range(100)})
    assert "50 other files" in problem(chain % 0, web)
    assert len(web.asked) == 50
