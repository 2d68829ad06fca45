"""Apptainer as Debian's unstable release has it, made once per machine and seen by nothing but itself.

It wants a newer C library than this machine may have. So its packages lie in a folder of their own, which is laid over
the system in the moment in which it starts, and for it alone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from calrissian_environment import locked

_SUITE = "sid"
_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
_PROGRAM = """#!/bin/sh
exec unshare --mount sh -ec '
mount -t overlay overlay -o lowerdir={root}/etc:/etc /etc
mount -t overlay overlay -o lowerdir={root}/usr:/usr /usr
exec /usr/bin/apptainer "$@"' apptainer "$@"
"""
_SETTINGS = {"systemd cgroups = yes": "systemd cgroups = no"}
"""Where no systemd runs, it makes control groups itself."""


def folder() -> Path:
    """A folder with a program `apptainer`, for the PATH, kept from run to run."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        pytest.skip("no container engine on this machine: only root on Debian gets Apptainer for the tests")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ades-tests"
    made = cache / f"apptainer-{hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]}"
    with locked(made):
        if not (made / ".complete").exists():
            shutil.rmtree(made, ignore_errors=True)
            _make(made)
            (made / ".complete").touch()
    return made / "bin"


def _make(made: Path) -> None:
    root, program = made / "root", made / "bin/apptainer"
    for package in _fetched(made / "apt"):
        subprocess.run(["dpkg-deb", "--extract", package, root], check=True, capture_output=True)
    shutil.rmtree(made / "apt")
    # Where Debian's build looks for it as root, and does not make it.
    (root / "usr/lib/var/lib/apptainer/mnt/session").mkdir(parents=True)
    settings = root / "etc/apptainer/apptainer.conf"
    text = settings.read_text()
    for line, instead in _SETTINGS.items():
        assert line in text
        text = text.replace(line, instead)
    settings.write_text(text)
    program.parent.mkdir()
    program.write_text(_PROGRAM.format(root=root))
    program.chmod(0o755)
    program.with_name("singularity").symlink_to(program.name)


def _fetched(apt: Path) -> list[Path]:
    """The packages, with all that they need, by the mirror of this machine; no other part of its apt is touched."""
    for name in ("sources", "lists/partial", "archives/partial"):
        (apt / name).mkdir(parents=True)
    (apt / "status").touch()
    (apt / "sources/unstable.list").write_text(f"deb [signed-by={_KEYS}] {_mirror()} {_SUITE} main\n")
    own = {
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": apt / "sources",
        "Dir::State::lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt,
        "APT::Sandbox::User": "root",
        "Acquire::Retries": 2,
    }
    options = [f"--option={name}={value}" for name, value in own.items()]
    for what in (["update"], ["install", "--yes", "--download-only", "--no-install-recommends", "apptainer"]):
        done = subprocess.run(["apt-get", "--quiet", *options, *what], capture_output=True, text=True, check=False)
        complaints = [line for line in done.stderr.splitlines() if line.startswith(("E:", "Err:"))]
        if done.returncode or complaints:
            # Neither this machine nor this tree can help it: that is no part that the machine should have had.
            pytest.skip(f"Apptainer's packages could not be fetched: {' '.join(complaints) or done.stderr[-300:]}")
    return sorted((apt / "archives").glob("*.deb"))


def _mirror() -> str:
    """Where this machine has its own Debian from."""
    asked = ["apt-get", "indextargets", "--format=$(REPO_URI)", "Created-By: Packages", "Label: Debian"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
    if not found:
        pytest.skip("Apptainer's packages could not be fetched: apt knows no Debian archive (apt-get update)")
    return found[0]
