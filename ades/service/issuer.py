"""The keys of an OpenID Connect issuer: found by discovery, kept for a while, looked for anew when a token names another."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final

import orjson
import requests
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey

from ades.errors import Unavailable
from ades.telemetry import log

if TYPE_CHECKING:
    from collections.abc import Callable

    from joserfc.jwk import Key

    from ades.settings import Settings

_LARGEST: Final = 1024**2
_STALE: Final = 24 * 3600
"""Seconds for which keys still serve while the issuer does not answer."""

_log = log(part="identity")


class IssuerKeys:
    """The public keys that tokens are checked with."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer = str(settings.oidc_issuer).rstrip("/")
        self._timeout = settings.oidc_timeout
        self._keep, self._rest = settings.oidc_keys_for, settings.oidc_keys_rest
        self._clock = clock
        self._lock = threading.Lock()
        self._session = requests.Session()
        if settings.oidc_ca:
            self._session.verify = str(settings.oidc_ca)
        self._keys: dict[str | None, Key] = {}
        self._read: float | None = None
        """When the keys were read."""
        self._tried: float | None = None
        """When somebody last began to read them."""

    def get(self, kid: str | None) -> Key | None:
        """The key of this name; None if the issuer has no such key. A token without a name may mean the only one."""
        now = self._clock()
        if self._read is None or now - self._read > self._keep:
            self._renew()
        if kid not in self._keys:
            self._renew()
        return self._keys.get(kid)

    def _renew(self) -> None:
        """Read the keys, unless that was tried just now: tokens with made-up key names must not become requests."""
        with self._lock:
            now = self._clock()
            if self._tried is None or now - self._tried >= self._rest:
                self._tried = now
                self._read_keys(now)
        if self._read is None or self._clock() - self._read > self._keep + _STALE:
            raise Unavailable(
                "The issuer of tokens does not answer, so nobody can be let in; try again a little later."
            )

    def _read_keys(self, now: float) -> None:
        try:
            configuration = self._fetch(f"{self._issuer}/.well-known/openid-configuration")
            self._keys = _by_name(self._fetch(_address_of_keys(configuration, self._issuer)))
            self._read = now
        except (requests.RequestException, JoseError, ValueError, KeyError, TypeError) as error:
            _log.error("The keys of the issuer cannot be read", issuer=self._issuer, error=str(error))

    def _fetch(self, address: str) -> dict[str, Any]:
        with self._session.get(address, timeout=self._timeout, stream=True) as response:
            response.raise_for_status()
            body = response.raw.read(_LARGEST + 1, decode_content=True)
        if len(body) > _LARGEST:
            raise ValueError(f"{address} is larger than {_LARGEST} bytes")
        document = orjson.loads(body)
        if not isinstance(document, dict):
            raise TypeError(f"{address} holds no JSON object")
        return document


def _address_of_keys(configuration: dict[str, Any], issuer: str) -> str:
    address, said = str(configuration.get("jwks_uri")), str(configuration.get("issuer"))
    if said.rstrip("/") != issuer:
        raise ValueError(f"the issuer calls itself {said!r}")
    secure = "https://" if issuer.startswith("https://") else ("https://", "http://")
    if not address.startswith(secure):
        raise ValueError(f"the issuer names {address!r} for its keys")
    return address


def _by_name(document: dict[str, Any]) -> dict[str | None, Key]:
    """Keys for signing, by name. A secret key has no place here: with it anybody could make tokens."""
    keys = [key for key in KeySet.import_key_set(document) if not isinstance(key, OctKey) and key.get("use") != "enc"]  # type: ignore[arg-type]
    named: dict[str | None, Key] = {key.kid: key for key in keys}
    if len(keys) == 1:
        named[None] = keys[0]
    return named
