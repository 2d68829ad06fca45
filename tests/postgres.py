"""A real PostgreSQL for tests: a cluster of its own in a temporary folder, reached by a unix socket.

Use it by `from postgres import postgres_cluster, postgres_url` in a conftest. Under pytest-xdist each worker has its
own cluster; it dies with the worker, however that ends.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import psycopg
import pytest

_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "log_min_messages": "warning",
    "autovacuum_naptime": "10s",
}


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).parent if on_path else None


def _as_postgres(*command: str) -> list[str]:
    """The server refuses root; its process dies with the one that started it."""
    user = ["--reuid", "postgres", "--regid", "postgres", "--init-groups"] if os.getuid() == 0 else []
    return ["setpriv", "--pdeathsig", "KILL", *user, *command]


class Cluster:
    """One PostgreSQL server."""

    def __init__(self, binaries: Path, **settings: str) -> None:
        self._binaries = binaries
        self._settings = {**_SETTINGS, **settings}
        self.folder = Path(tempfile.mkdtemp(prefix="ades-pg-", dir="/tmp"))
        self._server: subprocess.Popen[bytes] | None = None
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        subprocess.run(
            _as_postgres(
                str(binaries / "initdb"), "-D", f"{self.folder}/data", "-U", "postgres", "--auth=trust", "--no-sync",
                "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions",
            ),
            check=True, stdout=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip

    def start(self) -> None:
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                _as_postgres(
                    str(self._binaries / "postgres"), "-D", f"{self.folder}/data", "-k", str(self.folder), *options
                ),
                stdout=log,
                stderr=log,
                cwd="/",
            )
        for _ in range(200):
            try:
                return self._run("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise RuntimeError((self.folder / "log").read_text())

    def stop(self) -> None:
        """At once, as a server that loses its power."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(20)
            self._server = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def create(self) -> str:
        """A new empty database; its address."""
        name = f"ades_{uuid.uuid4().hex[:12]}"
        self._run(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def drop(self, url: str) -> None:
        name = url.split("?", maxsplit=1)[0].rsplit("/", 1)[-1]
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        with psycopg.connect(f"postgresql://postgres@/postgres?host={self.folder}", autocommit=True) as connection:
            connection.execute(statement)


def new_cluster(**settings: str) -> Cluster:
    """A cluster that runs; skips the test where PostgreSQL is not installed."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed here (apt-get install postgresql)")
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv, which starts PostgreSQL as its own user, is not installed here")
    cluster = Cluster(binaries, **settings)
    cluster.start()
    return cluster


@pytest.fixture(scope="session")
def postgres_cluster():
    cluster = new_cluster()
    yield cluster
    cluster.remove()


@pytest.fixture
def postgres_url(postgres_cluster):
    """An empty database of its own for one test."""
    url = postgres_cluster.create()
    yield url
    postgres_cluster.drop(url)
