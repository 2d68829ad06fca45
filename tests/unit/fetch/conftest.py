"""A web server, and a name service that can be told what to answer."""

import socket

import pytest
from web import Server

from ades.fetch import Fetcher, SimpleRules


@pytest.fixture
def make_server():
    servers = []

    def make(**options):
        servers.append(Server(**options))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def server(make_server):
    return make_server()


@pytest.fixture
def make_fetcher():
    fetchers = []

    def make(*allow, timeout=10, schemes=("https", "http")):
        fetchers.append(Fetcher(SimpleRules(fetch_allow=allow, fetch_timeout=timeout, fetch_schemes=schemes)))
        return fetchers[-1]

    yield make
    for fetcher in fetchers:
        fetcher.close()


@pytest.fixture
def fetcher(make_fetcher):
    """One that may read the loopback, as far as the test is not about that."""
    return make_fetcher("127.0.0.0/8")


@pytest.fixture
def names(monkeypatch):
    """A name service: `names["host"] = [[addresses of the first look-up], [of the second] …]`; the last one stays."""
    known = {}
    real = socket.getaddrinfo

    def look_up(host, port, *args, **kwargs):
        if host not in known:
            if host.replace(".", "").isdigit() or ":" in host:
                return real(host, port, *args, **kwargs)
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answers = known[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.fixture
def dialled(monkeypatch):
    """The addresses that were connected to; those outside the loopback lead to nothing."""
    seen = []
    real = socket.socket.connect

    def connect(self, address):
        seen.append(address[0])
        if not address[0].startswith("127."):
            raise ConnectionRefusedError(111, "Connection refused")
        return real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return seen
