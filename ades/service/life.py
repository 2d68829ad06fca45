"""The name of a worker: new with each of its lives, and such that others on the same machine can see when it is dead.

host~boot~namespace~pid~start: a process of this boot and this PID namespace that has no such number, or has it since
another moment, is gone. Of workers elsewhere nothing is known but their leases.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

SEPARATOR: Final = "~"


@dataclass(frozen=True, slots=True)
class Life:
    """The life of one worker process."""

    host: str
    boot: str
    namespace: str
    pid: int
    start: str

    @classmethod
    def own(cls) -> Self:
        """Of this process."""
        host = socket.gethostname().replace(SEPARATOR, "-")[:60] or "localhost"
        return cls(host, _boot(), _namespace(), os.getpid(), _start(os.getpid()) or "0")

    @property
    def name(self) -> str:
        """The name under which it claims jobs."""
        return SEPARATOR.join((self.host, self.boot, self.namespace, str(self.pid), self.start))

    def dead(self, workers: Iterable[str]) -> list[str]:
        """Those workers of the same machine that are certainly gone."""
        return [worker for worker in workers if self._is_dead(worker)]

    def _is_dead(self, worker: str) -> bool:
        parts = worker.split(SEPARATOR)
        if len(parts) != 5 or parts[:3] != [self.host, self.boot, self.namespace] or not parts[3].isdigit():  # noqa: PLR2004
            return False
        pid = int(parts[3])
        return self.start != "0" and (_start(pid) != parts[4])


def _start(pid: int) -> str | None:
    """When a process began, in ticks since the boot; None when it is gone or only waits to be reaped."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else fields[19]


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
    except OSError:
        return "0"


def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    except OSError:
        return "0"
