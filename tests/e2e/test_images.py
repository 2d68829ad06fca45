"""The Dockerfile is carried out, instruction by instruction, and the programs of both images start."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import images
import pytest
from kubernetes_double import bubblewrap

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """All stages of the Dockerfile."""
    if why := bubblewrap():
        pytest.skip(why)
    if sys.version_info >= (3, 13):
        pytest.skip("Calrissian's pins have no wheels for this Python")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ades-tests/pip"
    cache.mkdir(parents=True, exist_ok=True)
    return images.build(ROOT / "Dockerfile", tmp_path_factory.mktemp("images"), cache)


def test_the_runner_starts_and_says_what_it_needs(built):
    """Calrissian and our runner load in the image, as the user of the image, with nothing of the server's around."""
    command, env = built["runner"].sandbox(built["runner"].entrypoint)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert 1 == done.returncode, done.stderr
    assert "ADES_JOB, ADES_JOB_DOCUMENT, CALRISSIAN_POD_NAME is not set" in done.stdout
    installed = {path.name.lower() for path in built["runner"].place("/opt/ades").glob("lib/python*/site-packages/*")}
    assert not installed & {"sqlalchemy", "flask", "granian", "alembic", "pygeoapi"}
    assert "calrissian-0.18.1.dist-info" in installed


def test_the_server_starts_and_answers(built):
    """As its own user, with its data below /data; beyond loopback it would want identities first."""
    stage = built["server"]
    refused, env = stage.sandbox([*stage.entrypoint, *stage.command])
    done = subprocess.run(refused, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode
    assert "no identities are configured" in done.stderr
    command, env = stage.sandbox([*stage.entrypoint, *stage.command], ADES_HOST="127.0.0.1", ADES_PORT="0")
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            address = next(line for line in server.stdout if " is at http" in line).split()[-1]
            with urllib.request.urlopen(f"{address}/demo/ogc-api/processes?f=json", timeout=30) as answer:
                assert b'"echo"' in answer.read()
        finally:
            server.kill()


def test_nothing_but_the_installed_environment_is_in_an_image(built):
    """No sources, no wheels, no cache."""
    for name in ("server", "runner"):
        folder = built[name].folder
        assert ["opt/ades"] == [str(path.relative_to(folder)) for path in folder.glob("opt/*")]
        assert [] == list((folder / "src").glob("*"))
