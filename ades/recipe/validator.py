"""CWL → JSON Schema (2020-12) of the `inputs` object of an execution request.

It takes every way in which OGC API - Processes lets a client say a value: inline, as qualified value (`{"value": …,
"mediaType": …}`), by reference (`{"href": …}`), and, where the process wants a list, a single value instead. The ways
are told apart by `if`/`then`, not by `anyOf`, so that a message speaks of the value that is wrong and not of all the
alternatives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.recipe import eoap
from ades.recipe.reading import Node
from ades.recipe.types import members, optional

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ades.model import JSON

_TEXT: Final[dict[str, JSON]] = {"type": "string", "minLength": 1}
_LINK: Final[dict[str, JSON]] = {
    "type": "object",
    "required": ["href"],
    "properties": {
        "href": _TEXT,
        "rel": {"type": "string"},
        "type": {"type": "string"},
        "hreflang": {"type": "string"},
        "title": {"type": "string"},
        "format": {"type": "object"},
        "length": {"type": "integer"},
        "method": {"enum": ["GET", "POST"]},
    },
}
_NESTED: Final[dict[str, JSON]] = {
    "type": "object",
    "required": ["process"],
    "properties": {"process": _TEXT, "inputs": {"type": "object"}, "outputs": {"type": "object"}},
}
_QUALIFIERS: Final[dict[str, JSON]] = {
    "mediaType": {"type": "string"},
    "encoding": {"type": "string"},
    "schema": {"type": ["string", "object"]},
    "format": {"type": "object"},
}
_IS_LINK: Final[dict[str, JSON]] = {"type": "object", "required": ["href"]}
_IS_NESTED: Final[dict[str, JSON]] = {"type": "object", "required": ["process"]}
_IS_QUALIFIED: Final[dict[str, JSON]] = {"type": "object", "required": ["value"]}
_IS_LIST: Final[dict[str, JSON]] = {"type": "array"}

_BBOX: Final[dict[str, JSON]] = {
    "type": "object",
    "required": ["bbox"],
    "properties": {
        "bbox": {
            "type": "array",
            "items": {"type": "number"},
            "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
        },
        "crs": {"type": "string", "pattern": r"(^|[/:])CRS84h?\]?$"},
    },
}
_FILE: Final[dict[str, JSON]] = {
    "type": ["string", "object"],
    "minLength": 1,
    "if": {"type": "object", "required": ["class"]},
    "then": {
        "properties": {"class": {"enum": ["File"]}, "location": _TEXT, "path": _TEXT, "contents": {"type": "string"}},
    },
}
_FOLDER: Final[dict[str, JSON]] = {
    "type": ["string", "object"],
    "minLength": 1,
    "if": {"type": "object", "required": ["class"]},
    "then": {"properties": {"class": {"enum": ["Directory"]}, "location": _TEXT, "path": _TEXT}},
    "else": {
        "if": {"type": "object"},
        "then": {
            "required": ["type"],
            "properties": {"type": {"enum": ["Feature", "FeatureCollection", "Collection", "Catalog"]}},
        },
    },
}
_PRIMITIVES: Final[dict[str, dict[str, JSON]]] = {
    "null": {"type": "null"},
    "boolean": {"type": "boolean"},
    "int": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "long": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "string": {"type": "string"},
    "File": _FILE,
    "stdin": _FILE,
    "Directory": _FOLDER,
    "Any": {},
}


def validator(entry: Node, refinements: Mapping[str, dict[str, JSON]] | None = None) -> dict[str, JSON]:
    """The schema of the inputs of a process; `refinements` are further constraints on plain values, by input."""
    further = refinements or {}
    ports = {port["id"]: port for port in entry["inputs"]}
    required = [name for name, port in ports.items() if not optional(port["type"]) and "default" not in port]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {name: _input(port, further.get(name, {})) for name, port in ports.items()},
        "required": required,
        "additionalProperties": False,
    }


def _input(port: Node, further: dict[str, JSON]) -> dict[str, JSON]:
    schema = value_schema(port["type"], further)
    if optional(port["type"]) or "default" not in port:
        return schema
    # A client that sends null for an input with a default means the default.
    return {"if": {"type": "null"}, "else": schema}


def value_schema(kind: JSON, further: dict[str, JSON] | None = None) -> dict[str, JSON]:
    """What a client may send for a value of this type."""
    inner = literal(kind, _element)
    if further and _plain_value(kind):
        inner = inner | further if "type" in inner else {"allOf": [inner, further]}
    if not _takes_objects_as_they_are(kind):
        inner = _choice(_IS_QUALIFIED, {"properties": {"value": inner} | _QUALIFIERS}, inner)
    return _choice(_IS_LINK, _LINK, _choice(_IS_NESTED, _NESTED, inner))


def _plain_value(kind: JSON) -> bool:
    """Texts and numbers, and lists of them: what constraints of an author can speak of."""
    return all(
        item["type"] in {"enum", "array"}
        if isinstance(item, dict)
        else item in {"string", "int", "long", "float", "double"}
        for item in members(kind)
    )


def _takes_objects_as_they_are(kind: JSON) -> bool:
    """A record with a field `value` cannot be told from a qualified value; it is taken for the record."""
    return any(
        isinstance(item, dict)
        and item["type"] == "record"
        and not _wrapped(item)
        and any(field["name"] == "value" for field in item["fields"])
        for item in members(kind)
    )


def _element(kind: JSON) -> dict[str, JSON]:
    """One value of a list, which may come qualified or by reference by itself."""
    inner = literal(kind, _inner)
    if not _takes_objects_as_they_are(kind):
        inner = _choice(_IS_QUALIFIED, {"properties": {"value": inner} | _QUALIFIERS}, inner)
    return _choice(_IS_LINK, _LINK, _choice(_IS_NESTED, _NESTED, inner))


def _inner(kind: JSON) -> dict[str, JSON]:
    """A value deeper within: as it is, or by reference. More ways would multiply with each level."""
    return _choice(_IS_LINK, _LINK, literal(kind, _inner))


def literal(kind: JSON, below: Callable[[JSON], dict[str, JSON]]) -> dict[str, JSON]:
    """A value of this type said inline; `below` says how the values within it may come."""
    kinds = members(kind)
    options = [_literal(item, below) for item in kinds]
    if optional(kind):
        options.append({"type": "null"})
    if len(options) == 1:
        return options[0]
    if len(kinds) == 1:
        return {"if": {"type": "null"}, "else": options[0]}
    return {"anyOf": options}


def _literal(kind: JSON, below: Callable[[JSON], dict[str, JSON]]) -> dict[str, JSON]:
    if not isinstance(kind, dict):
        return dict(_PRIMITIVES.get(kind, _FILE))
    known = eoap.custom(kind.origin) if isinstance(kind, Node) else None
    if known is not None and "allOf" in known.schema:
        return _BBOX
    if known is not None and known.wrapped:
        return {key: value for key, value in known.schema.items() if key in {"type", "format"}}
    match kind["type"]:
        case "array":
            item = below(kind["items"])
            items: dict[str, JSON] = {"type": "array", "items": item}
            return _choice(_IS_LIST, items, item) if below is _element else items
        case "enum":
            return {"type": "string", "enum": list(kind["symbols"])}
        case _:
            return _record(kind["fields"])


def _record(fields: list[JSON]) -> dict[str, JSON]:
    return {
        "type": "object",
        "properties": {item["name"]: _inner(item["type"]) for item in fields},
        "required": [item["name"] for item in fields if not optional(item["type"])],
    }


def _wrapped(kind: JSON) -> bool:
    known = eoap.custom(kind.origin) if isinstance(kind, Node) else None
    return known is not None and known.wrapped


def _choice(condition: dict[str, JSON], then: dict[str, JSON], otherwise: dict[str, JSON]) -> dict[str, JSON]:
    return {"if": condition, "then": then, "else": otherwise}
