"""How values reach a command line and how files are found afterwards: the parts that ports and types share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.recipe.reading import V1_0, V1_1
from ades.recipe.shapes import (
    Field,
    Shape,
    boolean,
    expression_or,
    integer,
    listed,
    one_of,
    one_or_many,
    record,
    text,
    texts,
)

if TYPE_CHECKING:
    from ades.model import JSON
    from ades.recipe.reading import At, Reading

LISTINGS: Final = one_of("no_listing", "shallow_listing", "deep_listing")

LOADING: Final = {
    "loadContents": Field(boolean, since=V1_1),
    "loadListing": Field(LISTINGS, since=V1_1),
}

INPUT_BINDING: Final[Shape] = record(
    "inputBinding",
    {
        "loadContents": Field(boolean),
        "position": Field(expression_or(integer)),
        "prefix": Field(text),
        "separate": Field(boolean),
        "itemSeparator": Field(text),
        "valueFrom": Field(text),
        "shellQuote": Field(boolean),
    },
)

OUTPUT_BINDING: Final[Shape] = record(
    "outputBinding",
    {
        "loadContents": Field(boolean),
        "loadListing": Field(LISTINGS, since=V1_1),
        "glob": Field(texts),
        "outputEval": Field(text),
    },
)

_PATTERN: Final = record(
    "secondaryFiles", {"pattern": Field(text, required=True), "required": Field(expression_or(boolean))}
)


def _secondary_file(value: JSON, at: At, reading: Reading) -> JSON:
    if isinstance(value, dict) and reading.version > V1_0:
        return _PATTERN(value, at, reading)
    return text(value, at, reading)


SECONDARY_FILES: Final = one_or_many(_secondary_file)


def media_format(value: JSON, at: At, reading: Reading) -> JSON:
    """The `format` of files: identifiers of vocabularies, with their prefix written out."""
    if isinstance(value, list):
        return listed(media_format)(value, at, reading)
    found = text(value, at, reading)
    prefix, colon, name = str(found).partition(":")
    if colon and not name.startswith("//") and prefix in reading.namespaces:
        return reading.namespaces[prefix] + name
    return found


FILES: Final = {
    "secondaryFiles": Field(SECONDARY_FILES),
    "streamable": Field(boolean),
    "format": Field(media_format),
}
