"""Requests with a token, patience and clear errors."""

from __future__ import annotations

import random
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

from ades.client._transport import FAULTS, NO_ADDRESS, Answer, Transport

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

JSON = Any
REL: Final = "http://www.opengis.net/def/rel/ogc/1.0/"

_BUSY: Final = frozenset({429, 502, 503, 504})
_TRIES: Final = 5
_LONGEST: Final = 120.0
"""Seconds that a server may ask us to wait; beyond that its answer is the answer."""
_REDIRECTS: Final = 5


class ClientError(Exception):
    """A request did not work. The message is what the server said, or why it could not be asked."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        problem: Mapping[str, JSON] | None = None,
        location: str | None = None,
    ) -> None:
        self.status = status
        self.location = location
        """What the server points to instead, such as the process that is deployed already."""
        self.problem = dict(problem or {})
        super().__init__(message)


class Unreachable(ClientError):
    """The server does not answer."""


class Refused(ClientError):
    """The token is missing, wrong or not enough (401, 403)."""


class NotFound(ClientError):
    """There is no such thing, or it may not be seen (404)."""


class Rejected(ClientError):
    """The request itself is not right (other 4xx)."""


class ServerTrouble(ClientError):
    """The server could not do it (5xx)."""


class JobFailed(ClientError):
    """The job ended without results."""


class Http:
    """Requests to one server. The token goes to the address that the user has named, and to no other."""

    def __init__(self, url: str, token: str | None, timeout: float) -> None:
        if token and not (token.isascii() and token.isprintable()):
            raise ClientError("The token holds characters that no token has. Copy it anew.")
        self.transport = Transport(timeout)
        self._own = _checked_origin(url)
        self._token = token
        self._near: tuple[str, str] | None = None
        """How the server calls itself, and how we call it, where the two differ."""
        self._asked = False
        self._met = False
        """It has answered before: it will come back."""

    def send(
        self,
        method: str,
        url: str,
        *,
        again: bool | None = None,
        params: Mapping[str, Any] | None = None,
        json: JSON = None,
        data: bytes | BinaryIO | None = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> Answer:
        """Ask; a request that may be repeated is, while the server is busy or away.

        With `stream` the body is left for the caller to read.
        """
        patient = method in {"GET", "HEAD", "PUT", "DELETE"} if again is None else again
        if params:
            told = urlencode({name: value for name, value in params.items() if value is not None}, doseq=True)
            url += f"{'&' if '?' in url else '?'}{told}" if told else ""
        given = {"Accept": "application/json", "User-Agent": "ades-client"} | dict(headers or {})
        if json is not None:
            from json import dumps

            data, given["Content-Type"] = dumps(json).encode(), "application/json"
        for attempt in range(_TRIES):
            last = attempt == _TRIES - 1
            try:
                answer = self._followed(method, url, given, data)
                if not stream:
                    _ = answer.content  # what breaks off is asked for again, too
            except (NO_ADDRESS, UnicodeError) as error:
                raise ClientError(f"This is no address of a server: {error}.") from error
            except FAULTS as error:
                refused = isinstance(error, ConnectionRefusedError | socket.gaierror | ssl.SSLError)
                if last or (not self._met if refused else not patient):
                    raise _unreachable(url, error) from error
                time.sleep(_pause(attempt))
                continue
            self._met = True
            wait = _asked_to_wait(answer)
            # Whoever says when to come back has not begun to work on it, whatever the method.
            comes_back = patient if wait is None else wait <= _LONGEST
            if answer.status_code not in _BUSY or last or not comes_back:
                return _checked(answer)
            answer.close()
            time.sleep(_pause(attempt) if wait is None else wait * random.uniform(1, 1.1))  # noqa: S311 - jitter
        raise AssertionError("the last attempt returns or raises")

    def json(self, url: str, **options: Any) -> JSON:
        """Read a JSON document."""
        answer = self.send("GET", url, **options)
        try:
            return answer.json() if answer.content else {}
        except ValueError as error:
            kind = answer.headers.get("Content-Type", "nothing that says what it is")
            raise ClientError(f"{url} answered with {kind} instead of JSON. Is this the address of an API?") from error

    def near(self, url: str, root: str) -> str:
        """An address as we can reach it: a server behind a proxy or a tunnel calls itself by another name.

        `root` is the landing page, which is asked once how the server calls itself. The worst that a wrong answer can do
        is to send us to the server that we have chosen.
        """
        if _origin(url) == self._own:
            return url
        if not self._asked:
            self._asked = True
            try:
                self._near = _prefixes(root, find_link(self.json(root), "self"))
            except ClientError:
                self._near = None
        if self._near and (url == self._near[0] or url.startswith(self._near[0] + "/")):
            return self._near[1] + url[len(self._near[0]) :]
        return url

    def _followed(self, method: str, url: str, headers: Mapping[str, str], data: bytes | BinaryIO | None) -> Answer:
        for _ in range(_REDIRECTS):
            if data is not None and not isinstance(data, bytes):
                data.seek(0)
            own = {"Authorization": f"Bearer {self._token}"} if self._token and _origin(url) == self._own else {}
            answer = self.transport.ask(method, url, own | dict(headers), data)
            place = answer.headers.get("Location")
            if answer.status_code not in {301, 302, 303, 307, 308} or not place:
                return answer
            answer.close()
            following = urljoin(url, place)
            if method not in {"GET", "HEAD"} and answer.status_code not in {307, 308}:
                raise Rejected(f"{url} has moved to {following}; use that address.", location=following)
            if _origin(following) == ("https", *self._own[1:]) and self._own[0] == "http":
                self._own = _origin(following)  # the same host, and from now on nobody listens
            url = following
        raise ServerTrouble(f"{url} leads from one address to the next without an end.")


def _checked_origin(url: str) -> tuple[str, str]:
    try:
        _ = urlsplit(url).port
        return _origin(url)
    except ValueError as error:
        raise ClientError(f"This is no address of a server: {url} ({error}).") from error


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].lower()
    usual = {"http": ":80", "https": ":443"}.get(parts.scheme.lower(), "")
    return parts.scheme.lower(), host.removesuffix(usual) if usual else host


def _prefixes(near: str, said: str | None) -> tuple[str, str] | None:
    """What stands before the path that two addresses of the same document share."""
    if not said or not said.startswith(("http://", "https://")):
        return None
    ours, theirs = (urlsplit(url) for url in (near, said))
    mine, other = ours.path.strip("/").split("/"), theirs.path.strip("/").split("/")
    while mine and other and mine[-1] == other[-1]:
        mine.pop()
        other.pop()
    heads = [
        "/".join([f"{parts.scheme}://{parts.netloc}", *filter(None, rest)])
        for parts, rest in ((theirs, other), (ours, mine))
    ]
    return heads[0], heads[1]


def _pause(attempt: int) -> float:
    return 0.2 * 2.0**attempt * random.uniform(0.9, 1.1)  # noqa: S311 - jitter, not a secret


def _asked_to_wait(answer: Answer) -> float | None:
    """Seconds, whether the server says how long or until when."""
    said = str(answer.headers.get("Retry-After") or "").strip()
    if not said or said.isdecimal():
        return float(said) if said else None
    from email.utils import parsedate_to_datetime

    try:
        until: float = parsedate_to_datetime(said).timestamp()
    except ValueError:
        return None
    return max(0.0, until - time.time())


def _unreachable(url: str, error: Exception) -> ClientError:
    where = urlsplit(url)
    return Unreachable(f"No answer from {where.scheme}://{where.netloc.rpartition('@')[2]}: {_reason(error)}")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate cannot be verified ({error.verify_message})."
    for kind, said in _REASONS.items():
        if isinstance(error, kind):
            return said
    if isinstance(error, OSError):
        return f"the connection broke ({error.strerror or error})."
    return f"what came back is no HTTP ({error})."


_REASONS: Final[dict[type[Exception], str]] = {
    ssl.SSLError: "it does not speak TLS as it should.",
    socket.gaierror: "nobody knows a host of this name.",
    TimeoutError: "it took too long.",
    ConnectionRefusedError: "nothing listens there.",
}


def _checked(answer: Answer) -> Answer:
    status = answer.status_code
    if status < 400:  # noqa: PLR2004 - where errors begin
        return answer
    try:
        problem = answer.json()
    except (ValueError, *FAULTS):
        problem = {}
    problem = problem if isinstance(problem, dict) else {}
    said = problem.get("detail") or problem.get("description") or problem.get("title") or answer.reason
    kind: type[ClientError] = {401: Refused, 403: Refused, 404: NotFound}.get(
        status,
        ServerTrouble if status >= 500 else Rejected,  # noqa: PLR2004
    )
    raise kind(str(said), status=status, problem=problem, location=answer.headers.get("Location"))


def links(document: JSON) -> list[dict[str, JSON]]:
    """The links of a document."""
    links = document.get("links") if isinstance(document, dict) else None
    return [link for link in links if isinstance(link, dict) and "href" in link] if isinstance(links, list) else []


def find_link(document: JSON, *relations: str) -> str | None:
    """The first link of one of these relations; JSON wins where a page is offered too."""
    found = [link for link in links(document) if link.get("rel") in relations]
    plain = [link for link in found if "html" not in str(link.get("type", ""))]
    return str((plain or found)[0]["href"]) if found else None
