"""Connections that go to checked addresses only and never outlast a deadline.

A connection asks for the host itself and connects to one of the addresses that it has just checked: there is no
second look-up in which another answer could be given. Host header, SNI and certificate check use the name.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, cast

from ades.errors import FetchFailed, FetchInterrupted
from ades.fetch.addresses import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from typing_extensions import Buffer

    from ades.fetch.addresses import Guard, Place, Target

CONNECT: Final = 10.0
KEPT: Final = 8
"""Idle connections to one host."""
KEPT_SECONDS: Final = 20.0
_BUFFER: Final = 64 * 1024


@dataclass(slots=True)
class Watch:
    """How long things may take."""

    deadline: float | None
    """When everything must be over, on the monotonic clock."""
    idle: float
    """Seconds of silence."""
    total: float | None
    """The seconds that the deadline stood for, for the message."""

    def left(self, longest: float | None = None) -> float:
        """Seconds that the next wait may take."""
        wait = self.idle if longest is None else min(longest, self.idle)
        if self.deadline is None:
            return wait
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(wait, left)

    @property
    def over(self) -> bool:
        """The deadline has passed."""
        return self.deadline is not None and time.monotonic() >= self.deadline


class _Raw(io.RawIOBase):
    """Reads from a socket, never beyond the deadline."""

    def __init__(self, watched: _Watched, raw: io.RawIOBase) -> None:
        super().__init__()
        self._watched = watched
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int | None:
        self._watched.arm()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Watched:
    """What http.client needs of a socket, with a watch over each wait."""

    def __init__(self, sock: socket.socket, watch: Watch) -> None:
        self._sock = sock
        self.watch = watch

    def arm(self) -> None:
        self._sock.settimeout(self.watch.left())

    def sendall(self, data: bytes) -> None:
        self.arm()
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        raw = cast("io.RawIOBase", self._sock.makefile("rb", buffering=0))
        return io.BufferedReader(_Raw(self, raw), _BUFFER)

    def close(self) -> None:
        self._sock.close()

    def quiet(self) -> bool:
        """Nothing has come since the last answer: neither a farewell nor anything unasked for."""
        self._sock.setblocking(False)
        with suppress(BlockingIOError, ssl.SSLWantReadError):
            self._sock.recv(1)
            return False
        return True


class Connection(http.client.HTTPConnection):
    """A connection to one target."""

    def __init__(self, target: Target, guard: Guard, watch: Watch) -> None:
        super().__init__(target.host, target.port)
        self.default_port = target.default_port
        self.target = target
        self.told: Mapping[str, str] = {}
        self.since = time.monotonic()
        self.watch = watch
        self._guard = guard
        self._watched: _Watched | None = None

    def connect(self) -> None:
        """Look the host up, check every address, and connect to one of those."""
        sock = self._first(self._guard.resolve(self.target))
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.target.scheme == "https":
                sock.settimeout(self.watch.left())
                sock = _tls().wrap_socket(sock, server_hostname=self.target.host)
        except BaseException:
            sock.close()
            raise
        self._watched = _Watched(sock, self.watch)
        self.sock = cast("socket.socket", self._watched)

    def ask(self, method: str, headers: Mapping[str, str], body: bytes | None) -> http.client.HTTPResponse:
        """Send a request and read the head of the answer."""
        self.told = headers
        with _words(self):
            if self._watched is not None:
                self._watched.watch = self.watch
            self.request(method, self.target.path, body=body, headers=dict(headers))
            return self.getresponse()

    def read(self, response: http.client.HTTPResponse, size: int) -> bytes:
        """What has come, as soon as something has."""
        with _words(self):
            return response.read1(size) if response.length != 0 else b""

    def quiet(self) -> bool:
        """It is open, and nothing has come that nobody asked for."""
        return self.sock is not None and self._watched is not None and self._watched.quiet()

    def _first(self, addresses: list[Place]) -> socket.socket:
        trouble: OSError | None = None
        for family, address in addresses:
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.settimeout(self.watch.left(CONNECT))
                sock.connect(address)
            except OSError as error:
                sock.close()
                trouble = error
            else:
                return sock
        raise trouble or OSError("no address")


@contextmanager
def _words(connection: Connection) -> Iterator[None]:
    """Turn what the network says into a sentence."""
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError) as error:
        where, watch = shown(connection.target.url), connection.watch
        if watch.over:
            raise FetchInterrupted(f"{where} took longer than {watch.total:g} s.") from error
        kind, what = _trouble(error)
        raise kind(f"{where} {what}.") from error


def _trouble(error: OSError | http.client.HTTPException | ValueError) -> tuple[type[FetchFailed], str]:
    """Whether trying again may help, and what happened."""
    what = next(say for kind, say in _SAYINGS if isinstance(error, kind))
    lasting = isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)
    lasting |= isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN
    return FetchFailed if lasting else FetchInterrupted, what(error)


_SAYINGS: Final[tuple[tuple[type[Exception], Callable[[Any], str]], ...]] = (
    (TimeoutError, lambda _: "did not answer in time"),
    (ssl.SSLCertVerificationError, lambda error: f"has no valid certificate: {error.verify_message}"),
    (ssl.SSLError, lambda error: f"gives no encrypted connection ({error.reason or 'no reason'})"),
    (socket.gaierror, lambda error: f"has a host that is not known ({error.strerror})"),
    (http.client.RemoteDisconnected, lambda _: "closed the connection without an answer"),
    (OSError, lambda error: f"cannot be reached: {error.strerror or error}"),
    (http.client.IncompleteRead, lambda _: "broke off within its content"),
    (Exception, lambda error: f"does not speak proper HTTP ({type(error).__name__})"),
)


class Pool:
    """Connections that wait for the next request to the same host."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._idle: dict[tuple[str, str, int], list[Connection]] = {}
        self._lock = Lock()

    def ask(
        self, target: Target, method: str, headers: Mapping[str, str], body: bytes | None, watch: Watch
    ) -> tuple[Connection, http.client.HTTPResponse]:
        """Send a request over a waiting connection or a new one."""
        for connection in self._waiting(target):
            connection.target, connection.watch = target, watch
            # A kept connection may have been closed at the other end just now; only what can be repeated goes over it.
            if method == "GET":
                with suppress(FetchInterrupted):
                    return connection, connection.ask(method, headers, body)
            self.drop(connection)
        connection = Connection(target, self._guard, watch)
        try:
            return connection, connection.ask(method, headers, body)
        except BaseException:
            self.drop(connection)
            raise

    def keep(self, connection: Connection, response: http.client.HTTPResponse) -> None:
        """Keep a connection whose answer was read to the end."""
        whole = response.length == 0 or (response.chunked and response.isclosed())
        response.close()
        if not whole or response.will_close or connection.sock is None:
            self.drop(connection)
            return
        connection.since = time.monotonic()
        with self._lock:
            waiting = self._idle.setdefault(connection.target.origin, [])
            if len(waiting) < KEPT:
                waiting.append(connection)
                return
        self.drop(connection)

    def drop(self, connection: Connection) -> None:
        """Close a connection."""
        connection.close()

    def close(self) -> None:
        """Close all that wait."""
        with self._lock:
            waiting = [connection for several in self._idle.values() for connection in several]
            self._idle.clear()
        for connection in waiting:
            self.drop(connection)

    def _waiting(self, target: Target) -> Iterator[Connection]:
        while True:
            with self._lock:
                waiting = self._idle.get(target.origin)
                connection = waiting.pop() if waiting else None
                if not waiting:
                    self._idle.pop(target.origin, None)
            if connection is None:
                return
            fresh = time.monotonic() - connection.since < KEPT_SECONDS
            with suppress(OSError):
                if fresh and connection.quiet():
                    yield connection
                    continue
            self.drop(connection)


@cache
def _tls() -> ssl.SSLContext:
    """The certificates of the machine; those of certifi where it has none."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    paths = ssl.get_default_verify_paths()
    folder = Path(paths.capath or "")
    if not paths.cafile and not (paths.capath and folder.is_dir() and any(folder.iterdir())):
        import certifi

        context.load_verify_locations(certifi.where())
    return context
