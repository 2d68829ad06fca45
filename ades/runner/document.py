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
    cpu_seconds: float | None = None
    """Processor time of all processes of the job together."""
    processes: int | None = None
    """Processes and threads at one time."""
    output: int | None = None
    """Bytes that the files of the outputs may have together."""
    log: int | None = None
    """Bytes that one step may log; what comes after is dropped, and the log says so."""
    tool_memory: int | None = None
    """Bytes that one tool may hold whose package does not say how much it may (`ramMax`)."""
    tool_seconds: float | None = None
    """Wall time of one tool whose package does not say how long it may run (`ToolTimeLimit`)."""


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
class Retries:
    """How often a step is started again when it was not its own fault, or needed more memory."""

    lost: int = 0
    """After its pod was evicted or preempted, or its node was lost."""
    memory: int = 0
    """After it was killed at its memory limit, each time with more."""
    memory_factor: float = 2.0
    """By which the memory grows each time."""
    memory_maximum: int | None = None
    """Bytes beyond which it does not grow. None: what one step may have at most."""


@dataclass(frozen=True, slots=True)
class Pods:
    """How the steps of a job become pods."""

    service_account: str = ""
    """The account of the steps, which get no token of it; never the runner's. Empty: the namespace's `default`."""
    image_pull_secrets: tuple[str, ...] = ()
    node_selector: dict[str, str] = field(default_factory=dict)
    tolerations: tuple[dict[str, JSON], ...] = ()
    priority_class: str = ""
    runtime_class: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    env: tuple[dict[str, JSON], ...] = ()
    """As Kubernetes writes them: `{"name": …, "value": …}` or `{"name": …, "valueFrom": …}`."""
    max_ram: int = 16 * 1024**3
    """Bytes that all steps at one time may ask for together, and so one step at most."""
    max_cores: float = 8
    """Cores that all steps at one time may ask for together, and so one step at most."""
    security_context: dict[str, JSON] = field(default_factory=dict)
    """Of the container of a step, over what the runner sets by itself."""
    pod_security_context: dict[str, JSON] = field(default_factory=dict)
    """Of the pod of a step, over what the runner sets by itself."""
    pull_deadline: float = 120
    """Seconds after which an image that cannot be pulled fails the step."""
    schedule_deadline: float = 900
    """Seconds after which a pod that fits on no node fails the step."""
    start_deadline: float = 30
    """Seconds after which a pod that can never start (wrong image name, missing secret) fails the step."""
    retries: Retries = field(default_factory=Retries)
    default_image: str = ""
    """For tools that name no image. Empty: such a tool fails with that reason."""
    scratch: Literal["rwo-node", "shared", "per-job"] = "per-job"
    """What lies at /scratch: a volume for one node, a part of the workspace's volume, a volume of the job."""
    pin_to_node: bool = False
    """Whether the steps must run on the runner's node, as a volume for one node wants it."""
    grace: int = 5
    """Seconds that a step gets to end when its pod is deleted."""


@dataclass(frozen=True, slots=True)
class OwnStaging:
    """The operator's own CWL for bringing inputs and publishing outputs."""

    stage_in: dict[str, JSON] | None = None
    """Executables, as a package's. None: the runner does it by itself."""
    stage_out: dict[str, JSON] | None = None
    parameters: dict[str, JSON] = field(default_factory=dict)
    """What their inputs of these names get."""


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
    most: Limits = field(default_factory=Limits)
    """The maxima: what a step may ask for by an expression. None: there is none."""
    options: Options = field(default_factory=Options)
    pods: Pods | None = None
    """How its steps become pods. None: the job runs on one machine."""
    staging: OwnStaging | None = None
    """Who brings inputs and publishes outputs. None: the runner by itself."""

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
        known["most"] = _known(Limits, known.get("most"))
        known["options"] = _known(Options, known.get("options"))
        known["pods"] = _pods(known.get("pods"))
        if known.get("staging") is not None:
            known["staging"] = _known(OwnStaging, known["staging"])
        return cls(**known)


def _pods(raw: dict[str, Any] | None) -> Pods | None:
    if raw is None:
        return None
    lists = {name: tuple(raw.get(name) or ()) for name in ("image_pull_secrets", "tolerations", "env")}
    known: Pods = _known(Pods, raw | lists | {"retries": _known(Retries, raw.get("retries"))})
    return known


def _known(kind: type[Any], raw: dict[str, Any] | None) -> Any:
    names = {f.name for f in fields(kind)}
    return kind(**{name: value for name, value in (raw or {}).items() if name in names})
