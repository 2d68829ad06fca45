"""The two commands and the wheel, as somebody meets them who has nothing but Python, git and make."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from typed_pages import walk

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


def _bare(folder: Path) -> dict[str, str]:
    """An environment without anything of ours."""
    ours = ("ADES_", "PYTHON", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {"HOME": str(folder)}


@contextmanager
def _serving(command: list[str], folder: Path):
    """Start a server and hand out its address, as it says it itself."""
    # Images of samples are nowhere to be had here.
    own = {"ADES_PORT": "0", "ADES_CONTAINERS": "none"}
    log = folder / "server.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            command, cwd=folder, env=_bare(folder) | own, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield _address(log, server)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(60)  # a worker that is being loaded for the first time ends when it is loaded


def _address(log: Path, server: subprocess.Popen[bytes]) -> str:
    while server.poll() is None:
        lines = [line for line in log.read_text().splitlines() if " is at http" in line]
        if lines:
            return lines[0].rsplit(" ", 1)[-1]
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


@pytest.fixture
def clone(tmp_path) -> Path:
    """What git would hand to a stranger: the committed tree, nothing else."""
    folder, archive = tmp_path / "ades", tmp_path / "tree.tar"
    folder.mkdir()
    subprocess.run(["git", "archive", "--output", archive, "HEAD"], cwd=ROOT, check=True)
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", folder], check=True)
    return folder


def test_make_run_serves_from_a_clean_clone(clone):
    """`make run` sets up, starts the server and says where it is; the tutorial works there from top to bottom."""
    with _serving(["make", "run", f"PYTHON={sys.executable}"], clone) as address:
        assert '"echo"' in _get(f"{address}/demo/ogc-api/processes?f=json")
        tutorial = (clone / "docs/tutorial.md").read_text()
        assert 9 <= walk(tutorial, clone, address, clone / ".venv/bin")


def test_the_wheel_serves_without_a_checkout(tmp_path):
    """A wheel built from the tree carries the processes and packages that come with the product."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "ades/_shipped/processes/echo.json" in names
    assert any(name.startswith("ades/_shipped/cwl/") and name.endswith(".cwl") for name in names)

    python = tmp_path / "venv/bin/python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    pip = ["uv", "pip", "install", "--python", python] if shutil.which("uv") else [python, "-m", "pip", "install"]
    subprocess.run([*pip, "--quiet", "--require-hashes", "-r", ROOT / "requirements.lock"], check=True)
    subprocess.run([*pip, "--quiet", "--no-deps", wheel], check=True)
    with _serving([str(tmp_path / "venv/bin/ades"), "serve"], tmp_path) as address:
        assert '"hello"' in _get(f"{address}/demo/ogc-api/processes?f=json")
