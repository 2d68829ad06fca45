"""The logs of a job: one file for each step and one for the job itself, written while it runs.

They are reached through the open folder, not by its path: inside the sandbox the folder cannot be seen, so that no tool
can put something else in the place of a log.
"""

from __future__ import annotations

import os
from contextlib import suppress
from stat import S_ISREG
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = "logs"
JOB: Final = "job"
"""The name of the log of the job itself."""

_ENDING: Final = ".log"
_TAIL: Final = 4096


class Logs:
    """The logs in the folder of a job."""

    def __init__(self, folder: Path) -> None:
        self._folder = os.open(folder / FOLDER, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def close(self) -> None:
        """Let the folder go."""
        os.close(self._folder)

    def append_to(self, name: str) -> BinaryIO:
        """The log of this name, to write at its end, nothing held back."""
        file = self._open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        folder = os.fstat(self._folder)
        if os.fstat(file).st_uid != folder.st_uid:
            with suppress(PermissionError):
                # Who runs the package must be able to go on with what was begun before it.
                os.fchown(file, folder.st_uid, folder.st_gid)
        return os.fdopen(file, "ab", buffering=0)

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes | None:
        """A part of a log, a negative start counted from its end; None when there is no such log."""
        try:
            file = os.fdopen(self._open(name, os.O_RDONLY), "rb")
        except OSError:
            return None
        with file:
            file.seek(start if start >= 0 else max(0, file.seek(0, os.SEEK_END) + start))
            return file.read(-1 if length is None else length)

    def tail(self, name: str, lines: int = 20) -> str | None:
        """The last lines of a log; None when there are none."""
        try:
            file = os.fdopen(self._open(name, os.O_RDONLY), "rb")
        except OSError:
            return None
        with file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            last = file.read().decode(errors="replace").splitlines()[-lines:]
        return "\n".join(last) if any(line.strip() for line in last) else None

    def names(self) -> list[str]:
        """The names of the logs that have something in them."""
        found = []
        for entry in sorted(os.listdir(self._folder)):  # noqa: PTH208 - an open folder, not a path
            name = entry.removesuffix(_ENDING)
            try:
                status = os.stat(entry, dir_fd=self._folder, follow_symlinks=False)
            except OSError:
                continue
            if entry != name and S_ISREG(status.st_mode) and status.st_size:
                found.append(name)
        return found

    def open(self, name: str) -> BinaryIO:
        """A log, to read from its begin."""
        return os.fdopen(self._open(name, os.O_RDONLY), "rb")

    def _open(self, name: str, flags: int) -> int:
        if "/" in name:
            raise FileNotFoundError(name)
        return os.open(name + _ENDING, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=self._folder)
