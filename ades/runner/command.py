"""One run of a tool: an operating system process, its log, its limits, and what it used.

What the tool prints and its package does not capture goes into the log, line by line as it comes. A line
`::progress 40 message::` tells how far it is.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from ades.runner import processes

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRESS: Final = re.compile(r"::progress\s+(\d{1,3})(?:\.\d+)?\s*%?\s*(.*?)\s*(?:::)?\s*")

_CHUNK: Final = 65536
_LONGEST_LINE: Final = 4096
_LOOK: Final = 0.1
"""Seconds between two looks at the memory of what may not have any amount of it."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to start, and how."""

    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    log: BinaryIO
    """Where its log is written; closed when it has ended."""
    stdin: str | None = None
    stdout: str | None = None
    """Where its output is captured. None: it goes to the log."""
    stderr: str | None = None
    seconds: float | None = None
    """After which it is killed. None: never."""
    memory: int | None = None
    """Bytes that it may hold, with what it starts. None: no limit of its own."""
    log_limit: int | None = None
    tree: Callable[[], list[int]] | None = None
    """The processes that count. None: itself and what descends from it."""
    end: Callable[[], None] | None = None
    """Ends what does not descend from it."""
    enter: Callable[[], None] | None = None
    """Called in the thread that starts the process, before it does: gives it a network of its own."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How it ended. A negative exit code is the signal that ended it."""

    exit_code: int
    timed_out: bool
    peak_memory: int | None
    cpu_seconds: float
    log_cut: bool = False
    """Whether its log has reached its limit."""
    too_big: int | None = None
    """Bytes that it held when it was ended for that."""


class Log:
    """A log while it is written: within its limit, and with an eye on what it says of the progress."""

    def __init__(self, file: BinaryIO, limit: int | None, on_progress: Callable[[int, str], None] | None) -> None:
        self._file = file
        self._left = limit
        self._on_progress = on_progress
        self._line = b""

    def write(self, chunk: bytes) -> None:
        """Take what came."""
        if self._on_progress:
            self._look_for_progress(chunk)
        if self._left is None:
            self._file.write(chunk)
        elif self._left > 0:
            self._file.write(chunk[: self._left])
            self._left -= len(chunk)
            if self._left <= 0:
                self._file.write("\n… the log ends here, because it has reached its limit.\n".encode())

    def _look_for_progress(self, chunk: bytes) -> None:
        *lines, rest = (self._line + chunk).splitlines(keepends=True) or [b""]
        if rest.endswith((b"\n", b"\r")):
            lines, rest = [*lines, rest], b""
        self._line = rest[-_LONGEST_LINE:]
        for line in lines:
            if line.startswith(b"::progress") and (found := PROGRESS.fullmatch(line.decode(errors="replace").strip())):
                self._on_progress(min(100, int(found[1])), found[2])  # type: ignore[misc]

    @property
    def cut(self) -> bool:
        """Whether something was dropped."""
        return self._left is not None and self._left <= 0

    def close(self) -> None:
        """Nothing more will come."""
        self._file.close()


def run(command: Command, on_progress: Callable[[int, str], None] | None = None) -> Ran:
    """Start it and wait for its end. Raises OSError when it cannot be started."""
    reading, writing = os.pipe()
    log = Log(command.log, command.log_limit, on_progress)
    try:
        try:
            process = _start(command, writing)
        finally:
            os.close(writing)
        return _Watch(command, process.pid, reading, log).until_the_end(process)
    finally:
        os.close(reading)
        log.close()


def _start(command: Command, log: int) -> subprocess.Popen[bytes]:
    with ExitStack() as opened:
        stdin = opened.enter_context(open(command.stdin or os.devnull, "rb"))  # noqa: PTH123 - a name, not a path
        stdout = opened.enter_context(open(command.stdout, "wb")) if command.stdout else log  # noqa: PTH123
        stderr = opened.enter_context(open(command.stderr, "wb")) if command.stderr else log  # noqa: PTH123

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(  # noqa: S603 - running what packages say is what this program is for
                command.argv,
                cwd=command.cwd,
                env=command.env,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                process_group=0,
            )

        return start() if command.enter is None else _elsewhere(command.enter, start)


def _elsewhere(enter: Callable[[], None], start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """Start it from a thread that has gone into namespaces of its own, which end with it."""
    result: list[subprocess.Popen[bytes] | BaseException] = []

    def go() -> None:
        try:
            enter()
            result.append(start())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
            result.append(error)

    thread = threading.Thread(target=go)
    thread.start()
    thread.join()
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]


class _Watch:
    """Reads the log, looks at the clock and at the memory, until the process ends."""

    def __init__(self, command: Command, pid: int, reading: int, log: Log) -> None:
        self._pid = pid
        self._reading = reading
        self._log = log
        self._began = time.monotonic()
        self._deadline = None if command.seconds is None else self._began + command.seconds
        self._sample_at = self._began + 0.01
        self._peak = 0
        self._timed_out = False
        self._too_big: int | None = None
        self._pause = 1.0 if command.memory is None else _LOOK
        self._allowed = command.memory
        self._tree = command.tree
        self._end = command.end
        self._used = 0.0

    def until_the_end(self, process: subprocess.Popen[bytes]) -> Ran:
        with ExitStack() as closing:
            poll = select.poll()
            poll.register(self._reading, select.POLLIN)
            ended = _pidfd(self._pid)
            if ended is not None:
                closing.callback(os.close, ended)
                poll.register(ended, select.POLLIN)
            while not self._turn(poll, ended):
                pass
        self._drain()
        return self._collect(process)

    def _turn(self, poll: select.poll, ended: int | None) -> bool:
        """Wait for what comes next; whether the process has ended."""
        now = time.monotonic()
        times = [self._sample_at] if self._deadline is None else [self._sample_at, self._deadline]
        wait = max(0.0, min(times) - now)
        ready = dict(poll.poll(1000 * (wait if ended is not None else min(wait, 0.01)) + 1))
        if self._reading in ready and not self._read():
            poll.unregister(self._reading)
        now = time.monotonic()
        if self._deadline is not None and now >= self._deadline:
            self._timed_out = True
            self._deadline = None
            self._end_it()
        if now >= self._sample_at:
            self._sample(now)
        return ended in ready if ended is not None else _has_ended(self._pid)

    def _read(self) -> bool:
        chunk = os.read(self._reading, _CHUNK)
        self._log.write(chunk)
        return bool(chunk)

    def _drain(self) -> None:
        """What is left in the pipe; not what background processes may still write."""
        os.set_blocking(self._reading, False)
        with suppress(BlockingIOError):
            while self._read():
                pass

    def _sample(self, now: float) -> None:
        age = now - self._began
        if self._tree is not None:
            tree = self._elsewhere()
        else:
            tree = [self._pid] if age < 0.1 else [self._pid, *processes.descendants(self._pid)]  # noqa: PLR2004 - scanning costs
        self._peak = max(self._peak, sum(map(processes.peak, tree)))
        self._sample_at = now + min(self._pause, max(0.01, age))
        if self._allowed is not None and self._too_big is None:
            self._weigh(tree)

    def _weigh(self, tree: list[int]) -> None:
        """End it when it holds more than it may. What its processes share is counted once."""
        allowed = self._allowed or 0
        if sum(map(processes.resident, tree)) > allowed and (held := processes.held(tree)) > allowed:
            self._too_big = held
            self._end_it()

    def _end_it(self) -> None:
        if self._end is not None:
            self._end()
        end_tree(self._pid)

    def _elsewhere(self) -> list[int]:
        """The processes that count although they do not descend from it; what they have used is added up here."""
        tree = self._tree() if self._tree is not None else []
        seen = processes.snapshot() if tree else {}
        self._used = max(self._used, sum(seen[pid].seconds for pid in tree if pid in seen))
        return tree

    def _collect(self, process: subprocess.Popen[bytes]) -> Ran:
        _, status, usage = os.wait4(self._pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        # Until a process is executed it counts the memory of the one it was forked from, that is ours.
        highest = usage.ru_maxrss * 1024
        if self._tree is None and highest > processes.peak(os.getpid()):
            self._peak = max(self._peak, highest)
        used = usage.ru_utime + usage.ru_stime if self._tree is None else self._used
        return Ran(process.returncode, self._timed_out, self._peak or None, used, self._log.cut, self._too_big)


def end_tree(pid: int) -> None:
    """Kill a process, its group, and all that descends from it."""
    tree = [pid, *processes.descendants(pid)]
    processes.send(tree, signal.SIGSTOP)
    tree = [pid, *processes.descendants(pid)]
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    processes.send(tree, signal.SIGKILL)


def _pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
