"""Media types for the `format` of CWL files: identifiers of IANA and EDAM."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ades.model import JSON

_EDAM: Final = {
    "1915": "application/octet-stream",
    "1964": "text/plain",
    "2330": "text/plain",
    "2331": "text/html",
    "2332": "application/xml",
    "2333": "application/octet-stream",
    "2376": "application/rdf+xml",
    "3255": "text/turtle",
    "3261": "application/rdf+xml",
    "3464": "application/json",
    "3467": "image/gif",
    "3475": "text/tab-separated-values",
    "3507": "application/octet-stream",
    "3508": "application/pdf",
    "3578": "application/octet-stream",
    "3579": "image/jpeg",
    "3590": "application/x-hdf5",
    "3591": "image/tiff",
    "3592": "image/bmp",
    "3603": "image/png",
    "3604": "image/svg+xml",
    "3620": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "3650": "application/netcdf",
    "3671": "text/plain",
    "3749": "application/ld+json",
    "3750": "application/yaml",
    "3751": "text/csv",
    "3752": "text/csv",
    "3981": "application/x-tar",
    "3987": "application/zip",
    "3989": "application/gzip",
    "3997": "video/mp4",
}
_EDAM_ADDRESS: Final = re.compile(r"(?:https?://edamontology\.org/|edam:|EDAM:)?format_(\d+)")
_IANA_ADDRESS: Final = re.compile(r"(?:https?://www\.iana\.org/assignments/media-types/|iana:)(.+)")
_MEDIA_TYPE: Final = re.compile(r"[a-z]+/[A-Za-z0-9!#$&^_.+\-]+(?:; ?[^ ]+)*")
_TEXTUAL: Final = re.compile(r"text/|application/(json|xml|yaml|.*\+(json|xml|yaml))|image/svg\+xml")


def media_types(fmt: JSON) -> list[str]:
    """The media types of a `format`, those that are known, in their order."""
    names = fmt if isinstance(fmt, list) else [fmt]
    return list(dict.fromkeys(found for name in names if isinstance(name, str) and (found := _media_type(name))))


def _media_type(name: str) -> str | None:
    if edam := _EDAM_ADDRESS.fullmatch(name):
        return _EDAM.get(edam[1])
    if iana := _IANA_ADDRESS.fullmatch(name):
        name = iana[1]
    return name if _MEDIA_TYPE.fullmatch(name) else None


def textual(media_type: str) -> bool:
    """Whether files of this type are texts, which need no encoding within JSON."""
    return _TEXTUAL.match(media_type) is not None
