"""JSON Schema in words: what a person has to know to fill in an input."""

from __future__ import annotations

import json
from typing import Any, Final

_FORMATS: Final = {
    "date": "date",
    "date-time": "date and time",
    "time": "time of day",
    "duration": "duration",
    "uri": "address",
    "email": "e-mail address",
    "uuid": "UUID",
    "ogc-bbox": "bounding box",
    "geojson-feature-collection": "GeoJSON feature collection",
    "geojson-feature": "GeoJSON feature",
    "geojson-geometry": "GeoJSON geometry",
    "stac-catalog": "STAC catalogue",
    "stac-collection": "STAC collection",
    "stac-item": "STAC item",
}
_TYPES: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "yes or no",
    "object": "object",
}
_SAMPLES: Final = {
    "date": "2025-07-01",
    "date-time": "2025-07-01T12:00:00Z",
    "email": "ada@example.org",
    "uuid": "6f1c1f6e-6f0a-4c5e-9d0a-2f1f0e6a7b11",
}
_ALTERNATIVES: Final = 4
"""More choices than these are counted instead of listed."""


def in_words(schema: Any) -> str:
    """One line that says which values fit: `whole number, 1 to 10`."""
    if not isinstance(schema, dict) or not schema:
        return "anything"
    for key in ("oneOf", "anyOf"):
        if isinstance(schema.get(key), list) and schema[key]:
            return _either(schema[key])
    if isinstance(schema.get("allOf"), list) and schema["allOf"]:
        return ", ".join(dict.fromkeys(in_words(part) for part in schema["allOf"]))
    if isinstance(schema.get("enum"), list):
        return _choices(schema["enum"])
    if schema.get("type") == "array":
        return _array(schema)
    return _plain(schema)


def example(description: dict[str, Any]) -> dict[str, Any]:
    """Inputs that could be sent to a process: what is required, with its default or a value that fits."""
    ports = description.get("inputs") or {}
    return {name: sample(port.get("schema")) for name, port in ports.items() if port.get("minOccurs", 1) != 0}


def sample(schema: Any) -> Any:
    """A value that fits the schema, to show its form."""
    if not isinstance(schema, dict):
        return "…"
    for key in ("default", "example"):
        if key in schema:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    for key in ("oneOf", "anyOf", "allOf"):
        if schema.get(key):
            return sample(schema[key][0])
    return _sample_of_type(schema)


def resolve(document: dict[str, Any], entries: list[Any]) -> list[Any]:
    """The entries of an OpenAPI document, with references into its own components followed."""
    return [_follow(document, entry) for entry in entries]


_METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options")


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The operations of an OpenAPI document by their first tag, in the order of the tags."""
    groups: dict[str, dict[str, Any]] = {
        tag["name"]: {"tag": tag["name"], "description": tag.get("description", ""), "entries": []}
        for tag in document.get("tags") or ()
    }
    for path, methods in (document.get("paths") or {}).items():
        for method, operation in methods.items():
            if method in _METHODS:
                tag = (operation.get("tags") or [""])[0]
                group = groups.setdefault(tag, {"tag": tag, "description": "", "entries": []})
                group["entries"].append((path, method, operation, methods.get("parameters") or []))
    return [group for group in groups.values() if group["entries"]]


def grouped(texts: list[str], separator: str) -> list[dict[str, Any]]:
    """Texts by what stands before the last separator in them."""
    groups: dict[str, list[str]] = {}
    for text in texts:
        groups.setdefault(text.rpartition(separator)[0], []).append(text)
    return [{"start": start, "entries": entries} for start, entries in groups.items()]


def _follow(document: dict[str, Any], entry: Any) -> Any:
    pointer = entry.get("$ref") if isinstance(entry, dict) else None
    if not isinstance(pointer, str) or not pointer.startswith("#/"):
        return entry
    found: Any = document
    for part in pointer[2:].split("/"):
        found = found.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(found, dict) else {}
    return found


def _sample_of_type(schema: dict[str, Any]) -> Any:
    kind, form = schema.get("type"), str(schema.get("format", "")).rpartition("/")[2]
    if form == "ogc-bbox":
        return {"bbox": [-10, 50, 2, 60]}
    if schema.get("contentMediaType") or form == "uri":
        return (
            {"href": "https://example.org/file"} if schema.get("contentMediaType") else "https://example.org/item.json"
        )
    if kind in {"integer", "number"}:
        return schema.get("minimum", 1)
    if kind == "array":
        return [sample(schema.get("items"))] * max(1, int(schema.get("minItems", 1)))
    if kind == "object":
        properties = schema.get("properties") or {}
        return {name: sample(properties.get(name)) for name in schema.get("required", ())}
    return True if kind == "boolean" else "…" if kind != "string" else _SAMPLES.get(form, "text")


def _either(branches: list[Any]) -> str:
    return " or ".join(dict.fromkeys(in_words(branch) for branch in branches))


def _choices(values: list[Any]) -> str:
    if len(values) > _ALTERNATIVES * 2:
        return f"one of {len(values)} choices"
    return "one of " + ", ".join(value if isinstance(value, str) else json.dumps(value) for value in values)


def _array(schema: dict[str, Any]) -> str:
    low, high = schema.get("minItems"), schema.get("maxItems")
    counted = f"{low}" if low is not None and low == high else _span(low, high)
    items = schema.get("items")
    if isinstance(items, dict) and isinstance(items.get("enum"), list) and not counted:
        return _choices(items["enum"]).replace("one of", "any of", 1)
    return " ".join(part for part in ("list of", counted, _plural(in_words(items))) if part)


def _plural(words: str) -> str:
    """The words for several: whole number, at least 1 → whole numbers, at least 1."""
    head, comma, tail = words.partition(", ")
    plain = head.endswith(("number", "date", "object", "address")) and " or " not in head
    ending = "es" if head.endswith("ss") else "s"
    return f"{head}{ending}{comma}{tail}" if plain else words


def _plain(schema: dict[str, Any]) -> str:
    media, form, kind = schema.get("contentMediaType"), schema.get("format"), schema.get("type")
    if media:
        name = f"file ({media})"
    elif isinstance(form, str) and form.rpartition("/")[2] in _FORMATS:
        name = _FORMATS[form.rpartition("/")[2]]
    else:
        name = _TYPES.get(str(kind), str(kind) if kind else "anything")
    details = (_range(schema), _length(schema), f"pattern {schema['pattern']}" if schema.get("pattern") else "")
    return ", ".join(part for part in (name, *details) if part)


def _range(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    text = _span(low, high)
    if schema.get("exclusiveMinimum") is True and low is not None:
        text = text.replace("at least", "more than", 1)
    if schema.get("exclusiveMaximum") is True and high is not None:
        text = text.replace("at most", "less than", 1)
    return text


def _length(schema: dict[str, Any]) -> str:
    span = _span(schema.get("minLength"), schema.get("maxLength"))
    return f"{span} characters" if span else ""


def _span(low: Any, high: Any) -> str:
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"at least {low}"
    return f"at most {high}" if high is not None else ""
