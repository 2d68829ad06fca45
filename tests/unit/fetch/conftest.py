"""A web server of which every answer can be said byte by byte, and a name service that can be told what to answer."""

import socket
import threading
from contextlib import suppress

import pytest

from ades.fetch import Fetcher, SimpleRules


class Server:
    """Answers on a free port of the loopback; `answer(request_head, send)` writes bytes."""

    def __init__(self, wrap=None):
        self.heads = []
        self.bodies = []
        self.connections = 0
        self.answers = {}
        self._wrap = wrap or (lambda sock: sock)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def give(self, path, body=b"", status="200 OK", **headers):
        """A plain answer with a length."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.answers[path] = ("\r\n".join(lines) + "\r\n\r\n").encode() + body

    def close(self):
        self._listener.close()

    def _serve(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(sock,), daemon=True).start()

    def _talk(self, sock):
        with suppress(OSError), sock:
            wrapped = self._wrap(sock)
            with wrapped, wrapped.makefile("rb") as lines:
                while self._one(wrapped, lines):
                    pass

    def _one(self, sock, lines):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = lines.readline()
            if not line:
                return False
            head += line
        text = head.decode("latin-1")
        self.heads.append(text)
        length = next((int(x.split(":")[1]) for x in text.split("\r\n") if x.lower().startswith("content-length")), 0)
        self.bodies.append(lines.read(length))
        answer = self.answers.get(text.split(" ")[1], b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        if callable(answer):
            return bool(answer(text, sock))
        sock.sendall(answer)
        return True


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
