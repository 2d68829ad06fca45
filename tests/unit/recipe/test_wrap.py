"""Which CWL can stage, and what is made of it: pure functions on documents."""

import copy

import pytest

from ades import shipped
from ades.errors import InvalidPackage
from ades.recipe import compile_package, read, wrap
from ades.recipe.wrap import Folders, Shape

HEAD = "cwlVersion: v1.2\nclass: CommandLineTool\nid: t\nbaseCommand: 'true'\n"
URI = "https://raw.githubusercontent.com/eoap/schemas/main/string_format.yaml#URI"


def tool(inputs, outputs, head=HEAD):
    return compile_package(read(f"{head}inputs: {inputs}\noutputs: {outputs}\n".encode(), "application/cwl")).executable


STAGED = "{staged: {type: Directory, outputBinding: {glob: out}}}"
ADDRESS = "{StacCatalogUri: {type: string, outputBinding: {outputEval: $(inputs.place)}}}"


@pytest.mark.parametrize("which", ["stage-in", "stage-out"])
def test_the_pair_that_is_shipped(which):
    """It is read without a network and fits the contract; a package changes nothing of it."""
    found = compile_package(read((shipped.folder("cwl") / f"{which}.cwl").read_bytes(), "application/cwl")).executable
    before = copy.deepcopy(found)
    understood = (wrap.stage_in_tool if which == "stage-in" else wrap.stage_out_tool)(found)
    make = wrap.before if which == "stage-in" else wrap.behind
    facts = {"workspace": "a"} if which == "stage-in" else {"scene": wrap.named("s3://b/x", "x")}

    made = make([Folders("scene", Shape.ONE)], understood, facts)
    assert before == found
    assert [f"node_{which.replace('-', '_')}"] == list(made["document"]["$graph"][0]["steps"])


@pytest.mark.parametrize(
    ("inputs", "taken"),
    [
        ("{reference: string, other: string}", "reference"),
        ("{input: string, other: string?}", "input"),
        ("{thing: string, other: {type: string, default: x}}", "thing"),
        (f"{{reference: '{URI}'}}", "reference"),
    ],
)
def test_a_stage_in(inputs, taken):
    """Its reference is known by its name, or is the one text that must be given."""
    found = wrap.stage_in_tool(tool(inputs, STAGED))
    assert (taken, "staged", "URI" in inputs) == (found.taken, found.given, found.wrapped)


@pytest.mark.parametrize(
    ("make", "inputs", "outputs"),
    [
        (wrap.stage_in_tool, "{a: string, b: string}", STAGED),
        (wrap.stage_in_tool, "{a: int}", STAGED),
        (wrap.stage_in_tool, "{reference: string}", "[]"),
        (wrap.stage_out_tool, "{place: string}", ADDRESS),
        (wrap.stage_out_tool, "{a: Directory, b: Directory, place: string}", ADDRESS),
        (wrap.stage_out_tool, "{a: Directory}", STAGED),
    ],
)
def test_what_cannot_stage(make, inputs, outputs):
    """What does not fit the contract is refused, with what it has."""
    with pytest.raises(InvalidPackage, match=r"this one has the inputs"):
        make(tool(inputs, outputs))


def test_folders_of_a_package():
    """Folders, arrays of them and optional ones are staged; what else holds folders is left to the server."""
    inputs = (
        "{a: Directory, b: 'Directory?', c: 'Directory[]', d: 'Directory[]?', e: File, f: string, "
        "g: {type: {type: array, items: {type: array, items: Directory}}}}"
    )
    found = {port.name: (port.shape, port.optional) for port in wrap.folders(tool(inputs, "[]"), "inputs")}
    one, many = Shape.ONE, Shape.MANY
    assert {"a": (one, False), "b": (one, True), "c": (many, False), "d": (many, True)} == found


def test_optional_and_arrays():
    """What may be missing has a condition; arrays are scattered, and the condition stands around the scatter."""
    found = wrap.stage_in_tool(tool("{reference: string}", STAGED))
    ports = [Folders("b", Shape.ONE, optional=True), Folders("d", Shape.MANY, optional=True)]
    main = wrap.before(ports, found, {})["document"]["$graph"][0]
    single, several = main["steps"]["node_stage_in_b"], main["steps"]["node_stage_in_d"]

    assert "$(inputs['reference'] !== null)" == single["when"]
    assert "scatter" not in single
    assert "$(inputs.folders !== null)" == several["when"]
    assert ["reference"] == several["run"]["steps"]["node_stage_in_d"]["scatter"]
    assert ["null", "string"] == main["inputs"]["b"]["type"]


def test_what_nobody_gives():
    """A staging that wants more than there is says what, and where to set it."""
    found = wrap.stage_in_tool(tool("{reference: string, catalogue: string}", STAGED))
    with pytest.raises(InvalidPackage, match=r"catalogue.*ADES_STAGING_PARAMETERS"):
        wrap.before([Folders("a", Shape.ONE)], found, {"workspace": "x"})
    given = wrap.before([Folders("a", Shape.ONE)], found, {"catalogue": "c", "unknown": 1})
    assert {"reference", "catalogue"} == given["document"]["$graph"][0]["steps"]["node_stage_in"]["in"].keys()
