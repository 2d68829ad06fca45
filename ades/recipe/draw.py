"""A picture of a workflow: inputs at the top, steps below each other in layers, outputs at the bottom.

Drawn here, as plain SVG without scripts or foreign parts. Every text is escaped; colours follow the reader's choice of
light or dark; names too long for their box are shortened and shown whole by the tool tip.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from ades.recipe.flow import over, short_link, sources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ades.model import JSON

_MOST_BOXES: Final = 400
"""More cannot be read anyway."""
_CHAR: Final = 7.3
_HEIGHT: Final = 34
_GAP: Final = 26
_LAYER: Final = 78
_MARGIN: Final = 20
_WIDEST: Final = 230
_NARROWEST: Final = 70
_SWEEPS: Final = 4

_STYLE: Final = """
.ades-flow{--ink:#1d2733;--line:#8794a3;--step:#e8f1fb;--edge:#2d6fb3;--port:#f4f5f7;--more:#b3601f;
color:var(--ink);font:13px system-ui,sans-serif}
@media (prefers-color-scheme:dark){.ades-flow{--ink:#e6ebf1;--line:#7d8896;--step:#1f3247;--edge:#6cb0f2;--port:#262c34;
--more:#f0a463}}
.ades-flow text{fill:var(--ink);text-anchor:middle;dominant-baseline:central}
.ades-flow .link{fill:none;stroke:var(--line);stroke-width:1.4}
.ades-flow .tip{fill:var(--line)}
.ades-flow .step rect{fill:var(--step);stroke:var(--edge);stroke-width:1.4}
.ades-flow .port rect{fill:var(--port);stroke:var(--line)}
.ades-flow .mark{fill:var(--more);font-size:11px;font-weight:600}
"""
_TIP: Final = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>'
)


@dataclass(slots=True)
class _Box:
    key: str
    name: str
    kind: str
    note: str = ""
    marks: tuple[str, ...] = ()
    layer: int = 0
    x: float = 0
    before: list[_Box] = field(default_factory=list)
    after: list[_Box] = field(default_factory=list)
    linked: set[int] = field(default_factory=set)

    @property
    def width(self) -> float:
        return min(_WIDEST, max(_NARROWEST, len(self.name) * _CHAR + 24))


def draw(executable: dict[str, JSON]) -> str:
    """The picture of what a package executes."""
    document = executable.get("document") or {}
    processes = {process.get("id"): process for process in document.get("$graph", ())}
    entry = processes.get(executable.get("entry"))
    if entry is None:
        return _svg([], 0, "Nothing to draw")
    boxes = _boxes(entry, processes)[:_MOST_BOXES]
    kept = {id(box) for box in boxes}
    for box in boxes:
        box.before = [other for other in box.before if id(other) in kept]
        box.after = [other for other in box.after if id(other) in kept]
    layers = _layers(boxes)
    _arrange(layers)
    return _svg(layers, _place(layers), str(entry.get("label") or entry.get("id")))


# -- what there is --------------------------------------------------------------------------------------------------


def _boxes(entry: dict[str, JSON], processes: dict[str, JSON]) -> list[_Box]:
    inputs = {port["id"]: _Box(f"in:{port['id']}", port["id"], "port", _type(port["type"])) for port in entry["inputs"]}
    if entry["class"] == "Workflow":
        steps = {step["id"]: _step_box(step, processes) for step in entry["steps"]}
        for step in entry["steps"]:
            for port in step["in"]:
                _join(entry["id"], sources(port, "source"), steps[step["id"]], inputs, steps)
    else:
        steps = {"": _Box("step:", str(entry.get("label") or entry.get("id")), "step", entry["class"])}
        for box in inputs.values():
            _connect(box, steps[""])
    outputs = []
    for port in entry["outputs"]:
        box = _Box(f"out:{port['id']}", port["id"], "port", _type(port["type"]))
        outputs.append(box)
        if entry["class"] == "Workflow":
            _join(entry["id"], sources(port, "outputSource"), box, inputs, steps)
        else:
            _connect(steps[""], box)
    return [*inputs.values(), *steps.values(), *outputs]


def _step_box(step: JSON, processes: dict[str, JSON]) -> _Box:
    run = step["run"]
    target = run if isinstance(run, dict) else processes.get(str(run).removeprefix("#"), {})
    marks = [f"each {', '.join(over(step))}"] if "scatter" in step else []
    marks += ["if"] if "when" in step else []
    marks += ["workflow"] if target.get("class") == "Workflow" else []
    note = str(step.get("label") or target.get("label") or target.get("id") or target.get("class") or "")
    return _Box(f"step:{step['id']}", step["id"], "step", note, tuple(marks))


def _join(workflow: str, links: Iterable[str], box: _Box, inputs: dict[str, _Box], steps: dict[str, _Box]) -> None:
    for link in links:
        name, slash, _ = short_link(link, workflow).partition("/")
        source = steps.get(name) if slash else inputs.get(name)
        if source is not None:
            _connect(source, box)


def _connect(source: _Box, target: _Box) -> None:
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


# -- where it stands ------------------------------------------------------------------------------------------------


def _layers(boxes: list[_Box]) -> list[list[_Box]]:
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
    layers: list[list[_Box]] = [[] for _ in range(last + 1)]
    for box in boxes:
        layers[box.layer].append(box)
    return [layer for layer in layers if layer]


def _arrange(layers: list[list[_Box]]) -> None:
    """Fewer crossings: each box goes to the middle of its neighbours, down and up again."""
    for sweep in range(_SWEEPS):
        ordered = layers if sweep % 2 == 0 else layers[::-1]
        position = {id(box): place for layer in layers for place, box in enumerate(layer)}
        for layer in ordered:
            middle = {id(box): _middle(box, position, down=sweep % 2 == 0) for box in layer}
            layer.sort(key=lambda box: middle[id(box)])
            position.update({id(box): place for place, box in enumerate(layer)})


def _middle(box: _Box, position: dict[int, int], *, down: bool) -> float:
    near = box.before if down else box.after
    return sum(position[id(other)] for other in near) / len(near) if near else position[id(box)]


def _place(layers: list[list[_Box]]) -> float:
    """Centre each layer; the width of the whole."""
    widths = [sum(box.width for box in layer) + _GAP * (len(layer) - 1) for layer in layers]
    whole = max(widths, default=0) + 2 * _MARGIN
    for layer, width in zip(layers, widths, strict=True):
        x = (whole - width) / 2
        for box in layer:
            box.x = x + box.width / 2
            x += box.width + _GAP
    return whole


# -- how it looks ---------------------------------------------------------------------------------------------------


def _svg(layers: list[list[_Box]], width: float, title: str) -> str:
    height = len(layers) * _LAYER - (_LAYER - _HEIGHT) + 2 * _MARGIN if layers else 2 * _MARGIN
    top = {id(box): _MARGIN + number * _LAYER for number, layer in enumerate(layers) for box in layer}
    boxes = [box for layer in layers for box in layer]
    links = [_link(box, other, top) for box in boxes for other in box.after]
    size = f'width="{max(width, 40):.0f}" height="{height:.0f}" viewBox="0 0 {max(width, 40):.0f} {height:.0f}"'
    return "".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="ades-flow" role="img" {size}>',
            f"<title>{escape(title)}</title><style>{_STYLE}</style>",
            _TIP,
            *links,
            *(_box(box, top[id(box)]) for box in boxes),
            "</svg>",
        )
    )


def _link(source: _Box, target: _Box, top: dict[int, int]) -> str:
    start, end = top[id(source)] + _HEIGHT, top[id(target)]
    bend = max(18, (end - start) / 2)
    path = f"M{source.x:.1f} {start}C{source.x:.1f} {start + bend:.1f} {target.x:.1f} {end - bend:.1f} {target.x:.1f} {end}"
    return f'<path class="link" marker-end="url(#tip)" d="{path}"/>'


def _box(box: _Box, top: int) -> str:
    left, radius = box.x - box.width / 2, 6 if box.kind == "step" else _HEIGHT / 2
    hint = ": ".join(part for part in (box.name, box.note) if part)
    marks = " · ".join(box.marks)
    parts = [
        f"<g class={quoteattr(box.kind)}><title>{escape(hint)}</title>",
        f'<rect x="{left:.1f}" y="{top}" width="{box.width:.1f}" height="{_HEIGHT}" rx="{radius:.0f}"/>',
        f'<text x="{box.x:.1f}" y="{top + _HEIGHT / 2:.0f}">{escape(_shortened(box.name, box.width))}</text>',
    ]
    if marks:
        parts.append(f'<text class="mark" x="{box.x:.1f}" y="{top - 8}">{escape(_shortened(marks, _WIDEST))}</text>')
    return "".join((*parts, "</g>"))


def _shortened(name: str, width: float) -> str:
    fits = int((width - 16) / _CHAR)
    return name if len(name) <= fits else f"{name[: fits - 1]}…"
