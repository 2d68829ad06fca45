"""Copies of a package that remember the same lines instead of copying what they remember.

cwltool copies parts of a package many times, and each time, for each word of it, the line and the column in the file.
They never change, and most of the time of loading a workflow went into that.
"""

from __future__ import annotations

from typing import Any

from ruamel.yaml.comments import LineCol


def share() -> None:
    """Have copies know the lines of the original."""
    LineCol.__deepcopy__ = _copied


def _copied(lines: LineCol, _memo: Any) -> LineCol:
    twin = LineCol()
    vars(twin).update(vars(lines))
    if lines.data is not None:
        twin.data = dict(lines.data)
    return twin
