"""Which container engine works on this machine, found out by running something in it.

A client without a daemon is no engine, and a daemon that may not do what a job needs is none either.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ades.engine.local import apptainer, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

ENGINES: Final = ("docker", "podman", *apptainer.NAMES)
_PATIENCE: Final = 10
"""Seconds that one try may take."""
_ALTOGETHER: Final = 20
"""Seconds after which nothing more is tried."""
_REMEMBERED: Final = 60.0
"""Seconds for which it is believed that there is no engine."""
_LIMITED: Final = ("--memory=64m", "--pids-limit=64", "--cpus=1")


@dataclass(frozen=True, slots=True)
class Engine:
    """What was found. Without a name: nothing that works."""

    name: str = ""
    options: tuple[str, ...] = ()
    """What this machine needs with each `run`."""
    limited: bool = False
    """Whether it can limit memory, cores and processes."""
    why: str = ""
    """One sentence for the administrator."""


_known: dict[str, tuple[float, Engine]] = {}
_lock = threading.Lock()


def find(setting: str) -> Engine:
    """The engine that the setting means: one by name, the first that works (`auto`), or none."""
    if setting == "none":
        return Engine(why="switched off (ADES_CONTAINERS=none): tools run as commands of this machine")
    with _lock:
        known = _known.get(setting)
        if known is None or (not known[1].name and time.monotonic() - known[0] > _REMEMBERED):
            known = _known[setting] = (time.monotonic(), _look(setting))
        return known[1]


def _look(setting: str) -> Engine:
    missing: list[str] = []
    complaints: list[str] = []
    for name in ENGINES if setting == "auto" else (setting,):
        if shutil.which(name) is None:
            missing.append(f"{name} is not installed")
            continue
        found = _TRIES[name]()
        if found.name:
            return replace(found, why="; ".join([found.why, *complaints]))
        complaints.append(found.why)
    return Engine(why="; ".join([*complaints, *missing]))


def _docker() -> Engine:
    said = _run(["docker", "version", "--format", "{{.Server.Version}}"])
    if said.returncode:
        return Engine(why=f"docker is only a client here: {_last(said.stderr)}")
    return Engine("docker", limited=True, why=f"docker {said.stdout.strip()}")


def _podman() -> Engine:
    said, began = "", time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ades-podman-") as top:
        folders = _system(Path(top))
        mounts = ["--rm", "--network=none", "--read-only", *(f"--volume={own}:{own}:ro" for own in folders)]
        for options, limited in _ways():
            if time.monotonic() - began > _ALTOGETHER:
                break
            limits = _LIMITED if limited else ()
            started = _run(["podman", "run", *options, *limits, *mounts, "--rootfs", top, "/usr/bin/env", "true"])
            if started.returncode == 0:
                told = " ".join(options)
                return Engine("podman", options, limited, f"podman{f' with {told}' if told else ''}; this was tried")
            said = said or _last(started.stderr)
    return Engine(why=f"podman runs nothing here: {said}")


def _apptainer(name: str) -> Engine:
    with tempfile.TemporaryDirectory(prefix="ades-apptainer-") as top:
        image, system = Path(top, "image.sif"), Path(top, "system")
        system.mkdir()
        mounts = [f"--mount=type=bind,source={own},destination={own},ro" for own in _system(system)]
        called = [name, "--silent", "--nocolor"]
        built = _run([*called, "build", str(image), str(system)])
        if built.returncode:
            return Engine(why=f"{name} makes no images here: {_last(built.stderr)}")
        for limits in (_LIMITED, ()):
            options = [*apptainer.contained(sandbox.owner()), "--net", "--network=none", *mounts, *limits]
            started = _run([*called, "exec", *options, str(image), "/usr/bin/env", "true"])
            if started.returncode == 0:
                return Engine(name, limited=bool(limits), why=f"{name}; this was tried")
    return Engine(why=f"{name} runs nothing here: {_last(started.stderr)}")


def _ways() -> Iterator[tuple[tuple[str, ...], bool]]:
    """Options to try, the plain ones first; and whether with limits."""
    runtimes = [(), *((f"--runtime={name}",) for name in ("runc", "crun") if shutil.which(name))]
    users: tuple[str, ...] = () if os.geteuid() == 0 else ("--userns=keep-id",)
    for limited in (True, False):
        for runtime in runtimes:
            for ulimits in ((), _own_ulimits()):
                yield (*runtime, *users, *ulimits, *(() if limited else ("--cgroups=disabled",))), limited


def _own_ulimits() -> tuple[str, ...]:
    """What we have ourselves: engines ask for more, and are refused where they may not raise it."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    processes = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    highest = int(Path("/proc/sys/kernel/pid_max").read_text(encoding="ascii"))
    processes = highest if processes == resource.RLIM_INFINITY else min(processes, highest)
    return f"--ulimit=nofile={files}:{files}", f"--ulimit=nproc={processes}:{processes}"


def _system(top: Path) -> list[Path]:
    """Have the folder be a system that consists of this machine's own programs; what is to be mounted in it."""
    mounted = []
    for name in ("bin", "lib", "lib64", "sbin", "usr"):
        own = Path("/", name)
        if own.is_symlink():
            top.joinpath(name).symlink_to(own.readlink())
        elif own.is_dir():
            top.joinpath(name).mkdir()
            mounted.append(own)
    for name in ("dev", "etc", "proc", "run", "sys", "tmp", "var"):
        top.joinpath(name).mkdir()
    return mounted


def _run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - the engine
            argv, capture_output=True, text=True, timeout=_PATIENCE, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(argv, 1, "", str(error))


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("Error: ").removeprefix("FATAL:").strip() if lines else "it said nothing"


_TRIES: Final = {"docker": _docker, "podman": _podman} | {name: partial(_apptainer, name) for name in apptainer.NAMES}
