"""A picture of a workflow: inputs at the top, steps below each other in layers, outputs at the bottom.

Drawn here, as plain SVG without scripts or foreign parts. Every text is escaped; colours follow the reader's choice of
light or dark; names too long for their box are shortened and shown whole by the tool tip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from ades.recipe.outline import outline

if TYPE_CHECKING:
    from ades.model import JSON
    from ades.recipe.outline import Box

_CHAR: Final = 7.3
_HEIGHT: Final = 34
_GAP: Final = 26
_LAYER: Final = 78
_MARGIN: Final = 20
_WIDEST: Final = 230
_NARROWEST: Final = 70
_SWEEPS: Final = 4

_STYLE: Final = """
.ades-flow{--ink:#1d2733;--line:#8794a3;--step:#e8f1fb;--edge:#2d6fb3;--port:#f4f5f7;--more:#9c4f14;
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


def draw(executable: dict[str, JSON]) -> str:
    """The picture of what a package executes."""
    found = outline(executable)
    _arrange(found.layers)
    return _svg(found.layers, _place(found.layers), found.title)


def _width(box: Box) -> float:
    return min(_WIDEST, max(_NARROWEST, max(len(box.name), len(_marks(box))) * _CHAR + 24))


def _marks(box: Box) -> str:
    return " · ".join(box.marks)


# -- where it stands ------------------------------------------------------------------------------------------------


def _arrange(layers: list[list[Box]]) -> None:
    """Fewer crossings: each box goes to the middle of its neighbours, down and up again."""
    for sweep in range(_SWEEPS):
        ordered = layers if sweep % 2 == 0 else layers[::-1]
        position = {id(box): place for layer in layers for place, box in enumerate(layer)}
        for layer in ordered:
            middle = {id(box): _middle(box, position, down=sweep % 2 == 0) for box in layer}
            layer.sort(key=lambda box: middle[id(box)])
            position.update({id(box): place for place, box in enumerate(layer)})


def _middle(box: Box, position: dict[int, int], *, down: bool) -> float:
    near = box.before if down else box.after
    return sum(position[id(other)] for other in near) / len(near) if near else position[id(box)]


def _place(layers: list[list[Box]]) -> float:
    """Centre each layer; the width of the whole."""
    widths = [sum(_width(box) for box in layer) + _GAP * (len(layer) - 1) for layer in layers]
    whole = max(widths, default=0) + 2 * _MARGIN
    for layer, width in zip(layers, widths, strict=True):
        x = (whole - width) / 2
        for box in layer:
            box.x = x + _width(box) / 2
            x += _width(box) + _GAP
    return whole


# -- how it looks ---------------------------------------------------------------------------------------------------


def _svg(layers: list[list[Box]], width: float, title: str) -> str:
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


def _link(source: Box, target: Box, top: dict[int, int]) -> str:
    start, end = top[id(source)] + _HEIGHT, top[id(target)]
    bend = max(18, (end - start) / 2)
    path = f"M{source.x:.1f} {start}C{source.x:.1f} {start + bend:.1f} {target.x:.1f} {end - bend:.1f} {target.x:.1f} {end}"
    return f'<path class="link" marker-end="url(#tip)" d="{path}"/>'


def _box(box: Box, top: int) -> str:
    left, radius = box.x - _width(box) / 2, 6 if box.kind == "step" else _HEIGHT / 2
    hint = ": ".join(part for part in (box.name, box.note) if part)
    marks = _marks(box)
    middle = top + (11 if marks else _HEIGHT / 2)
    parts = [
        f"<g class={quoteattr(box.kind)}><title>{escape(hint)}</title>",
        f'<rect x="{left:.1f}" y="{top}" width="{_width(box):.1f}" height="{_HEIGHT}" rx="{radius:.0f}"/>',
        f'<text x="{box.x:.1f}" y="{middle:.0f}">{escape(_shortened(box.name, _width(box)))}</text>',
    ]
    if marks:
        # Inside, below the name: above the box it would lie on the tip of an arrow.
        shown = escape(_shortened(marks, _width(box)))
        parts.append(f'<text class="mark" x="{box.x:.1f}" y="{top + 25}">{shown}</text>')
    return "".join((*parts, "</g>"))


def _shortened(name: str, width: float) -> str:
    fits = int((width - 16) / _CHAR)
    return name if len(name) <= fits else f"{name[: fits - 1]}…"
