"""The environment of the runner image, made once per machine from calrissian.lock: never the server's own."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "calrissian.lock"
_NO_NETWORK = ("ould not connect", "ailed to fetch", "onnection", "imed out", "No matching distribution", "dns error")


def python() -> str:
    """An interpreter that Calrissian's pins have wheels for."""
    found = [sys.executable] if sys.version_info < (3, 13) else []
    found += filter(None, map(shutil.which, ("python3.11", "python3.12")))
    if not found:
        pytest.skip("neither Python 3.11 nor 3.12 is on the PATH, and Calrissian's pins have no wheels for others")
    return found[0]


def python_312() -> str:
    """Python 3.12, from the PATH or from where pyenv keeps it."""
    pyenv = sorted(Path.home().glob(".pyenv/versions/3.12.*/bin/python3.12"))
    found = [shutil.which("python3.12"), *map(str, pyenv)]
    for one in filter(None, found):
        if subprocess.run([one, "-V"], capture_output=True, check=False).returncode == 0:
            return one
    pytest.skip("Python 3.12 is neither on the PATH nor with pyenv")


@contextmanager
def locked(path: Path):
    """While one process makes something, others wait for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(*command: str | Path) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout)[-2000:]
        if any(words in said for words in _NO_NETWORK):
            pytest.skip(f"the runner's environment cannot be made without a network: {said.splitlines()[-1]}")
        raise AssertionError(f"{' '.join(map(str, command))}:\n{said}")


def installed(lock: Path = LOCK, interpreter: str | None = None) -> Path:
    """A virtual environment with exactly what the lock says, kept from run to run."""
    interpreter = interpreter or python()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ades-tests"
    version = subprocess.run([interpreter, "-VV"], capture_output=True, check=True).stdout
    digest = hashlib.sha256(lock.read_bytes() + version).hexdigest()[:16]
    folder = cache / f"calrissian-{digest}"
    with locked(folder):
        if not (folder / ".complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            if uv := shutil.which("uv"):
                _run(uv, "venv", "--quiet", "--python", interpreter, folder)
                install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", folder / "bin/python"]
                _run(*install, "--require-hashes", "-r", lock)
            else:
                _run(interpreter, "-m", "venv", folder)
                _run(folder / "bin/python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock)
            (folder / ".complete").touch()
    return folder


def with_this_tree(folder: Path, interpreter: str | None = None) -> Path:
    """Below `folder` an environment that adds this tree to the installed one; its `bin` has `ades`. It may be moved."""
    base = installed(interpreter=interpreter)
    (packages,) = (base / "lib").glob("python*/site-packages")
    with locked(folder):
        if not (folder / ".complete").exists():
            wheels = folder.with_suffix(".wheels")
            _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels)
            _run(base / "bin/python", "-m", "venv", "--without-pip", folder)
            (wheel,) = wheels.glob("*.whl")
            (own,) = (folder / "lib").glob("python*/site-packages")
            shutil.unpack_archive(wheel, own, "zip")
            (own / "calrissian.pth").write_text(f"import site; site.addsitedir({str(packages)!r})\n")
            _run(base / "bin/python", "-m", "compileall", "-q", own)
            program = folder / "bin/ades"
            program.write_text('#!/bin/sh\nexec "$(dirname "$0")/python" -m ades.cli "$@"\n')
            program.chmod(0o755)
            (folder / ".complete").touch()
    return folder
