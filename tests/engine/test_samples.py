"""The shipped packages run on a bare machine: no containers, nothing but Python and a shell."""

import json
import struct

import pystac
import pytest
from folder_server import served_folder

from ades import shipped
from ades.recipe import compile_package, read
from ades.runner.events import Outcome

CWL = shipped.folder("cwl")
PACKAGES = sorted(CWL.glob("*.cwl"))


def compiled(name):
    return compile_package(read((CWL / name).read_bytes(), "application/cwl+yaml"))


@pytest.fixture(scope="module")
def scene():
    """The address of the sample scene, as a catalogue elsewhere would have it."""
    with served_folder(CWL / "eo-sample-data") as address:
        yield address


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.stem)
def test_a_shipped_package_leaves_no_doubts(path):
    """Version, resources and images are said; only the publication as STAC is not for all of them."""
    warnings = compiled(path.name).warnings
    assert [] == [warning for warning in warnings if "STAC" not in warning]


def test_the_echo(machine):
    found = compiled("echo.cwl")
    run = machine.run(found.executable, {"message": "it's; $(x)", "times": 3}, outputs=found.description["outputs"])

    assert run.ended.outcome is Outcome.SUCCESSFUL
    assert "it's; $(x)\n" * 3 == run.text("echo")


def test_the_scatter(machine):
    found = compiled("scatter.cwl")
    text = "\n".join(f"line {number} has six words each" for number in range(25))
    inputs = {"text": {"value": text, "mediaType": "text/plain"}, "lines": 10}
    run = machine.run(found.executable, inputs, outputs=found.description["outputs"])

    assert run.ended.outcome is Outcome.SUCCESSFUL
    assert 150 == run.value("total")
    assert ["part,words", "part-aaaa,60", "part-aaab,60", "part-aaac,30"] == run.text("table").splitlines()


def test_the_water_mask(fresh, scene, tmp_path):
    """A STAC item goes in by its address; out comes a catalogue with indices, a mask and a picture of the same place."""
    machine = fresh(fetch_allow=(scene,))
    found = compiled("eo-sample.cwl")
    inputs = {"scene": {"href": f"http://{scene}/sample-scene/sample-scene.json"}, "threshold": 0.1}
    run = machine.run(found.executable, inputs, outputs=found.description["outputs"])

    assert run.ended.outcome is Outcome.SUCCESSFUL, run.ended
    files = [path for path in (machine.data / "objects").rglob("*") if path.is_file()]
    picture = next(path for path in files if path.name == "picture.png").read_bytes()
    assert b"\x89PNG\r\n\x1a\n" == picture[:8]
    assert (384, 384) == struct.unpack(">II", picture[16:24])
    item = next(
        document
        for path in files
        if path.suffix == ".json" and (document := json.loads(path.read_bytes())).get("id") == "sample-scene-water"
    )
    source = json.loads((CWL / "eo-sample-data/sample-scene/sample-scene.json").read_bytes())
    assert source["geometry"] == item["geometry"]
    assert source["properties"]["datetime"].rstrip("Z") == item["properties"]["datetime"].rstrip("Z")
    assert {"ndvi", "ndwi", "mask", "picture"} == item["assets"].keys()
    assert 10 < item["properties"]["water_percent"] < 25
    assert "sample-scene-water" == pystac.Item.from_dict(item).id


def test_lists_of_choices_that_may_be_left_out(machine):
    """Inline enums and records within optional lists, which cwltool by itself registers twice and refuses."""
    package = """\
cwlVersion: v1.2
class: CommandLineTool
id: choices
baseCommand: echo
inputs:
  levels:
    type: ["null", {type: array, items: {type: enum, symbols: [low, high]}}]
    default: [low]
    inputBinding: {position: 1}
  windows:
    type: ["null", {type: array, items: {type: record, fields: {a: int, l: {type: {type: enum, symbols: [x, y]}}}}}]
outputs: {said: stdout}
"""
    found = compile_package(read(package.encode(), "application/cwl"))
    inputs = {"levels": ["low", "high"], "windows": [{"a": 1, "l": "x"}, {"a": 2, "l": "y"}]}
    run = machine.run(found.executable, inputs, outputs=found.description["outputs"])

    assert run.ended.outcome is Outcome.SUCCESSFUL, run.ended
    assert "low high\n" == run.text("said")


def test_a_default_that_lies_elsewhere_comes_through_the_guard(fresh, scene):
    """A file that the package itself names by its address is staged in like one that a caller names."""
    package = """\
cwlVersion: v1.2
class: CommandLineTool
id: reader
baseCommand: [grep, -c, sample-scene]
inputs:
  text: {type: File, default: {class: File, location: "http://%s/catalog.json"}, inputBinding: {position: 1}}
outputs: {lines: stdout}
"""
    found = compile_package(read((package % scene).encode(), "application/cwl"))
    allowed = fresh(fetch_allow=(scene,)).run(found.executable, {}, outputs=found.description["outputs"])
    refused = fresh().run(found.executable, {}, outputs=found.description["outputs"])

    assert allowed.ended.outcome is Outcome.SUCCESSFUL, allowed.ended
    assert "1\n" == allowed.text("lines")
    assert refused.ended.outcome is Outcome.FAILED
    assert "127.0.0.1" in refused.ended.failure.message


@pytest.mark.parametrize("crs", [None, "CRS84", "http://www.opengis.net/def/crs/OGC/1.3/CRS84", "[OGC:CRS84]"])
def test_boxes_say_their_crs_as_packages_know_it(machine, crs):
    """Packages compare `crs` with a short name; clients write its address, or nothing."""
    package = """\
cwlVersion: v1.2
class: CommandLineTool
id: boxes
requirements: {InlineJavascriptRequirement: {}}
baseCommand: echo
arguments: ["$(inputs.box.crs)", '$(inputs.box.bbox.join(","))']
inputs: {box: "https://raw.githubusercontent.com/eoap/schemas/main/ogc.yaml#BBox"}
outputs: {said: stdout}
"""
    found = compile_package(read(package.encode(), "application/cwl"))
    box = {"bbox": [1, 2, 3, 4]} | ({} if crs is None else {"crs": crs})
    run = machine.run(found.executable, {"box": box}, outputs=found.description["outputs"])

    assert run.ended.outcome is Outcome.SUCCESSFUL, run.ended
    assert "CRS84 1,2,3,4\n" == run.text("said")
