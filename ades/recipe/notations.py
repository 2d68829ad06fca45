"""A workflow as text, in the DOT language of Graphviz and in the language of Mermaid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.recipe.outline import outline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.model import JSON
    from ades.recipe.outline import Box

_ARROW: Final = "←"


def as_text(executable: dict[str, JSON]) -> str:
    """A line for each input, step and output, in the order in which they can run, with what each waits for."""
    found = outline(executable)
    ports = [box for box in found.boxes if box.kind == "port"]
    rows = [
        *([box.name, box.note, ""] for box in ports if box.key.startswith("in:")),
        [],
        *([f"→ {box.name}", _about(box), _sources(box)] for box in found.boxes if box.kind == "step"),
        [],
        *([box.name, box.note, _sources(box)] for box in ports if box.key.startswith("out:")),
    ]
    widths = [max((len(row[column]) for row in rows if row), default=0) for column in range(2)]
    lines = [
        f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}".rstrip() if row else "" for row in rows
    ]  # fmt: skip
    return "\n".join(_printable(line) for line in [found.title, "", *lines]).rstrip() + "\n"


def _about(box: Box) -> str:
    marks = f"({', '.join(box.marks)})" if box.marks else ""
    return " ".join(part for part in (box.note if box.note != box.name else "", marks) if part)


def _sources(box: Box) -> str:
    return f"{_ARROW} {', '.join(other.name for other in box.before)}" if box.before else ""


def as_dot(executable: dict[str, JSON]) -> str:
    """For Graphviz: `ades graph … --format dot | dot -Tpng`."""
    found = outline(executable)
    names = _names(found.boxes)
    lines = [
        f"  {names[id(box)]} [label={_quoted(_label(box))}, shape={'box' if box.kind == 'step' else 'ellipse'}];"
        for box in found.boxes
    ]
    links = [f"  {source} -> {target};" for source, target in _links(found.boxes, names)]
    return "\n".join([f"digraph {_quoted(found.title)} {{", *lines, *links, "}", ""])


def as_mermaid(executable: dict[str, JSON]) -> str:
    """For pages that draw Mermaid: GitHub, GitLab, notebooks."""
    found = outline(executable)
    names = _names(found.boxes)
    lines = []
    for box in found.boxes:
        first, last = ("[", "]") if box.kind == "step" else ("([", "])")
        lines.append(f'  {names[id(box)]}{first}"{_entities(_label(box))}"{last}')
    links = [f"  {source} --> {target}" for source, target in _links(found.boxes, names)]
    return "\n".join(["flowchart TD", *lines, *links, ""])


def _names(boxes: list[Box]) -> dict[int, str]:
    """Names that no notation misreads; what a package calls a step may be any text."""
    return {id(box): f"n{number}" for number, box in enumerate(boxes)}


def _links(boxes: list[Box], names: dict[int, str]) -> Iterator[tuple[str, str]]:
    for box in boxes:
        for other in box.after:
            yield names[id(box)], names[id(other)]


def _label(box: Box) -> str:
    return f"{box.name} ({', '.join(box.marks)})" if box.marks else box.name


def _quoted(text: str) -> str:
    plain = _printable(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'


def _printable(text: str) -> str:
    """No name moves the cursor of a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def _entities(text: str) -> str:
    """Mermaid reads `#…;` as a character; all that could end the text or begin something is written so."""
    return "".join(char if char.isalnum() or char in " _-.,()" else f"#{ord(char)};" for char in text)
