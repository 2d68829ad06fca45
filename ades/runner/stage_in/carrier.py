"""Brings one thing from wherever it lies: the web, buckets, the workspace's own files, folders of this machine.

Each scheme is a `Road`. An address decides which road is taken, and no road leads where the job may not go: the web
behind the guard, buckets and the own store by prefix, folders below the roots that the operator has opened.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from random import uniform
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from ades.errors import ContentTooLarge, FetchFailed, FetchInterrupted, FetchRefused, Unavailable
from ades.fetch import shown
from ades.runner.stage_in import checks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ades.fetch import Fetcher
    from ades.runner.stage_in.budget import Budget

TRIES: Final = 5
"""In a row without a single new byte."""
CHUNK: Final = 1024 * 1024
DOCUMENT: Final = 32 * 1024**2
"""Largest STAC document."""


@dataclass(frozen=True, slots=True)
class Document:
    """A small thing, read whole."""

    url: str
    """Where it was found: what its relative addresses refer to."""
    body: bytes
    media_type: str


@dataclass(slots=True)
class Coming:
    """A body on its way."""

    pieces: Iterator[bytes]
    start: int
    media_type: str
    etag: str | None = None
    resumable: bool = False


class Road(Protocol):
    """How things come from one kind of place."""

    def read(self, href: str, limit: int) -> Document:
        """A small thing, whole."""
        ...

    @contextmanager
    def stream(self, href: str, start: int, etag: str | None) -> Iterator[Coming]:
        """A thing in pieces, from a place on."""
        ...

    def below(self, href: str) -> list[str] | None:
        """The names of all that lies in this folder; None if it is no folder or cannot be listed."""
        ...


class Carrier:
    """Brings things over the roads."""

    def __init__(self, roads: Mapping[str, Road], budget: Budget) -> None:
        self._roads = roads
        self.budget = budget

    def read(self, href: str, limit: int = DOCUMENT) -> Document:
        """A small thing, whole; tried again when the way breaks."""
        for left in reversed(range(TRIES)):
            self.budget.seconds()
            try:
                found = self._road(href).read(href, limit)
            except (FetchInterrupted, Unavailable):
                if not left:
                    raise
                self._wait(TRIES - left)
            else:
                self.budget.add(len(found.body))
                return found
        raise AssertionError  # the last try returns or raises

    def below(self, href: str) -> list[str] | None:
        """The names of all that lies in this folder; None if it is none."""
        return self._road(href).below(href)

    def bring(
        self, href: str, path: Path, *, size: object = None, checksum: str | None = None, media_type: str | None = None
    ) -> str:
        """A thing of any size into a file; what it is. Taken up again where it broke, checked when it is there."""
        part = path.with_name(f".{path.name}.part")
        try:
            found = self._whole(href, part)
            checks.length(part, size)
            checks.kind(part, media_type)
            if checksum:
                checks.checksum(part, checksum)
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)
        self.budget.finished()
        return found

    def _whole(self, href: str, part: Path) -> str:
        tries, have, etag, resumable = 0, 0, None, False
        while True:
            start = have if resumable else 0
            try:
                with self._road(href).stream(href, start, etag) as coming:
                    etag, resumable = coming.etag, coming.resumable
                    with part.open("ab" if coming.start else "wb") as file:
                        have = coming.start
                        for piece in coming.pieces:
                            file.write(piece)
                            have += len(piece)
                            self.budget.add(len(piece))
                            tries = 0
                    return coming.media_type
            except (FetchInterrupted, Unavailable):
                tries += 1
                if tries >= TRIES:
                    raise
                self._wait(tries)

    def _wait(self, tries: int) -> None:
        pause = min(8.0, 0.25 * 2**tries) * uniform(0.5, 1)  # noqa: S311 - to come apart, not to be unguessable
        time.sleep(min(pause, self.budget.seconds()))

    def _road(self, href: str) -> Road:
        scheme = href.partition(":")[0].lower()
        if scheme not in self._roads:
            known = ", ".join(f"{name}:" for name in sorted(self._roads) if name != "store")
            raise FetchRefused(f"{shown(href)} cannot be read; addresses here begin with {known}")
        return self._roads[scheme]


class Web:
    """http and https, behind the guard."""

    def __init__(self, fetcher: Fetcher, budget: Budget) -> None:
        self._fetcher = fetcher
        self._budget = budget

    def read(self, href: str, limit: int) -> Document:
        """A small thing, whole."""
        accept = "application/geo+json, application/json;q=0.9, */*;q=0.8"
        found = self._fetcher.get(href, limit=min(limit, self._budget.left), headers={"Accept": accept})
        return Document(found.url, found.body, found.media_type)

    @contextmanager
    def stream(self, href: str, start: int, etag: str | None) -> Iterator[Coming]:
        """A thing in pieces."""
        seconds = self._budget.seconds()
        with self._fetcher.stream(href, start=start, etag=etag, timeout=seconds) as download:
            if download.size is not None and download.size - download.start > self._budget.left:
                raise ContentTooLarge(f"it has {download.size} bytes, more than may still come for this job")
            yield Coming(iter(download), download.start, download.media_type, download.etag, download.resumable)

    def below(self, href: str) -> list[str] | None:  # noqa: ARG002 - the protocol's
        """The web has no folders."""
        return None


def pieces(stream: BinaryIO) -> Iterator[bytes]:
    """A stream in pieces."""
    while piece := stream.read(CHUNK):
        yield piece


def limited(stream: BinaryIO, limit: int, href: str) -> bytes:
    """A stream whole, if it is not too large."""
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise ContentTooLarge(f"{shown(href)} has more than the {limit} bytes that are read here")
    return body


def absent(href: str) -> FetchFailed:
    """What is said when nothing is there."""
    return FetchFailed(f"there is nothing at {shown(href)}")
