"""From the inputs of an execution request to the inputs that CWL takes (its job order).

The types that the package declares decide: where it wants a `File`, an address or the content of a file becomes a file
here; where it wants a value, the value is taken as it is, or read from the address that was given instead.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from ades.model import Reason
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from pathlib import Path

    from ades.model import JSON

_QUALIFIED: Final = frozenset({"value", "mediaType", "encoding", "schema", "format", "type"})
_BBOX: Final = frozenset({"bbox", "crs"})
"""The fields of a bounding box, as OGC API and the custom types of CWL have it."""
_BINARY: Final = frozenset({"base64", "binary"})


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that lies elsewhere."""

    href: str
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a file that came inside the request."""

    data: bytes
    media_type: str | None = None


class Stager(Protocol):
    """Brings things here. Everything it returns lies below the folder of the job or may be read by it."""

    def file(self, source: Reference | Content, name: str) -> Path:
        """One file; `name` is the input that it is for, to be used in messages and folder names."""
        ...

    def directory(self, source: Reference | Content, name: str) -> Path:
        """A folder, for EO data with its `catalog.json`."""
        ...

    def read(self, source: Reference, name: str) -> bytes:
        """The content of an address, for an input that is a value."""
        ...


def job_order(executable: dict[str, JSON], inputs: dict[str, JSON], stager: Stager) -> dict[str, JSON]:
    """The job order for a package of CWL."""
    ports = _ports(_entry(executable))
    order = {}
    for name, port in ports.items():
        value = inputs.get(name)
        if value is None and _lies_elsewhere(port.get("default")):
            value = port["default"]  # files come through the stager alone, also those that the package itself names
        if name in inputs or value is not None:
            order[name] = _Conversion(name, port, stager).of(value, port.get("type", "Any"))
    return order


def _lies_elsewhere(default: JSON) -> bool:
    """Whether a default is made of files that have an address."""
    if isinstance(default, list):
        return any(map(_lies_elsewhere, default))
    return isinstance(default, dict) and default.get("class") in ("File", "Directory") and "location" in default


def _entry(executable: dict[str, JSON]) -> dict[str, JSON]:
    """The process of the document that is run."""
    document = executable["document"]
    if "$graph" not in document:
        return dict(document)
    wanted = str(executable.get("entry") or "main").rpartition("#")[2]
    for process in document["$graph"]:
        if str(process.get("id", "")).rpartition("#")[2] == wanted:
            return dict(process)
    raise RunFailed.because(Reason.PACKAGE, f"The package holds no process named {wanted}.")


def _ports(process: dict[str, JSON]) -> dict[str, dict[str, JSON]]:
    """The inputs by name, whether they are written as a list or as a mapping."""
    inputs = process.get("inputs") or {}
    if isinstance(inputs, list):
        return {_short(port["id"]): port for port in inputs}
    return {name: port if isinstance(port, dict) else {"type": port} for name, port in inputs.items()}


def _short(name: str) -> str:
    return name.rpartition("#")[2].rpartition("/")[2]


class _Conversion:
    """One input on its way."""

    def __init__(self, name: str, port: dict[str, JSON], stager: Stager) -> None:
        self._name = name
        self._stager = stager
        declared = port.get("format")
        self._format = declared[0] if isinstance(declared, list) and declared else declared

    def of(self, value: JSON, kind: JSON) -> JSON:  # noqa: PLR0911 - one for each kind
        """The value as CWL takes it, where a `kind` is wanted."""
        if value is None:
            return None
        kind = _spelled_out(kind)
        if isinstance(kind, list):
            kind = self._choose(value, kind)
        match kind:
            case "File":
                return self._file(value)
            case "Directory":
                return self._directory(value)
            case {"type": "array", "items": items}:
                plain = _unwrapped(value)
                return [self.of(item, items) for item in (plain if isinstance(plain, list) else [value])]
            case {"type": "record", "fields": fields}:
                return self._record(self._value(value), _fields(fields))
            case {"type": "enum", "symbols": symbols}:
                return _symbol(self._value(value), symbols)
            case {"type": inner} if not isinstance(inner, str) or inner not in {"array", "record", "enum"}:
                return self.of(value, inner)
            case _:
                return self._literal(self._value(value), kind)

    # -- values

    def _value(self, value: JSON) -> JSON:
        """A value that may be wrapped, or lie elsewhere."""
        if _is_link(value):
            text = self._stager.read(Reference(value["href"], value.get("type")), self._name).decode(errors="replace")
            try:
                return json.loads(text)
            except ValueError:
                return text
        return _unwrapped(value)

    def _literal(self, value: JSON, kind: JSON) -> JSON:
        if kind == "string" and isinstance(value, (int, float)) and not isinstance(value, bool):
            return json.dumps(value)
        if kind in {"int", "long"} and isinstance(value, float) and value.is_integer():
            return int(value)
        if kind in {"float", "double"} and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        return value

    def _record(self, value: JSON, fields: dict[str, JSON]) -> JSON:
        if not isinstance(value, dict) and set(fields) == {"value"}:
            value = {"value": value}
        if not isinstance(value, dict):
            raise self._wrong(f"it should be an object with {', '.join(fields)}")
        if fields.keys() == _BBOX:
            value = {"crs": "CRS84"} | value  # what OGC API means when nothing is said
        return {name: self.of(value[name], kind) for name, kind in fields.items() if name in value}

    def _choose(self, value: JSON, kinds: list[JSON]) -> JSON:
        """The first of several types that fits."""
        possible = [kind for kind in map(_spelled_out, kinds) if kind != "null"]
        return next((kind for kind in possible if _fits(value, kind)), possible[0] if possible else "Any")

    # -- files

    def _file(self, value: JSON) -> JSON:
        if isinstance(value, dict) and value.get("class") == "File" and "contents" in value:
            return {"class": "File", "contents": value["contents"], "basename": value.get("basename", self._name)}
        path = self._stager.file(self._source(value), self._name)
        file: dict[str, Any] = {"class": "File", "location": path.as_uri(), "basename": path.name}
        if self._format and not str(self._format).startswith("$"):
            file["format"] = self._format
        extra = value.get("secondaryFiles") if isinstance(value, dict) else None
        if extra:
            file["secondaryFiles"] = [self._companion(item) for item in extra]
        return file

    def _companion(self, value: JSON) -> JSON:
        return self._directory(value) if value.get("class") == "Directory" else self._file(value)

    def _directory(self, value: JSON) -> JSON:
        path = self._stager.directory(self._source(value), self._name)
        return {"class": "Directory", "location": path.as_uri(), "basename": path.name}

    def _source(self, value: JSON) -> Reference | Content:
        if isinstance(value, str):
            return Reference(value)
        if _is_link(value):
            return Reference(value["href"], value.get("type") or value.get("mediaType"))
        if isinstance(value, dict) and isinstance(where := value.get("location") or value.get("path"), str):
            return Reference(where)
        if isinstance(value, dict) and "value" in value:
            return self._content(value)
        if isinstance(value, (dict, list)):
            return Content(json.dumps(value).encode(), "application/json")
        raise self._wrong('it should be an address, as in {"href": "https://…"}, or {"value": …} with the content')

    def _content(self, value: dict[str, JSON]) -> Content:
        inner, kind = value["value"], value.get("mediaType") or (value.get("format") or {}).get("mediaType")
        coding = value.get("encoding") or (value.get("format") or {}).get("encoding")
        if not isinstance(inner, str):
            return Content(json.dumps(inner).encode(), kind or "application/json")
        if coding not in _BINARY:
            return Content(inner.encode(), kind or "text/plain")
        try:
            return Content(base64.b64decode(inner, validate=True), kind)
        except binascii.Error as error:
            raise self._wrong(f"its base64 cannot be decoded: {error}") from error

    def _wrong(self, why: str) -> RunFailed:
        return RunFailed.because(Reason.INVALID_INPUT, f"The input {self._name} cannot be used: {why}.")


# -- shapes of values and types -------------------------------------------------------------------------------------


def _is_link(value: JSON) -> bool:
    return isinstance(value, dict) and isinstance(value.get("href"), str)


def _unwrapped(value: JSON) -> JSON:
    if isinstance(value, dict) and "value" in value and value.keys() <= _QUALIFIED:
        return value["value"]
    return value


def _fields(fields: JSON) -> dict[str, JSON]:
    if isinstance(fields, list):
        return {_short(field["name"]): field["type"] for field in fields}
    return {name: kind["type"] if isinstance(kind, dict) and "type" in kind else kind for name, kind in fields.items()}


def _spelled_out(kind: JSON) -> JSON:
    """`File[]?` in full."""
    if kind == "stdin":
        return "File"
    if isinstance(kind, str) and kind.endswith("?"):
        return ["null", _spelled_out(kind[:-1])]
    if isinstance(kind, str) and kind.endswith("[]"):
        return {"type": "array", "items": _spelled_out(kind[:-2])}
    return kind


def _symbol(value: JSON, symbols: list[str]) -> JSON:
    """A choice; where the choices are names of coordinate systems, clients write whole addresses."""
    known = {_short(symbol) for symbol in symbols}
    tail = str(value).rstrip("]").rpartition("/")[2].rpartition(":")[2]
    return tail if str(value) not in known and tail in known else value


_SIMPLE: Final[dict[str, tuple[type, ...]]] = {
    "boolean": (bool,),
    "int": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "string": (str,),
}


def _fits(value: JSON, kind: JSON) -> bool:
    """Whether a value could be meant for this type."""
    plain = _unwrapped(value)
    match kind:
        case str() if kind in _SIMPLE:
            fits = isinstance(plain, _SIMPLE[kind]) and (kind == "boolean" or not isinstance(plain, bool))
        case "File" | "Directory":
            said = value.get("class") if isinstance(value, dict) else None
            fits = said in {None, kind} and (isinstance(value, dict) or (isinstance(value, str) and ":" in value))
        case {"type": "array"}:
            fits = isinstance(plain, list)
        case {"type": "record", "fields": fields}:
            fits = isinstance(plain, dict) and plain.keys() <= _fields(fields).keys()
        case {"type": "enum", "symbols": symbols}:
            fits = str(_symbol(plain, symbols)) in {_short(symbol) for symbol in symbols}
        case _:
            fits = True
    return fits
