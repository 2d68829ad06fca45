"""The execution form read back: what a person has filled in, as the inputs of an execution request, and the reverse.

Only what cannot be read at all is refused here, beside its field. Whether the values fit the process is checked where
every request is checked, so that a form and a program are told the same.
"""

from __future__ import annotations

import base64
import json
import math
import re
from dataclasses import dataclass, field
from mimetypes import guess_type
from typing import TYPE_CHECKING, Any, Final

from ades.http import schemas
from ades.http.forms import BOX_SIDES, Field, Kind, choice_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ades.model import JSON

Raw = dict[str, list[str]]
"""A form as a browser posts it: name → values."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with the form."""

    name: str
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answers:
    """A form that has been read."""

    inputs: dict[str, JSON] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    """What cannot be read, by the name of the input."""


class _Unreadable(ValueError):
    """An answer that is no value; the message stands beside the field."""


_LEFT_OUT: Final = object()
_OUTPUTS: Final = "out"
_ENDINGS: Final = {"jp2": "image/jp2", "tif": "image/tiff", "tiff": "image/tiff", "geojson": "application/geo+json"}


def read(fields: Sequence[Field], raw: Raw, uploads: Mapping[str, Sequence[Upload]]) -> Answers:
    """The inputs that a person has filled in."""
    answers = Answers()
    for known in fields:
        try:
            value = _READERS[known.kind](known, raw, tuple(uploads.get(f"{known.control}:file", ())))
        except _Unreadable as error:
            answers.errors[known.name] = str(error)
            continue
        if value is not _LEFT_OUT:
            answers.inputs[known.name] = value
        elif known.required:
            answers.errors[known.name] = "This is required."
    return answers


def outputs(description: Mapping[str, Any], raw: Raw) -> dict[str, JSON] | None:
    """The outputs that were ticked; None when that is all of them, or when there was nothing to choose."""
    wanted = [name for name in raw.get(_OUTPUTS, ()) if name in (description.get("outputs") or {})]
    everything = list(description.get("outputs") or {})
    return None if not wanted or set(wanted) == set(everything) else {name: {} for name in wanted}


def fill(fields: Sequence[Field], inputs: Mapping[str, JSON] | None = None) -> Raw:
    """A form with these inputs filled in, and with the defaults where they say nothing."""
    raw: Raw = {}
    for known in fields:
        if known.name in (inputs or {}):
            _fill(raw, known, (inputs or {})[known.name])
        elif known.has_default:
            _fill(raw, known, known.schema["default"])
    return raw


# -- reading --------------------------------------------------------------------------------------------------------


def _first(known: Field, raw: Raw, part: str = "") -> str:
    return (raw.get(known.control + part) or [""])[0].strip()


def _text(known: Field, raw: Raw, _: tuple[Upload, ...]) -> JSON:
    text = (raw.get(known.control) or [""])[0].replace("\r\n", "\n")
    if not text.strip():
        return _LEFT_OUT
    branches = known.schema.get("oneOf") or known.schema.get("anyOf")
    return _best(text.strip(), branches) if branches else text


def _best(text: str, branches: Sequence[Any]) -> JSON:
    """The value that a text stands for where several types are possible: a number or truth value if it reads so."""
    kinds = {branch.get("type") for branch in branches if isinstance(branch, dict)}
    try:
        value = json.loads(text)
    except ValueError:
        return text
    fits = isinstance(value, bool) and "boolean" in kinds
    fits |= isinstance(value, int) and not isinstance(value, bool) and bool(kinds & {"integer", "number"})
    fits |= isinstance(value, float) and "number" in kinds
    return value if fits else text


def _number(known: Field, raw: Raw, _: tuple[Upload, ...]) -> JSON:
    text = _first(known, raw)
    return _as_number(text) if text else _LEFT_OUT


def _whole(known: Field, raw: Raw, _: tuple[Upload, ...]) -> JSON:
    text = _first(known, raw)
    return _as_whole(text) if text else _LEFT_OUT


def _as_number(text: str) -> int | float:
    try:
        value = float(text)
    except ValueError:
        raise _Unreadable(f"“{text[:60]}” is not a number.") from None
    if not math.isfinite(value):
        raise _Unreadable("This must be a finite number.")
    return int(text) if re.fullmatch(r"[+-]?\d{1,18}", text) else value


def _as_whole(text: str) -> int:
    value = _as_number(text)
    if value != int(value):
        raise _Unreadable(f"“{text[:60]}” is not a whole number.")
    return int(value)


def _flag(known: Field, raw: Raw, _: tuple[Upload, ...]) -> JSON:
    return _first(known, raw) == "true"


def _choice(known: Field, raw: Raw, _: tuple[Upload, ...]) -> JSON:
    text = _first(known, raw)
    return _chosen(known, text) if text else _LEFT_OUT


def _choices(known: Field, raw: Raw, _: tuple[Upload, ...]) -> JSON:
    chosen = [_chosen(known, text) for text in raw.get(known.control, ()) if text]
    return chosen or _LEFT_OUT


def _chosen(known: Field, text: str) -> JSON:
    for choice in known.choices:
        if choice.text == text:
            return choice.value
    raise _Unreadable(f"“{text[:60]}” is not among the choices.")


def _moment(known: Field, raw: Raw, _: tuple[Upload, ...]) -> JSON:
    text = _first(known, raw).replace(" ", "T")
    if not text:
        return _LEFT_OUT
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?", text)
    if not found:
        raise _Unreadable("A time looks like 2025-07-01T12:00:00Z.")
    return found[1] + (found[2] or ":00") + (found[3] or "Z")


def _file(known: Field, raw: Raw, uploads: tuple[Upload, ...]) -> JSON:
    text = _first(known, raw)
    if text and uploads:
        raise _Unreadable("Give either an address or a file, not both.")
    if uploads:
        return _sent(known, uploads[0])
    return _reference(text) if text else _LEFT_OUT


def _files(known: Field, raw: Raw, uploads: tuple[Upload, ...]) -> JSON:
    given = [_reference(line) for line in _lines(known, raw)] + [_sent(known, upload) for upload in uploads]
    return given or _LEFT_OUT


def _reference(text: str) -> JSON:
    """An address, or a document that was pasted instead."""
    return {"value": _as_json(text)} if text.startswith("{") else {"href": text}


def _sent(known: Field, upload: Upload) -> JSON:
    """An uploaded file: JSON as what it says, anything else as base64."""
    kind = _kind_of(known, upload)
    if kind.partition(";")[0].endswith("json"):
        return {"value": _as_json(upload.body.decode("utf-8", "replace")), "mediaType": kind}
    return {"value": base64.b64encode(upload.body).decode(), "encoding": "base64", "mediaType": kind}


def _kind_of(known: Field, upload: Upload) -> str:
    """The media type as the process describes it; browsers leave out parameters and do not know every ending."""
    said = upload.media_type
    if said in {"", "application/octet-stream"}:
        ending = upload.name.lower().rpartition(".")[2]
        said = _ENDINGS.get(ending) or guess_type(upload.name)[0] or "application/octet-stream"
    if said == "application/octet-stream" and len(known.media_types) == 1:
        return known.media_types[0]
    return next((kind for kind in known.media_types if kind.partition(";")[0].strip() == said), said)


def _box(known: Field, raw: Raw, _: tuple[Upload, ...]) -> JSON:
    sides = [_first(known, raw, f":{side}") for side in BOX_SIDES]
    if not any(sides):
        return _LEFT_OUT
    if not all(sides):
        missing = ", ".join(name for name, text in zip(BOX_SIDES, sides, strict=True) if not text)
        raise _Unreadable(f"A bounding box has four sides; {missing} is empty.")
    crs = (known.schema.get("properties") or {}).get("crs") or {}
    must = {"crs": schemas.sample(crs)} if "crs" in known.schema.get("required", ()) else {}
    return {"bbox": [_as_number(side) for side in sides]} | must


def _list(known: Field, raw: Raw, _: tuple[Upload, ...]) -> JSON:
    lines = _lines(known, raw)
    if not lines:
        return _LEFT_OUT
    if lines[0].startswith("[") and known.item is not Kind.TEXT:
        return _as_json("\n".join(lines))
    return [_line(known, number, text) for number, text in enumerate(lines, 1)]


def _line(known: Field, number: int, text: str) -> JSON:
    try:
        match known.item:
            case Kind.NUMBER:
                return _as_number(text)
            case Kind.WHOLE:
                return _as_whole(text)
            case Kind.CHOICE:
                return _chosen(known, text)
    except _Unreadable as error:
        raise _Unreadable(f"Line {number}: {error}") from None
    return text


def _lines(known: Field, raw: Raw) -> list[str]:
    return [line.strip() for text in raw.get(known.control, ()) for line in text.splitlines() if line.strip()]


def _json(known: Field, raw: Raw, uploads: tuple[Upload, ...]) -> JSON:
    text = _first(known, raw)
    if text and uploads:
        raise _Unreadable("Give either the text or a file, not both.")
    if uploads:
        text = uploads[0].body.decode("utf-8", "replace")
    if not text:
        return _LEFT_OUT
    value = _as_json(text)
    return {"value": value} if isinstance(value, dict) else value


def _as_json(text: str) -> JSON:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else "it nests too deep"
        raise _Unreadable(f"This is not JSON ({where}).") from None


_READERS: Final[dict[Kind, Callable[[Field, Raw, tuple[Upload, ...]], JSON]]] = {
    Kind.TEXT: _text,
    Kind.LONG: _text,
    Kind.EMAIL: _text,
    Kind.ADDRESS: _text,
    Kind.DATE: _text,
    Kind.NUMBER: _number,
    Kind.WHOLE: _whole,
    Kind.FLAG: _flag,
    Kind.CHOICE: _choice,
    Kind.CHOICES: _choices,
    Kind.MOMENT: _moment,
    Kind.FILE: _file,
    Kind.FILES: _files,
    Kind.BOX: _box,
    Kind.LIST: _list,
    Kind.JSON: _json,
}


# -- filling in -----------------------------------------------------------------------------------------------------


def _fill(raw: Raw, known: Field, value: JSON) -> None:
    bare = _bare(value)
    match known.kind:
        case Kind.BOX:
            sides = bare.get("bbox") if isinstance(bare, dict) else bare
            if isinstance(sides, list) and len(sides) == len(BOX_SIDES):
                raw |= {f"{known.control}:{s}": [str(v)] for s, v in zip(BOX_SIDES, sides, strict=True)}
        case Kind.CHOICES:
            raw[known.control] = [choice_text(_bare(entry)) for entry in _as_list(bare)]
        case Kind.LIST | Kind.FILES:
            raw[known.control] = ["\n".join(_one_line(entry) for entry in _as_list(bare))]
        case Kind.FILE:
            raw[known.control] = [_one_line(value)]
        case Kind.MOMENT:
            raw[known.control] = [str(bare).removesuffix("Z")]
        case Kind.JSON:
            raw[known.control] = [json.dumps(bare, indent=2, ensure_ascii=False)]
        case _:
            raw[known.control] = [choice_text(bare)]


def _bare(value: JSON) -> JSON:
    return value["value"] if isinstance(value, dict) and "value" in value else value


def _as_list(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else [value]


def _one_line(value: JSON) -> str:
    """An address or a document in one line; the content of an uploaded file cannot be filled in again."""
    if isinstance(value, dict) and isinstance(value.get("href"), str):
        return str(value["href"])
    if isinstance(value, dict) and value.get("encoding") == "base64":
        return ""
    return choice_text(_bare(value))
