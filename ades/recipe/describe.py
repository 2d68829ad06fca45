"""CWL → OGC: the process description that a client reads.

Schemas stay within the closed list of keywords that OGC API - Processes 1.0 allows, and hold no `$ref`. The order of
inputs and outputs is the author's. A default that is false, zero or empty is a default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.recipe import eoap
from ades.recipe.formats import media_types, textual
from ades.recipe.reading import Node
from ades.recipe.types import members, optional

if TYPE_CHECKING:
    from ades.model import JSON
    from ades.recipe.metadata import About

BY_VALUE: Final = ("byValue", "byReference")
BY_REFERENCE: Final = ("byReference", "byValue")

_PRIMITIVES: Final[dict[str, dict[str, JSON]]] = {
    "boolean": {"type": "boolean"},
    "int": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "float": {"type": "number", "format": "float"},
    "double": {"type": "number", "format": "double"},
    "string": {"type": "string"},
    "stdout": {"type": "string", "contentMediaType": "text/plain"},
    "stderr": {"type": "string", "contentMediaType": "text/plain"},
    "null": {"nullable": True},
    "Any": {},
}
_URI: Final[dict[str, JSON]] = {"type": "string", "format": "uri"}
_LINK: Final[dict[str, JSON]] = {
    "type": "object",
    "required": ["href"],
    "properties": {"href": {"type": "string", "format": "uri"}, "type": {"type": "string"}},
}
_FOLDERS: Final = ("stac-item", "stac-collection", "geojson-feature-collection")


def describe(process_id: str, entry: Node, about: About) -> dict[str, JSON]:
    """The description of a process, without links."""
    description: dict[str, JSON] = {
        "id": process_id,
        "title": about.title or process_id,
        "description": about.description,
        "version": about.version,
        "keywords": about.keywords,
        "metadata": about.metadata,
        "mutable": True,
        "jobControlOptions": ["async-execute", "sync-execute", "dismiss"],
        "outputTransmission": ["value", "reference"],
        "inputs": {port["id"]: describe_input(port) for port in entry["inputs"]},
        "outputs": {port["id"]: describe_output(port) for port in entry["outputs"]},
    }
    return {key: value for key, value in description.items() if value is not None}


def describe_input(port: Node) -> dict[str, JSON]:
    """One input."""
    found = _texts(port)
    found["schema"] = schema_of(port["type"], port.get("format"))
    if "default" in port:
        found["schema"]["default"] = _default(port["type"], port["default"])
    found["minOccurs"] = 0 if optional(port["type"]) or "default" in port else 1
    found["maxOccurs"] = 1
    found["valuePassing"] = list(BY_REFERENCE if holds_files(port["type"]) else BY_VALUE)
    return found


def describe_output(port: Node) -> dict[str, JSON]:
    """One output."""
    found = _texts(port)
    found["schema"] = schema_of(port["type"], port.get("format"), output=True)
    return found


def _texts(port: Node) -> dict[str, JSON]:
    found: dict[str, JSON] = {"title": port.get("label") or port["id"]}
    if port.get("doc"):
        found["description"] = port["doc"]
    return found


def holds_files(kind: JSON) -> bool:
    """Whether a value of the type is made of files or folders."""
    match kind:
        case list():
            return any(holds_files(item) for item in kind)
        case {"type": "array"}:
            return holds_files(kind["items"])
        case _:
            return kind in {"File", "Directory", "stdin"} if isinstance(kind, str) else False


# -- schemas --------------------------------------------------------------------------------------------------------


def schema_of(kind: JSON, fmt: JSON = None, *, output: bool = False) -> dict[str, JSON]:
    """The schema of a type in its normal form."""
    kinds = members(kind)
    if not kinds:
        return {"nullable": True}
    if len(kinds) == 1:
        schema = _single(kinds[0], fmt, output=output)
    else:
        parts = [_single(item, fmt, output=output) for item in kinds]
        schema = {"anyOf" if _overlap(parts) else "oneOf": _flattened(parts)}
    return schema | {"nullable": True} if optional(kind) else schema


def _single(kind: JSON, fmt: JSON, *, output: bool) -> dict[str, JSON]:
    if isinstance(kind, dict):
        return _complex(kind, fmt, output=output)
    if kind in {"File", "stdin"}:
        return file_schema(media_types(fmt))
    if kind == "Directory":
        return _folder(output=output)
    return dict(_PRIMITIVES[kind])


def _complex(kind: JSON, fmt: JSON, *, output: bool) -> dict[str, JSON]:
    known = eoap.custom(kind.origin) if isinstance(kind, Node) else None
    if known is not None:
        return dict(known.schema)
    texts = {"title": kind.get("label"), "description": kind.get("doc")}
    said = {key: value for key, value in texts.items() if value}
    match kind["type"]:
        case "array":
            return said | {"type": "array", "items": schema_of(kind["items"], fmt, output=output)}
        case "enum":
            return said | {"type": "string", "enum": list(kind["symbols"])}
        case _:
            return said | _record(kind["fields"], output=output)


def _record(fields: list[JSON], *, output: bool) -> dict[str, JSON]:
    schema: dict[str, JSON] = {"type": "object", "properties": {}}
    for item in fields:
        inner = schema_of(item["type"], item.get("format"), output=output)
        texts = {"title": item.get("label"), "description": item.get("doc")}
        schema["properties"][item["name"]] = {key: text for key, text in texts.items() if text} | inner
    required = [item["name"] for item in fields if not optional(item["type"])]
    return schema | {"required": required} if required else schema


def file_schema(types: list[str]) -> dict[str, JSON]:
    """A file: its address, or an object with the address. The first alternative names the default media type."""
    texts: list[dict[str, JSON]] = []
    for media_type in types:
        encoding = {} if textual(media_type) else {"contentEncoding": "binary"}
        texts.append(_URI | {"contentMediaType": media_type} | encoding)
    return {"oneOf": [*(texts or [dict(_URI)]), dict(_LINK)]}


def _folder(*, output: bool) -> dict[str, JSON]:
    objects = [{"type": "object", "format": name} for name in _FOLDERS]
    if output:
        return {"oneOf": [objects[1], objects[2], objects[0], dict(_URI)]}
    return {"oneOf": [dict(_URI), *objects]}


def _overlap(parts: list[dict[str, JSON]]) -> bool:
    """Whether one value could be of two of these, so that exactly one cannot be asked for."""
    seen: set[str] = set()
    for part in parts:
        words = _value_kinds(part)
        if words & seen or not words:
            return True
        seen |= words
    return False


def _value_kinds(schema: dict[str, JSON]) -> set[str]:
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return {word for part in schema[key] for word in _value_kinds(part)}
    word = schema.get("type")
    return {"number" if word == "integer" else str(word)} if word else set()


def _flattened(parts: list[dict[str, JSON]]) -> list[dict[str, JSON]]:
    """Alternatives of alternatives are alternatives."""
    flat: list[dict[str, JSON]] = []
    for part in parts:
        inner = part["oneOf"] if part.keys() == {"oneOf"} else [part]
        flat.extend(item for item in inner if item not in flat)
    return flat


# -- defaults -------------------------------------------------------------------------------------------------------


def _default(kind: JSON, value: JSON) -> JSON:
    known = [eoap.custom(item.origin) for item in members(kind) if isinstance(item, Node)]
    if isinstance(value, dict) and "value" in value and any(item is not None and item.wrapped for item in known):
        return value["value"]
    return client_value(value)


def client_value(value: JSON) -> JSON:
    """A value as a client writes it: a file is its address, or its contents."""
    if isinstance(value, list):
        return [client_value(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class") in ("File", "Directory"):
        return _client_file(value)
    return {key: client_value(item) for key, item in value.items()}


def _client_file(value: dict[str, JSON]) -> JSON:
    if "location" in value:
        return value["location"]
    if "contents" in value:
        known = media_types(value.get("format"))
        return {"value": value["contents"], "mediaType": known[0] if known else "text/plain"}
    return {key: item for key, item in value.items() if key in {"class", "basename", "listing"}}
