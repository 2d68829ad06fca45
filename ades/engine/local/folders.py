"""The folders of jobs: `<data>/jobs/<job>`, there as long as the job runs and not longer.

Whoever runs a job holds a lock on its folder. A folder that nobody holds is left over, and whoever finds it may remove
it, with the processes that still stand in it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ades.engine.local import containers
from ades.errors import Conflict
from ades.runner import processes
from ades.runner.main import FOLDERS

if TYPE_CHECKING:
    from pathlib import Path

_OURS = "in"
"""What the tools of a job do not own."""


def make(path: Path, owner: tuple[int, int]) -> int:
    """Make the folder of a job, for tools that run as `owner`; the lock, to be held while the job runs."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            path.mkdir(mode=0o755)
            lock = _lock(path)
            if lock is not None:
                break
        if not clear(path):
            raise Conflict(f"The job in {path} is still run by somebody else on this machine.")
    for name in FOLDERS:
        (path / name).mkdir()
        if os.geteuid() == 0 and name != _OURS:
            os.chown(path / name, *owner)
    return lock


def _lock(path: Path) -> int | None:
    """The lock of this folder, if nobody else has it and it is still the one of this name."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def clear(path: Path, patience: float = 0) -> bool:
    """Remove a folder that nobody holds, and end what still runs in it; whether it is gone."""
    end = time.monotonic() + patience
    while path.exists():
        lock = _lock(path)
        if lock is not None:
            try:
                containers.end_left(path)
                processes.send(processes.working_below(path), signal.SIGKILL)
                remove(path)
            finally:
                os.close(lock)
        elif time.monotonic() >= end:
            return False
        else:
            time.sleep(0.01)
    return True


def remove(path: Path) -> None:
    """Remove a folder, whatever rights its tools have set, and although something may still be dying in it."""
    for attempt in range(20):
        shutil.rmtree(path, onerror=_allow_and_retry)
        if not path.exists():
            return
        time.sleep(0.01 * attempt)


def _allow_and_retry(function: object, path: str, _error: object) -> None:
    """Tools may take rights away from folders, also from us."""
    with suppress(OSError):
        folder = os.path.dirname(path)  # noqa: PTH120 - shutil speaks in strings
        for place in (folder, path):
            if not stat.S_ISLNK(os.lstat(place).st_mode):
                os.chmod(place, 0o700)  # noqa: PTH101 - as above
        if function in {os.rmdir, os.unlink}:
            function(path)
        else:
            shutil.rmtree(path, ignore_errors=True)


def sweep(jobs: Path) -> list[str]:
    """Remove all folders that nobody holds; their names."""
    found = []
    with suppress(FileNotFoundError):
        for path in jobs.iterdir():
            if path.is_dir() and clear(path):
                found.append(path.name)  # noqa: PERF401 - what was found before the folder vanished counts
    return found
