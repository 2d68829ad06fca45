"""In which form to answer: the query parameter `f` decides, then the Accept header, then the first form on offer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ades.errors import InvalidQueryParameterValue, NotAcceptable


@dataclass(frozen=True, slots=True)
class Form:
    """A form in which a resource can be given."""

    name: str
    """Its value of the query parameter `f`."""
    media_type: str
    title: str = ""
    """How links to it are called."""

    @property
    def bare(self) -> str:
        """The media type without parameters, in lower case."""
        return self.media_type.partition(";")[0].strip().lower()


JSON: Final = Form("json", "application/json", "as JSON")
HTML: Final = Form("html", "text/html; charset=utf-8", "as a web page")

_WEIGHT: Final = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


def choose(offers: tuple[Form, ...], f: str | None, accept: str | None) -> Form:
    """The form to answer in."""
    if f is not None:
        return _named(offers, f)
    if not accept:
        return offers[0]
    return _accepted(offers, accept)


def listed(accept: str | None, media_type: str) -> bool:
    """Whether an Accept header names this media type itself, not by a wildcard."""
    return bool(accept) and any(kind == media_type and weight > 0 for kind, weight in ranges(accept or ""))


def _named(offers: tuple[Form, ...], f: str) -> Form:
    wanted = f.strip().lower()
    for form in offers:
        if wanted in {form.name, form.bare}:
            return form
    names = ", ".join(form.name for form in offers)
    raise InvalidQueryParameterValue(f"The query parameter f is {f[:40]!r}; here it may be: {names}.", field="f")


@lru_cache(maxsize=512)
def _accepted(offers: tuple[Form, ...], accept: str) -> Form:
    found = ranges(accept)
    weights = [_weight(form.bare, found) for form in offers]
    best = max(weights)
    if best <= 0:
        kinds = ", ".join(form.bare for form in offers)
        raise NotAcceptable(f"This resource comes as {kinds}; the Accept header allows none of them.")
    return offers[weights.index(best)]


@lru_cache(maxsize=512)
def ranges(accept: str) -> tuple[tuple[str, float], ...]:
    """The media ranges of an Accept header with their weights; what cannot be understood is left out."""
    found = []
    for part in accept.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((p[2:].strip() for p in parameters if p.startswith("q=")), "1")
        if "/" in kind and _WEIGHT.fullmatch(weight):
            found.append((kind, float(weight)))
        elif kind == "*" and _WEIGHT.fullmatch(weight):
            found.append(("*/*", float(weight)))
    return tuple(found)


def _weight(media_type: str, accepted: tuple[tuple[str, float], ...]) -> float:
    """What the most specific range that fits says."""
    for pattern in (media_type, media_type.partition("/")[0] + "/*", "*/*"):
        weights = [weight for kind, weight in accepted if kind == pattern]
        if weights:
            return max(weights)
    return 0.0
