"""The one guarded way to fetch an address that a user named.

`addresses` says what may be read, `connection` connects to nothing else, `content` unpacks within limits; the
`Fetcher` here puts them together: it follows redirects (each checked anew), holds one deadline over the whole
exchange, and says in one sentence what went wrong. Proxies, cookies and netrc of the environment play no part.
"""

from __future__ import annotations

import re
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol

from ades import __version__
from ades.errors import ContentTooLarge, FetchFailed, FetchInterrupted, FetchRefused
from ades.fetch.addresses import Guard, Target, shown
from ades.fetch.connection import Pool, Watch
from ades.fetch.content import Unpacker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from http.client import HTTPResponse

    from ades.fetch.connection import Connection

__all__ = ["Download", "Fetched", "Fetcher", "Guard", "Rules", "SimpleRules", "Target", "shown"]

REDIRECTS: Final = 5
IDLE: Final = 30.0
"""Seconds that a server may stay silent during a long download."""
ANSWER_LIMIT: Final = 64 * 1024
"""How much of the answer to a notification is read."""
CHUNK: Final = 256 * 1024

_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_TRY_AGAIN: Final = frozenset({408, 425, 429})
_TRAVEL: Final = frozenset({"accept", "if-none-match", "if-modified-since", "if-range", "range", "user-agent"})
"""Headers that may follow a redirect to another host; every other one may be a secret."""
_OURS: Final = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "te", "upgrade", "expect", "accept-encoding"}
)


class Rules(Protocol):
    """What a fetcher must know; `Settings` has it, and so has `SimpleRules`."""

    @property
    def fetch_schemes(self) -> tuple[str, ...]:
        """Schemes that may be read."""
        ...

    @property
    def fetch_allow(self) -> tuple[str, ...]:
        """What may be read although it is private."""
        ...

    @property
    def fetch_timeout(self) -> float:
        """Seconds for a whole exchange."""
        ...


@dataclass(frozen=True, slots=True)
class SimpleRules:
    """Rules for where there are no settings, as in a runner."""

    fetch_schemes: tuple[str, ...] = ("https", "http")
    fetch_allow: tuple[str, ...] = ()
    fetch_timeout: float = 30


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address answered."""

    url: str
    """Where it was found, after all redirects."""
    status: int
    body: bytes = b""
    media_type: str = "application/octet-stream"
    """Without parameters, in lower case."""
    charset: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    not_modified: bool = False
    """What the etag named is still right; there is no body."""


@dataclass(slots=True)
class Download:
    """A body that is read piece by piece, once."""

    url: str
    media_type: str
    etag: str | None
    start: int
    """The place of the first byte; 0 also when a later start was asked for and the server began anew."""
    size: int | None
    """Bytes of the whole, as far as the server has told."""
    resumable: bool
    """Whether asking again from where it broke can work."""
    _pieces: Iterator[bytes] = field(repr=False)

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


@dataclass(frozen=True, slots=True)
class _Answer:
    target: Target
    connection: Connection
    response: HTTPResponse
    watch: Watch

    def header(self, name: str) -> str | None:
        return self.response.headers.get(name)


class Fetcher:
    """Fetches what users name. One of them may be shared by threads."""

    def __init__(self, rules: Rules) -> None:
        self.guard = Guard(rules.fetch_schemes, rules.fetch_allow)
        self._timeout = rules.fetch_timeout
        self._pool = Pool(self.guard)

    def check(self, url: str) -> str:
        """The address, if it could be read as far as can be told without asking for its host."""
        return self.guard.target(url).url

    def reach(self, url: str) -> str:
        """The same, and what its host means now may be asked too; a host that is not known yet may come to be."""
        target = self.guard.target(url)
        with suppress(OSError):
            self.guard.resolve(target)
        return target.url

    def get(
        self,
        url: str,
        *,
        limit: int,
        headers: Mapping[str, str] | None = None,
        etag: str | None = None,
        timeout: float | None = None,
    ) -> Fetched:
        """Read an address whole; with an `etag` only if it has changed."""
        extra = {"If-None-Match": etag} if etag else {}
        watch = self._watch(timeout)
        wanted = {"Accept-Encoding": "gzip", **_checked(headers), **extra}
        with self._exchange(url, "GET", wanted, watch) as answer:
            not_modified = answer.response.status == HTTPStatus.NOT_MODIFIED
            body = b"" if not_modified else b"".join(_pieces(answer, limit))
            return _fetched(answer, body, not_modified=not_modified)

    def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        limit: int = ANSWER_LIMIT,
        timeout: float | None = None,
    ) -> Fetched:
        """Tell an address something. A redirect counts as failure: what was to be told stays with whom it was for."""
        watch = self._watch(timeout)
        with self._exchange(url, "POST", _checked(headers), watch, body=body, redirects=0) as answer:
            return _fetched(answer, b"".join(_pieces(answer, limit)))

    @contextmanager
    def stream(
        self,
        url: str,
        *,
        limit: int | None = None,
        start: int = 0,
        etag: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Iterator[Download]:
        """Read an address piece by piece, from `start` on if the server can and the content is still that of `etag`.

        Without a `timeout` the whole may take as long as it wants, as long as the server is never silent for long.
        """
        watch = Watch(time.monotonic() + timeout if timeout else None, IDLE, timeout)
        wanted = {"Accept-Encoding": "identity", **_checked(headers)}
        if start:
            wanted["Range"] = f"bytes={start}-"
            if etag and not etag.startswith("W/"):
                wanted["If-Range"] = etag
        with self._exchange(url, "GET", wanted, watch) as answer:
            yield _download(answer, limit, start)

    def close(self) -> None:
        """Close the connections that are kept for the next fetch."""
        self._pool.close()

    def _watch(self, timeout: float | None) -> Watch:
        seconds = timeout or self._timeout
        return Watch(time.monotonic() + seconds, seconds, seconds)

    @contextmanager
    def _exchange(
        self,
        url: str,
        method: str,
        headers: dict[str, str],
        watch: Watch,
        *,
        body: bytes | None = None,
        redirects: int = REDIRECTS,
    ) -> Iterator[_Answer]:
        """The answer after all redirects; its connection is kept if it was read to the end."""
        target = self.guard.target(url)
        for left in range(redirects, -1, -1):
            connection, response = self._pool.ask(target, method, headers, body, watch)
            answer = _Answer(target, connection, response, watch)
            if response.status not in _MOVED or not redirects:
                break
            self._pool.drop(connection)
            target, headers = self._next(answer, headers, left)
        try:
            _good(answer)
            yield answer
        except BaseException:
            self._pool.drop(connection)
            raise
        self._pool.keep(connection, response)

    def _next(self, answer: _Answer, headers: dict[str, str], left: int) -> tuple[Target, dict[str, str]]:
        """Where a redirect leads, and what is told there."""
        here, location = answer.target, answer.header("Location")
        if not location:
            raise FetchFailed(f"{shown(here.url)} redirects, but does not say where to.")
        if left == 0:
            raise FetchFailed(f"{shown(here.url)} redirects to {shown(location)}, which is one redirect too many.")
        try:
            there = self.guard.target(here.join(location))
        except FetchRefused as error:
            raise FetchRefused(f"{shown(here.url)} redirects to another address. {error.detail}") from None
        if here.scheme == "https" and there.scheme == "http":
            raise FetchRefused(f"{shown(here.url)} redirects to {shown(there.url)}, which is not encrypted.")
        if here.origin != there.origin:
            headers = {name: value for name, value in headers.items() if name.lower() in _TRAVEL | _OURS}
        return there, headers


def _checked(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Headers that a caller may set, with who we are."""
    own = {"User-Agent": f"ades/{__version__}", "Accept": "*/*"}
    for name, value in (headers or {}).items():
        if name.lower() in _OURS:
            raise FetchRefused(f"The header {name} is not the caller's to set.")
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or re.search(r"[^\t\x20-\x7e\x80-\xff]", value):
            raise FetchRefused(f"The header {name!r} holds characters that no header may hold.")
        own = {known: kept for known, kept in own.items() if known.lower() != name.lower()}
        own[name] = value
    return own


def _good(answer: _Answer) -> None:
    """Raise unless the answer is one that can be used."""
    status = answer.response.status
    asked_before = "If-None-Match" in answer.connection.told
    if HTTPStatus(200) <= status < HTTPStatus(300) or (status == HTTPStatus.NOT_MODIFIED and asked_before):
        return
    where = shown(answer.target.url)
    if status in _MOVED:
        raise FetchFailed(f"{where} answers with a redirect, which is not followed here.", answer=status)
    kind = FetchInterrupted if status in _TRY_AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR else FetchFailed
    raise kind(f"{where} answers {status}{_phrase(status)}.", answer=status)


def _phrase(status: int) -> str:
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""


def _media_type(answer: _Answer) -> str:
    return (answer.header("Content-Type") or "application/octet-stream").split(";")[0].strip().lower()


def _fetched(answer: _Answer, body: bytes, *, not_modified: bool = False) -> Fetched:
    return Fetched(
        url=answer.target.url,
        status=answer.response.status,
        body=body,
        media_type=_media_type(answer),
        charset=answer.response.headers.get_content_charset(),
        etag=answer.header("ETag"),
        last_modified=answer.header("Last-Modified"),
        not_modified=not_modified,
    )


def _download(answer: _Answer, limit: int | None, start: int) -> Download:
    size = answer.response.length
    if answer.response.status == HTTPStatus.PARTIAL_CONTENT:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.header("Content-Range") or "")
        if not found or int(found[1]) != start:
            raise FetchFailed(f"{shown(answer.target.url)} answers with another range than the one asked for.")
        size = int(found[2]) if found[2] != "*" else None
    else:
        start = 0
    packed = (answer.header("Content-Encoding") or "identity").lower() != "identity"
    etag = answer.header("ETag")
    resumable = not packed and (answer.header("Accept-Ranges") or "bytes").lower() == "bytes" and bool(etag or size)
    rest = None if limit is None else limit - start
    return Download(
        answer.target.url, _media_type(answer), etag, start, None if packed else size, resumable, _pieces(answer, rest)
    )


def _pieces(answer: _Answer, limit: int | None) -> Iterator[bytes]:
    """The body, unpacked; no more of it than `limit`, neither before nor after unpacking."""
    where, expected = shown(answer.target.url), answer.response.length
    if limit is not None and expected is not None and expected > limit:
        raise ContentTooLarge(f"{where} has {expected} bytes; at most {max(limit, 0)} are read here.")
    unpacker = Unpacker(answer.header("Content-Encoding"), where)
    came = gave = 0
    while data := answer.connection.read(answer.response, CHUNK):
        came += len(data)
        for piece in unpacker.feed(data):
            gave += len(piece)
            if limit is not None and max(came, gave) > limit:
                raise ContentTooLarge(f"{where} has more than the {max(limit, 0)} bytes that are read here.")
            yield piece
    if expected is not None and came < expected:
        raise FetchInterrupted(f"{where} broke off after {came} of {expected} bytes.")
    unpacker.finish()
