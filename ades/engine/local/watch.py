"""Sees to it that a job keeps within its limits, from outside of its sandbox."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

from ades.model import Failure, Reason
from ades.runner import processes

if TYPE_CHECKING:
    from pathlib import Path

    from ades.runner.document import Limits

TURN: Final = 0.5
"""Seconds between two looks."""
_DISK_TURN: Final = 5.0


class Watch:
    """Looks at one job now and then."""

    def __init__(self, limits: Limits, runner: int, folder: Path) -> None:
        self._limits = limits
        self._runner = runner
        self._folder = folder
        self._began = time.monotonic()
        self._disk_at = self._began + _DISK_TURN

    def needed(self) -> bool:
        """Whether there is anything to look at."""
        limits = self._limits
        return any(limit is not None for limit in (limits.seconds, limits.memory, limits.processes, limits.disk))

    def look(self) -> Failure | None:
        """What the job has done that it may not do."""
        return self._time() or self._processes() or self._disk()

    def _time(self) -> Failure | None:
        limit = self._limits.seconds
        if limit is None or time.monotonic() - self._began < limit:
            return None
        return Failure(Reason.TIME_LIMIT, f"The job was ended because it ran longer than {limit:g} seconds.")

    def _processes(self) -> Failure | None:
        limits = self._limits
        if limits.memory is None and limits.processes is None:
            return None
        tools = processes.descendants(self._runner)
        if limits.processes is not None and len(tools) > limits.processes:
            return Failure(
                Reason.PROCESS_LIMIT, f"The job was ended because it had more than {limits.processes} processes."
            )
        held = sum(map(processes.resident, tools))
        if limits.memory is not None and held > limits.memory:
            allowed = f"{limits.memory // 1024**2} MiB"
            return Failure(
                Reason.OUT_OF_MEMORY,
                f"The job was ended because its tools held {held // 1024**2} MiB of memory, and {allowed} are allowed.",
            )
        return None

    def _disk(self) -> Failure | None:
        limit = self._limits.disk
        if limit is None or time.monotonic() < self._disk_at:
            return None
        self._disk_at = time.monotonic() + _DISK_TURN
        used = _size(self._folder)
        if used <= limit:
            return None
        return Failure(
            Reason.DISK_LIMIT,
            f"The job was ended because its files take {used // 1024**2} MiB, and {limit // 1024**2} MiB are allowed.",
        )


def _size(top: Path) -> int:
    total = 0
    for folder, _, names in os.walk(top):
        for name in names:
            try:
                total += os.lstat(f"{folder}/{name}").st_blocks * 512
            except OSError:
                continue
    return total
