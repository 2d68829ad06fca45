"""Whatever is sent: a package, or one of the two refusals, in bounded time and memory."""

import json
import random
import resource
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ades.errors import InvalidPackage, MalformedPackage, UnsupportedMediaType, WorkflowNotFound
from ades.recipe import compile_package, draw, read, text
from tests.unit.recipe.test_golden import PACKAGES

REFUSALS = (MalformedPackage, InvalidPackage)
KINDS = ["application/cwl", "application/cwl+json", "application/ogcapppkg+json", "application/json", "text/yaml"]
MEGABYTES = 10 * 1024**2

WORDS = st.sampled_from(
    ["class", "Workflow", "CommandLineTool", "ExpressionTool", "Operation", "id", "inputs", "outputs", "steps", "run",
     "in", "out", "type", "array", "items", "record", "fields", "enum", "symbols", "name", "default", "File", "Directory",
     "string", "int?", "File[]", "Any", "null", "scatter", "when", "source", "outputSource", "a/b", "#a", "requirements",
     "hints", "SchemaDefRequirement", "types", "DockerRequirement", "dockerPull", "s:softwareVersion", "$graph", "$import",
     "$include", "cwlVersion", "v1.0", "v1.2", "$namespaces", "executionUnit", "unit", "value", "href", "image", "docker",
     "processDescription", "process", "bindings", "config", "inputBindings", "schema", "oneOf", "allOf", "format", "enum",
     "contents", "location", "listing", "secondaryFiles", "$(x)", "${", "<<", "http://[", "baseCommand", "expression"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=6),
    max_leaves=30,
)
SLOWLY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def attempt(body, kind="application/cwl", entry=None):
    """What came of it: a package or a refusal; anything else is a fault."""
    try:
        found = compile_package(read(body, kind), entry=entry)
    except REFUSALS as error:
        json.dumps(error.extra)
        return error
    except WorkflowNotFound as error:
        return error
    draw(found.executable)
    json.dumps([found.description, found.validator, found.executable], allow_nan=False).encode()
    return found


@SLOWLY
@given(body=st.binary(max_size=2000), kind=st.sampled_from(KINDS))
@example(body=b"\xff\xfe\x00", kind="application/cwl")
@example(body=b"%PDF-1.7\n%\xe2\xe3", kind="application/cwl")
@example(body=b"\x00" * 100, kind="application/json")
def test_bytes(body, kind):
    """Random bytes in any form."""
    attempt(body, kind)


@SLOWLY
@given(written=st.text(alphabet=" \n\t-:{}[]&*!|>'\"#%@`,?~=ab1<.", max_size=300))
def test_yaml_like_texts(written):
    """Texts made of YAML's own signs."""
    attempt(written.encode())


@SLOWLY
@given(value=VALUES, kind=st.sampled_from(KINDS))
def test_values(value, kind):
    """Documents of the right words in the wrong places."""
    attempt(json.dumps(value).encode(), kind)


@SLOWLY
@given(value=st.dictionaries(WORDS, VALUES, max_size=6), graph=st.lists(VALUES, max_size=4))
def test_graphs_and_units(value, graph):
    """The same behind a proper beginning."""
    attempt(json.dumps({"cwlVersion": "v1.2", "$graph": [value, *graph]}).encode())
    attempt(json.dumps({"cwlVersion": "v1.2", "class": "CommandLineTool"} | value).encode())
    attempt(json.dumps({"cwlVersion": "v1.2", "class": "Workflow", "id": "w"} | value).encode())
    attempt(json.dumps({"executionUnit": value, "processDescription": value}).encode(), "application/json")


@pytest.mark.parametrize("seed", range(5))
def test_packages_with_one_thing_changed(seed):
    """Each golden package with parts removed, renamed, replaced or moved."""
    dice = random.Random(seed)
    for path in PACKAGES:
        whole = text.load(path.read_text(encoding="utf-8"))
        for _ in range(3):
            attempt(json.dumps(changed(whole, dice)).encode(), "application/json")


def changed(whole, dice):
    copy = json.loads(json.dumps(whole))
    places = list(walk(copy))
    parent, key = dice.choice(places)
    other, name = dice.choice(places)
    match dice.randrange(6):
        case 0:
            del parent[key]
        case 1 if isinstance(parent, dict):
            parent[f"{key}x"] = parent.pop(key)
        case 2:
            parent[key] = dice.choice(
                [None, 0, -1, 2.5, True, "", "x", "#x", "a/b", [], {}, [[]], [{}], {"": ""}, [None]]
            )
        case _:
            parent[key] = json.loads(json.dumps(other[name]))
    return copy


def walk(value):
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        yield value, key
        yield from walk(item)


def bomb(levels, width):
    first = "a0: &a0 [x]\n"
    return first + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]\n" for n in range(1, levels))


HEAD = "cwlVersion: v1.2\nclass: CommandLineTool\nid: t\nbaseCommand: x\noutputs: {}\n"
LARGE = {
    "one line": b"a" * MEGABYTES,
    "one text": HEAD.encode() + b"inputs: {}\ndoc: |\n" + b"  line of words\n" * (MEGABYTES // 16),
    "many items": b"- a\n" * (MEGABYTES // 4),
    "many keys": b"".join(b"k%d: 1\n" % number for number in range(MEGABYTES // 10)),
    "many inputs": (HEAD + "inputs:\n").encode() + b"".join(b"  i%d: string\n" % n for n in range(16_000)),
    "many wrong inputs": (HEAD + "inputs:\n").encode() + b"".join(b"  i%d: {}\n" % n for n in range(16_000)),
    "many optional marks": (HEAD + "inputs: {a: 'string" + "?" * 100_000 + "'}").encode(),
    "many array marks": (HEAD + "inputs: {a: 'string" + "[]" * 500_000 + "'}").encode(),
    "deep lists": b"[" * MEGABYTES,
    "deep maps": b"{a: " * (MEGABYTES // 4),
    "deep blocks": b"".join(b" " * n + b"a:\n" for n in range(4000)),
    "deep json": b'{"a":' * (MEGABYTES // 5),
    "a wide bomb": bomb(12, 12).encode(),
    "a long chain": bomb(5000, 1).encode(),
    "a bomb in a type": HEAD.encode() + b"x:a: " + bomb(3, 40).replace("\n", "\n").encode() + b"inputs: {a: *a2}\n",
    "zeros": bytes(MEGABYTES),
    "noise": random.Random(1).randbytes(MEGABYTES),
    "digits": b"a: " + b"9" * MEGABYTES,
    "anchors": b"".join(b"- &a%d x\n" % number for number in range(MEGABYTES // 12)),
    "quotes": b'a: "' + b"\\\\" * (MEGABYTES // 2),
    "comments": b"# x\n" * (MEGABYTES // 4),
    "json list": b'{"cwlVersion": "v1.2", "$graph": [' + b"{}," * (MEGABYTES // 3) + b"{}]}",
    "many workflows": b'{"cwlVersion": "v1.2", "$graph": ['
    + b",".join(
        b'{"class":"Workflow","id":"w%d","inputs":[],"outputs":[],"steps":[{"id":"s","run":"#w%d","in":[],"out":[]}]}'
        % (number, number + 1)
        for number in range(4000)
    )
    + b"]}",
    "a long flow": b'{"cwlVersion":"v1.2","class":"Workflow","id":"w","inputs":[],"outputs":[],"steps":['
    + b",".join(
        b'{"id":"s%d","run":{"class":"CommandLineTool","inputs":[{"id":"a","type":"int"}],"outputs":[{"id":"b","type":"int"}]},'
        b'"in":[{"id":"a","source":"s%d/b"}],"out":["b"]}' % (number, max(number - 1, 0))
        for number in range(2500)
    )
    + b"]}",
    "many uses of a large type": (
        HEAD
        + "requirements: {SchemaDefRequirement: {types: [{type: record, name: r, fields: {"
        + ", ".join(f"f{n}: string" for n in range(5000))
        + "}}]}}\ninputs:\n"
        + "".join(f"  i{n}: r\n" for n in range(5000))
    ).encode(),
    "types in types": (
        HEAD
        + "requirements: {SchemaDefRequirement: {types: ["
        + ", ".join(f"{{type: record, name: t{n}, fields: {{a: t{n + 1}, b: t{n + 1}}}}}" for n in range(500))
        + "]}}\ninputs: {x: t0}\n"
    ).encode(),
    "many alternatives": (
        HEAD + "inputs: {x: {type: [" + ", ".join(f"{{type: enum, symbols: [s{n}]}}" for n in range(8000)) + "]}}"
    ).encode(),
    "nested lists": (HEAD + "inputs: {x: {type: " + "{type: array, items: " * 40 + "int" + "}" * 40 + "}}").encode(),
    "json problems": b'{"cwlVersion": "v1.2", "$graph": [' + b"{}," * 90_000 + b"{}]}",
}


@pytest.mark.parametrize("name", LARGE)
def test_large_and_deep_documents(name):
    """Ten megabytes take seconds at most, and never more than a bounded amount of memory."""
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    found = attempt(LARGE[name])
    seconds = time.process_time() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{name}: {seconds:.2f} s, {grown:.0f} MB more, {str(found)[:100]!r}")  # noqa: T201 - shown by -rA
    assert seconds < 8
    assert grown < 400


def test_types_of_documents():
    """A type that is not known is refused before the body is looked at."""
    with pytest.raises(UnsupportedMediaType):
        read(b"\x00", "text/plain")
