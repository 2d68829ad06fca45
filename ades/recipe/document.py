"""The document that somebody wants deployed, read but not yet understood."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from ades.errors import InvalidPackage, MalformedPackage, UnsupportedMediaType
from ades.recipe import text

if TYPE_CHECKING:
    from ades.model import JSON


class Kind(StrEnum):
    """What sort of document it is."""

    CWL = "cwl"
    """Common Workflow Language, as it is."""
    APPLICATION_PACKAGE = "ogcapppkg"
    """An OGC application package: an execution unit, perhaps with a description around it."""


JSON_TYPES: Final = frozenset({"application/cwl+json", "application/json", "application/ogcapppkg+json"})
YAML_TYPES: Final = frozenset(
    {
        "application/cwl",
        "application/cwl+yaml",
        "application/ogcapppkg+yaml",
        "application/vnd.commonwl",
        "application/x-cwl",
        "application/x-yaml",
        "application/yaml",
        "text/vnd.yaml",
        "text/x-yaml",
        "text/yaml",
    },
)
MEDIA_TYPES: Final = JSON_TYPES | YAML_TYPES
"""In which form a package may come."""


@dataclass(frozen=True, slots=True)
class Document:
    """A package as it came, and the plain value that its text says."""

    media_type: str
    """Without parameters, in small letters."""
    body: bytes
    text: str
    value: JSON
    kind: Kind
    address: str | None = None
    """Where it was read from; None when it came in the request itself."""


def essence(media_type: str) -> str:
    """The media type without parameters, in small letters."""
    return media_type.partition(";")[0].strip().lower()


def supported(media_type: str) -> bool:
    """Whether a package may come in this form; to be asked before anything else is looked at."""
    return essence(media_type) in MEDIA_TYPES


def read(body: bytes, media_type: str, *, address: str | None = None) -> Document:
    """Read a package. Raises `MalformedPackage` with the line for what is no YAML or JSON."""
    kind_of_text = essence(media_type)
    if kind_of_text not in MEDIA_TYPES:
        raise UnsupportedMediaType(
            f"A package cannot come as {kind_of_text or 'a body without Content-Type'}. "
            f"Send one of: {', '.join(sorted(MEDIA_TYPES))}.",
        )
    written = text.decode(body)
    if not written.strip():
        raise MalformedPackage("The body is empty. Send the package in it.")
    value = text.load(written, json_only=kind_of_text in JSON_TYPES)
    return Document(kind_of_text, body, written, value, _kind(value, kind_of_text), address)


def _kind(value: JSON, media_type: str) -> Kind:
    if isinstance(value, list) and any(isinstance(item, dict) and "class" in item for item in value):
        return Kind.CWL  # the old way of packing: a list of processes without $graph
    if not isinstance(value, dict):
        raise InvalidPackage(
            f"A package is a mapping that begins with `cwlVersion:` or holds an `executionUnit`; this is {named(value)}.",
        )
    if "executionUnit" in value:
        return Kind.APPLICATION_PACKAGE
    if value.keys() & {"cwlVersion", "$graph", "class"}:
        return Kind.CWL
    if "ogcapppkg" in media_type or "processDescription" in value:
        raise InvalidPackage("The application package has no `executionUnit`, so there is nothing to execute.")
    raise InvalidPackage(
        "This is neither CWL (`cwlVersion`, `class` or `$graph` at the top) nor an OGC application package "
        f"(`executionUnit` at the top). It has: {', '.join(list(value)[:8]) or 'nothing'}.",
    )


def named(value: JSON) -> str:
    """What a value is, in words for messages."""
    match value:
        case None:
            return "empty"
        case bool():
            return f"the boolean {str(value).lower()}"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text `{value if len(value) <= 60 else value[:60] + '…'}`"  # noqa: PLR2004
        case list():
            return "a list"
        case _:
            return "a mapping"
