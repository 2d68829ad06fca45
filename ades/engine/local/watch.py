"""Sees to it that a job keeps within its limits, from outside of its sandbox."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

from ades.model import Failure, Reason
from ades.runner import processes
from ades.runner.memory import out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ades.engine.local.cgroup import Group
    from ades.runner.document import Limits

TURN: Final = 0.5
"""Seconds between two looks."""
QUICK_TURN: Final = 0.1
"""The same where memory or processes are looked at, of which there can soon be too many."""
_DISK_SHARE: Final = 20
"""How many times longer than adding up a folder took it is left alone."""


class Watch:
    """Looks at one job now and then. What it has started is below `keeper`, and `ours` of that is not the job's."""

    def __init__(
        self,
        limits: Limits,
        folder: Path,
        *,
        keeper: int,
        ours: frozenset[int] = frozenset(),
        group: Group | None = None,
        elsewhere: Callable[[], list[int]] = list,
        spent: Callable[[], float] | None = None,
        asked: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._limits = limits
        self._folder = folder
        self._keeper = keeper
        self._ours = ours
        self._group = group
        self._elsewhere = elsewhere
        """The first processes of containers that are not below the keeper."""
        self._spent = spent or _of_ended_children
        """Processor time of what has ended and can be seen nowhere else."""
        self._asked = asked
        """How many MiB the steps that run now have asked for."""
        self._began = time.monotonic()
        self._disk_at = self._began + TURN
        self.peak = 0
        """The most memory that was seen."""

    def turn(self) -> float | None:
        """Seconds until the next look; None when there is nothing to look at."""
        limits = self._limits
        if limits.memory is not None or limits.processes is not None:
            return QUICK_TURN
        return TURN if any(limit is not None for limit in (limits.seconds, limits.cpu_seconds, limits.disk)) else None

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
        if limits.memory is None and limits.processes is None and limits.cpu_seconds is None:
            return None
        seen = processes.snapshot()
        everything = self._tree(seen)
        tools = [pid for pid in everything if pid not in self._ours]
        return self._cpu(seen, everything) or self._many(seen, tools) or self._memory(seen, tools)

    def _tree(self, seen: dict[int, processes.Process]) -> list[int]:
        known = {pid: process.parent for pid, process in seen.items()}
        found = set(processes.descendants(self._keeper, known))
        for root in self._elsewhere():
            found |= {root, *processes.descendants(root, known)} & seen.keys()
        return list(found)

    def _cpu(self, seen: dict[int, processes.Process], tree: list[int]) -> Failure | None:
        limit = self._limits.cpu_seconds
        if limit is None:
            return None
        used = sum(seen[pid].seconds for pid in tree) + self._spent()
        if used <= limit:
            return None
        return Failure(
            Reason.CPU_LIMIT, f"The job was ended because it used more than {limit:g} seconds of processor time."
        )

    def _many(self, seen: dict[int, processes.Process], tools: list[int]) -> Failure | None:
        limit = self._limits.processes
        if limit is None or sum(seen[pid].threads for pid in tools) <= limit:
            return None
        return Failure(
            Reason.PROCESS_LIMIT, f"The job was ended because it had more than {limit} processes and threads."
        )

    def _memory(self, seen: dict[int, processes.Process], tools: list[int]) -> Failure | None:
        limit = self._limits.memory
        if limit is None:
            return None
        held = sum(seen[pid].resident for pid in tools)
        if held > limit:
            # What is shared was counted more than once.
            held = processes.held(tools)
        self.peak = max(self.peak, held)
        if self._group is not None:
            return self.killed()
        return self._too_much(held) if held > limit else None

    def killed(self) -> Failure | None:
        """The failure when the kernel has ended something of the job for its memory."""
        if self._group is None or not self._group.kills():
            return None
        return self._too_much(self._group.peak() or self.peak)

    def _too_much(self, held: int) -> Failure:
        return out_of_memory(
            "The job", held=held, allowed=self._limits.memory or 0, by="its limit", asked=self._asked()
        )

    def _disk(self) -> Failure | None:
        limit = self._limits.disk
        if limit is None or time.monotonic() < self._disk_at:
            return None
        began = time.monotonic()
        used = _size(self._folder)
        self._disk_at = time.monotonic() + max(TURN, _DISK_SHARE * (time.monotonic() - began))
        if used <= limit:
            return None
        return Failure(
            Reason.DISK_LIMIT,
            f"The job was ended because its files take {used / 1024**2:.1f} MiB, and {limit / 1024**2:.1f} MiB are "
            "allowed.",
        )


def _of_ended_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _size(top: Path) -> int:
    total = 0
    for folder, _, names in os.walk(top):
        for name in names:
            try:
                total += os.lstat(f"{folder}/{name}").st_blocks * 512
            except OSError:
                continue
    return total
