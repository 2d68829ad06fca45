"""The library of Open Policy Agent, and servers made of it, for tests that want its real semantics."""

import os
import platform
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

# The wheel asks for a newer Python than the project does, but holds a C library that any Python can call.
WANTED = (
    "opa-golib-python-bindings==0.4.4 --hash=sha256:d411c901e14b8c7c3023e23e4a944f4cf429c1d31baf80e959e57d11efbfd24a"
)
SERVER = Path(__file__).parent / "opa_server.py"
POLICY = Path(__file__).parents[1] / "ades" / "policy" / "policy.rego"


def library(cache: Path) -> Path:
    """The folder with the library; installed once into pytest's cache."""
    folder = cache / "opa-0.4.4"
    if platform.machine() != "x86_64" or sys.platform != "linux":
        pytest.skip("the library of Open Policy Agent exists for Linux on x86-64 only")
    if not folder.exists():
        _install(folder)
    return folder


def _install(folder: Path) -> None:
    started = folder.with_name(f"{folder.name}.{os.getpid()}")
    wanted = folder.with_name(f"{started.name}.txt")
    wanted.write_text(WANTED)
    options = ["--target", str(started), "--python-version", "3.14", "--only-binary", ":all:", "--no-deps"]
    done = subprocess.run(
        [*_installer(), *options, "--require-hashes", "-r", str(wanted)], capture_output=True, text=True, check=False
    )
    wanted.unlink()
    if done.returncode:
        shutil.rmtree(started, ignore_errors=True)
        pytest.skip(f"the library of Open Policy Agent cannot be installed: {done.stderr.strip()[-200:]}")
    try:
        started.rename(folder)
    except OSError:  # another test process was quicker
        shutil.rmtree(started)


def _installer() -> list[str]:
    options = ["install", "--quiet"]
    if uv := shutil.which("uv"):
        return [uv, "pip", *options]
    for python in (sys.executable, sys._base_executable):
        if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
            return [python, "-m", "pip", *options, "--disable-pip-version-check", "--ignore-requires-python"]
    pytest.skip("neither uv nor pip is there to install the library of Open Policy Agent")


@contextmanager
def serve(library, folder, *policies, **environment):
    """A server with these policies; its address."""
    port = folder / f"port-{time.monotonic_ns()}"
    process = subprocess.Popen(
        [sys.executable, str(SERVER), str(library), str(port), *map(str, policies)],
        env=os.environ | {f"OPA_{name.upper()}": str(value) for name, value in environment.items()},
    )
    try:
        while not port.exists():
            assert process.poll() is None, "the policy server has ended"
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port.read_text()}"
    finally:
        process.kill()
        process.wait()
