"""The warm parent: a process with everything loaded that is the same for all jobs, which forks a keeper for each.

It holds nothing of any job but its name: documents go from the engine straight to the keepers. It ends, with all its
keepers, when its engine does.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from ades.engine.local import cgroup, containers, folders
from ades.engine.local.keeper import wait_and_keep
from ades.engine.local.probe import Isolation
from ades.engine.local.rehearsal import rehearse
from ades.engine.local.wire import packet_pair, receive, send
from ades.runner import cwl, linux, processes, processor

_REST = 0.03
"""Seconds of quiet before a spare keeper is forked, so as not to take time from the job that has just begun."""
_GARBAGE = 50_000
"""Objects that may be made before the collector looks for those that nobody needs, instead of 700."""
_SPARE_LIFE = 60.0
"""Seconds after which a spare keeper that nobody needed is let go."""


class Parent:
    """Forks keepers, and clears up after those that were killed."""

    def __init__(self, engine: socket.socket, jobs: Path, isolation: Isolation) -> None:
        self._engine = engine
        self._jobs = jobs
        self._isolation = isolation
        self._keepers: dict[int, tuple[str, int]] = {}
        """Job and attempt of each keeper, by its pid."""
        self._spare: tuple[int, socket.socket] | None = None
        self._quiet_since = time.monotonic()
        self._wake, self._woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def serve(self) -> NoReturn:
        """Do what the engine says until it is gone."""
        linux.become_subreaper()
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Whoever signals the whole group means the server, which ends us in its own time.
            signal.signal(number, signal.SIG_IGN)
        poll = select.poll()
        poll.register(self._engine, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        send(self._engine, {"ready": os.getpid()})
        while True:
            ready = dict(poll.poll(self._patience()))
            if self._wake in ready:
                self._reap()
            if self._engine.fileno() in ready:
                self._obey()
            elif not ready:
                self._tend_spare()

    def _patience(self) -> int:
        if self._spare is None:
            return int(_REST * 1000) if time.monotonic() - self._quiet_since < _SPARE_LIFE else -1
        return int(_SPARE_LIFE * 1000)

    def _obey(self) -> None:
        received = receive(self._engine)
        if received is None:
            self._end()
        message, hand = received
        if hand is not None:
            self._quiet_since = time.monotonic()
            self._start(message["start"], message["attempt"], hand)
            os.close(hand)
        elif "kill" in message:
            for pid, (job, _) in self._keepers.items():
                if job == message["kill"]:
                    processes.send([pid], signal.SIGKILL)

    # -- keepers

    def _start(self, job: str, attempt: int, hand: int) -> None:
        pid, channel = self._spare or self._fork()
        self._spare = None
        self._keepers[pid] = (job, attempt)
        with suppress(OSError):
            send(channel, {"job": job}, hand)
        channel.close()

    def _fork(self) -> tuple[int, socket.socket]:
        ours, theirs = packet_pair()
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            for descriptor in (self._wake, self._woken):
                os.close(descriptor)
            self._engine.close()
            ours.close()
            wait_and_keep(theirs, self._isolation)
        theirs.close()
        return pid, ours

    def _tend_spare(self) -> None:
        if self._spare is None:
            self._spare = self._fork()
        else:
            # It ends when its channel does.
            self._spare[1].close()
            self._spare = None
            self._quiet_since = float("-inf")

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._wake, 4096)
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if self._spare is not None and pid == self._spare[0]:
                    self._spare[1].close()
                    self._spare = None
                if pid in self._keepers:
                    self._clear_up(*self._keepers.pop(pid), clean=status == 0)

    def _clear_up(self, job: str, attempt: int, *, clean: bool) -> None:
        if not clean:
            # While who looks after them still lives.
            containers.end_left(self._jobs / job)
            spared = set(self._keepers)
            if self._spare is not None:
                spared.add(self._spare[0])
            processes.end_descendants(os.getpid(), spare=frozenset(spared))
            folders.clear(self._jobs / job, patience=1)
        with suppress(OSError):
            send(self._engine, {"exit": job, "attempt": attempt})

    def _end(self) -> NoReturn:
        """The engine is gone, and so must be everything that it had started."""
        processes.send(self._keepers, signal.SIGKILL)
        processes.end_descendants(os.getpid())
        for job, _ in self._keepers.values():
            folders.clear(self._jobs / job, patience=1)
        os._exit(0)


def main() -> None:
    """Load, freeze, serve. Arguments: the number of the open socket, the folder of the jobs, the isolation, modules."""
    channel, jobs, isolation, *modules = sys.argv[1:]
    cwl.warm()
    processor.warm()
    for name in (
        "_quickjs",
        "pygeoapi.error",
        "ades.runner.cwl.container",
        "ades.runner.stage_in",
        "ades.runner.stage_out",
        *modules,
    ):
        importlib.import_module(name)
    cgroup.sweep()
    rehearse(Path(jobs))
    gc.collect()
    gc.freeze()
    # Most jobs end before they have made as much garbage, and whoever looks through what is young writes to it.
    gc.set_threshold(_GARBAGE)
    Parent(socket.socket(fileno=int(channel)), Path(jobs), Isolation(isolation)).serve()
