"""The types of CWL: from all the ways of writing them to one.

In the normal form a type is a name (`string`, `File`), a mapping (array, record, enum) or a list of these with `null`
first when the value may be left out. Types that SchemaDefRequirement names are put in where they are used, so that
the result needs no table; custom types that come from a known address remember it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.recipe import eoap
from ades.recipe.bindings import FILES, INPUT_BINDING, LOADING, OUTPUT_BINDING
from ades.recipe.document import named
from ades.recipe.reading import Node, similar
from ades.recipe.shapes import Field, Shape, keyed, listed, paragraphs, record, short, tail, text

if TYPE_CHECKING:
    from ades.model import JSON
    from ades.recipe.reading import At, Reading

PRIMITIVES: Final = frozenset(
    {"null", "boolean", "int", "long", "float", "double", "string", "File", "Directory", "Any"}
)
MAX_DEPTH: Final = 10
"""How often lists can be nested, and types hold types by name."""
MAX_ALTERNATIVES: Final = 100
STREAMS: Final = frozenset({"stdin", "stdout", "stderr"})
_INSTEAD: Final = {
    "array": "Write `type: {type: array, items: …}` or `…[]`.",
    "bool": "Write `boolean`.",
    "dict": "Write a record or `Any`.",
    "dir": "Write `Directory`.",
    "directory": "Write `Directory`.",
    "enum": "Write `type: {type: enum, symbols: […]}`.",
    "file": "Write `File`.",
    "integer": "Write `int`.",
    "list": "Write `type: {type: array, items: …}` or `…[]`.",
    "number": "Write `double`.",
    "object": "Write a record or `Any`.",
    "path": "Write `File` or `Directory`.",
    "record": "Write `type: {type: record, fields: {…}}`.",
    "str": "Write `string`.",
    "text": "Write `string`.",
    "url": "Write `string`, `File` or `Directory`.",
}
_TYPE_NAMES: Final = PRIMITIVES | {"array", "record", "enum"}


def port_type(value: JSON, at: At, reading: Reading) -> JSON:
    """The type of an input or output; the names of the standard streams are allowed too."""
    if isinstance(value, str) and value in STREAMS:
        return value
    return read_type(value, at, reading)


def read_type(value: JSON, at: At, reading: Reading) -> JSON:
    """A type in its normal form."""
    match value:
        case str():
            return _named(value, at, reading)
        case list():
            return _union([read_type(item, (at, index), reading) for index, item in enumerate(value)], at, reading)
        case {"type": "array" | "record" | "enum" as kind}:
            return _COMPLEX[kind](value, at, reading)
        case {"type": _}:
            reading.problem(at, f"A type within a type must be an array, record or enum. {_nested_advice(value)}")
        case _:
            reading.wrong(at, value, "a type: a name such as `string` or `File[]`, a list of types, or a mapping")
    return "Any"


def _nested_advice(value: dict[str, JSON]) -> str:
    inner = value["type"]
    return f"Write `type: {inner}`." if isinstance(inner, str) else "Write it without the inner `type:`."


def _named(word: str, at: At, reading: Reading) -> JSON:
    if word in PRIMITIVES:
        return word
    if word.endswith("?") and not word.endswith("??"):
        return _union(["null", _named(word[:-1], at, reading)], at, reading)
    if word.endswith("[]" * MAX_DEPTH):
        reading.problem(at, f"Lists can be nested {MAX_DEPTH} deep at most.")
        return "Any"
    if word.endswith("[]"):
        array = Node(at)
        array |= {"type": "array", "items": _named(word[:-2], at, reading)}
        return array
    return _custom(word, at, reading)


def _union(members: list[JSON], at: At, reading: Reading) -> JSON:
    flat: list[JSON] = []
    if len(members) > MAX_ALTERNATIVES:
        reading.problem(at, f"A type can have {MAX_ALTERNATIVES} alternatives at most.")
        return "Any"
    for member in members:
        for item in member if isinstance(member, list) else [member]:
            if item not in flat:
                flat.append(item)
    if "null" in flat:
        flat.remove("null")
        flat.insert(0, "null")
    if not flat:
        reading.problem(at, "This list of types is empty.")
        return "Any"
    return flat[0] if len(flat) == 1 else flat


def _custom(word: str, at: At, reading: Reading) -> JSON:
    known = eoap.find(word)
    if known is not None:
        return known
    written = reading.types.get(word) or reading.types.get(tail(word))
    if isinstance(written, str):
        return _named(written, at, reading)
    if written is None:
        instead = _INSTEAD.get(word.lower()) or similar(word, _TYPE_NAMES | reading.types.keys()).strip()
        reading.problem(
            at,
            f"`{word}` is not a type. {instead or 'A type of your own must be listed under SchemaDefRequirement.'}",
        )
        return "Any"
    if word in reading.expanding:
        reading.problem(at, f"The type `{word}` holds itself, which cannot be described here.")
        return "Any"
    if len(reading.expanding) >= MAX_DEPTH:
        reading.problem(at, f"Types can hold types {MAX_DEPTH} deep at most.")
        return "Any"
    outer, reading.expanding = reading.expanding, (*reading.expanding, word)
    try:
        return read_type(written, at, reading)
    finally:
        reading.expanding = outer


# -- arrays, records, enums -----------------------------------------------------------------------------------------

_ADVICE: Final = {"default": "A default belongs to the input, beside its `type`."}
_COMMON: Final = {
    "label": Field(text),
    "doc": Field(paragraphs),
    "inputBinding": Field(INPUT_BINDING),
    "outputBinding": Field(OUTPUT_BINDING),
}


def _nothing(_value: JSON, _at: At, _reading: Reading) -> JSON:
    """A name that has done its work once the type stands where it is used."""
    return None


def _symbols(value: JSON, at: At, reading: Reading) -> JSON:
    found = listed(text)(value, at, reading)
    if not found:
        reading.problem(at, "An enum needs at least one symbol.")
    return [tail(symbol) if symbol.startswith("#") or "://" in symbol else symbol for symbol in found]


_FIELD: Final = record(
    "a field of a record",
    {"name": Field(short, required=True), "type": Field(read_type, required=True), **_COMMON, **FILES, **LOADING},
)
_ARRAY: Final = record(
    "an array type",
    {"type": Field(text), "name": Field(_nothing), "items": Field(read_type, required=True), **_COMMON},
    _ADVICE,
)
_RECORD: Final = record(
    "a record type",
    {
        "type": Field(text),
        "name": Field(_nothing),
        "fields": Field(keyed("name", _FIELD, "type")),
        **_COMMON,
    },
    _ADVICE,
)
_ENUM: Final = record(
    "an enum type",
    {"type": Field(text), "name": Field(_nothing), "symbols": Field(_symbols, required=True), **_COMMON},
    _ADVICE,
)


def _nameless(shape: Shape) -> Shape:
    def read(value: JSON, at: At, reading: Reading) -> JSON:
        node = shape(value, at, reading)
        node.pop("name", None)
        if node["type"] == "record":
            node.setdefault("fields", [])
        return node

    return read


_COMPLEX: Final = {"array": _nameless(_ARRAY), "record": _nameless(_RECORD), "enum": _nameless(_ENUM)}


# -- the types that a document names --------------------------------------------------------------------------------


def register(value: JSON, at: At, reading: Reading) -> None:
    """Learn the types of a SchemaDefRequirement, so that ports can name them."""
    if not isinstance(value, list):
        reading.wrong(at, value, "a list of types")
        return
    for index, item in enumerate(value):
        if isinstance(item, list):
            register(item, (at, index), reading)
        elif isinstance(item, dict) and isinstance(item.get("$import"), str):
            _known_names(item["$import"], reading)
        elif isinstance(item, dict) and isinstance(item.get("$graph"), list):
            register(item["$graph"], (at, index), reading)
        elif isinstance(item, dict) and isinstance(item.get("name"), str):
            name = item["name"]
            reading.types[name] = item
            reading.types.setdefault(tail(name), item)
        else:
            reading.problem((at, index), f"A type under SchemaDefRequirement needs a `name`; this is {named(item)}.")


def _known_names(address: str, reading: Reading) -> None:
    for full in eoap.names_in(address):
        reading.types.setdefault(tail(full), full)


def members(kind: JSON) -> list[JSON]:
    """The alternatives of a type in its normal form, `null` left out."""
    return [item for item in kind if item != "null"] if isinstance(kind, list) else [kind]


def optional(kind: JSON) -> bool:
    """Whether the value may be left out."""
    return kind == "null" or (isinstance(kind, list) and "null" in kind)
