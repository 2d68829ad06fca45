"""Requests with a token, patience and clear errors."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = Any
REL = "http://www.opengis.net/def/rel/ogc/1.0/"

_BUSY = frozenset({429, 502, 503, 504})
_TRIES = 5


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
    """Requests with a token, patience and clear errors."""

    def __init__(self, token: str | None, timeout: float) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Accept"] = "application/json"
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"
        self.timeout = timeout

    def send(self, method: str, url: str, *, again: bool | None = None, **options: Any) -> requests.Response:
        """Ask; a request that may be repeated is, while the server is busy or away."""
        patient = method in {"GET", "HEAD", "PUT", "DELETE"} if again is None else again
        for attempt in range(_TRIES):
            last = not patient or attempt == _TRIES - 1
            try:
                response = self.session.request(method, url, timeout=self.timeout, **options)
            except (requests.ConnectionError, requests.Timeout) as error:
                if last:
                    where = urlsplit(url)
                    raise Unreachable(f"No answer from {where.scheme}://{where.netloc}: {_reason(error)}") from error
                _pause(attempt, None)
                continue
            except requests.RequestException as error:
                raise ClientError(f"{url}: {error}") from error
            if response.status_code not in _BUSY or last:
                return _checked(response)
            _pause(attempt, response.headers.get("Retry-After"))
        raise AssertionError("the last attempt returns or raises")

    def json(self, url: str, **options: Any) -> JSON:
        """Read a JSON document."""
        response = self.send("GET", url, **options)
        try:
            return response.json() if response.content else {}
        except ValueError as error:
            kind = response.headers.get("Content-Type", "nothing that says what it is")
            raise ClientError(f"{url} answered with {kind} instead of JSON. Is this the address of an API?") from error


def _pause(attempt: int, retry_after: str | None) -> None:
    wanted = float(retry_after) if retry_after and retry_after.isdecimal() else 0.2 * 2**attempt
    time.sleep(min(wanted, 30) * random.uniform(0.9, 1.1))  # noqa: S311 - jitter, not a secret


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate cannot be verified."
    return "it took too long." if isinstance(error, requests.Timeout) else "nothing listens there."


def _checked(response: requests.Response) -> requests.Response:
    status = response.status_code
    if status < 400:  # noqa: PLR2004 - where errors begin
        return response
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    problem = problem if isinstance(problem, dict) else {}
    said = problem.get("detail") or problem.get("description") or problem.get("title") or response.reason
    kind: type[ClientError] = {401: Refused, 403: Refused, 404: NotFound}.get(
        status,
        ServerTrouble if status >= 500 else Rejected,  # noqa: PLR2004
    )
    raise kind(str(said), status=status, problem=problem, location=response.headers.get("Location"))


def links(document: JSON) -> list[dict[str, JSON]]:
    links = document.get("links") if isinstance(document, dict) else None
    return [link for link in links if isinstance(link, dict) and "href" in link] if isinstance(links, list) else []


def find_link(document: JSON, *relations: str) -> str | None:
    """The first link of one of these relations; JSON wins where a page is offered too."""
    found = [link for link in links(document) if link.get("rel") in relations]
    plain = [link for link in found if "html" not in str(link.get("type", ""))]
    return str((plain or found)[0]["href"]) if found else None
