"""What this machine can do to keep jobs apart, found out by doing it.

A process of its own enters a sandbox with a canary outside and tells as JSON whether the canary could be reached.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from ades.engine.local.sandbox import (
    LOGS,
    READ_ONLY,
    SCRATCH,
    Sandbox,
    enter,
    installed_software,
    leave_processes,
    owner,
)
from ades.runner import linux

_TRIES: Final = 3
_SILENT: Final = "it ended without a word"


class Isolation(StrEnum):
    """How jobs are kept apart from the server and from each other."""

    NAMESPACES = "namespaces"
    """Each job has a sandbox, and whatever it started ends with it."""
    SUBREAPER = "subreaper"
    """No sandbox; what a job has started is found and killed when it ends."""
    NONE = "none"
    """Neither. This is no Linux."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the probe has found."""

    isolation: Isolation
    why: str
    """One sentence for the administrator."""
    disturbed: bool = False
    """Somebody may have killed what had a look: it is not remembered."""


_known: list[Found] = []


def probe() -> Found:
    """The best that works here. Takes a tenth of a second, the first time."""
    for _ in range(_TRIES):
        if not _known:
            found = _look()
            if not found.disturbed:
                _known.append(found)
    return _known[0] if _known else found


def _look() -> Found:
    try:
        ran = subprocess.run(
            [sys.executable, "-P", "-c", "from ades.engine.local.probe import main; main()"],
            capture_output=True,
            timeout=30,
            check=True,
            env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        told = json.loads(ran.stdout)
        return Found(Isolation(told["isolation"]), told["why"], told["disturbed"])
    except subprocess.CalledProcessError as error:
        return Found(Isolation.NONE, f"The probe itself could not run: {error}", disturbed=error.returncode < 0)
    except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
        return Found(Isolation.NONE, f"The probe itself could not run: {error}")


def main() -> None:
    """Find out and print it."""
    print(json.dumps(asdict(_try())))  # noqa: T201 - this is what the process is for


def _try() -> Found:
    try:
        linux.become_subreaper()
    except OSError as error:
        return Found(Isolation.NONE, f"Processes of a job cannot be followed here: {error}.")
    complaint = _try_namespaces()
    if complaint is None:
        return Found(Isolation.NAMESPACES, "Each job runs in namespaces of its own; this was tried.")
    return Found(
        Isolation.SUBREAPER,
        f"Jobs are not kept apart, because a sandbox cannot be made here: {complaint}. In a container, allow user "
        "namespaces; on Ubuntu, see kernel.apparmor_restrict_unprivileged_userns.",
        disturbed=complaint == _SILENT,
    )


def _try_namespaces() -> str | None:
    """What went wrong, or None."""
    with tempfile.TemporaryDirectory(prefix="ades-probe-") as top:
        Path(top).chmod(0o755)
        folder = Path(top, "jobs", "1")
        for name in (READ_ONLY, SCRATCH, LOGS):
            folder.joinpath(name).mkdir(parents=True)
        os.chown(folder, *owner())
        canary = Path(top, "secret")
        canary.write_text("secret")
        reading, writing = os.pipe()
        started = os.fork()
        if started == 0:
            os.close(reading)
            _stand_in(folder, canary, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as answer:
            # The end of the answer comes only when everything that was started inside is gone.
            said = answer.read().decode()
        os.waitpid(started, 0)
    return None if said == "ok" else said or _SILENT


def _stand_in(folder: Path, canary: Path, writing: int) -> None:
    """What keeps a job from outside: make process 1, and kill it."""
    try:
        leave_processes()
        first = os.fork()
        if first == 0:
            _inside(folder, canary, writing)
        time.sleep(0)
        os.waitpid(first, 0)
    except OSError as error:
        os.write(writing, str(error).encode())
    os._exit(0)


def _inside(folder: Path, canary: Path, writing: int) -> None:
    """What a job is: go in, try to get out, leave something running that hides."""
    try:
        enter(Sandbox(folder, hidden=(folder.parents[1],), software=installed_software()))
        complaint = _complaint(folder, canary)
    except OSError as error:
        complaint = str(error)
    os.write(writing, (complaint or "ok").encode())
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    os._exit(0)


def _complaint(folder: Path, canary: Path) -> str | None:
    if os.getpid() != 1:
        return "it has no processes of its own"
    if canary.exists():
        return "files of the server can be seen in it"
    for place in ("/etc", "/usr", str(folder / READ_ONLY)):
        with suppress(OSError):
            tempfile.TemporaryFile(dir=place).close()
            return f"{place} can be written in it"
    with suppress(OSError), socket.socket() as attempt:
        attempt.settimeout(0.2)
        attempt.connect(("192.0.2.1", 9))
        return "it has the network"
    tempfile.TemporaryFile(dir=folder).close()
    return None
