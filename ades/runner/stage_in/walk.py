"""From the address of anything STAC to its items: catalogues and collections are followed, searches are paged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import parse_qs, urlsplit

import orjson

from ades.errors import FetchFailed
from ades.fetch import shown
from ades.runner import stac
from ades.runner.stac import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.model import JSON
    from ades.runner.stage_in.carrier import Document

DEPTH: Final = 8
"""Catalogues below catalogues."""


class Reader(Protocol):
    """Brings documents; what it brings counts against the limits of the job."""

    def read(self, href: str) -> Document:
        """The document at an address."""
        ...

    def ask(self, href: str, question: bytes) -> Document:
        """What an address answers to a question in JSON (POST)."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """An item, and what its relative addresses refer to."""

    item: JSON
    base: str | None


class Walk:
    """Follows the links of one input."""

    def __init__(self, reader: Reader, most: int) -> None:
        self._reader = reader
        self._most = most
        self._seen: set[str] = set()
        self._count = 0

    def items(self, document: JSON, base: str | None, depth: int = 0) -> Iterator[Found]:
        """All items of a document."""
        match stac.kind_of(document):
            case Kind.ITEM:
                yield self._counted(document, base)
            case Kind.ITEMS:
                yield from self._pages(document, base)
            case Kind.COLLECTION | Kind.CATALOG:
                yield from self._below(document, base, depth)
            case None:
                raise FetchFailed(
                    f"{shown(base or 'what came')} is neither STAC item nor collection, catalogue or search result"
                )

    def _below(self, document: dict[str, JSON], base: str | None, depth: int) -> Iterator[Found]:
        if depth > DEPTH:
            raise FetchFailed(f"{shown(base or '')} lies more than {DEPTH} catalogues deep")
        static = stac.links(document, "item")
        for link in static or stac.links(document, "items"):
            yield from self._follow(stac.absolute(base, link["href"]), depth)
        for link in stac.links(document, "child"):
            yield from self._follow(stac.absolute(base, link["href"]), depth + 1)

    def _pages(self, document: JSON, base: str | None, asked: dict[str, JSON] | None = None) -> Iterator[Found]:
        """A page of items and those that follow it, unless the address itself says how many are wanted.

        `asked` is the question that this page answers, where it was asked by POST.
        """
        for item in stac.features(document):
            yield self._counted(item, _self(item, base))
        if not isinstance(document, dict) or (base and "limit" in parse_qs(urlsplit(base).query)):
            return
        for link in stac.links(document, "next"):
            href, method = stac.absolute(base, link["href"]), str(link.get("method", "GET")).upper()
            if method == "POST":
                yield from self._ask(href, link, asked or {})
            elif method == "GET":
                yield from self._follow(href, 0)
            else:
                raise FetchFailed(f"{shown(href)} is the next page, which can only be had by {method[:20]}")

    def _ask(self, href: str, link: dict[str, JSON], asked: dict[str, JSON]) -> Iterator[Found]:
        """The next page of a search by POST: the question stands in the link, or is what was asked with a change."""
        change = link.get("body")
        question = (asked if link.get("merge") else {}) | (change if isinstance(change, dict) else {})
        body = orjson.dumps(question, option=orjson.OPT_SORT_KEYS)
        if (key := f"{href} {body.decode()}") in self._seen:
            return
        self._seen.add(key)
        found = self._reader.ask(href, body)
        document = parse(found)
        if stac.kind_of(document) is not Kind.ITEMS:
            raise FetchFailed(f"{shown(href)} is the next page, and holds no list of items")
        yield from self._pages(document, found.url, question)

    def _follow(self, href: str, depth: int) -> Iterator[Found]:
        if href in self._seen:
            return
        self._seen.add(href)
        found = self._reader.read(href)
        yield from self.items(parse(found), found.url, depth)

    def _counted(self, item: JSON, base: str | None) -> Found:
        self._count += 1
        if self._count > self._most:
            raise FetchFailed(
                f"it has more than {self._most} items, which is the limit (ADES_STAGE_IN_ITEMS); narrow the search"
            )
        return Found(item, base)


def _self(item: JSON, base: str | None) -> str | None:
    """Relative addresses of an item in a list refer to the item's own address, if it tells one."""
    own = stac.links(item, "self") if isinstance(item, dict) else []
    return own[0]["href"] if own and "://" in own[0]["href"] else base


def parse(document: Document) -> JSON:
    """A document as JSON."""
    try:
        return orjson.loads(document.body)
    except orjson.JSONDecodeError as error:
        raise FetchFailed(f"{shown(document.url)} is no valid JSON: {error.msg} (line {error.lineno})") from None
