"""What every request passes on its way in and out: its name, the headers that all answers have, the log, the numbers.

This is the border of a request: what nobody has caught before is caught here and told to the log alone.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from uuid import uuid4

import structlog

from ades import telemetry
from ades.http import problems
from ades.http.arriving import Arriving
from ades.http.respond import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ades.http.address import Addresses
    from ades.service.seats import Bodies

    Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_CORS: Final = (
    ("Access-Control-Allow-Origin", "*"),
    (
        "Access-Control-Expose-Headers",
        (
            "Location, Link, Preference-Applied, ETag, Retry-After, X-Request-Id, Content-Range, Accept-Ranges, "
            "Content-Disposition"
        ),
    ),
)
_PREFLIGHT: Final = (
    ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    (
        "Access-Control-Allow-Headers",
        (
            "Content-Type, Authorization, Prefer, Accept, Content-Schema, Idempotency-Key, If-Match, If-None-Match, "
            "Last-Event-ID, Range"
        ),
    ),
    ("Access-Control-Max-Age", "1728000"),
)
_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines; only interesting when it goes wrong."""


class Trace:
    """What becomes known of a request on its way."""

    __slots__ = ("actor", "began", "body", "environ", "id", "route", "status")

    body: Arriving

    def __init__(self, environ: dict[str, Any]) -> None:
        self.began = perf_counter()
        self.environ = environ
        self.id = str(uuid4())
        self.route = "none"
        self.actor = ""
        self.status = 500


class Door:
    """The WSGI application around the web framework's."""

    def __init__(self, inside: Application, addresses: Addresses, bodies: Bodies) -> None:
        self._inside = inside
        self._addresses = addresses
        self._bodies = bodies
        self._log = telemetry.log()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        trace = Trace(environ)
        environ["ades.trace"] = trace
        environ["ades.request_id"] = trace.id
        structlog.contextvars.bind_contextvars(request=trace.id)
        trace.body = environ["wsgi.input"] = Arriving(environ["wsgi.input"], _length(environ), self._bodies)
        try:
            body = self._inside(environ, self._starter(trace, start_response))
        except Exception:  # noqa: BLE001 - the border of a request
            self._log.exception("The request could not be answered")
            body = self._fault(trace, start_response)
        if isinstance(body, list):
            self._done(trace)
            return body
        return _Watched(body, lambda: self._done(trace))

    def _starter(self, trace: Trace, start_response: Callable[..., Any]) -> Callable[..., Any]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            trace.status = int(status[:3])
            headers.extend(_CORS)
            if trace.environ["REQUEST_METHOD"] == "OPTIONS":
                headers.extend(_PREFLIGHT)
            headers.append(("X-Request-Id", trace.id))
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        return start

    def _fault(self, trace: Trace, start_response: Callable[..., Any]) -> list[bytes]:
        body = dumps(problems.unexpected(f"urn:uuid:{trace.id}"))
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        self._starter(trace, start_response)("500 Internal Server Error", headers)
        return [body]

    def _done(self, trace: Trace) -> None:
        environ = trace.environ
        trace.body.close()
        seconds = perf_counter() - trace.began
        method, path = environ["REQUEST_METHOD"], _loggable(environ["PATH_INFO"])
        telemetry.request_done(trace.route, method, trace.status, seconds)
        tell = self._log.debug if path in _QUIET and trace.status < 500 else self._log.info  # noqa: PLR2004
        tell(
            "%s %s answered with %s", method, path, trace.status,
            ms=round(seconds * 1000, 2), actor=trace.actor, client=self._addresses.client(environ),
        )  # fmt: skip
        structlog.contextvars.clear_contextvars()


def _length(environ: dict[str, Any]) -> int | None:
    told = str(environ.get("CONTENT_LENGTH") or "")
    return int(told) if told.isdecimal() else None


def _loggable(path: str) -> str:
    """A path as it came, with everything quoted that could break out of its line."""
    return quote(path, safe="/:@!$&'()*+,;=~", encoding="latin-1", errors="replace")


class _Watched:
    """A body that is made while it is sent; it is done when the server closes it."""

    def __init__(self, body: Iterable[bytes], done: Callable[[], None]) -> None:
        self._body = body
        self._done = done

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        try:
            if close := getattr(self._body, "close", None):
                close()
        finally:
            self._done()
