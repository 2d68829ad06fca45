"""Real processes of a server, to talk to, to kill and to measure."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

ADES = [sys.executable, "-c", "from ades.cli import main; main()"]


def clean_environment(data: Path, **settings: Any) -> dict[str, str]:
    """An environment that configures nothing but what is given."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ADES_")}
    told = {f"ADES_{name.upper()}": str(value) for name, value in settings.items()}
    return env | {"ADES_DATA": str(data), "ADES_PORT": "0", "PYTHONUNBUFFERED": "1"} | told


class Process:
    """`ades serve` or `ades worker`, in a session of its own."""

    def __init__(
        self, command: str, folder: Path, prefix: tuple[str, ...] = (), python: str = sys.executable, **settings: Any
    ) -> None:
        self.command = command
        self.folder = folder
        self.began = time.monotonic()
        self.log = folder / f"{command}-{time.monotonic_ns()}.log"
        environment = {name[4:]: settings.pop(name) for name in list(settings) if name.startswith("env_")}
        env = clean_environment(folder / "data", **settings) | environment
        with self.log.open("wb") as out:
            self.child = subprocess.Popen(
                [*prefix, python, *ADES[1:], command],
                env=env,
                stdout=out,
                stderr=out,
                start_new_session=True,
                cwd=folder,
            )

    @property
    def pid(self) -> int:
        """Of the process that was started."""
        return self.child.pid

    def address(self, seconds: float = 60) -> str:
        """Where a server listens, as it says it itself."""
        return self.says(r"is at (http://\S+)", seconds)

    def says(self, pattern: str, seconds: float = 60) -> str:
        """Wait until it has said something; the first group of the pattern."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.text())
            if found:
                return found[1] if found.groups() else found[0]
            if self.child.poll() is not None or time.monotonic() > end:
                raise AssertionError(self.text())
            time.sleep(0.02)

    def text(self) -> str:
        """All that it has said."""
        return self.log.read_text(errors="replace")

    def send(self, request: bytes, timeout: float = 10) -> bytes:
        """Bytes as they are, and what comes back until the other side closes or says nothing more."""
        parts = urlsplit(self.address())
        answer = b""
        with socket.create_connection((parts.hostname, parts.port), timeout=timeout) as connection:
            connection.sendall(request)
            while chunk := _receive(connection):
                answer += chunk
        return answer

    def get(self, target: str, *headers: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """A request with a request line that no client library would send."""
        host = urlsplit(self.address()).netloc
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
        return parsed(self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")))

    def stop(self, seconds: float = 60) -> int:
        """Ask it to stop, and wait until it has."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        return self.child.wait(seconds)

    def kill(self) -> None:
        """End it without asking."""
        self.child.kill()
        self.child.wait()


@contextmanager
def serving(folder: Path, **settings: Any) -> Iterator[Process]:
    """A server that answers, over a folder; it is stopped in the end."""
    process = Process("serve", folder, **settings)
    try:
        process.address()
        yield process
    finally:
        try:
            process.stop(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.child.wait()


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


class Api:
    """A client without any library."""

    def __init__(self, address: str, workspace: str = "demo") -> None:
        self.address = address
        self.root = f"{address}/{workspace}/ogc-api"

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
        """Status, headers (by their names in lower case) and document of an answer."""
        url = path if path.startswith("http") else self.root + path
        data = None if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        request = urllib.request.Request(url, data, given, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, _lower(answer.headers), _document(answer.read())
        except HTTPError as error:
            return error.code, _lower(error.headers), _document(error.read())

    def deploy(self, package: dict[str, Any]) -> None:
        """Deploy a CWL package."""
        status, _, document = self.call("POST", "/processes", package, Content_Type="application/cwl+json")
        assert status == 201, document

    def submit(self, process: str, inputs: dict[str, Any] | None = None, **headers: str) -> str:
        """The id of a new job."""
        status, _, document = self.call(
            "POST", f"/processes/{process}/execution", {"inputs": inputs or {}}, Prefer="respond-async", **headers
        )
        assert status == 201, document
        return str(document["jobID"])

    def status(self, job: str) -> dict[str, Any]:
        """The status of a job."""
        code, _, document = self.call("GET", f"/jobs/{job}")
        assert code == 200, document
        return dict(document)

    def wait(self, job: str, *states: str, seconds: float = 60, pause: float = 0.05) -> dict[str, Any]:
        """Until a job is in one of these states, or has finished."""
        end = time.monotonic() + seconds
        while (document := self.status(job))["status"] not in (states or ("successful", "failed", "dismissed")):
            assert time.monotonic() < end, document
            time.sleep(pause)
        return document


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


def processes_with(text: str) -> list[int]:
    """The processes of this machine whose command line holds a text."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and int(path.name) != os.getpid():
            try:
                command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                state = (path / "stat").read_text().rsplit(") ", 1)[1][0]
            except OSError:
                continue
            if text in command and state not in "ZX":
                found.append(int(path.name))
    return found
