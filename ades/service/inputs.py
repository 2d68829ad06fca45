"""The inputs of an execution: every way in which the standard lets a client write them, brought into one.

What comes out is what a runner reads: plain JSON for values; `{"href", "type"}` for what lies elsewhere; and
`{"value", "mediaType", "encoding"}` for the content of a file that came inside the request.

The dialect of the EODH is more lenient: its clients send every value as text, and "" for a field left empty.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ades.errors import InvalidInput
from ades.service.request import encoding, media_type
from ades.service.schemas import Field, Rules, explain, pointer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema import Draft202012Validator

    from ades.model import JSON

QUALIFIED: Final = frozenset({"value", "mediaType", "encoding", "schema", "format", "type"})
LINK: Final = frozenset({"href", "type", "rel", "title", "hreflang", "format", "mediaType", "encoding", "schema"})
GENERIC: Final = frozenset({"application/octet-stream", "binary/octet-stream"})

CLAIMED: Final = "workspace"
"""A name that clients add to every request. It is a claim, grants nothing, and is passed on where it is declared."""
FILLED: Final = frozenset({"calling_workspace", "executing_workspace"})
"""Inputs that the server fills where a process declares them; what a caller says there is not heard."""
SECRET: Final = frozenset({"user_token", "WORKSPACE_ACCESS_TOKEN", "CALLING_WORKSPACE_ACCESS_TOKEN"})
"""Inputs that no caller may set."""
_TOLD: Final = 20
"""Of that many problems an answer tells."""
_LONGEST: Final = 80
"""So much of a name that nobody knows is repeated."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the inputs."""

    field: str
    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message} (at {self.pointer})"


@dataclass(slots=True)
class Inputs:
    """The inputs as a runner reads them, and what was noticed on the way."""

    values: dict[str, JSON] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    deferred: list[str] = field(default_factory=list)
    """Literal inputs given by reference: they are read and checked when the job runs."""

    def refuse(self, *, tolerate_missing: bool = False) -> None:
        """Raise one exception that names every field that is wrong."""
        problems = self.problems if tolerate_missing else [*self.problems, *missing(self.missing)]
        if problems:
            told, more = problems[:_TOLD], len(problems) - _TOLD
            raise InvalidInput(
                "; ".join([*map(str, told), *([f"and {more} more"] if more > 0 else [])]),
                field=told[0].field,
                errors=[{"field": p.field, "pointer": p.pointer, "detail": p.message} for p in told],
            )


def missing(names: list[str]) -> list[Problem]:
    """The problems of required inputs that did not come."""
    return [Problem(name, pointer("inputs", name), "this input is required and was not given") for name in names]


def normalise(rules: Rules, given: Mapping[str, JSON], *, lenient: bool = False) -> Inputs:
    """Bring the inputs of a request into the one form, and say everything that does not fit."""
    result = Inputs()
    for name, value in given.items():
        known = rules.fields.get(name)
        if name in SECRET:
            result.problems.append(Problem(name, pointer("inputs", name), "this input is filled by the server alone"))
        elif name in FILLED or (known is None and name == CLAIMED):
            result.warnings.append(f"The input {name} was ignored.")
        elif known is None:
            short = name[:_LONGEST]
            result.problems.append(Problem(short, pointer("inputs", short), _unknown(name, rules)))
        else:
            _take(result, known, value, lenient=lenient)
    refused = {problem.field for problem in result.problems}
    for name, known in rules.fields.items():
        if known.required and name not in result.values and name not in refused and name not in FILLED | SECRET:
            result.missing.append(name)
    return result


def with_defaults(rules: Rules, values: Mapping[str, JSON]) -> dict[str, JSON]:
    """The inputs with the described defaults filled in. The default of a file is the package's own affair."""
    defaults = {
        name: known.default
        for name, known in rules.fields.items()
        if known.has_default and known.default is not None and not known.is_file
    }
    return {name: {**defaults, **values}[name] for name in rules.fields if name in values or name in defaults}


def with_own(rules: Rules, values: Mapping[str, JSON], own: Mapping[str, JSON]) -> dict[str, JSON]:
    """The inputs with what lies on this server in place of its address; a text that is only a text stays."""
    if not own:
        return dict(values)
    return {
        name: _replaced(value, own, plain=name in rules.fields and rules.fields[name].is_file)
        for name, value in values.items()
    }


def _replaced(value: JSON, own: Mapping[str, JSON], *, plain: bool) -> JSON:
    if isinstance(value, list):
        return [_replaced(item, own, plain=plain) for item in value]
    if isinstance(value, str):
        return own.get(value, value) if plain else value
    if isinstance(value, dict) and isinstance(value.get("href"), str) and value["href"] in own:
        found = own[value["href"]]
        kept = {key: word for key, word in value.items() if key == "type" and "href" in found}
        return {**found, **kept}
    return value


def check_resolved(rules: Rules, name: str, value: JSON) -> JSON:
    """Check an input that was given by reference, now that it has been read."""
    result = Inputs()
    _take(result, rules.fields[name], value, lenient=True)
    result.refuse()
    return result.values.get(name)


def _unknown(name: str, rules: Rules) -> str:
    close = [known for known in rules.fields if known.lower() == name.lower()]
    hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(rules.fields) or 'none'}"
    return f"the process has no input of this name; {hint}"


def _take(result: Inputs, known: Field, value: JSON, *, lenient: bool) -> None:
    """Put one input into the result, or the reason why it does not fit."""
    reader = _Reader(known, lenient=lenient)
    found = reader.read(value)
    if found is None and not reader.problems:
        if not known.required or known.nullable:
            return  # absent and null are the same thing: the default applies
        reader.refuse("it is required and may not be null")
    if not reader.problems:
        reader.check(found)
    if reader.problems:
        result.problems += reader.problems
        return
    result.values[known.name] = found
    if reader.deferred:
        result.deferred.append(known.name)


class _Reader:
    """Reads the value of one input."""

    def __init__(self, known: Field, *, lenient: bool) -> None:
        self.known = known
        self.lenient = lenient
        self.deferred = False
        self.problems: list[Problem] = []

    def refuse(self, message: str, *path: str | int) -> None:
        self.problems.append(Problem(self.known.name, pointer("inputs", self.known.name, *path), message))

    def read(self, value: JSON) -> JSON:
        """The value in the one form; a single value for an array becomes an array of one."""
        if isinstance(value, list):
            return [self._one(item, place) for place, item in enumerate(value)]
        one = self._one(value)
        if one is None or isinstance(one, list) or not self.known.many:
            return one
        return [one]

    def check(self, value: JSON) -> None:
        """Validate what is here against the schema; what lies elsewhere is checked when it is read."""
        known = self.known
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            for place, item in enumerate(value):
                self._check(known.single, item, place)
        else:
            self._check(known.whole, value)
        if isinstance(value, list) and known.most is not None and len(value) > known.most:
            self.refuse(f"it takes at most {known.most} value{'s' * (known.most != 1)}, and {len(value)} were given")

    def _check(self, schema: Draft202012Validator, value: JSON, *path: int) -> None:
        if not _lies_elsewhere(value):
            content = value["value"] if self.known.is_file and _is_content(value) else value
            from jsonschema.exceptions import best_match

            error = best_match(schema.iter_errors(content))
            if error is not None:
                self.refuse(explain(error), *path, *error.absolute_path)

    def _one(self, value: JSON, *path: int) -> JSON:
        if isinstance(value, dict):
            return self._object(value, *path)
        return self._from_text(value) if self.lenient and isinstance(value, str) else value

    def _object(self, value: dict[str, Any], *path: int) -> JSON:
        """A qualified value, a link, a bounding box, or an object that is the value itself."""
        if "value" in value and set(value) <= QUALIFIED:
            return self._either(value, self._qualified(value, *path), *path)
        if isinstance(value.get("href"), str) and set(value) <= LINK:
            link = self._link(value, *path)
            return link if self.known.is_file else self._either(value, link, *path)
        return value

    def _either(self, plain: dict[str, Any], read: JSON, *path: int) -> JSON:
        """An object of a schema that itself has a `value` or `href`: what fits decides, and two fits are refused."""
        if not self.known.declares("value" if "value" in plain else "href"):
            return read
        as_it_is, as_read = self.known.fits(plain), self.known.fits(read)
        if as_it_is and as_read and plain != read:
            self.refuse('it can be understood in two ways; write it as {"value": …}', *path)
        return plain if as_it_is else read

    def _qualified(self, value: dict[str, Any], *path: int) -> JSON:
        named = media_type(value)
        self._check_media_type(named, *path)
        inner = value["value"]
        encoded = encoding(value)
        if encoded == "base64" and isinstance(inner, str) and not _is_base64(inner):
            self.refuse("the value is said to be base64 and is not", *path, "value")
        if self.known.is_file and named:
            kept = {"value": inner, "mediaType": named, "encoding": encoded}
            return {key: content for key, content in kept.items() if content is not None}
        if isinstance(inner, str) and self.lenient:
            return self._from_text(inner)
        return inner

    def _link(self, value: dict[str, Any], *path: int) -> JSON:
        named = media_type(value)
        if named not in GENERIC:
            self._check_media_type(named, *path)
        link = {"href": value["href"], "type": named} if named else {"href": value["href"]}
        self.deferred |= not self.known.is_file and not self.known.fits(link)
        return link

    def _check_media_type(self, named: str | None, *path: int) -> None:
        accepted = self.known.media_types
        if named and accepted and named not in accepted:
            self.refuse(f"the media type {named} is not accepted; take {' or '.join(sorted(accepted))}", *path)

    def _from_text(self, text: str) -> JSON:
        """What a client meant that can only send text: numbers, truth values, JSON, or nothing at all."""
        kinds = self.known.kinds
        if "string" in kinds or self.known.is_file:
            return None if not text and not self.known.required and not self.known.has_default else text
        return next(_readings(text.strip(), kinds), text)


def _readings(text: str, kinds: frozenset[str]) -> Iterator[JSON]:
    if not text:
        yield None
    if "boolean" in kinds and text.lower() in {"true", "false"}:
        yield text.lower() == "true"
    for kind, read in (("integer", int), ("number", float)):
        if kind in kinds:
            try:
                yield read(text)
            except ValueError:
                continue


def _lies_elsewhere(value: JSON) -> bool:
    """What `_link` makes."""
    return isinstance(value, dict) and isinstance(value.get("href"), str) and set(value) <= {"href", "type"}


def _is_content(value: JSON) -> bool:
    """What `_qualified` makes for the content of a file."""
    return isinstance(value, dict) and {"value", "mediaType"} <= set(value) <= {"value", "mediaType", "encoding"}


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
