"""One HTTP exchange with nothing but the standard library: `requests` would cost each command 0.2 s of processor time.

Connections are kept for the next request, and the proxies of the environment are used, except for this machine.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import ssl
from base64 import b64encode
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import SplitResult, quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from email.message import Message
    from typing import BinaryIO

    Keep = Callable[[http.client.HTTPConnection], None]

_SAFE: Final = "!#$%&'()*+,/:;=?@[]~"
_HERE: Final = re.compile(r"(.+\.)?localhost|127\.\d+\.\d+\.\d+|::1", re.IGNORECASE)
_LINK: Final = re.compile(r"<([^>]*)>([^<]*)")
_RELATION: Final = re.compile(r"""rel\s*=\s*"?([^";,]+)"?""")

FAULTS: Final = (OSError, http.client.HTTPException)
"""What an exchange can end with, beside an answer."""
NO_ADDRESS: Final = http.client.InvalidURL


class Answer:
    """What came back. The body is read when it is asked for."""

    def __init__(
        self, url: str, response: http.client.HTTPResponse, connection: http.client.HTTPConnection, keep: Keep
    ) -> None:
        self.url = url
        self.status_code: int = response.status
        self.reason: str = response.reason
        self.headers: Message = response.headers
        self._response = response
        self._connection = connection
        self._keep: Keep | None = keep
        self._content: bytes | None = None

    @property
    def content(self) -> bytes:
        """The whole body."""
        if self._content is None:
            self._content = b"".join(self.pieces(1 << 16))
        return self._content

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode(self.headers.get_content_charset() or "utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON; raises ValueError."""
        return json.loads(self.content)

    def pieces(self, size: int) -> Iterator[bytes]:
        """The body as it comes; raises one of `FAULTS` when it breaks off."""
        try:
            yield from self._read(size)
        except BaseException:
            self.close()
            raise
        if self._keep:
            self._keep(self._connection)
            self._keep = None

    def link(self, relation: str) -> str | None:
        """The address in a `Link` header."""
        for header in self.headers.get_all("Link", []):
            for address, parameters in _LINK.findall(header):
                found = _RELATION.search(parameters)
                if found and relation in found[1].split():
                    return str(address)
        return None

    def _read(self, size: int) -> Iterator[bytes]:
        # `read1` of Python 3.11 does not mind the length; `read` waits until a piece is full, which a stream never is.
        read = self._response.read1 if self._response.length is None else self._response.read
        while piece := read(size):
            yield piece
        if self._response.length:
            raise http.client.IncompleteRead(b"", self._response.length)

    def close(self) -> None:
        """Give up what has not been read."""
        self._response.close()
        if self._keep:
            self._connection.close()
            self._keep = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Transport:
    """Asks servers, and keeps the connections to them."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._idle: dict[tuple[str, str], list[http.client.HTTPConnection]] = {}

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | BinaryIO | None = None) -> Answer:
        """One request; raises one of `FAULTS`."""
        parts = urlsplit(url)
        connection, target = self._connection(parts)
        headers = dict(headers)
        if isinstance(proxy := _proxy(parts), SplitResult) and parts.scheme == "http":
            target = f"http://{parts.netloc.rpartition('@')[2]}{target}"
            headers |= _credentials(proxy)
        try:
            response = _exchange(connection, method, target, headers, body)
        except BaseException:
            connection.close()
            raise
        idle = self._idle.setdefault((parts.scheme, parts.netloc), [])
        return Answer(url, response, connection, idle.append)

    def close(self) -> None:
        """Close the connections that are kept."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()

    __del__ = close

    def _connection(self, parts: SplitResult) -> tuple[http.client.HTTPConnection, str]:
        target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_SAFE)
        idle = self._idle.get((parts.scheme, parts.netloc), [])
        with suppress(IndexError):
            while True:
                connection = idle.pop()
                if connection.sock is not None and not select.select([connection.sock], [], [], 0)[0]:
                    return connection, target
                connection.close()  # the server has closed it meanwhile
        return self._opened(parts), target

    def _opened(self, parts: SplitResult) -> http.client.HTTPConnection:
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise http.client.InvalidURL(f"{parts.geturl()} is no http or https address")
        proxy = _proxy(parts)
        host, port = (proxy.hostname or "", proxy.port) if proxy else (parts.hostname, parts.port)
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self.timeout)
        connection = http.client.HTTPSConnection(host, port, timeout=self.timeout, context=_trust())
        if proxy:
            connection.set_tunnel(parts.hostname, parts.port or 443, _credentials(proxy))
        return connection


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes | BinaryIO | None,
) -> http.client.HTTPResponse:
    try:
        connection.request(method, target, body, headers)
    except (BrokenPipeError, ConnectionResetError):
        # A server that refuses a large body answers and closes before it has read all of it.
        with suppress(*FAULTS):
            return connection.getresponse()
        raise
    return connection.getresponse()


@cache
def _trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    places = ssl.get_default_verify_paths()
    if not places.cafile and not places.capath:  # a machine without certificates of its own
        with suppress(ImportError):
            import certifi

            context.load_verify_locations(certifi.where())
    return context


def _proxy(parts: SplitResult) -> SplitResult | None:
    if not any(name.lower().endswith("_proxy") for name in os.environ) or _HERE.fullmatch(parts.hostname or ""):
        return None
    from urllib.request import getproxies, proxy_bypass

    found = getproxies().get(parts.scheme)
    if not found or proxy_bypass(parts.hostname or ""):
        return None
    return urlsplit(found if "://" in found else f"http://{found}")


def _credentials(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
