"""Rings between the processes of one machine: each has a datagram socket in a folder that belongs to the database."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import tempfile
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import threading

_PATH_LIMIT: Final = 100
"""The address of a unix socket has room for about this many bytes."""
_LARGEST: Final = 4096


class Sockets:
    """The wire of SQLite. Without a usable folder rings stay within the process."""

    def __init__(self, database: str) -> None:
        self._folder = _folder(database)
        self._own: Path | None = None
        self._socket: socket.socket | None = None

    def send(self, topics: list[str]) -> None:
        """Ring at every other process; the sockets of dead ones are swept away."""
        if self._folder is None or not _ours(self._folder):
            return
        others = [path for path in _entries(self._folder) if path != self._own]
        if not others:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            for path in others:
                _send(sender, "\n".join(topics).encode()[:_LARGEST], path)

    def listen(self, stop: threading.Event, heard: Any) -> None:
        """Hear the others until it is time to stop."""
        if self._folder is None:
            return
        with suppress(OSError):
            self._open(self._folder)
            heard(None)
            while not stop.is_set() and self._socket is not None:
                with suppress(TimeoutError):
                    heard(self._socket.recv(_LARGEST).decode(errors="replace").split("\n"))

    def _open(self, folder: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(1)
        self._own = folder / uuid.uuid4().hex[:12]
        for _ in range(10):
            folder.mkdir(mode=0o700, exist_ok=True)
            if not _ours(folder):
                raise PermissionError(f"{folder} belongs to somebody else.")
            # The last one to leave takes the folder away, perhaps just now.
            with suppress(FileNotFoundError):
                self._socket.bind(str(self._own))
                return

    def close(self) -> None:
        """Take the own socket away, and the folder with the last one."""
        if self._own is not None:
            self._own.unlink(missing_ok=True)
            with suppress(OSError):
                self._own.parent.rmdir()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None


def _send(sender: socket.socket, message: bytes, path: Path) -> None:
    try:
        sender.sendto(message, str(path))
    except BlockingIOError:
        pass  # a full mailbox has rung already
    except (ConnectionRefusedError, FileNotFoundError):
        path.unlink(missing_ok=True)
    except OSError:
        pass


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _folder(database: str) -> Path | None:
    """Where the sockets of a database lie, the same for all processes of this user; None where nothing is short enough."""
    mark = hashlib.sha256(os.fsencode(Path(database).resolve())).hexdigest()[:16]
    for base in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108 - ours and private
        if base and len(base) <= _PATH_LIMIT - 50 and os.access(base, os.W_OK):
            return Path(base) / f"ades-{os.getuid()}-{mark}"
    return None


def _ours(folder: Path) -> bool:
    """Whether the folder is there, and nobody else could have put anything into it."""
    try:
        seen = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid() and not seen.st_mode & 0o077
