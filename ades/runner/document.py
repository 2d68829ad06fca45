"""The job document: everything that a runner needs to know of a job, in one piece of JSON.

The dispatcher writes it; the runner reads it, on this machine from a pipe and in a cluster from the object store. It
holds no credentials: what a runner may reach is decided where it is started.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, Self
from uuid import UUID

import orjson

if TYPE_CHECKING:
    from ades.model import JSON


@dataclass(frozen=True, slots=True)
class Limits:
    """What a job may use. None: whatever there is."""

    cores: float | None = None
    """Processor cores; steps run side by side as far as these reach."""
    memory: int | None = None
    """Bytes that all processes of the job may hold together."""
    disk: int | None = None
    """Bytes that the folder of the job may grow to."""
    seconds: float | None = None
    """Wall time from the first step to the last."""
    processes: int | None = None
    """Processes and threads at one time."""
    log: int | None = None
    """Bytes that one step may log; what comes after is dropped, and the log says so."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run, where there is a choice."""

    javascript: Literal["quickjs", "node"] = "quickjs"
    """What evaluates the JavaScript expressions of CWL."""
    javascript_seconds: float = 20
    """How long one expression may take."""
    javascript_memory: int = 128 * 1024**2
    """How many bytes one expression may use (QuickJS)."""
    checksums: bool = True
    """Whether results carry their sha256."""


@dataclass(frozen=True, slots=True)
class JobDocument:
    """One job, ready to run."""

    job: UUID
    attempt: int
    process: str
    """The id of the process."""
    deploying: str
    calling: str
    executing: str
    executable: dict[str, JSON]
    """`{"kind": "cwl", "document": …, "entry": …}` or `{"kind": "native", "processor": …}`."""
    inputs: dict[str, JSON]
    """The inputs of the execution request: validated, defaults filled in, each in one of the request's own forms."""
    outputs: dict[str, JSON]
    """The outputs of the process description: what each result should be."""
    wanted: tuple[str, ...] | None = None
    """The outputs that were asked for. None: all of them."""
    results_prefix: str = ""
    """Below which key the files of the results go, without a slash at the end."""
    logs_prefix: str = ""
    """Below which key the logs go, as `<prefix>/<step>.log`."""
    limits: Limits = field(default_factory=Limits)
    options: Options = field(default_factory=Options)

    def wants(self, output: str) -> bool:
        """Whether this output was asked for."""
        return self.wanted is None or output in self.wanted

    def to_json(self) -> bytes:
        """The document as it travels."""
        return orjson.dumps(self)

    @classmethod
    def from_json(cls, text: bytes | str) -> Self:
        """The document as it arrived. Unknown keys are ignored, so that an older runner reads a newer document."""
        raw: dict[str, Any] = orjson.loads(text)
        known = {f.name: raw[f.name] for f in fields(cls) if f.name in raw}
        known["job"] = UUID(known["job"])
        if known.get("wanted") is not None:
            known["wanted"] = tuple(known["wanted"])
        known["limits"] = _known(Limits, known.get("limits"))
        known["options"] = _known(Options, known.get("options"))
        return cls(**known)


def _known(kind: type[Any], raw: dict[str, Any] | None) -> Any:
    names = {f.name for f in fields(kind)}
    return kind(**{name: value for name, value in (raw or {}).items() if name in names})
