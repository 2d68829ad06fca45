"""A stock pygeoapi in front of an ADES, on the pygeoapi that is installed, and on the newest."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from served import Api, Process

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
STOCK = """
from werkzeug.serving import make_server
from pygeoapi.flask_app import APP
server = make_server("127.0.0.1", 0, APP, threaded=True)
print(f"is at http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""
NAMES = ("HelloWorld", "Echo")
NEWEST = (pytest.mark.long, pytest.mark.timeout(600))
"""The first time an environment of its own is made for it."""


@dataclass
class Pair:
    """The two servers."""

    python: Path
    ades: str
    """The root of the API of its workspace."""
    stock: str
    data: Path

    def call(self, method, path, body=None, **headers):
        """Ask the pygeoapi."""
        return Api(self.stock).call(method, self.stock + path, body, **headers)

    def ask(self, method, path, body=None, **headers):
        """Ask the ADES itself."""
        return Api(self.stock).call(method, self.ades + path, body, **headers)

    def until(self, job, *states, seconds=60):
        """The status of a job, as pygeoapi tells it, once it is one of these."""
        end = time.monotonic() + seconds
        while True:
            document = self.call("GET", f"/jobs/{job}?f=json")[2]
            if document["status"] in states:
                return document
            assert document["status"] in {"accepted", "running"}, document
            assert time.monotonic() < end, document
            time.sleep(0.1)


@pytest.fixture(
    scope="session", params=[pytest.param("installed", marks=pytest.mark.long), pytest.param("newest", marks=NEWEST)]
)
def pair(request, tmp_path_factory):
    """An ADES with processors of pygeoapi and of an operator, and a pygeoapi whose manager it is."""
    python = Path(sys.executable) if request.param == "installed" else newer(request.config)
    folder = tmp_path_factory.mktemp(request.param)
    config = folder / "processors.yml"
    own = {"spy": "spies.Spy", "stubborn": "spies.Stubborn"}
    named = {f"pygeoapi-{name.lower()}": name for name in NAMES} | own
    entries = {name: {"type": "process", "processor": {"name": processor}} for name, processor in named.items()}
    config.write_text(yaml.safe_dump({"resources": entries}))
    ades = Process("serve", folder, python=str(python), config=config, slots=2, env_PYTHONPATH=str(HERE))
    root = f"{ades.address()}/demo/ogc-api"
    stock, address = start_stock(python, folder, root)
    yield Pair(python, root, address, folder / "data")
    stock.terminate()
    stock.wait(30)
    assert 0 == ades.stop()


def start_stock(python, folder, connection):
    """A pygeoapi as it comes, with nothing but a configuration; its process and its address."""
    config, definition = folder / "pygeoapi.yml", folder / "openapi.yml"
    config.write_text(yaml.safe_dump(configuration(connection)))
    env = os.environ | {
        "PYGEOAPI_CONFIG": str(config),
        "PYGEOAPI_OPENAPI": str(definition),
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }
    generate = [str(python), "-m", "pygeoapi", "openapi", "generate", str(config), "--output-file", str(definition)]
    entry = [str(python), "-c", "from pygeoapi import cli; cli()", *generate[3:]]
    subprocess.run(entry, env=env, check=True, capture_output=True, timeout=100, cwd=folder)
    log = folder / "pygeoapi.log"
    with log.open("wb") as out:
        child = subprocess.Popen([str(python), "-c", STOCK], env=env, stdout=out, stderr=out, cwd=folder)
    end = time.monotonic() + 90
    while not (found := re.search(r"is at (http://\S+)", log.read_text())):
        assert child.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)
    return child, found[1]


def configuration(connection):
    """The least that pygeoapi accepts, and our manager."""
    contact = dict.fromkeys(
        ["name", "position", "address", "city", "stateorprovince", "postalcode", "country", "phone", "fax", "hours",
         "instructions"],
        "x",
    )  # fmt: skip
    url = "http://example.org"
    return {
        "server": {
            "bind": {"host": "127.0.0.1", "port": 5000},
            "url": "http://127.0.0.1:5000",
            "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8",
            "languages": ["en-US"],
            "limits": {"default_items": 20, "max_items": 50},
            "map": {"url": "https://example.org/{z}/{x}/{y}.png", "attribution": "x"},
            "manager": {"name": "ades.plugin.AdesManager", "connection": connection, "token": "unused"},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {
                "title": "t", "description": "d", "keywords": ["k"], "keywords_type": "theme", "terms_of_service": "x",
                "url": url,
            },
            "license": {"name": "x", "url": url},
            "provider": {"name": "x", "url": url},
            "contact": contact | {"email": "a@example.org", "url": url, "role": "pointOfContact"},
        },
        # The page of a process looks for it here; all else comes from the manager.
        "resources": {"echo": {"type": "process", "processor": {"name": "Echo"}}},
    }  # fmt: skip


def newer(config):
    """An interpreter of 3.12 or later with the whole of ADES and the newest pygeoapi that it admits.

    It is made once for each state of the lock file, by the Makefile, as somebody would who runs ADES on that Python.
    """
    found = newer_python()
    if found is None:
        pytest.skip("Python 3.12 or later is not installed, and the newest pygeoapi wants it")
    lock = hashlib.sha256((ROOT / "requirements.lock").read_bytes()).hexdigest()[:12]
    place = Path(config.cache.mkdir("pygeoapi")) / f"{found.parent.parent.name}-{lock}"
    make = ["make", "-s", f"VENV={place}", f"PYTHON={found}", str(place / ".run")]
    with place.with_suffix(".lock").open("w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)  # one of the test processes makes it, the others wait
        subprocess.run(make, cwd=ROOT, check=True, timeout=500)
    return place / "bin" / "python"


def newer_python():
    """A Python that is new enough: this one, one on the path, or one of pyenv."""
    places = [sys.executable, *(shutil.which(f"python3.{minor}") for minor in (14, 13, 12))]
    places += sorted((Path.home() / ".pyenv/versions").glob("3.1[234].*/bin/python"), reverse=True)
    for place in filter(None, places):
        ask = [str(place), "-c", "import ssl, sqlite3, venv, sys; print(sys.version_info >= (3, 12), sys.executable)"]
        answer = subprocess.run(ask, capture_output=True, text=True, check=False)
        if answer.returncode == 0 and answer.stdout.startswith("True"):
            return Path(answer.stdout.split(maxsplit=1)[1].strip())
    return None
