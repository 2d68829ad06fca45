"""What a package executes, as boxes and what leads from one to the other; pictures are made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ades.recipe.flow import over, short_link, sources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ades.model import JSON

MOST_BOXES: Final = 400
"""More cannot be read anyway."""


@dataclass(slots=True, eq=False)
class Box:
    """An input, a step or an output."""

    key: str
    """`in:…`, `step:…` or `out:…`."""
    name: str
    kind: str
    """`port` or `step`."""
    note: str = ""
    marks: tuple[str, ...] = ()
    """What is special about a step: that it is run for each of a list, that it has a condition, that it is a workflow."""
    layer: int = 0
    x: float = 0
    """Where its middle stands in a drawing."""
    before: list[Box] = field(default_factory=list)
    after: list[Box] = field(default_factory=list)
    linked: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Outline:
    """The boxes in layers, each below all that it waits for."""

    title: str
    layers: list[list[Box]]

    @property
    def boxes(self) -> list[Box]:
        """All of them, from the top to the bottom."""
        return [box for layer in self.layers for box in layer]


def outline(executable: dict[str, JSON]) -> Outline:
    """What there is to show of a package."""
    document = executable.get("document") or {}
    processes = {process.get("id"): process for process in document.get("$graph", ())}
    entry = processes.get(executable.get("entry"))
    if entry is None:
        return Outline("Nothing to draw", [])
    boxes = _boxes(entry, processes)[:MOST_BOXES]
    kept = {id(box) for box in boxes}
    for box in boxes:
        box.before = [other for other in box.before if id(other) in kept]
        box.after = [other for other in box.after if id(other) in kept]
    return Outline(str(entry.get("label") or entry.get("id")), _layers(boxes))


def _boxes(entry: dict[str, JSON], processes: dict[str, JSON]) -> list[Box]:
    inputs = {port["id"]: Box(f"in:{port['id']}", port["id"], "port", _type(port["type"])) for port in entry["inputs"]}
    if entry["class"] == "Workflow":
        steps = {step["id"]: _step_box(step, processes) for step in entry["steps"]}
        for step in entry["steps"]:
            for port in step["in"]:
                _join(entry["id"], sources(port, "source"), steps[step["id"]], inputs, steps)
    else:
        steps = {"": Box("step:", str(entry.get("label") or entry.get("id")), "step", entry["class"])}
        for box in inputs.values():
            _connect(box, steps[""])
    outputs = []
    for port in entry["outputs"]:
        box = Box(f"out:{port['id']}", port["id"], "port", _type(port["type"]))
        outputs.append(box)
        if entry["class"] == "Workflow":
            _join(entry["id"], sources(port, "outputSource"), box, inputs, steps)
        else:
            _connect(steps[""], box)
    return [*inputs.values(), *steps.values(), *outputs]


def _step_box(step: JSON, processes: dict[str, JSON]) -> Box:
    run = step["run"]
    target = run if isinstance(run, dict) else processes.get(str(run).removeprefix("#"), {})
    marks = [f"each {', '.join(over(step))}"] if "scatter" in step else []
    marks += ["if"] if "when" in step else []
    marks += ["workflow"] if target.get("class") == "Workflow" else []
    note = str(step.get("label") or target.get("label") or target.get("id") or target.get("class") or "")
    return Box(f"step:{step['id']}", step["id"], "step", note, tuple(marks))


def _join(workflow: str, links: Iterable[str], box: Box, inputs: dict[str, Box], steps: dict[str, Box]) -> None:
    for link in links:
        name, slash, _ = short_link(link, workflow).partition("/")
        source = steps.get(name) if slash else inputs.get(name)
        if source is not None:
            _connect(source, box)


def _connect(source: Box, target: Box) -> None:
    if id(target) not in source.linked:
        source.linked.add(id(target))
        source.after.append(target)
        target.before.append(source)


def _type(kind: JSON) -> str:
    match kind:
        case str():
            return kind
        case list():
            words = [_type(item) for item in kind if item != "null"]
            return " | ".join(words) + ("?" if "null" in kind else "")
        case {"type": "array"}:
            return f"{_type(kind['items'])}[]"
        case _:
            return str(kind["type"])


def _layers(boxes: list[Box]) -> list[list[Box]]:
    """Each box below all that it waits for; inputs just above what takes them, outputs at the very bottom."""
    for _ in boxes:
        moved = False
        for box in boxes:
            wanted = max((other.layer + 1 for other in box.before), default=0)
            moved |= wanted > box.layer
            box.layer = max(box.layer, wanted)
        if not moved:
            break
    for box in boxes:
        if box.kind == "port" and not box.before and box.after:
            box.layer = max(0, min(other.layer for other in box.after) - 1)
    last = max((box.layer for box in boxes), default=0)
    for box in boxes:
        if box.key.startswith("out:"):
            box.layer = last
    layers: list[list[Box]] = [[] for _ in range(last + 1)]
    for box in boxes:
        layers[box.layer].append(box)
    return [layer for layer in layers if layer]
