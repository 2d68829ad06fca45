"""A picture of a workflow: inputs at the top, steps below each other in layers, outputs at the bottom.

Drawn here, as plain SVG without scripts or foreign parts. Every text is escaped; colours follow the reader's choice of
light or dark; names too long for their box are shortened and shown whole by the tool tip.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from ades.recipe.outline import outline
from ades.recipe.placing import MARGIN, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.model import JSON
    from ades.recipe.outline import Box

_CHAR: Final = 7.3
_HEIGHT: Final = 34
_LAYER: Final = 78
_WIDEST: Final = 230
_NARROWEST: Final = 70
_WAY: Final = 4
"""What a line takes that passes between boxes."""

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
    width = place(found.layers, _width)
    return _svg(found.layers, width, found.title)


def _width(box: Box) -> float:
    if box.kind == "way":
        return _WAY
    return min(_WIDEST, max(_NARROWEST, max(len(box.name), len(_marks(box))) * _CHAR + 24))


def _marks(box: Box) -> str:
    return " · ".join(box.marks)


def _svg(layers: list[list[Box]], width: float, title: str) -> str:
    height = len(layers) * _LAYER - (_LAYER - _HEIGHT) + 2 * MARGIN if layers else 2 * MARGIN
    top = {id(box): MARGIN + number * _LAYER for number, layer in enumerate(layers) for box in layer}
    boxes = [box for layer in layers for box in layer if box.kind != "way"]
    links = [_link(path, top) for box in boxes for path in _paths([box])]
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


def _paths(path: list[Box]) -> Iterator[list[Box]]:
    """From a box over its ways to each that it leads to."""
    for box in path[-1].after:
        if box.kind == "way":
            yield from _paths([*path, box])
        else:
            yield [*path, box]


def _link(path: list[Box], top: dict[int, int]) -> str:
    """A line that leaves and arrives upright, and stays so beside the boxes that it passes."""
    drawn, y = f"M{path[0].x:.1f} {top[id(path[0])] + _HEIGHT}", top[id(path[0])] + _HEIGHT
    for before, box in pairwise(path):
        end = top[id(box)]
        bend = max(18, (end - y) / 2)
        drawn += f"C{before.x:.1f} {y + bend:.1f} {box.x:.1f} {end - bend:.1f} {box.x:.1f} {end}"
        y = end
        if box.kind == "way":
            y += _HEIGHT
            drawn += f"V{y}"
    return f'<path class="link" marker-end="url(#tip)" d="{drawn}"/>'


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
