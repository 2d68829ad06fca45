"""Brings one thing from wherever it lies: the web, buckets, the workspace's own files, folders of this machine.

Each scheme is a `Road`. An address decides which road is taken, and no road leads where the job may not go: the web
behind the guard, buckets and the own store by prefix, folders below the roots that the operator has opened.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from random import uniform
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from ades.errors import ContentTooLarge, FetchFailed, FetchInterrupted, FetchRefused, Unreachable
from ades.fetch import shown
from ades.runner.stage_in import checks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ades.fetch import Fetcher
    from ades.runner.stage_in.budget import Budget

TRIES: Final = 5
"""In a row without a single new byte."""
CHUNK: Final = 1024 * 1024
LARGE: Final = 64 * 1024**2
SPAN: Final = 32 * 1024**2
SPANS: Final = 4
"""Parts of one large thing that come at the same time."""
DOCUMENT: Final = 32 * 1024**2
"""Largest STAC document."""
_ACCEPT: Final = "application/geo+json, application/json;q=0.9, */*;q=0.8"


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


@dataclass(frozen=True, slots=True)
class Large:
    """A large thing, of which any part can be read by itself."""

    size: int
    media_type: str
    open: Callable[[int, int], BinaryIO]
    """open(start, length)"""
    same: Callable[[], bool]
    """Whether it is still what it was when its size was asked for."""


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

    def large(self, href: str) -> Large | None:
        """A thing so large that its parts are better brought side by side; None for all others."""
        ...


class Carrier:
    """Brings things over the roads."""

    def __init__(self, roads: Mapping[str, Road], budget: Budget) -> None:
        self._roads = roads
        self.budget = budget

    def read(self, href: str, limit: int = DOCUMENT) -> Document:
        """A small thing, whole; tried again when the way breaks."""
        return self._again(lambda: self._road(href).read(href, limit))

    def _again(self, get: Callable[[], Document]) -> Document:
        for left in reversed(range(TRIES)):
            self.budget.seconds()
            try:
                found = get()
            except (FetchInterrupted, Unreachable):
                if not left:
                    raise
                self._wait(TRIES - left)
            else:
                self.budget.add(len(found.body))
                return found
        raise AssertionError  # the last try returns or raises

    def ask(self, href: str, question: bytes) -> Document:
        """What an address answers to a question in JSON."""
        road = self._road(href)
        if not isinstance(road, Web):
            raise FetchRefused(f"{shown(href)} cannot be asked by POST; only addresses of the web can")
        return self._again(lambda: road.ask(href, question, DOCUMENT))

    def below(self, href: str) -> list[str] | None:
        """The names of all that lies in this folder; None if it is none."""
        return self._road(href).below(href)

    def bring(
        self, href: str, path: Path, *, size: object = None, checksum: str | None = None, media_type: str | None = None
    ) -> str:
        """A thing of any size into a file; what it is. Taken up again where it broke, checked when it is there."""
        part = path.with_name(f".{path.name}.part")
        try:
            large = self._road(href).large(href)
            found = self._side_by_side(href, large, part) if large else self._whole(href, part)
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
            except (FetchInterrupted, Unreachable):
                tries += 1
                if tries >= TRIES:
                    raise
                self._wait(tries)

    def _side_by_side(self, href: str, large: Large, part: Path) -> str:
        """The parts of a large thing, several at a time, each into its place."""
        if large.size > self.budget.left:
            raise ContentTooLarge(f"it has {large.size} bytes, more than may still come for this job")

        with part.open("wb") as file, ThreadPoolExecutor(SPANS, "ades-spans") as pool:
            futures = [
                pool.submit(self._span, href, large, start, file.fileno()) for start in range(0, large.size, SPAN)
            ]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        if not large.same():
            raise FetchInterrupted(f"{shown(href)} has changed while it was read")
        return large.media_type

    def _span(self, href: str, large: Large, start: int, file: int) -> None:
        """One part into its place; taken up again where it broke."""
        at, end, tries = start, min(start + SPAN, large.size), 0
        while at < end:
            try:
                with large.open(at, end - at) as stream:
                    while piece := stream.read(CHUNK):
                        os.pwrite(file, piece, at)
                        at += len(piece)
                        tries = 0
                        self.budget.add(len(piece))
                if at < end:
                    raise FetchInterrupted(f"{shown(href)} broke off after {at} of {large.size} bytes")
            except Unreachable:
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
        found = self._fetcher.get(href, limit=min(limit, self._budget.left), headers={"Accept": _ACCEPT})
        return Document(found.url, found.body, found.media_type)

    def ask(self, href: str, question: bytes, limit: int) -> Document:
        """What is answered to a question in JSON."""
        headers = {"Accept": _ACCEPT, "Content-Type": "application/json"}
        found = self._fetcher.post(href, question, headers, limit=min(limit, self._budget.left))
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

    def large(self, href: str) -> Large | None:  # noqa: ARG002 - the protocol's
        """Not every server gives parts, and many answer a second connection with 429."""
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
