"""A server in a process of its own, as an operator starts it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_START = """
from functools import partial
from ades.app import serve
from ades.settings import Settings
serve(Settings(), partial(print, flush=True))
"""


@dataclass
class Server:
    """A running server."""

    url: str
    process: subprocess.Popen[str]
    log: Path
    seconds: float
    """How long it took from the start of the process until its port could be reached."""

    def send(self, request: bytes, timeout: float = 10) -> bytes:
        """Bytes as they are, and what comes back until the other side closes or says nothing more."""
        parts = urlsplit(self.url)
        answer = b""
        with socket.create_connection((parts.hostname, parts.port), timeout=timeout) as connection:
            connection.sendall(request)
            while chunk := _receive(connection):
                answer += chunk
        return answer

    def get(self, target: str, *headers: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """A request with a request line that no client library would send."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {urlsplit(self.url).netloc}", "Connection: close", *headers]
        return parsed(self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")))


def parsed(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split(" ")[1]), headers, body


def _receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except (TimeoutError, ConnectionResetError):
        return b""


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Server]:
    """Start a server over a folder; stop it in the end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ADES_")}
    environment |= {"ADES_DATA": str(folder / "data"), "ADES_PORT": "0"}
    environment |= {f"ADES_{name.upper()}": value for name, value in settings.items()}
    log = folder / "server.log"
    began = time.monotonic()
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-c", _START], env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http://"), log.read_text()
            yield Server(url, process, log, time.monotonic() - began)
        finally:
            process.terminate()
            process.wait(30)
