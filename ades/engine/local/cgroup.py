"""A control group for the memory of one job, where this process may make one.

The kernel then sees to the limit: also to what grows faster than anybody looks, and to what lies in memory without
belonging to a process. Where no group can be made the memory is looked at now and then (see `watch`).
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX: Final = "ades-"


@dataclass(frozen=True, slots=True)
class Group:
    """One group. Version 2 of the kernel's interface names its files otherwise than version 1."""

    path: Path
    unified: bool

    @classmethod
    def make(cls, name: str, memory: int) -> Group | None:
        """A group with this limit, if there can be one."""
        for place, unified in _places():
            group = cls(place / f"{_PREFIX}{name}", unified)
            try:
                group.path.mkdir(exist_ok=True)
                group._limit(memory)
            except OSError:
                group.remove()
            else:
                return group
        return None

    def _limit(self, memory: int) -> None:
        if self.unified:
            self._write("memory.max", memory)
            with suppress(OSError):
                self._write("memory.swap.max", 0)
            return
        self._write("memory.limit_in_bytes", memory)
        with suppress(OSError):
            self._write("memory.memsw.limit_in_bytes", memory)

    def add(self, pid: int) -> bool:
        """Have a process, and all that it will start, in the group; whether that was possible."""
        try:
            self._write("cgroup.procs", pid)
        except OSError:
            return False
        return True

    def kills(self) -> int:
        """How many processes the kernel has ended because of the limit."""
        text = self._read("memory.events" if self.unified else "memory.oom_control")
        counted = dict(line.split()[:2] for line in text.splitlines() if " " in line)
        return int(counted.get("oom_kill", 0))

    def peak(self) -> int | None:
        """The most bytes that were held at a time, where the kernel tells."""
        text = self._read("memory.peak" if self.unified else "memory.max_usage_in_bytes").strip()
        return int(text) if text.isdigit() else None

    def remove(self) -> None:
        """Remove it; what was in it is gone, or nearly."""
        for attempt in range(10):
            try:
                self.path.rmdir()
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.005 * attempt)
            else:
                return

    def _write(self, name: str, value: int) -> None:
        # Never create: where the controller is missing, so is its file.
        descriptor = os.open(self.path / name, os.O_WRONLY)
        try:
            os.write(descriptor, str(value).encode())
        finally:
            os.close(descriptor)

    def _read(self, name: str) -> str:
        try:
            return (self.path / name).read_text(encoding="ascii")
        except OSError:
            return ""


def sweep() -> None:
    """Remove the groups that were left over. One with processes in it cannot be removed, and stays."""
    for place, _ in _places():
        for path in place.glob(f"{_PREFIX}*"):
            with suppress(OSError):
                path.rmdir()


def _places() -> Iterator[tuple[Path, bool]]:
    """Where a group might be made: below our own with version 1, beside it with version 2.

    There, groups with processes in them can have none below.
    """
    try:
        own = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in own:
        _, controllers, path = line.split(":", 2)
        for top in _mounted("cgroup" if controllers else "cgroup2"):
            if not controllers:
                yield (top / path.lstrip("/")).parent if path != "/" else top, True
            elif "memory" in controllers.split(","):
                yield top / path.lstrip("/"), False


def _mounted(kind: str) -> list[Path]:
    """Where the memory controller of this kind of file system is."""
    found = []
    with suppress(OSError):
        for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
            _, place, name, options, *_ = line.split(" ")
            if name == kind and (kind == "cgroup2" or "memory" in options.split(",")):
                found.append(Path(place))
    return found
