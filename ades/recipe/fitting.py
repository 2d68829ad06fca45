"""Whether a value of one type can arrive where another is wanted, as the reference implementation sees it.

It is strict about single types, an `int` is no `double` and an enum is no `string`, and generous about alternatives:
one that fits is enough, since values decide at run time. What it would refuse to load is refused here, at deploy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ades.model import JSON

_FILES: Final = frozenset({"File", "stdin", "stdout", "stderr"})


def can_fit(given: JSON, wanted: JSON) -> bool:
    """Whether any value of the one type, other than null, is a value of the other."""
    left = [item for item in _alternatives(given) if item != "null"] or ["null"]
    return any(_fits(one, other) for one in left for other in _alternatives(wanted))


def _alternatives(kind: JSON) -> list[JSON]:
    return kind if isinstance(kind, list) else [kind]


def _fits(left: JSON, right: JSON) -> bool:
    if "Any" in (left, right):
        return True
    one, other = _word(left), _word(right)
    if one == other == "array":
        return can_fit(left["items"], right["items"])
    if one == other == "record":
        return _fields_fit(left, right)
    return one == other or {one, other} <= _FILES


def _fields_fit(left: JSON, right: JSON) -> bool:
    given = {item["name"]: item["type"] for item in left["fields"]}
    return all(can_fit(given.get(item["name"], "null"), item["type"]) for item in right["fields"])


def _word(kind: JSON) -> str:
    return str(kind["type"]) if isinstance(kind, dict) else str(kind)


_RANGES: Final = {"int": 2**31, "long": 2**63}


def holds(kind: JSON, value: JSON) -> bool:
    """Whether a value that stands in a package is of the type. Expressions and files are looked at when they run."""
    return any(_holds(item, value) for item in _alternatives(kind))


def _holds(kind: JSON, value: JSON) -> bool:  # noqa: PLR0911 - one line for each type
    match _word(kind):
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "int" | "long" as word:
            return isinstance(value, int) and not isinstance(value, bool) and -_RANGES[word] <= value < _RANGES[word]
        case "float" | "double":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "File" | "Directory" | "stdin" as word:
            return isinstance(value, dict) and value.get("class") == ("Directory" if word == "Directory" else "File")
        case "array":
            return isinstance(value, list) and all(holds(kind["items"], item) for item in value)
        case "enum":
            return value in kind["symbols"]
        case "record":
            return isinstance(value, dict) and all(holds(f["type"], value.get(f["name"])) for f in kind["fields"])
        case _:
            return True


def array_of(kind: JSON) -> JSON:
    """The type of a list of such values."""
    return {"type": "array", "items": kind}


def scattered(kind: JSON, step: JSON) -> JSON:
    """The type of a step's output, all tasks together."""
    over = step.get("scatter", [])
    names = over if isinstance(over, list) else [over]
    depth = len(names) if step.get("scatterMethod") == "nested_crossproduct" else min(len(names), 1)
    for _ in range(depth):
        kind = array_of(kind)
    return kind


def gathered(kinds: list[JSON], how: str) -> JSON:
    """The type of what several links bring together."""
    if how == "merge_nested":
        return array_of(_together(kinds))
    inner = [
        item["items"] if isinstance(item, dict) and item.get("type") == "array" else item
        for kind in kinds
        for item in _alternatives(kind)
    ]
    return array_of(_together(inner))


def _together(kinds: list[JSON]) -> JSON:
    flat: list[JSON] = []
    for kind in kinds:
        flat.extend(item for item in _alternatives(kind) if item not in flat)
    return flat[0] if len(flat) == 1 else flat


def picked(kind: JSON, how: str) -> JSON:
    """The type after `pickValue` has left out what is null."""
    items = kind["items"] if isinstance(kind, dict) and kind.get("type") == "array" else kind
    kept = [item for item in _alternatives(items) if item != "null"] or ["null"]
    one = kept[0] if len(kept) == 1 else kept
    return array_of(one) if how == "all_non_null" else one
