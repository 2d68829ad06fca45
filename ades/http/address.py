"""Under which address the client reached us.

Every link in an answer is built from the address that was called. Behind a proxy that is not the address of this
server: then the proxy says so in X-Forwarded-* or Forwarded, and is believed if it is a trusted one. A header that a
stranger sent along counts for nothing: of a list, only what trusted proxies have added is read.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final

from ades.errors import BadRequest, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ades.settings import Settings

Environ = dict[str, Any]

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:\d{1,5})?")
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9._~-]+)+/?")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


class Addresses:
    """Reads the address that was called from a request."""

    def __init__(self, settings: Settings) -> None:
        self._public = str(settings.public_url).rstrip("/") if settings.public_url else None
        self._trusted = networks(settings.trusted_proxies, "trusted_proxies")

    def root(self, environ: Environ) -> str:
        """Scheme, host and the folder below which a proxy shows us, without a slash at the end."""
        if self._public is not None:
            return self._public
        scheme: str = environ["wsgi.url_scheme"]
        host, prefix = _own_host(environ), ""
        if self._trusted and self._trusts(environ.get("REMOTE_ADDR", "")):
            said = self._forwarded(environ)
            scheme = said.get("proto", scheme)
            host = _with_port(said.get("host", host), said.get("port"), scheme)
            prefix = said.get("prefix", "").rstrip("/")
        if not _HOST.fullmatch(host):
            raise BadRequest("The Host header is not a host name.")
        return f"{scheme}://{host}{prefix}"

    def client(self, environ: Environ) -> str:
        """The address of who asks, behind the trusted proxies."""
        address = str(environ.get("REMOTE_ADDR", ""))
        if not self._trusted:
            return address
        for said in self._hops(environ):
            if not self._trusts(address) or not said.get("for"):
                break
            address = said["for"]
        return address

    def _forwarded(self, environ: Environ) -> dict[str, str]:
        """What the outermost trusted proxy says; what it leaves out, the next one inside."""
        found: dict[str, str] = {}
        for said in self._hops(environ):
            found |= {key: value for key, value in said.items() if _sane(key, value)}
            if not self._trusts(said.get("for", "")):
                break
        return found

    def _trusts(self, address: str) -> bool:
        try:
            ip = ip_address(address)
        except ValueError:
            return False
        return any(ip in network for network in self._trusted)

    def _hops(self, environ: Environ) -> Iterator[Mapping[str, str]]:
        """What each proxy has added, the nearest first. The usual headers go before the standard's."""
        lists = {
            key: _listed(environ.get(f"HTTP_X_FORWARDED_{key.upper()}", ""))
            for key in ("for", "proto", "host", "port", "prefix")
        }
        if any(lists.values()):
            for index in range(max(map(len, lists.values()))):
                yield {key: values[-1 - index] for key, values in lists.items() if index < len(values)}
        else:
            yield from (_pairs(element) for element in reversed(_listed(environ.get("HTTP_FORWARDED", ""))))


def _own_host(environ: Environ) -> str:
    return environ.get("HTTP_HOST") or f"{environ.get('SERVER_NAME', 'localhost')}:{environ.get('SERVER_PORT', '80')}"


def _with_port(host: str, port: str | None, scheme: str) -> str:
    """Add the port that was said apart, unless the host has one or it goes without saying."""
    if port is None or port == _DEFAULT_PORTS.get(scheme) or re.search(r":\d+$", host):
        return host
    return f"{host}:{port}"


def _sane(key: str, value: str) -> bool:
    match key:
        case "proto":
            return value in _DEFAULT_PORTS
        case "host":
            return bool(_HOST.fullmatch(value))
        case "port":
            return value.isascii() and value.isdigit()
        case "prefix":
            return bool(_PREFIX.fullmatch(value))
    return False


def _listed(header: str) -> list[str]:
    return [part.strip() for part in header.split(",")] if header else []


def _pairs(element: str) -> dict[str, str]:
    """One element of a Forwarded header: for=…;proto=…;host=…."""
    pairs = {}
    for pair in element.split(";"):
        key, _, value = pair.partition("=")
        pairs[key.strip().lower()] = value.strip().strip('"')
    if "for" in pairs:
        pairs["for"] = re.sub(r"^\[(.*)\](:\d+)?$|^([\d.]+):\d+$", r"\1\3", pairs["for"])
    return pairs


def networks(names: Iterable[str], setting: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """The addresses and networks that a setting names."""

    def one(name: str) -> IPv4Network | IPv6Network:
        try:
            return ip_network(name, strict=False)
        except ValueError as error:
            raise Misconfigured(
                f"ADES_{setting.upper()}: {name!r} is neither an address nor a network like 10.0.0.0/8.", field=setting
            ) from error

    return tuple(one(name) for name in names)
