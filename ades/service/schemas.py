"""The schema of the inputs of a process, compiled once for each package and kept.

A package brings its validator from its deployment. A process that is part of the server has only its description, and
the validator is made from that.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from ades.service.request import bare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jsonschema import Draft202012Validator, FormatChecker, ValidationError

    from ades.model import JSON

SHOWN: Final = 120
"""How much of a wrong value an error message repeats."""
KEPT: Final = 512
"""Rules of so many packages stay compiled."""
FILE_FORMATS: Final = ("stac-item", "stac-collection", "stac-catalog", "geojson-feature-collection")


@dataclass(frozen=True, slots=True)
class Field:
    """One input, ready to be checked."""

    name: str
    required: bool
    nullable: bool
    has_default: bool
    default: JSON
    many: bool
    """It takes an array, so that a single value is an array of one."""
    most: int | None
    media_types: frozenset[str]
    kinds: frozenset[str]
    """The JSON types that one value may have, as far as the schema says."""
    is_file: bool
    """What it takes is a file or folder: an address stays an address."""
    properties: frozenset[str]
    whole: Draft202012Validator
    single: Draft202012Validator

    def fits(self, one: JSON) -> bool:
        """One value, not an array of them, fits."""
        return bool(self.single.is_valid(one))

    def declares(self, name: str) -> bool:
        """The schema itself has a property of this name."""
        return name in self.properties


@dataclass(frozen=True, slots=True)
class Rules:
    """What the inputs of one package must look like."""

    fields: dict[str, Field]
    """In the order of the description."""


class RulesCache:
    """Compiled rules by digest. Packages never change, so nothing here goes stale."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Rules] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, load: Callable[[], tuple[Mapping[str, JSON], Mapping[str, JSON]]]) -> Rules:
        """The rules of a package; `load` gives its validator and its description when they are not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        compiled = compile_rules(*load())
        with self._lock:
            self._kept[key] = compiled
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return compiled


def compile_rules(validator: Mapping[str, JSON], description: Mapping[str, JSON]) -> Rules:
    """Prepare the checks of each input of a process."""
    described: Mapping[str, JSON] = description.get("inputs") or {}
    schema = validator or validator_of(description)
    properties: Mapping[str, JSON] = schema.get("properties") or {}
    shared = {key: _keyword(key, schema[key]) for key in ("$defs", "definitions") if key in schema}
    required = frozenset(schema.get("required") or ())
    names = dict.fromkeys([*described, *properties])
    return Rules(
        {
            name: _field(name, properties.get(name, {}), described.get(name) or {}, shared, required=name in required)
            for name in names
        }
    )


def validator_of(description: Mapping[str, JSON]) -> dict[str, JSON]:
    """The JSON Schema of the inputs object that a process description speaks of."""
    described: Mapping[str, Mapping[str, JSON]] = description.get("inputs") or {}
    return {
        "type": "object",
        "properties": {name: _described(entry) for name, entry in described.items()},
        "required": [name for name, entry in described.items() if entry.get("minOccurs", 1) != 0],
    }


def _described(entry: Mapping[str, JSON]) -> JSON:
    schema = entry.get("schema") or {}
    if _most(entry) == 1:
        return schema
    return {"type": "array", "items": schema, "minItems": entry.get("minOccurs", 1)}


def _json_schema(schema: JSON) -> JSON:
    """JSON Schema for what descriptions say in the words of OpenAPI 3.0 and of OGC: `nullable`, formats that are schemas.

    Alternatives of a description often differ in nothing but the media type, so that "one of" means "any of".
    """
    if isinstance(schema, list):
        return [_json_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {"anyOf" if key == "oneOf" else key: _keyword(key, value) for key, value in schema.items()}
    if schema.get("format") == "ogc-bbox" and "properties" not in schema:
        changed |= BBOX
    return {"anyOf": [changed, {"type": "null"}]} if changed.pop("nullable", False) else changed


def _keyword(key: str, value: JSON) -> JSON:
    if key in {"enum", "default", "const", "required"}:
        return value
    if key in {"properties", "$defs", "definitions", "patternProperties"} and isinstance(value, dict):
        return {name: _json_schema(part) for name, part in value.items()}
    return _json_schema(value)


BBOX: Final[dict[str, JSON]] = {
    "type": "object",
    "required": ["bbox"],
    "properties": {
        "bbox": {
            "type": "array",
            "items": {"type": "number"},
            "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
        },
        "crs": {"type": "string"},
    },
}


def _most(entry: Mapping[str, JSON]) -> int | None:
    """`maxOccurs`; None means any number."""
    most = entry.get("maxOccurs", 1)
    return most if isinstance(most, int) else None


def _field(name: str, schema: JSON, described: Mapping[str, JSON], shared: dict[str, JSON], *, required: bool) -> Field:
    own = described.get("schema") or schema
    most = _most(described)
    repeated = most != 1
    is_array = own.get("type") == "array"
    item = own if repeated else own.get("items") or {} if is_array else own
    branches = list(_branches(item))
    return Field(
        name=name,
        required=required,
        nullable=bool(own.get("nullable")) or any(branch.get("type") == "null" for branch in branches),
        has_default="default" in own,
        default=own.get("default"),
        many=repeated or is_array,
        most=most if repeated else None,
        media_types=frozenset(bare(b["contentMediaType"]) for b in branches if b.get("contentMediaType")),
        kinds=frozenset(b["type"] for b in branches if isinstance(b.get("type"), str)),
        is_file=_takes_files(described, branches),
        properties=frozenset(key for b in branches for key in b.get("properties") or ()),
        whole=_compiled({**_json_schema(schema), **shared} if isinstance(schema, dict) else {}),
        single=_compiled({**_json_schema(item), **shared}),
    )


def _branches(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The alternatives of a schema, without those that only group others."""
    grouped = [branch for key in ("oneOf", "anyOf", "allOf") for branch in schema.get(key) or ()]
    if not grouped:
        yield schema
    for branch in grouped:
        yield from _branches(branch)


def _takes_files(described: Mapping[str, JSON], branches: list[Mapping[str, Any]]) -> bool:
    """A description that was made here says so by `valuePassing`: files come by reference in the first place."""
    passing = described.get("valuePassing")
    if isinstance(passing, list) and passing:
        return bool(passing[0] == "byReference")
    return any(map(_is_file, branches)) and not all(b.get("format") == "uri" for b in branches)


def _is_file(branch: Mapping[str, Any]) -> bool:
    return (
        bool(branch.get("contentMediaType") or branch.get("contentEncoding"))
        or branch.get("format") in {"uri", *FILE_FORMATS}
        or "href" in (branch.get("properties") or ())
    )


def _compiled(schema: dict[str, JSON]) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema, format_checker=_formats())


@cache
def _formats() -> FormatChecker:
    """The formats that are checked; unknown ones are not."""
    from jsonschema import FormatChecker

    checker = FormatChecker(("date", "email", "ipv4", "ipv6", "regex", "uuid"))
    checker.checks("date-time")(_is_moment)
    checker.checks("date")(lambda value: not isinstance(value, str) or _reads(date.fromisoformat, value))
    checker.checks("int32")(lambda value: not isinstance(value, int) or -(2**31) <= value < 2**31)
    checker.checks("int64")(lambda value: not isinstance(value, int) or -(2**63) <= value < 2**63)
    return checker


def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or ("T" in value.upper() and _reads(datetime.fromisoformat, value))


def _reads(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


# -- words ----------------------------------------------------------------------------------------------------------


def pointer(*path: str | int) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


_WORDS: Final[dict[str, str]] = {
    "minimum": "must be at least {wanted}",
    "maximum": "must be at most {wanted}",
    "exclusiveMinimum": "must be greater than {wanted}",
    "exclusiveMaximum": "must be less than {wanted}",
    "multipleOf": "must be a multiple of {wanted}",
    "minLength": "must have at least {wanted} characters",
    "maxLength": "must have at most {wanted} characters",
    "minItems": "must have at least {wanted} items",
    "maxItems": "must have at most {wanted} items",
    "uniqueItems": "must not have the same item twice",
    "pattern": "must match the pattern {wanted}",
    "format": "must be a valid {wanted}",
    "const": "must be {wanted}",
}


def explain(error: ValidationError) -> str:
    """What is wrong, in words for the person who sent it."""
    given, wanted = _shown(error.instance), error.validator_value
    match error.validator:
        case "type":
            kinds = " or ".join(wanted) if isinstance(wanted, list) else wanted
            return f"must be of type {kinds}, and {given} is not"
        case "enum":
            return f"must be one of {_shown(wanted)}, and {given} is not"
        case "required":
            lacking = re.sub(r" is a required property$", "", error.message)
            return f"lacks the member {lacking}"
        case "oneOf" | "anyOf":
            return f"{given} fits none of the forms in the description of the process"
        case word if word in _WORDS:
            return f"{_WORDS[word].format(wanted=_shown(wanted, quote=False))}, and {given} is not accepted"
    return error.message if len(error.message) <= 2 * SHOWN else error.message[: 2 * SHOWN] + "…"


def _shown(value: object, *, quote: bool = True) -> str:
    text = str(value) if isinstance(value, str) and not quote else repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
