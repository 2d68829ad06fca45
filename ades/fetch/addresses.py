"""Which addresses may be read, and what an address means.

An address is refused unless it can be understood in one way only. What remains is looked up, and every answer must
be an address of the public Internet or one that the operator allows; also when it hides in an IPv6 address.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

from ades.errors import FetchRefused, Misconfigured

LONGEST: Final = 8192
PORTS: Final = {"http": 80, "https": 443}
_NAME: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_NUMBER: Final = re.compile(r"\d+|0x[0-9a-f]*")
_KEPT: Final = "/%:@!$&'()*+,;=~[]"
"""What stays as it is in paths and queries; everything else is escaped."""

_CLOSED_V4: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # between carrier and customer; some clouds' metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's wire server
        "169.254.0.0/16",  # link-local; the metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_OPEN_V6: Final = IPv6Network("2000::/3")
_CLOSED_V6: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, among them Teredo and ORCHID
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
_TO4: Final = IPv6Network("2002::/16")


Place = tuple[int, tuple[Any, ...]]
"""A family of addresses, and where to connect to as `socket.connect` wants it."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address that was understood."""

    scheme: str
    host: str
    """A name in ASCII and lower case without trailing dot, or an IP address without brackets."""
    port: int
    path: str
    """Path and query as they are sent."""

    @property
    def default_port(self) -> int:
        """The port that need not be named."""
        return PORTS[self.scheme]

    @property
    def origin(self) -> tuple[str, str, int]:
        """What two addresses share that are served by the same server."""
        return self.scheme, self.host, self.port

    @property
    def url(self) -> str:
        """The address in its plain spelling."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == self.default_port else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    def join(self, reference: str) -> str:
        """What a reference found here means."""
        if _odd(reference):
            raise FetchRefused(f"The address {shown(reference)} holds characters that no address may hold.")
        return urljoin(self.url, reference)


@dataclass(frozen=True, slots=True)
class _Allowed:
    """One word of the allow-list."""

    host: str = ""
    network: IPv4Network | IPv6Network | None = None
    port: int | None = None

    def name(self, host: str, port: int) -> bool:
        fits = host.endswith(self.host[1:]) if self.host.startswith("*.") else host == self.host
        return bool(self.host) and fits and self.port in {None, port}

    def address(self, address: IPv4Address | IPv6Address, port: int) -> bool:
        return self.network is not None and address in self.network and self.port in {None, port}


class Guard:
    """Decides what may be read."""

    def __init__(self, schemes: tuple[str, ...], allow: tuple[str, ...]) -> None:
        self.schemes = tuple(scheme.lower() for scheme in schemes)
        self._allowed = tuple(_allowed(word) for word in allow)

    def target(self, url: str) -> Target:
        """What an address means, if it may mean something here."""
        if len(url) > LONGEST:
            raise FetchRefused(f"The address {shown(url)} is longer than {LONGEST} characters.")
        if _odd(url):
            raise FetchRefused(f"The address {shown(url)} holds characters that no address may hold.")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise FetchRefused(f"{shown(url)} is not an address.") from None
        scheme = parts.scheme.lower()
        if scheme not in self.schemes or scheme not in PORTS:
            readable = ", ".join(known for known in self.schemes if known in PORTS)
            raise FetchRefused(f"{shown(url)} cannot be read: addresses here begin with {readable}.")
        if "@" in parts.netloc:
            raise FetchRefused(f"The address on {parts.hostname} holds a user name or password; leave them out.")
        host = _host(parts.hostname or "", parts.netloc, url)
        path = quote(parts.path or "/", safe=_KEPT)
        query = f"?{quote(parts.query, safe=_KEPT + '?')}" if parts.query else ""
        target = Target(scheme, host, PORTS[scheme] if port is None else port, path + query)
        literal = _literal(host)
        if port == 0:
            raise FetchRefused(f"{shown(url)} is not an address: its port is 0.")
        if literal is not None:
            self._check(literal, target)
        return target

    def resolve(self, target: Target) -> list[Place]:
        """Where the target's host lies: families and socket addresses, every one of them checked."""
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        addresses: list[Place] = []
        for family, _, _, _, address in found:
            if family in {socket.AF_INET, socket.AF_INET6}:
                # A scope can only belong to an address that never leaves the link.
                self._check(ipaddress.ip_address(str(address[0]).split("%")[0]), target)
                addresses.append((family, address))
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        return addresses

    def _check(self, address: IPv4Address | IPv6Address, target: Target) -> None:
        if is_public(address):
            return
        hidden = embedded(address)
        for rule in self._allowed:
            if rule.name(target.host, target.port) or rule.address(address, target.port):
                return
            if hidden is not None and rule.address(hidden, target.port):
                return
        raise FetchRefused(
            f"{shown(target.url)} lies in a network that is not public, and this server does not read there. "
            "The operator can allow it with ADES_FETCH_ALLOW."
        )


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address belongs to somebody on the public Internet, whichever way it is written."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    hidden = embedded(address)
    if hidden is not None:
        return is_public(hidden)
    return address in _OPEN_V6 and not any(address in network for network in _CLOSED_V6)


def embedded(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to this IPv6 address finally go to."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour if address in _TO4 else None


def shown(url: str) -> str:
    """An address as it may appear in messages: no query, which may be a signature, and not too long."""
    plain = "".join(c if c.isprintable() else "�" for c in url.split("?", maxsplit=1)[0].split("#", maxsplit=1)[0])
    plain = re.sub(r"//[^/@]*@", "//", plain)
    return plain if len(plain) <= 200 else f"{plain[:200]}…"  # noqa: PLR2004 - what a message can bear


def _odd(url: str) -> bool:
    authority = re.match(r"[^/?#]*(//[^/?#]*)?", url)
    return (
        any(ord(c) < ord(" ") or "\x7f" <= c <= "\x9f" or "\ud800" <= c <= "\udfff" for c in url)
        or "\\" in url
        or (authority is not None and " " in authority[0])
    )


def _host(name: str, netloc: str, url: str) -> str:
    """The host in its one spelling."""
    if "[" in netloc or "]" in netloc:
        try:
            return str(IPv6Address(name))
        except ValueError:
            raise FetchRefused(f"{shown(url)} is not an address: [{name}] is not IPv6.") from None
    try:
        ascii_name = name.encode("idna").decode().lower()
    except UnicodeError:
        raise FetchRefused(f"{shown(url)} is not an address: its host is no name.") from None
    ascii_name = ascii_name.removesuffix(".")
    if not _NAME.fullmatch(ascii_name):
        raise FetchRefused(f"{shown(url)} is not an address: its host is no name.")
    if _NUMBER.fullmatch(ascii_name.rsplit(".", 1)[-1]) and _literal(ascii_name) is None:
        raise FetchRefused(f"{shown(url)} writes an IP address in an unusual way; write it as four decimal numbers.")
    return ascii_name


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


@lru_cache(maxsize=256)
def _allowed(word: str) -> _Allowed:
    try:
        return _Allowed(network=ipaddress.ip_network(word, strict=False))
    except ValueError:
        pass
    name, colon, port = word.rpartition(":")
    if not colon or not port.isdecimal():
        name, port = word, ""
    number = int(port) if port else None
    try:
        return _Allowed(network=ipaddress.ip_network(name.strip("[]")), port=number)
    except ValueError:
        pass
    name = name.lower().removesuffix(".")
    if not _NAME.fullmatch(name.removeprefix("*.")):
        raise Misconfigured(
            f"ADES_FETCH_ALLOW holds {word!r}: give a host, *.suffix, a network or host:port.", field="fetch_allow"
        )
    return _Allowed(host=name, port=number)
