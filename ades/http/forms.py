"""The execution form: what fields a person fills in to run a process, made from the description of its inputs.

Each input becomes one field of the kind that is easiest to fill in; what no simple field can hold is JSON in a text
area. Reading a form back is the business of `filling`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from ades.http import schemas

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ades.model import JSON


class Kind(StrEnum):
    """How a field is filled in."""

    TEXT = "text"
    LONG = "long"
    """Text of several lines."""
    EMAIL = "email"
    NUMBER = "number"
    WHOLE = "whole"
    FLAG = "flag"
    """A box to tick; what is not ticked is false."""
    CHOICE = "choice"
    CHOICES = "choices"
    """Any number of a few values."""
    DATE = "date"
    MOMENT = "moment"
    """A date with a time, in UTC."""
    ADDRESS = "address"
    """An address that is the value itself."""
    FILE = "file"
    """Something that lies elsewhere, or is sent along: an address, or an upload."""
    BOX = "box"
    """A bounding box: west, south, east, north."""
    LIST = "list"
    """Several values of a simple kind, one in each line."""
    FILES = "files"
    """Several addresses, one in each line, and uploads."""
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values that an input may have."""

    text: str
    label: str
    value: JSON


@dataclass(frozen=True, slots=True)
class Field:
    """One input, as a person fills it in."""

    name: str
    key: str
    """Its id on the page."""
    label: str
    about: str
    fits: str
    """Which values fit, in words."""
    kind: Kind
    required: bool
    schema: dict[str, Any]
    item: Kind = Kind.TEXT
    """Of what kind each line of a list is."""
    choices: tuple[Choice, ...] = ()
    media_types: tuple[str, ...] = ()
    """Of a file, as they are described."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """For the browser: min, max, step, maxlength, accept."""

    @property
    def control(self) -> str:
        """The name of its control in the form."""
        return f"in:{self.name}"

    @property
    def has_default(self) -> bool:
        """Whether something happens when it is left empty."""
        return self.schema.get("default") is not None


BOX_SIDES: Final = ("west", "south", "east", "north")
_LONG: Final = 200
"""Text that may be longer than this gets several lines."""
_FEW: Final = 12
"""So many choices fit on a page as boxes to tick."""
_YES_NO: Final = (Choice("true", "yes", True), Choice("false", "no", False))
_STRINGS: Final = {
    "date": Kind.DATE,
    "date-time": Kind.MOMENT,
    "email": Kind.EMAIL,
    "uri": Kind.ADDRESS,
    "url": Kind.ADDRESS,
    "iri": Kind.ADDRESS,
}
_PLAIN: Final = {"boolean": Kind.FLAG, "integer": Kind.WHOLE, "number": Kind.NUMBER}
_SIMPLE: Final = frozenset({Kind.TEXT, Kind.NUMBER, Kind.WHOLE, Kind.ADDRESS, Kind.CHOICE, Kind.DATE, Kind.EMAIL})


def fields(description: Mapping[str, Any]) -> tuple[Field, ...]:
    """The fields for the inputs of a process, in their order."""
    ports = description.get("inputs") or {}
    return tuple(_field(name, port, number) for number, (name, port) in enumerate(ports.items(), 1))


def choice_text(value: JSON) -> str:
    """How a choice is written in the form."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _field(name: str, port: Mapping[str, Any], number: int) -> Field:
    schema = port.get("schema")
    schema = schema if isinstance(schema, dict) else {}
    kind, inner = kind_of(schema), schema
    if port.get("maxOccurs", 1) not in (0, 1) and schema.get("type") != "array":
        kind, inner = _several(kind), {"type": "array", "items": schema}
    optional = port.get("minOccurs", 1) == 0
    if kind is Kind.FLAG and not isinstance(schema.get("default"), bool):
        kind = Kind.CHOICE
    return Field(
        name=name,
        key=f"field-{number}",
        label=str(port.get("title") or name),
        about="" if port.get("description") in (None, port.get("title")) else str(port["description"]),
        fits=schemas.in_words(inner),
        kind=kind,
        required=not optional and schema.get("default") is None,
        schema=inner | ({"default": schema["default"]} if "default" in schema else {}),
        item=_item(inner),
        choices=_choices(inner),
        media_types=_media_types(inner),
        attributes=_attributes(inner, kind),
    )


def kind_of(schema: Mapping[str, Any]) -> Kind:
    """What kind of field suits a schema."""
    branches = _branches(schema)
    if any(_form(branch) == "ogc-bbox" or "bbox" in (branch.get("properties") or {}) for branch in branches):
        return Kind.BOX
    if _lies_elsewhere(branches):
        return Kind.FILE
    if len(branches) > 1:
        kinds = {kind_of(branch) for branch in branches}
        return next(iter(kinds)) if len(kinds) == 1 else Kind.TEXT if kinds <= _SIMPLE | {Kind.FLAG} else Kind.JSON
    return _single(branches[0])


def _single(schema: Mapping[str, Any]) -> Kind:
    if isinstance(schema.get("enum"), list):
        return Kind.CHOICE
    kind = schema_type(schema)
    if kind == "array":
        return _array(schema)
    if kind == "string":
        long = schema.get("maxLength", 0) > _LONG or "\n" in str(schema.get("default", ""))
        return _STRINGS.get(_form(schema), Kind.LONG if long else Kind.TEXT)
    return _PLAIN.get(kind, Kind.JSON)


def schema_type(schema: Mapping[str, Any]) -> str:
    """The type that a schema names; of several the first that is not null."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), None)
    return kind if isinstance(kind, str) else ""


def _array(schema: Mapping[str, Any]) -> Kind:
    items = schema.get("items")
    kind = kind_of(items) if isinstance(items, dict) and items else Kind.JSON
    if kind is Kind.CHOICE and isinstance(items, dict) and len(items.get("enum", ())) <= _FEW:
        return Kind.CHOICES
    return _several(kind)


def _several(kind: Kind) -> Kind:
    if kind in {Kind.FILE, Kind.FILES}:
        return Kind.FILES
    return Kind.LIST if kind in _SIMPLE else Kind.JSON


def _branches(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The alternatives of a schema; a schema without alternatives is its own."""
    for key in ("oneOf", "anyOf"):
        found: list[Mapping[str, Any]] = [
            branch for branch in schema.get(key) or () if isinstance(branch, dict) and branch.get("type") != "null"
        ]
        if found:
            return found
    parts = [part for part in schema.get("allOf") or () if isinstance(part, dict)]
    return [{key: value for part in parts for key, value in part.items()} | dict(schema)] if parts else [schema]


def _form(schema: Mapping[str, Any]) -> str:
    return str(schema.get("format") or "").rpartition("/")[2]


def _lies_elsewhere(branches: list[Mapping[str, Any]]) -> bool:
    """Whether a value is a file or folder: content with a media type, or an address beside an object with `href`."""
    if any(branch.get("contentMediaType") for branch in branches):
        return True
    addresses = any(schema_type(b) == "string" and _form(b) in {"uri", "url"} for b in branches)
    objects = any(schema_type(b) == "object" or "href" in (b.get("properties") or {}) for b in branches)
    return addresses and objects


def _item(schema: Mapping[str, Any]) -> Kind:
    items = schema.get("items")
    return kind_of(items) if isinstance(items, dict) and items else Kind.TEXT


def _choices(schema: Mapping[str, Any]) -> tuple[Choice, ...]:
    if schema_type(schema) == "boolean":
        return _YES_NO
    items = schema.get("items")
    values = schema.get("enum") or (items.get("enum") if isinstance(items, dict) else None) or ()
    return tuple(Choice(choice_text(v), choice_text(v), v) for v in values if v is not None)


def _attributes(schema: Mapping[str, Any], kind: Kind) -> dict[str, str]:
    if kind in {Kind.NUMBER, Kind.WHOLE}:
        limits = {"min": schema.get("minimum"), "max": schema.get("maximum")}
        step = schema.get("multipleOf") or ("1" if kind is Kind.WHOLE else "any")
        return {name: str(value) for name, value in limits.items() if value is not None} | {"step": str(step)}
    if kind in {Kind.TEXT, Kind.LONG} and isinstance(schema.get("maxLength"), int):
        return {"maxlength": str(schema["maxLength"])}
    if kind in {Kind.FILE, Kind.FILES}:
        named = sorted({kind.partition(";")[0].strip() for kind in _media_types(schema)})
        return {"accept": ",".join(named)} if named else {}
    return {}


def _media_types(schema: Mapping[str, Any]) -> tuple[str, ...]:
    items = schema.get("items")
    branches = _branches(items if isinstance(items, dict) else schema)
    return tuple(kind for branch in branches if isinstance(kind := branch.get("contentMediaType"), str))
