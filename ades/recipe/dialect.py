"""A description as the clients of the EODH know it.

They find lists by `extended-schema` alone, show a text field for files and folders, and want a description where there
is only a title. Everything that the plain description says is still there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ades.model import JSON

_MANY: Final = 999
"""What the dialect calls unbounded."""
_CATALOGUE: Final = {"type": "object", "format": "geojson-feature-collection"}
_ABOUT_VALUES: Final = ("default", "nullable")


def describe_eodh(description: dict[str, JSON]) -> dict[str, JSON]:
    """The same description in the dialect."""
    inputs, outputs = description.get("inputs") or {}, description.get("outputs") or {}
    return description | {
        "inputs": {name: _input(port) for name, port in inputs.items()},
        "outputs": {name: _output(port) for name, port in outputs.items()},
    }


def _input(port: dict[str, JSON]) -> dict[str, JSON]:
    found, schema = _described(port), port.get("schema")
    if not isinstance(schema, dict):
        return found
    if schema.get("type") == "array":
        return found | _list(schema)
    if _by_address(schema):
        plain = _first(schema) | {key: schema[key] for key in _ABOUT_VALUES if key in schema}
        return found | {"schema": plain, "extended-schema": schema}
    return found


def _list(schema: dict[str, JSON]) -> dict[str, JSON]:
    items = schema.get("items") or {}
    if isinstance(items, dict) and _by_address(items):
        items = {"type": "string"}
    most = schema.get("maxItems", _MANY)
    extended = {"type": "array", "items": items, "minItems": schema.get("minItems", 1), "maxItems": most}
    return {"maxOccurs": most, "extended-schema": extended}


def _output(port: dict[str, JSON]) -> dict[str, JSON]:
    found, schema = _described(port), port.get("schema")
    if not isinstance(schema, dict) or "oneOf" not in schema:
        return found
    if _CATALOGUE in schema["oneOf"]:
        return found | {"schema": {"oneOf": [_CATALOGUE]}, "extended-schema": schema}
    return found | {"extended-schema": schema}


def _described(port: dict[str, JSON]) -> dict[str, JSON]:
    return port if port.get("description") else port | {"description": port.get("title", "")}


def _by_address(schema: dict[str, JSON]) -> bool:
    """A file or folder, which is given by its address."""
    return any(isinstance(part, dict) and part.get("format") == "uri" for part in schema.get("oneOf", ()))


def _first(schema: dict[str, JSON]) -> dict[str, JSON]:
    return dict(next(part for part in schema["oneOf"] if part.get("format") == "uri"))
