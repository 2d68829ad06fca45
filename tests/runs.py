"""Runs jobs on a real local engine, and remembers what they tell."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import yaml
from told import Told

from ades.engine.local import LocalEngine
from ades.runner.document import JobDocument
from ades.runner.events import Ended, Event, Message, Progress
from ades.settings import Settings


@dataclass
class Run(Told):
    """One job, and everything that was told about it."""

    job: UUID
    data: Path
    events: list[Event] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float = 60) -> Run:
        assert self.done.wait(seconds), f"the job has not ended within {seconds} s; it told {self.events}"
        return self

    @property
    def ended(self) -> Ended:
        (ended,) = self.of(Ended)
        return ended

    @property
    def percents(self) -> list[int]:
        return [event.percent for event in self.of(Progress)]

    @property
    def messages(self) -> list[str]:
        return [event.text for event in self.of(Message)]

    def read(self, key: str) -> str:
        return (self.data / "objects" / key).read_text()

    def wait_for_log(self, engine: LocalEngine, name: str, words: bytes, seconds: float = 30) -> bytes:
        """Read a log while it is written, until it says something."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            text = engine.read_log(self.job, name) or b""
            if words in text:
                return text
            assert not self.done.is_set(), f"the job ended before it said {words!r}: {self.events}"
            time.sleep(0.01)
        raise AssertionError(f"the log never said {words!r}")


class Machine:
    """A local engine on a data folder of its own."""

    def __init__(self, data: Path, **settings) -> None:
        engine_options = {"silence": settings.pop("silence")} if "silence" in settings else {}
        self.data = data
        settings = {"slots": 4, "containers": "none", **settings}
        self.settings = Settings(data=data, **settings)
        self.runs: dict[UUID, Run] = {}
        self.engine = LocalEngine(self.settings, self._on_event, **engine_options)

    def _on_event(self, job: UUID, attempt: int, event: Event) -> None:
        run = self.runs[job]
        run.events.append(event)
        if isinstance(event, Ended):
            run.done.set()

    def start(self, package: str | dict, inputs: dict | None = None, **document) -> Run:
        """Start a package of CWL, or an executable."""
        executable = package
        if isinstance(package, str) or "kind" not in package:
            content = yaml.safe_load(package) if isinstance(package, str) else package
            executable = {"kind": "cwl", "document": content, "entry": document.pop("entry", None)}
        job = document.pop("job", None) or uuid4()
        run = self.runs[job] = Run(job, self.data)
        defaults = {
            "attempt": 1,
            "process": "thing",
            "deploying": "alice",
            "calling": "alice",
            "executing": "alice",
            "outputs": {},
            "results_prefix": f"alice/processing-results/thing/{job}",
            "logs_prefix": f"alice/jobs/{job}",
        }
        self.engine.start(JobDocument(job=job, executable=executable, inputs=inputs or {}, **(defaults | document)))
        return run

    def run(self, package: str | dict, inputs: dict | None = None, **document) -> Run:
        return self.start(package, inputs, **document).wait()

    def folder(self, run: Run) -> Path:
        return self.data / "jobs" / str(run.job)


def shell(script: str, *, outputs: str = "{}", more: str = "", inputs: str = "{}") -> dict:
    """A package of one tool that runs a script."""
    tool = yaml.safe_load(
        f"cwlVersion: v1.2\nclass: CommandLineTool\nid: tool\ninputs: {inputs}\noutputs: {outputs}\n{more}"
    )
    return {**tool, "baseCommand": ["sh", "-c", script, "tool"]}


def until(condition, seconds: float = 60) -> None:
    """Wait for something that must come true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
