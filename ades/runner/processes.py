"""The processes of this machine, as /proc shows them: who descends from whom, how big they are, and how to end them."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


def all_pids() -> list[int]:
    """Every process that can be seen from here."""
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the name: state, parent, group …; empty when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return []
    return text[text.rindex(b")") + 2 :].decode().split()


class Process(NamedTuple):
    """One process as it is now."""

    parent: int
    seconds: float
    """Processor time, with that of its children that have ended and been waited for."""
    threads: int
    resident: int
    """Bytes of memory, those counted that it shares with others."""


def snapshot() -> dict[int, Process]:
    """Every process that can be seen from here, in one look."""
    found = {}
    for pid in all_pids():
        if fields := _stat(pid):
            seconds = sum(map(int, fields[11:15])) / _TICKS
            found[pid] = Process(int(fields[1]), seconds, int(fields[17]), int(fields[21]) * _PAGE)
    return found


def parents() -> dict[int, int]:
    """Each process and its parent."""
    return {pid: int(fields[1]) for pid in all_pids() if (fields := _stat(pid))}


def descendants(root: int, known: dict[int, int] | None = None) -> list[int]:
    """All processes below this one, parents before children; `known` is each process and its parent."""
    children: dict[int, list[int]] = {}
    for pid, parent in (parents() if known is None else known).items():
        children.setdefault(parent, []).append(pid)
    found = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def is_zombie(pid: int) -> bool:
    """Whether it has ended and only waits to be reaped."""
    fields = _stat(pid)
    return bool(fields) and fields[0] in "ZX"


def resident(pid: int) -> int:
    """Bytes of memory that the process holds now."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def held(pids: Iterable[int]) -> int:
    """Bytes of memory that these processes hold together, what they share counted once where the kernel tells."""
    return sum(_proportional(pid) or resident(pid) for pid in pids)


def _proportional(pid: int) -> int:
    return _told(f"/proc/{pid}/smaps_rollup", b"\nPss:")


def peak(pid: int) -> int:
    """The most bytes of memory that the process has held since it was executed."""
    return _told(f"/proc/{pid}/status", b"VmHWM:")


def _told(file: str, name: bytes) -> int:
    """The bytes that the kernel states under this name; 0 where it does not."""
    try:
        text = Path(file).read_bytes()
    except OSError:
        return 0
    _, found, rest = text.partition(name)
    return int(rest.split(maxsplit=1)[0]) * 1024 if found else 0


def send(pids: Iterable[int], number: int) -> None:
    """Signal each of them; those that are gone do not matter."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def end_descendants(root: int, patience: float = 2, *, spare: frozenset[int] = frozenset()) -> bool:
    """Kill everything below `root`, however often it forks meanwhile; whether nothing is left.

    They are stopped first, so that none can fork while the others are killed. `root` must be this process or one that
    reaps its children.
    """
    end = time.monotonic() + patience
    while True:
        seen: set[int] = set()
        while new := _living(root, spare) - seen:
            send(new, signal.SIGSTOP)
            seen |= new
        send(seen, signal.SIGKILL)
        if root == os.getpid():
            reap(spare)
        if not _living(root, spare):
            return True
        if time.monotonic() > end:
            return False
        time.sleep(0.005)


def _living(root: int, spare: frozenset[int]) -> set[int]:
    kept = set(spare).union(*(descendants(pid) for pid in spare))
    return {pid for pid in descendants(root) if pid not in kept and not is_zombie(pid)}


def reap(spare: frozenset[int] = frozenset()) -> None:
    """Collect the children that have ended, except those that somebody else waits for."""
    own = os.getpid()
    for pid, parent in parents().items():
        if parent == own and pid not in spare and is_zombie(pid):
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def working_below(folder: Path) -> list[int]:
    """The processes that stand in this folder, or were told to keep their temporary files there."""
    top = str(folder)
    marker = f"TMPDIR={top}/".encode()
    return [pid for pid in all_pids() if pid != os.getpid() and _belongs(pid, top, marker)]


def _belongs(pid: int, top: str, marker: bytes) -> bool:
    with suppress(OSError):
        here = str(Path(f"/proc/{pid}/cwd").readlink())
        if here == top or here.startswith(top + "/"):
            return True
    with suppress(OSError):
        return marker in Path(f"/proc/{pid}/environ").read_bytes()
    return False
