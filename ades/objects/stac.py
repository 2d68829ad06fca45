"""STAC documents as they lie in the store, and as they are served.

In the store all their addresses are relative, written as plain paths: a prefix can be copied, unpacked or used as an
input, and it stays a catalogue. When one is served, its addresses become absolute, below the address at which it was
asked for. The media type under which a document is stored tells that it is one of ours to rewrite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urljoin

if TYPE_CHECKING:
    from ades.model import JSON

DOCUMENT: Final = "application/json; profile=stac"
"""Catalogues and collections."""
ITEM: Final = "application/geo+json; profile=stac"
VERSION: Final = "1.0.0"

_SAFE: Final = "/~!$&'()*+,;=:@-._"


def is_stac(media_type: str | None) -> bool:
    """Whether an object is a STAC document that was written here."""
    return media_type in {DOCUMENT, ITEM}


def plain(media_type: str) -> str:
    """The media type without our mark, as clients see it."""
    return media_type.removesuffix("; profile=stac")


def served(document: dict[str, JSON], address: str) -> dict[str, JSON]:
    """The document as it is served at this address: every href is absolute, and `self` is there."""
    links = [_link(link, address) for link in document.get("links") or () if link.get("rel") != "self"]
    found = {**document, "links": [{"rel": "self", "href": address, "type": _type(document)}, *links]}
    for field in ("assets",):
        if isinstance(found.get(field), dict):
            found[field] = {key: _link(asset, address) for key, asset in found[field].items()}
    return found


def absolute(address: str, href: str) -> str:
    """What an href of a stored document means at this address."""
    return href if "://" in href else urljoin(address, quote(href, safe=_SAFE))


def _link(link: JSON, address: str) -> JSON:
    if not isinstance(link, dict) or not isinstance(link.get("href"), str):
        return link
    return {**link, "href": absolute(address, link["href"])}


def _type(document: dict[str, Any]) -> str:
    return "application/geo+json" if document.get("type") == "Feature" else "application/json"
