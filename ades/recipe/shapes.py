"""The small parts that the grammar of CWL is made of.

A shape takes a value, where it stands and the reading; it returns the value in its normal form and notes what is
wrong. The normal form has one way of saying each thing: lists instead of maps with ids, short ids without `#`, no
nulls for what is absent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from ades.recipe.document import named
from ades.recipe.reading import V1_0, Node, similar

if TYPE_CHECKING:
    from ades.model import JSON
    from ades.recipe.reading import At, Reading, Version

MAX_TEXT: Final = 50_000
"""Characters of one description: it stands in every list of processes."""

Shape: TypeAlias = Callable[["JSON", "At", "Reading"], "JSON"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record: its shape and in which versions of CWL it exists."""

    shape: Shape
    required: bool = False
    since: Version = V1_0
    until: Version | None = None


def text(value: JSON, at: At, reading: Reading) -> JSON:
    """A text; what YAML took for a number or a truth is to be quoted."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float)):
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        reading.wrong(at, value, f'a text; put it in quotes: "{shown}"')
    else:
        reading.wrong(at, value, "a text")
    return ""


def boolean(value: JSON, at: At, reading: Reading) -> JSON:
    """True or false."""
    if not isinstance(value, bool):
        reading.wrong(at, value, "`true` or `false`")
    return value


def integer(value: JSON, at: At, reading: Reading) -> JSON:
    """A whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        reading.wrong(at, value, "a whole number")
    return value


def number(value: JSON, at: At, reading: Reading) -> JSON:
    """A number, whole or not; a truth is none."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        reading.wrong(at, value, "a number")
    return value


def anything(value: JSON, _at: At, _reading: Reading) -> JSON:
    """Whatever JSON can say."""
    return value


def is_expression(value: JSON) -> bool:
    """Whether a value is a parameter reference or JavaScript, or a text with one in it."""
    return isinstance(value, str) and ("$(" in value or "${" in value)


def expression_or(shape: Shape) -> Shape:
    """An expression, or what the shape says."""

    def read(value: JSON, at: At, reading: Reading) -> JSON:
        return value if is_expression(value) else shape(value, at, reading)

    return read


def one_of(*words: str) -> Shape:
    """One of some words."""

    def read(value: JSON, at: At, reading: Reading) -> JSON:
        if value not in words:
            reading.wrong(at, value, "one of " + ", ".join(f"`{word}`" for word in words))
        return value

    return read


def listed(shape: Shape) -> Shape:
    """A list whose items have the shape."""

    def read(value: JSON, at: At, reading: Reading) -> JSON:
        if not isinstance(value, list):
            reading.wrong(at, value, "a list")
            return []
        reading.count(len(value), at)
        return [shape(item, (at, index), reading) for index, item in enumerate(value)]

    return read


def one_or_many(shape: Shape) -> Shape:
    """A single value or a list of such values; stays as it was written."""
    many = listed(shape)

    def read(value: JSON, at: At, reading: Reading) -> JSON:
        return many(value, at, reading) if isinstance(value, list) else shape(value, at, reading)

    return read


texts = one_or_many(text)


def paragraphs(value: JSON, at: At, reading: Reading) -> JSON:
    """A text, or a list of texts that become one."""
    found = texts(value, at, reading)
    whole = "\n".join(found) if isinstance(found, list) else found
    if len(whole) > MAX_TEXT:
        reading.problem(at, f"This text has {len(whole)} characters; {MAX_TEXT} at most are shown to clients.")
        return ""
    return whole


def short(value: JSON, at: At, reading: Reading) -> JSON:
    """The last part of an identifier: `#main/step/out` → `out`."""
    return tail(text(value, at, reading))


def tail(identifier: str) -> str:
    """What an identifier says within its scope."""
    return identifier.rpartition("#")[2].rpartition("/")[2]


def record(title: str, fields: dict[str, Field], advice: dict[str, str] | None = None) -> Shape:
    """A mapping with known fields. Fields with a colon are extensions and are kept."""
    required = [name for name, known in fields.items() if known.required]

    def read(value: JSON, at: At, reading: Reading) -> JSON:
        node = Node(at)
        reading.count(1, at)
        if not isinstance(value, dict):
            reading.wrong(at, value, f"a mapping ({title})")
            return node
        for key, item in value.items():
            known = fields.get(key)
            if known is None or not _valid_now(known, reading.version):
                if ":" in key or key.startswith("$"):
                    node[key] = item
                else:
                    reading.problem((at, key), _unknown(key, title, fields, advice or {}, reading.version))
            elif item is not None or known.required:
                node[key] = known.shape(item, (at, key), reading)
        for key in required:
            if key not in value:
                reading.problem(at, f"{title} needs the field `{key}`.")
        return node

    return read


def _valid_now(known: Field, version: Version) -> bool:
    return known.since <= version and (known.until is None or version <= known.until)


def _unknown(key: str, title: str, fields: dict[str, Field], advice: dict[str, str], version: Version) -> str:
    if known := fields.get(key):
        if known.since > version:
            return f"`{key}` needs cwlVersion v{known.since[0]}.{known.since[1]}; this says v{version[0]}.{version[1]}."
        return f"`{key}` of {title} is gone since cwlVersion v{version[0]}.{version[1]}. Leave it out."
    if key in advice:
        return f"`{key}` is not a field of {title}. {advice[key]}"
    hint = similar(key, fields)
    if not hint:
        hint = f" It may have: {', '.join(f'`{name}`' for name in fields)}."
    return f"`{key}` is not a field of {title}.{hint}"


def keyed(subject: str, shape: Shape, predicate: str | None = None, *, unique: bool = True) -> Shape:
    """A list of mappings that each have `subject`, or a map from subjects to them. Becomes the list.

    With a predicate the map may also say `subject: value` for a mapping in which only the predicate is set.
    """

    def read(value: JSON, at: At, reading: Reading) -> JSON:
        if value is None:
            return []
        items = [shape(item, where, reading) for item, where in _items(value, at, reading, subject, predicate)]
        if unique:
            _no_doubles(items, subject, reading)
        return items

    return read


def _items(
    value: JSON, at: At, reading: Reading, subject: str, predicate: str | None
) -> list[tuple[dict[str, JSON], At]]:
    if isinstance(value, dict):
        return [
            (entry, (at, key))
            for key, item in value.items()
            if (entry := _entry(key, item, (at, key), reading, subject, predicate)) is not None
        ]
    if not isinstance(value, list):
        reading.wrong(at, value, f"a list, or a mapping from each `{subject}` to the rest")
        return []
    found: list[tuple[dict[str, JSON], At]] = []
    for index, item in enumerate(value):
        if isinstance(item, dict) and subject in item:
            found.append((item, (at, index)))
        elif isinstance(item, dict):
            reading.problem((at, index), f"This entry has no `{subject}`.")
        else:
            reading.wrong((at, index), item, f"a mapping with a `{subject}`")
    return found


def _entry(
    key: str, item: JSON, at: At, reading: Reading, subject: str, predicate: str | None
) -> dict[str, JSON] | None:
    if isinstance(item, dict):
        return {subject: key} | {name: inner for name, inner in item.items() if name != subject}
    if predicate is not None:
        return {subject: key, predicate: item}
    if item is None:
        return {subject: key}
    reading.problem(at, f"`{key}` must be a mapping, but this is {named(item)}.")
    return None


def _no_doubles(items: list[JSON], subject: str, reading: Reading) -> None:
    seen: set[str] = set()
    for item in items:
        name = item.get(subject) if item else None
        if isinstance(name, str) and name in seen:
            reading.problem(item.at, f"There are two entries with the {subject} `{name}`. Keep one of them.")
        seen.add(str(name))
