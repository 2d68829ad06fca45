"""Query parameters: described once, for the reader of the API definition and for the check of each request.

A parameter that is given twice counts once, with its first value: clients add their own parameters behind those of a
`next` link, and what the link says must win, or they would never reach the end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ades.errors import InvalidQueryParameterValue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from werkzeug.datastructures import MultiDict

_WHOLE: Final = re.compile(r"-?[0-9]{1,15}")
_LONGEST: Final = 4096
FORM: Final = "f"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter."""

    name: str
    description: str
    schema: dict[str, Any]
    read: Callable[[list[str]], Any]
    """From all values that were given to what the view works with; raises ValueError with the reason."""
    default: Any = None
    explode: bool = True


def whole(name: str, description: str, *, minimum: int, maximum: int | None = None) -> Parameter:
    """A whole number. What lies above the maximum becomes the maximum."""

    def read(values: list[str]) -> int:
        if not _WHOLE.fullmatch(values[0]):
            raise ValueError(f"is not a whole number from {minimum} {'on' if maximum is None else f'to {maximum}'}")
        number = int(values[0])
        if number < minimum:
            raise ValueError(f"is less than {minimum}")
        return number if maximum is None else min(number, maximum)

    schema: dict[str, Any] = {"type": "integer", "minimum": minimum}
    return Parameter(name, description, schema if maximum is None else schema | {"maximum": maximum}, read)


def text(name: str, description: str, *, pattern: str | None = None) -> Parameter:
    """A parameter that is a text; with a pattern, one that fits it as a whole."""
    fits = re.compile(pattern) if pattern else None

    def read(values: list[str]) -> str:
        if fits and not fits.fullmatch(values[0]):
            raise ValueError("does not have the right form")
        return values[0]

    return Parameter(name, description, {"type": "string"} | ({"pattern": pattern} if pattern else {}), read)


def words(name: str, description: str, *, choices: Iterable[str] = ()) -> Parameter:
    """Several words: the parameter may be repeated, and each value may be a list separated by commas."""
    known = tuple(choices)

    def read(values: list[str]) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(word for value in values for word in value.split(",") if word))
        for word in found:
            if known and word not in known:
                raise ValueError(f"must be one of {', '.join(known)}")
        if not found:
            raise ValueError("is empty")
        return found

    items: dict[str, Any] = {"type": "string"} | ({"enum": list(known)} if known else {})
    return Parameter(name, description, {"type": "array", "items": items}, read, explode=False)


def flag(name: str, description: str) -> Parameter:
    """Yes or no; the name alone is a yes."""

    def read(values: list[str]) -> bool:
        word = values[0].lower()
        if word not in {"true", "false", "1", "0", ""}:
            raise ValueError("is neither true nor false")
        return word in {"true", "1", ""}

    return Parameter(name, description, {"type": "boolean", "default": False}, read, default=False)


def read(parameters: tuple[Parameter, ...], given: MultiDict[str, str], *, strict: bool) -> dict[str, Any]:
    """The value of each parameter; an unknown name is an error unless the dialect tolerates it."""
    found = {parameter.name: parameter.default for parameter in parameters}
    if not given:
        return found
    for name, values in given.lists():
        if name not in found and name != FORM and strict:
            known = ", ".join([*found, FORM])
            raise InvalidQueryParameterValue(
                f"The query parameter {name[:40]!r} is not known here; known: {known}.", field=name[:40]
            )
        if any("\x00" in value or len(value) > _LONGEST for value in values):
            raise InvalidQueryParameterValue(f"The query parameter {name[:40]!r} has an impossible value.")
    for parameter in parameters:
        if values := given.getlist(parameter.name):
            found[parameter.name] = _value(parameter, values)
    return found


def _value(parameter: Parameter, values: list[str]) -> Any:
    try:
        return parameter.read(values)
    except ValueError as error:
        raise InvalidQueryParameterValue(
            f"The query parameter {parameter.name} {error}: {values[0][:40]!r}.", field=parameter.name
        ) from error
