"""The picture of a workflow can be followed with the eyes: lines lead past boxes, not behind them."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from ades.recipe import compile_package, draw, read

HERE = Path(__file__).parents[2]
PACKAGES = [
    HERE.parent / "cwl" / "eo-sample.cwl", HERE / "e2e" / "tiles.cwl",
    *(HERE / "golden" / "packages").glob("eoap-*.cwl"),
]  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"
HEIGHT = 34


def long_way(steps):
    """A workflow in which the first step is used by all the others, and each by the next."""
    tool = {
        "class": "CommandLineTool",
        "baseCommand": "cat",
        "inputs": {"a": "Any", "b": "Any?"},
        "outputs": {"o": "stdout"},
    }
    chain = {
        f"s{number}": {"run": tool, "in": {"a": f"s{number - 1}/o", "b": "s0/o"}, "out": ["o"]}
        for number in range(1, steps)
    }
    first = {"s0": {"run": tool, "in": {"a": "x"}, "out": ["o"]}}
    outputs = {f"o{number}": {"type": "File", "outputSource": f"s{number}/o"} for number in range(steps)}
    document = {"cwlVersion": "v1.2", "class": "Workflow", "id": "w", "inputs": {"x": "Any"}, "outputs": outputs}
    return json.dumps(document | {"steps": first | chain}).encode()


def drawn(package):
    return ET.fromstring(draw(compile_package(read(package, "application/cwl+yaml")).executable))


def points(path):
    """Along a path of curves and upright lines, some forty to each."""
    x, y = map(float, re.match(r"M(\S+) (\d+)", path).groups())
    for kind, numbers in re.findall(r"([CV])([^CV]+)", path):
        given = [float(number) for number in re.split(r"[ ,]", numbers)]
        x1, y1, x2, y2, x3, y3 = given if kind == "C" else (x, y, x, given[0], x, given[0])
        for part in range(41):
            t, u = part / 40, 1 - part / 40
            weights = u**3, 3 * u * u * t, 3 * u * t * t, t**3
            yield tuple(
                sum(w * p for w, p in zip(weights, ps, strict=True)) for ps in ((x, x1, x2, x3), (y, y1, y2, y3))
            )
        x, y = x3, y3


def hidden(picture):
    """The points of lines that lie within boxes."""
    boxes = [tuple(float(box.get(key)) for key in ("x", "y", "width")) for box in picture.iter(f"{SVG}rect")]
    return [
        (x, y)
        for link in picture.iter(f"{SVG}path") if link.get("class") == "link"
        for x, y in points(link.get("d"))
        for left, top, width in boxes if left < x < left + width and top + 1 < y < top + HEIGHT - 1
    ]  # fmt: skip


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.stem)
def test_no_line_runs_behind_a_box(path):
    assert [] == hidden(drawn(path.read_bytes()))


@pytest.mark.parametrize("steps", [3, 12])
def test_lines_that_pass_many_layers_make_room_for_themselves(steps):
    picture = drawn(long_way(steps))
    assert [] == hidden(picture)
    links = [link for link in picture.iter(f"{SVG}path") if link.get("class") == "link"]
    assert 1 + (steps - 1) + (steps - 2) + steps == len(links)


def test_boxes_of_a_layer_stand_apart():
    boxes = [
        tuple(float(box.get(key)) for key in ("y", "x", "width")) for box in drawn(long_way(12)).iter(f"{SVG}rect")
    ]
    for y, x, width in boxes:
        assert [] == [other for other in boxes if other[0] == y and x < other[1] < x + width + 20]


def test_a_drawing_with_too_many_long_lines_is_made_all_the_same():
    assert 120 * 2 + 1 == len(list(drawn(long_way(120)).iter(f"{SVG}rect")))
