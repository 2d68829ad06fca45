"""What cannot run is refused at deploy, all of it at once, with the line and with what to write instead."""

import json

import pytest

from ades.errors import InvalidPackage, MalformedPackage
from ades.recipe import compile_package, read

FLOW = """\
cwlVersion: v1.2
class: Workflow
id: flow
requirements: {ScatterFeatureRequirement: {}, InlineJavascriptRequirement: {}}
inputs:
  names: string[]
  name: string
  file: File
outputs:
  said: {type: File, outputSource: say/said}
steps:
  say:
    run:
      class: CommandLineTool
      baseCommand: echo
      inputs: {text: string, times: {type: int, default: 1}}
      outputs: {said: stdout}
    in: {text: name}
    out: [said]
"""
TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
id: tool
baseCommand: echo
inputs:
  a: {type: string}
outputs:
  b: {type: stdout}
"""


def problems(written):
    with pytest.raises(InvalidPackage) as caught:
        compile_package(read(written.encode(), "application/cwl"))
    return caught.value.extra["problems"]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("text: name}", "text: nam}", 18, ["no input", "Did you mean `name`?"]),
        ("text: name}", "text: say/said}", 12, ["circle", "`say`"]),
        ("text: name}", "text: file}", 18, ["`File`", "`string`"]),
        ("text: name}", "text: names}", 18, ["`string[]`", "`string`"]),
        ("text: name}", "txt: name}", 12, ["does not set the input `text`", "Did you mean `txt`?"]),
        ("text: name}", "{}", 18, ["text"]),
        ("out: [said]", "out: [sad]", 12, ["no such output", "Did you mean `said`?"]),
        ("outputSource: say/said", "outputSource: say/sad", 10, ["does not list `sad`"]),
        ("outputSource: say/said", "outputSource: say", 10, ["a step, not an input", "Write `say/said`."]),
        ("outputSource: say/said", "outputSource: sya/said", 10, ["no step `sya`", "Did you mean `say`?"]),
        ("outputSource: say/said", "outputSource: names", 10, ["is `File`, but `names` gives `string[]`"]),
        ("out: [said]", "out: [said]\n    scatter: txt", 12, ["scatters over `txt`"]),
        ("out: [said]", "out: [said]\n    scatter: [text, times]", 12, ["scatters over `times`", "dotproduct"]),
        ("out: [said]", "out: [said]\n    scatter: text", 18, ["wants `string[]`", "gives `string`"]),
        ("out: [said]", "out: [said]\n    when: yes please", 20, ["expression"]),
        ("      class: CommandLineTool", "      class: Operation", 15, ["baseCommand"]),
        ("ScatterFeatureRequirement: {}, ", "ScaterFeatureRequirement: {}, ", 4, ["Did you mean `Scatter"]),
        ("times: {type: int, default: 1}", "times: {type: int, default: x}", 16, ["`x`", "`int`"]),
        (
            "inputs: {text: string, times",
            "inputs: {text: string, f: {type: File, default: {class: File, location: 'https://example.com/x'}}, times",
            16,
            ["https://example.com/x", "only inputs of the process itself"],
        ),
        ("v1.2", "v1.0", 20, []),
    ],
)
def test_workflows_must_hold_together(old, new, line, words):
    """Links, steps, scatters and types are checked before anything runs."""
    if new == "v1.0":
        new, old, words = "out: [said]\n    when: $(true)", "out: [said]", ["needs cwlVersion v1.2"]
        written = FLOW.replace(old, new).replace("v1.2", "v1.0")
    elif new == "{}":
        written = FLOW.replace("in: {text: name}", "in: {}")
        words, line = ["does not set the input `text`"], 12
    else:
        written = FLOW.replace(old, new)
    found = problems(written)
    said = " ".join(problem["message"] for problem in found)
    assert [] == [word for word in words if word not in said]
    assert line in {problem["line"] for problem in found}


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("a: {type: string}", "a: {type: Strng}", 6, ["`Strng` is not a type", "Did you mean `string`?"]),
        ("a: {type: string}", "a: {type: integer}", 6, ["Write `int`."]),
        ("a: {type: string}", "a: {type: array, items: string}", 6, ["Write `type: {type: array, items: …}`"]),
        ("a: {type: string}", "a: {type: {type: string}}", 6, ["Write `type: string`."]),
        ("a: {type: string}", "a: {type: string, defualt: x}", 6, ["Did you mean `default`?"]),
        ("a: {type: string}", "a: {type: string, required: true}", 6, ["ends with `?`"]),
        ("a: {type: string}", "a: {type: string, default: 5}", 6, ['Put it in quotes: "5".']),
        ("a: {type: string}", "a: {type: {type: enum, symbols: [1, 2]}}", 6, ['put it in quotes: "1"']),
        ("a: {type: string}", "a: {type: {type: record, fields: {x: strin}}}", 6, ["`strin`"]),
        ("a: {type: string}", "a: {doc: nothing}", 6, ["needs the field `type`"]),
        ("a: {type: string}", "- id: a\n    type: string\n  - id: a\n    type: int", 8, ["two entries"]),
        ("a: {type: string}", "- type: string", 6, ["no `id`"]),
        ("a: {type: string}", "- just a word", 6, ["a mapping with a `id`"]),
        ("baseCommand: echo", "baseCommand: 5", 4, ['put it in quotes: "5"']),
        ("baseCommand: echo", "arguments: [1, {position: x}]", 4, ['quotes: "1"', "whole number"]),
        ("baseCommand: echo", "steps: {}", 4, ["Only a Workflow has `steps`."]),
        ("baseCommand: echo", "requirements: {EnvVarRequirement: {envDef: {N: 5}}}", 4, ['put it in quotes: "5"']),
        ("baseCommand: echo", "requirements: {ResourceRequirement: {ramMin: 9, ramMax: 1}}", 4, ["more than `ramMax`"]),
        ("baseCommand: echo", "requirements: {ResourceRequirement: {coresMin: -1}}", 4, ["less than nothing"]),
        ("baseCommand: echo", "requirements: {Loop: {}}", 4, ["`Loop` is not supported here", "move it to `hints`"]),
        ("baseCommand: echo", "requirements: {NetworkAccess: {}}", 4, ["needs the field `networkAccess`"]),
        ("baseCommand: echo", "requirements: [InlineJavascriptRequirement]", 4, ["a mapping with a `class`"]),
        ("b: {type: stdout}", "b: {type: File, glob: x}", 8, ["outputBinding: {glob: …}"]),
        ("b: {type: stdout}", "b: {type: File, format: [a, b]}", 8, ["one format"]),
        ("class: CommandLineTool", "class: commandlinetool", 2, ["Did you mean `CommandLineTool`?"]),
        ("cwlVersion: v1.2", "cwlVersion: draft-3", 1, ["v1.0, v1.1, v1.2"]),
        ("id: tool", "description: x", 3, ["Write `doc`."]),
    ],
)
def test_tools_must_be_cwl(old, new, line, words):
    """The message says what was found and what to write."""
    found = problems(TOOL.replace(old, new))
    said = " ".join(problem["message"] for problem in found)
    assert [] == [word for word in words if word not in said]
    assert line in {problem["line"] for problem in found}


def test_everything_is_told_at_once():
    """An author does not have to deploy five times to learn of five mistakes."""
    found = problems(TOOL.replace("string", "sting").replace("stdout", "stdot").replace("baseCommand", "basecommand"))
    assert [4, 6, 8] == sorted(problem["line"] for problem in found)
    assert all(problem["path"] for problem in found)


@pytest.mark.parametrize("name", [".", "..", "a/..", "a\\b", "a\nb", "x" * 129])
def test_outputs_whose_ids_cannot_be_names(name):
    """An output's id becomes part of addresses and of files' names: what cannot is refused at deploy, by its name."""
    package = {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "id": "tool",
        "inputs": [],
        "outputs": [{"id": name, "type": "stdout"}],
    }
    with pytest.raises(MalformedPackage) as caught:
        compile_package(read(json.dumps(package).encode(), "application/json"))
    assert "cannot have this id" in caught.value.detail
    assert name.rpartition("/")[2][:60] == caught.value.field


def test_no_more_is_told_than_anybody_reads():
    """A hopeless document gets twenty problems, not thousands."""
    hopeless = TOOL.replace("  a: {type: string}", "\n".join(f"  a{n}: nonsense" for n in range(500)))
    assert 20 == len(problems(hopeless))


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("[]", "this is a list"),
        ("just a text", "the text"),
        ("{}", "nothing"),
        ("a: 1", "It has: a"),
        ("{cwlVersion: v1.2, $graph: []}", "empty"),
        ("{cwlVersion: v1.2, $graph: 5}", "a process"),
        ("{cwlVersion: v1.2}", "`class`"),
        ("{cwlVersion: v1.2, $graph: [{class: Operation, id: x, inputs: [], outputs: []}]}", "nothing to execute"),
        ("{cwlVersion: v1.2, $graph: [{class: Workflow, inputs: [], outputs: [], steps: []}]}", "needs an `id`"),
        ("processDescription: {}", "no `executionUnit`"),
        ("executionUnit: []", "nothing to execute"),
        ("executionUnit: {}", "none that is understood"),
        ("executionUnit: {type: docker, image: 5}", "must be a text"),
        ("executionUnit: {type: docker, image: busybox}", "processDescription"),
        ("executionUnit: {unit: {unit: {unit: {unit: {unit: {unit: {}}}}}}}", "too many times"),
        ("executionUnit: {value: {}, mediaType: application/x-r}", "application/x-r"),
        ("{executionUnit: {value: x}, processDescription: 5}", "must be an object"),
        ("{executionUnit: {value: x}, processDescription: {inputs: [5]}}", "maps ids"),
    ],
)
def test_documents_that_are_no_packages(written, word):
    """They are told what they are."""
    with pytest.raises(InvalidPackage) as caught:
        compile_package(read(written.encode(), "application/yaml"))
    assert word in caught.value.detail


def test_a_workflow_that_runs_itself():
    """Directly or through another one."""
    graph = "{{cwlVersion: v1.2, $graph: [{}, {}]}}"
    one = "{class: Workflow, id: one, inputs: [], outputs: [], steps: {s: {run: '#two', in: [], out: []}}}"
    two = "{class: Workflow, id: two, inputs: [], outputs: [], steps: {s: {run: '#one', in: [], out: []}}}"
    assert "runs itself" in problems(graph.format(one, two))[0]["message"]


def test_a_type_that_holds_itself():
    """A record within itself has no end."""
    types = "requirements: {SchemaDefRequirement: {types: [{type: record, name: r, fields: {r: r}}]}}"
    found = problems(TOOL.replace("baseCommand: echo", types).replace("string", "r"))
    assert "holds itself" in found[0]["message"]


def test_a_value_that_is_not_base64():
    """As its encoding says."""
    package = '{"executionUnit": {"value": "%%%", "encoding": "base64", "mediaType": "application/cwl"}}'
    with pytest.raises(MalformedPackage, match="base64"):
        compile_package(read(package.encode(), "application/json"))


def test_the_line_in_a_package_within_a_package():
    """The line is the one of the document that was sent, or of the text within it."""
    package = '{\n "executionUnit": {\n  "cwlVersion": "v1.2",\n  "class": "Tool"}}'
    with pytest.raises(InvalidPackage) as caught:
        compile_package(read(package.encode(), "application/json"))
    assert 4 == caught.value.extra["line"]
