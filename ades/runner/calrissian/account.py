"""What a runner in a cluster tells: in its own log, on its own pod, and at the end in the record of the run."""

from __future__ import annotations

import io
import json
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from ades.runner.events import Ended, LogStored, Message, Progress, ResultStored, StepChanged
from ades.runner.logs import JOB, Logs
from ades.runner.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from uuid import UUID

    from ades.model import JSON
    from ades.runner.events import Event

PROGRESS: Final = "ades/progress"
"""The annotation of the runner's pod that says how far it is."""
_EVERY: Final = 2.0
"""Seconds between two annotations at least: each is a write to the cluster's database."""


class Voice(io.TextIOBase):
    """Everything that the runner prints: in the log of its pod and, the same to the byte, in the log of the job.

    So who follows the one while the job runs goes on with the other when it has ended.
    """

    def __init__(self, pod: BinaryIO) -> None:
        self._speaking = threading.RLock()
        self._pod = pod
        self._log: BinaryIO = io.BytesIO()

    def writable(self) -> bool:
        """It can be printed to."""
        return True

    def write(self, text: str, /) -> int:
        """Say it at once."""
        said = text.encode(errors="replace")
        with self._speaking:
            self._pod.write(said)
            self._pod.flush()
            with suppress(OSError):  # a full volume is told by who needs it more
                self._log.write(said)
        return len(text)

    def keep(self, log: BinaryIO) -> None:
        """From now on, and with what was said until now."""
        with self._speaking:
            log.write(cast("io.BytesIO", self._log).getvalue())
            self._log = log


def say(text: str) -> None:
    """A line for whoever reads the log of the runner's pod."""
    sys.stdout.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {text}\n")
    sys.stdout.flush()


class Account:
    """Collects the events of a run."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._steps: dict[str, StepChanged] = {}
        self._stored: list[LogStored | ResultStored] = []
        self._told: dict[str, JSON] = {}
        self._written: dict[str, JSON] = {}
        self._closed = False

    def __call__(self, event: Event) -> None:
        """Something has happened."""
        with self._changed:
            if isinstance(event, StepChanged):
                self._step(event)
            elif isinstance(event, (LogStored, ResultStored)):
                self._stored.append(event)
            elif isinstance(event, Progress):
                self._told = {**self._told, "percent": event.percent}
            elif isinstance(event, Message):
                self._told = {**self._told, "message": event.text}
                say(event.text)
            self._changed.notify_all()

    def _step(self, event: StepChanged) -> None:
        step = event.step
        self._steps[step.name] = event
        say(f"{step.name}: {step.state}{f': {step.message}' if step.message else ''}")

    def annotate(self, write: Callable[[str, str], None]) -> None:
        """From now on keep the annotation of the pod up to date, without haste."""
        threading.Thread(target=self._annotate, args=(write,), name="progress", daemon=True).start()

    def _annotate(self, write: Callable[[str, str], None]) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._told != self._written)
                if self._closed:
                    return
                self._written = self._told
            write(PROGRESS, json.dumps(self._written))
            with self._changed:
                self._changed.wait_for(lambda: self._closed, _EVERY)

    def close(self) -> None:
        """Nothing more is annotated."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def record(self, job: UUID, attempt: int, end: Ended, usage: dict[str, JSON]) -> Record:
        """The run, now that it is over."""
        with self._changed:
            steps = sorted(self._steps.values(), key=lambda event: event.step.ordinal)
            logs = [event for event in self._stored if isinstance(event, LogStored)]
            results = [event for event in self._stored if isinstance(event, ResultStored)]
            return Record(job, attempt, (*steps, *logs, *results, end), usage)


class SpokenLogs(Logs):
    """The logs of a job, of which the one of the job itself is what the runner says."""

    def __init__(self, folder: Path, voice: Voice) -> None:
        super().__init__(folder)
        self._voice = voice
        voice.keep(super().append_to(JOB))

    def append_to(self, name: str) -> BinaryIO:
        """The log of this name, to write at its end."""
        return cast("BinaryIO", _Spoken(self._voice)) if name == JOB else super().append_to(name)

    def open(self, name: str) -> BinaryIO:
        """A log, to read from its begin; the one of the job may go on growing meanwhile."""
        if name != JOB:
            return super().open(name)
        with super().open(name) as log:
            return io.BytesIO(log.read())


class _Spoken(io.RawIOBase):
    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def writable(self) -> bool:
        return True

    def write(self, text: bytes, /) -> int:  # type: ignore[override]
        self._voice.write(bytes(text).decode(errors="replace"))
        return len(text)
