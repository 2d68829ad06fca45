"""Where the boxes of a drawing stand: few crossings, straight lines, and no line behind a box that it does not concern.

A link that passes layers gets a place of its own in each of them, a way, so that the boxes there make room for it. The
links of one box share their ways.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ades.recipe.outline import Box

if TYPE_CHECKING:
    from collections.abc import Callable

Layers = list[list[Box]]

MARGIN: Final = 20
_GAP: Final = 26
_SWEEPS: Final = 8
_MOST_WAYS: Final = 2000
"""A drawing with more than these cannot be read anyway; its long links go straight."""


def place(layers: Layers, width: Callable[[Box], float]) -> float:
    """Give each box its place; the links that pass layers then lead over ways. The width of the whole."""
    if _spanned(layers) <= _MOST_WAYS:
        _lay_ways(layers)
    _arrange(layers)
    for layer in layers:
        _spread(layer, [0.0] * len(layer), width)
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            _spread(layer, [_wish(box) for box in layer], width)
    return _shift(layers, width)


def _spanned(layers: Layers) -> int:
    return sum(max((other.layer for other in box.after), default=0) - box.layer for layer in layers for box in layer)


def _lay_ways(layers: Layers) -> None:
    """Between a box and those that stand more than one layer below it."""
    for number, layer in enumerate(layers):
        for box in layer:
            box.layer = number
    for box in [box for layer in layers for box in layer]:
        far = [other for other in box.after if other.layer > box.layer + 1]
        last = box
        for level in range(box.layer + 1, max((other.layer for other in far), default=0)):
            way = Box("", "", "way", layer=level, before=[last])
            last.after = [*(other for other in last.after if other.layer <= level), way]
            for other in (found for found in far if found.layer == level + 1):
                other.before[other.before.index(box)] = way
            way.after = [other for other in far if other.layer > level]
            layers[level].append(way)
            last = way


def _arrange(layers: Layers) -> None:
    """Fewer crossings: each box goes to the middle of its neighbours, down and up again."""
    for sweep in range(_SWEEPS):
        ordered = layers if sweep % 2 == 0 else layers[::-1]
        position = {id(box): number for layer in layers for number, box in enumerate(layer)}
        for layer in ordered:
            middle = {id(box): _middle(box, position, down=sweep % 2 == 0) for box in layer}
            layer.sort(key=lambda box: middle[id(box)])
            position.update({id(box): number for number, box in enumerate(layer)})


def _middle(box: Box, position: dict[int, int], *, down: bool) -> float:
    near = box.before if down else box.after
    return sum(position[id(other)] for other in near) / len(near) if near else position[id(box)]


def _wish(box: Box) -> float:
    """Where a box would stand if it were alone in its layer; a way stands below what it comes from."""
    near = box.before if box.kind == "way" else [*box.before, *box.after]
    return sum(other.x for other in near) / len(near) if near else box.x


def _spread(layer: list[Box], wishes: list[float], width: Callable[[Box], float]) -> None:
    """Each box as near to its wish as its neighbours let it: those that would overlap stand side by side as one block."""
    offsets = [0.0]
    for left, right in pairwise(layer):
        offsets.append(offsets[-1] + (width(left) + width(right)) / 2 + _GAP)
    blocks: list[tuple[float, int]] = []
    for wish, offset in zip(wishes, offsets, strict=False):
        total, count = wish - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            more, others = blocks.pop()
            total, count = total + more, count + others
        blocks.append((total, count))
    starts = [total / count for total, count in blocks for _ in range(count)]
    for box, start, offset in zip(layer, starts, offsets, strict=False):
        box.x = start + offset


def _shift(layers: Layers, width: Callable[[Box], float]) -> float:
    """To where the picture begins."""
    boxes = [box for layer in layers for box in layer]
    left = min((box.x - width(box) / 2 for box in boxes), default=0)
    for box in boxes:
        box.x += MARGIN - left
    return max((box.x + width(box) / 2 for box in boxes), default=0) + MARGIN
