"""The Kubernetes API as far as we need it: raw JSON in and out, without the client's thousand classes.

The client of the Kubernetes project finds the cluster, checks its certificate and renews tokens; parsing its answers
into objects would cost more than everything else that the server does for a job.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import orjson

from ades.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNREACHABLE: Final = 0
GONE: Final = 410
NOT_FOUND: Final = 404
CONFLICT: Final = 409
FORBIDDEN: Final = 403

JSON_TYPE: Final = "application/json"
MERGE: Final = "application/merge-patch+json"
_TIMEOUT: Final = 30.0
_CONNECT: Final = 5.0
_POOL: Final = 16
_FAULT_OF_SERVER: Final = 500
_TRY_LATER: Final = (UNREACHABLE, 408, 429)
_PIECE: Final = 65536


@dataclass
class ApiError(Exception):
    """The cluster has refused, or does not answer (code 0)."""

    code: int
    reason: str
    message: str

    def __str__(self) -> str:
        return self.message

    @property
    def transient(self) -> bool:
        """The same call may work a little later."""
        return self.code in _TRY_LATER or self.code >= _FAULT_OF_SERVER

    @property
    def quota(self) -> bool:
        """A quota of the namespace is used up."""
        return self.code == FORBIDDEN and "exceeded quota" in self.message


class Api:
    """One cluster. Safe for many threads."""

    def __init__(self, config: Path | None) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._connected: tuple[Any, Any] | None = None
        self._streams: set[Any] = set()
        self._closed = False

    def connect(self) -> None:
        """Find the cluster now, instead of with the first call. Raises `Misconfigured`."""
        self._connection()

    def close(self) -> None:
        """End every answer that still goes on, and all connections."""
        with self._lock:
            self._closed = True
            streams, connected = list(self._streams), self._connected
        for response in streams:
            with suppress(OSError, ValueError, RuntimeError):  # it has just ended by itself
                getattr(response, "shutdown", response.close)()
        if connected is not None:
            connected[1].clear()

    def get(self, path: str, **query: str) -> Any:
        """An object, or a list."""
        return self._json("GET", path, query)

    def create(self, path: str, body: Any, **query: str) -> Any:
        """Make an object in the collection at a path."""
        return self._json("POST", path, query, body)

    def merge(self, path: str, change: Any) -> Any:
        """Change some fields of an object."""
        return self._json("PATCH", path, {}, change, MERGE)

    def delete(self, path: str, options: Any, **query: str) -> Any:
        """Delete an object, or all of a collection that a selector fits."""
        return self._json("DELETE", path, query, options)

    def text(self, path: str, **query: str) -> bytes:
        """Something that is not JSON, such as a log."""
        with _opened(self._send("GET", path, query, None, JSON_TYPE, _TIMEOUT)) as response:
            return bytes(_read(response))

    def lines(self, path: str, silence: float, **query: str) -> Iterator[bytes]:
        """The lines of an answer that goes on for a while. A longer silence than this counts as the end of it."""
        rest = b""
        for piece in self.pieces(path, silence, **query):
            *whole, rest = (rest + piece).split(b"\n")
            yield from whole

    def pieces(self, path: str, silence: float, **query: str) -> Iterator[bytes]:
        """An answer that goes on for a while, as it comes. A longer silence than this breaks it off."""
        response = self._send("GET", path, query, None, JSON_TYPE, silence)
        with self._lock:
            self._streams.add(response)
        try:
            yield from () if self._closed else _pieces(response)
        finally:
            with self._lock:
                self._streams.discard(response)
            response.close()
            response.release_conn()

    def _json(self, method: str, path: str, query: dict[str, str], body: Any = None, kind: str = JSON_TYPE) -> Any:
        with _opened(self._send(method, path, query, body, kind, _TIMEOUT)) as response:
            text = _read(response)
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise ApiError(UNREACHABLE, "Unreadable", f"{path} was not answered with JSON: {error}.") from error

    def _send(self, method: str, path: str, query: dict[str, str], body: Any, kind: str, timeout: float) -> Any:
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        configuration, pool = self._connection()
        signed = {each["key"]: each["value"] for each in configuration.auth_settings().values() if each["value"]}
        headers = {"Accept": "*/*", "Content-Type": kind, "User-Agent": "ades", **signed}
        url = f"{configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else orjson.dumps(body)
        waiting = Timeout(connect=_CONNECT, read=timeout)
        try:
            response = pool.request(
                method, url, body=data, headers=headers, preload_content=False, timeout=waiting, retries=False
            )
        except HTTPError as error:
            raise ApiError(UNREACHABLE, "Unreachable", f"The cluster does not answer: {error}") from error
        if response.status >= 400:  # noqa: PLR2004
            raise _refusal(response)
        return response

    def _connection(self) -> tuple[Any, Any]:
        with self._lock:
            if self._connected is None:
                self._connected = _connect(self._config)
            return self._connected


def _connect(config: Path | None) -> tuple[Any, Any]:
    """Where the cluster is and who we are, with a pool of connections."""
    from kubernetes import client
    from kubernetes import config as finding
    from kubernetes.client.rest import RESTClientObject

    configuration = client.Configuration()
    try:
        _find(finding, config, configuration)
    except (finding.ConfigException, OSError) as error:
        raise Misconfigured(
            f"No cluster is known ({error}). Run the server in a pod, or name a kubeconfig: ADES_KUBERNETES_CONFIG.",
            field="kubernetes_config",
        ) from error
    configuration.connection_pool_maxsize = _POOL
    return configuration, RESTClientObject(configuration).pool_manager


def _find(finding: Any, config: Path | None, configuration: Any) -> None:
    if config is not None:
        finding.load_kube_config(str(config), client_configuration=configuration)
        return
    try:
        finding.load_incluster_config(client_configuration=configuration)
    except finding.ConfigException:
        finding.load_kube_config(client_configuration=configuration)


class _opened:  # noqa: N801 - used like a function
    """A response that is given back to its pool, or closed when it was not read to its end."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def __enter__(self) -> Any:
        return self._response

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            self._response.close()
        self._response.release_conn()


def _pieces(response: Any) -> Iterator[bytes]:
    from urllib3.exceptions import HTTPError

    try:
        yield from response.stream(_PIECE)
    except (HTTPError, OSError, ValueError) as error:  # ValueError: it was closed meanwhile
        raise ApiError(UNREACHABLE, "Cut", f"The connection to the cluster broke: {error}") from error


def _read(response: Any) -> Any:
    from urllib3.exceptions import HTTPError

    try:
        return response.read()
    except (HTTPError, OSError) as error:
        response.close()
        raise ApiError(UNREACHABLE, "Cut", f"The connection to the cluster broke: {error}") from error


def _refusal(response: Any) -> ApiError:
    text = _read(response)
    response.release_conn()
    try:
        told = orjson.loads(text)
        return ApiError(response.status, str(told.get("reason", "")), str(told.get("message", "")))
    except (orjson.JSONDecodeError, AttributeError):
        return ApiError(response.status, "", bytes(text[:500]).decode(errors="replace"))
