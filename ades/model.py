"""The nouns: frozen dataclasses and enums, no I/O.

A *workspace* is a tenant. A *package* is a document that was deployed, immutable and named by its digest. A *process*
is a name in a workspace that points to a package. A *job* is one execution of a package; it keeps the digest, so that
replacing or undeploying the process never touches it. A *step* is one tool run of a job. A *result* is one output of
a job. An *actor* is who calls.

Times are aware datetimes in UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

JSON = Any
"""What JSON can say. The shape of strangers' documents is checked by schemas, not by types."""


class _Evolving:
    """A frozen dataclass that can be copied with changes."""

    def evolve(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[type-var]


# -- workspaces and people ------------------------------------------------------------------------------------------

WORKSPACE_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,58}[a-z0-9])?")
"""With the prefix `ws-` a name must still fit into the 63 characters of a Kubernetes namespace."""

RESERVED_WORKSPACE_NAMES: Final = frozenset(
    {"ades", "api", "healthz", "metrics", "readyz", "static", "workspaces"},
)
"""Names that are routes of the server."""


ADMINISTRATOR: Final = "administrator"
"""The one role that the server itself knows; which roles of a token stand for it is a setting."""


@dataclass(frozen=True, slots=True)
class Workspace(_Evolving):
    """A tenant: its processes, jobs and storage prefix; in Kubernetes the namespace `ws-<name>`."""

    name: str
    created: datetime
    title: str = ""
    settings: dict[str, JSON] = field(default_factory=dict)
    """Quotas and defaults that differ from the server's own."""


@dataclass(frozen=True, slots=True)
class Actor(_Evolving):
    """Who calls: a user or a machine, as the identity layer has understood the token."""

    name: str
    workspaces: frozenset[str] = frozenset()
    """The workspaces that the caller belongs to."""
    workspace: str | None = None
    """The workspace that this token acts for; decides stage-in rights and where results go."""
    owned: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None
    """What a machine token is limited to; None means not limited."""
    anonymous: bool = False
    service: bool = False
    """The token was handed to the steps of a user service."""
    open: bool = False
    """The server runs without identities, and everybody may do everything."""


ANONYMOUS: Final = Actor(name="anonymous", anonymous=True)
EVERYBODY: Final = Actor(name="anyone", open=True)
"""Whoever calls a server that runs without identities."""


@dataclass(frozen=True, slots=True)
class User(_Evolving):
    """A person or machine that has been seen, or was entered by an administrator."""

    name: str
    created: datetime
    title: str = ""
    email: str | None = None
    workspaces: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    disabled: bool = False
    seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class Token(_Evolving):
    """A token that this server has given out. The token itself is never kept, only its hash."""

    id: UUID
    hash: str
    owner: str
    """The name of the user or machine that it speaks for."""
    created: datetime
    created_by: str
    title: str = ""
    workspace: str | None = None
    """The workspace that it acts for; None: whatever its owner may."""
    scopes: frozenset[str] | None = None
    expires: datetime | None = None
    revoked: datetime | None = None
    last_used: datetime | None = None


# -- packages and processes -----------------------------------------------------------------------------------------


class Access(StrEnum):
    """Who may see and execute a process."""

    PRIVATE = "private"
    """Its own workspace."""
    PUBLIC = "public"
    """Every authenticated workspace; runs in the caller's."""
    USER_SERVICE = "user-service"
    """Every authenticated workspace; runs in the owner's."""
    SHARED = "shared"
    """The named workspaces and users; runs in the caller's."""


@dataclass(frozen=True, slots=True)
class Package(_Evolving):
    """A deployed document and what was understood of it at deploy. Never changes: the digest covers the document."""

    digest: str
    """sha256 over media type, entry, body and what was understood of it, in hexadecimal."""
    media_type: str
    """As it was deployed: application/cwl+yaml, application/ogcapppkg+json …"""
    body: bytes
    """The document itself, byte for byte."""
    entry: str
    """The id of the workflow or tool in it that is the process."""
    description: dict[str, JSON]
    """The OGC process description, without links and without what depends on the workspace."""
    validator: dict[str, JSON]
    """JSON Schema of the `inputs` object of an execution request."""
    executable: dict[str, JSON]
    """What a runner executes: {"kind": "cwl", "document": …} or {"kind": "native", "processor": …}."""
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class Process(_Evolving):
    """A name in a workspace that points to a package."""

    workspace: str
    id: str
    version: str
    revision: int
    """Counts up from 1 with each replacement."""
    digest: str
    description: dict[str, JSON]
    mutable: bool
    access: Access = Access.PRIVATE
    shared_with: tuple[str, ...] = ()
    """For access `shared`: `workspace:<name>` and `user:<name>`."""
    keep: str | None = None
    """How long its jobs are kept, unless they say it themselves; None: as the workspace has it."""
    created: datetime | None = None
    updated: datetime | None = None


# -- jobs -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Keep:
    """How long what a job leaves is kept after its end."""

    days: float | None = None
    """None: for ever."""
    results: bool = True
    """False: the results go soon after the end; the job and its logs stay."""

    @classmethod
    def read(cls, value: object) -> Self:
        """`forever`, a number of days, or `none` for no results. Raises ValueError that says so."""
        if value == "forever":
            return cls()
        if value == "none":
            return cls(NO_RESULTS_AFTER / 86400, results=False)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number and not (isinstance(value, str) and _DAYS.fullmatch(value)):
            value = 0
        days = float(value)  # type: ignore[arg-type]
        if not 0 < days <= LONGEST_KEEP:
            raise ValueError("should be `forever`, a number of days, or `none` to keep no results")
        return cls(days)

    def __str__(self) -> str:
        return "none" if not self.results else "forever" if self.days is None else f"{self.days:g}"


_DAYS: Final = re.compile(r"[0-9]{1,5}(\.[0-9]{1,6})?")
NO_RESULTS_AFTER: Final = 3600.0
"""Seconds in which results that are not kept can still be read by who waits for them."""
LONGEST_KEEP: Final = 36500
"""Days; who wants more says `forever`."""


class JobStatus(StrEnum):
    """Where a job is in its life."""

    CREATED = "created"
    """Part 4: made, may still be changed, waits to be started."""
    ACCEPTED = "accepted"
    """In the queue."""
    RUNNING = "running"
    """Claimed by a worker, or handed to the cluster."""
    SUCCESSFUL = "successful"
    """Finished; its results can be read."""
    FAILED = "failed"
    """Finished without results; the reason is on the job."""
    DISMISSED = "dismissed"
    """Stopped because somebody asked for it."""

    @property
    def finished(self) -> bool:
        """Nothing more will happen to the job."""
        return self in FINISHED


FINISHED: Final = frozenset({JobStatus.SUCCESSFUL, JobStatus.FAILED, JobStatus.DISMISSED})

TRANSITIONS: Final[dict[JobStatus, frozenset[JobStatus]]] = {
    JobStatus.CREATED: frozenset({JobStatus.ACCEPTED, JobStatus.DISMISSED}),
    JobStatus.ACCEPTED: frozenset({JobStatus.RUNNING, JobStatus.FAILED, JobStatus.DISMISSED}),
    JobStatus.RUNNING: frozenset(
        {JobStatus.ACCEPTED, JobStatus.SUCCESSFUL, JobStatus.FAILED, JobStatus.DISMISSED},
    ),
    JobStatus.SUCCESSFUL: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.DISMISSED: frozenset(),
}
"""Which state may follow which. RUNNING → ACCEPTED hands a job back whose worker was lost or is stopping."""


class Reason(StrEnum):
    """Why a job or a step ended as it did: one word for machines beside the sentence for people."""

    EXIT_CODE = "exit-code"
    """The tool ended with a code that its package does not call success."""
    OUTPUT_MISSING = "output-missing"
    """A file or folder that the package promises was not there."""
    OUTPUT_INVALID = "output-invalid"
    """An output was there but cannot be used: no valid JSON, no valid STAC …"""
    TOOL_MISSING = "tool-missing"
    """The command is not on this machine, and there is no container engine to bring it."""
    IMAGE_UNAVAILABLE = "image-unavailable"
    """The container image cannot be pulled."""
    OUT_OF_MEMORY = "out-of-memory"
    TIME_LIMIT = "time-limit"
    CPU_LIMIT = "cpu-limit"
    DISK_LIMIT = "disk-limit"
    OUTPUT_LIMIT = "output-limit"
    PROCESS_LIMIT = "process-limit"
    LOG_LIMIT = "log-limit"
    KILLED = "killed"
    """A signal from outside ended the tool."""
    INVALID_INPUT = "invalid-input"
    """An input turned out not to fit when it was looked at: a reference that cannot be read, a wrong value."""
    STAGE_IN = "stage-in"
    """An input could not be brought here."""
    STAGE_OUT = "stage-out"
    """An output could not be published."""
    EXPRESSION = "expression"
    """An expression in the package failed."""
    PACKAGE = "package"
    """The package itself cannot be executed."""
    UNSCHEDULABLE = "unschedulable"
    EVICTED = "evicted"
    WORKER_LOST = "worker-lost"
    """The worker or runner died, and the attempts are used up."""
    DISK_FULL = "disk-full"
    """The machine, not the job, ran out of space."""
    DISMISSED = "dismissed"
    NESTED = "nested"
    """A process that this one calls has failed."""
    INTERNAL = "internal"
    """The server's own fault; the log of the server knows more."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something failed: for machines, for people, and the last lines that the tool said."""

    reason: Reason
    message: str
    """One readable sentence: what happened, where, what to do."""
    step: str | None = None
    exit_code: int | None = None
    log_tail: str | None = None


@dataclass(frozen=True, slots=True)
class Job(_Evolving):
    """One execution of a package."""

    id: UUID
    deploying: str
    """The workspace whose process it is; the one in the address."""
    calling: str
    """The workspace for which it was called; results go to its store."""
    executing: str
    """The workspace in which it runs and which is charged."""
    owner: str
    """The name of the actor who called."""
    process_id: str
    revision: int
    digest: str | None
    """The package; None for a process that is part of the server."""
    status: JobStatus
    request: dict[str, JSON]
    """The execution request as it came: inputs, outputs, response, subscriber."""
    created: datetime
    updated: datetime
    message: str = ""
    progress: int = 0
    attempt: int = 0
    """How often it has been claimed."""
    started: datetime | None = None
    finished: datetime | None = None
    failure: Failure | None = None
    preferences: dict[str, JSON] = field(default_factory=dict)
    """What the original request preferred: {"return": "minimal"} …"""
    keep: str | None = None
    """How long what it leaves is kept, as `Keep` reads it; None: for ever."""
    keep_until: datetime | None = None
    """When that time is over; None means never, or that the job has not finished."""
    software: dict[str, str] | None = None
    """Which programs ran it, by name and version; None as long as nobody has said so."""
    usage: dict[str, float] | None = None
    """What it has used: hours of cores and of gigabytes of memory, where the engine accounts for that."""


@dataclass(frozen=True, slots=True)
class JobQuery(_Evolving):
    """Which jobs are wanted. What is empty or None does not restrict."""

    workspace: str
    """The workspace in the address."""
    caller: str | None = None
    """A foreign workspace that asks: then only its own jobs in `workspace`. None: all that the workspace may see,
    those it called and those it runs for others."""
    statuses: frozenset[JobStatus] = frozenset()
    process_ids: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    created_from: datetime | None = None
    created_to: datetime | None = None
    min_duration: timedelta | None = None
    max_duration: timedelta | None = None
    owner: str | None = None


class StepState(StrEnum):
    """Where a step is in its life."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Its condition was false."""
    DISMISSED = "dismissed"

    @property
    def finished(self) -> bool:
        """Nothing more will happen to the step."""
        return self not in {StepState.PENDING, StepState.RUNNING}


@dataclass(frozen=True, slots=True)
class Step(_Evolving):
    """One tool run of a job."""

    job: UUID
    name: str
    """Unique within the attempt: `warp`, for the third of a scatter `warp_3`."""
    attempt: int
    ordinal: int
    """In which order the steps became known."""
    state: StepState
    tool: str = ""
    scatter: int | None = None
    started: datetime | None = None
    finished: datetime | None = None
    exit_code: int | None = None
    reason: Reason | None = None
    message: str = ""
    image: str | None = None
    peak_memory: int | None = None
    """Bytes."""
    cpu_seconds: float | None = None
    log_key: str | None = None
    """Where its log lies in the object store, once it is there."""
    details: dict[str, JSON] = field(default_factory=dict)
    """What only one engine knows: pod, node, requests …"""


class ResultKind(StrEnum):
    """In which form an output is kept."""

    VALUE = "value"
    """The value itself, in the row."""
    FILE = "file"
    """One object in the store."""
    DIRECTORY = "directory"
    """A prefix in the store."""
    STAC = "stac"
    """A prefix in the store with a STAC catalogue."""


@dataclass(frozen=True, slots=True)
class StacItem:
    """How a STAC item among the results is found; the item itself lies in the object store."""

    collection: str
    id: str
    key: str
    bbox: tuple[float, float, float, float] | None = None
    """West, south, east, north; west is greater than east where it crosses the date line."""
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class StacCollection:
    """How a STAC collection among the results is found."""

    id: str
    key: str


@dataclass(frozen=True, slots=True)
class Result(_Evolving):
    """One output of a job."""

    job: UUID
    output: str
    index: int
    """0, or the place in an output of several values."""
    kind: ResultKind
    media_type: str
    value: JSON = None
    key: str | None = None
    """Where it lies in the object store."""
    size: int | None = None
    checksum: str | None = None
    """Multihash-free `sha256:<hex>`."""
    many: bool = False
    """The output is an array; this is one element of it (an empty array has no row but an entry in the job)."""
    collections: tuple[StacCollection, ...] = ()
    items: tuple[StacItem, ...] = ()
    """The STAC documents that were written for this result. They go into tables of their own (`Store.stac`) and do
    not come back with the result."""


class ReleaseStatus(StrEnum):
    """Where a release is in its life."""

    REQUESTED = "requested"
    """Waits to be copied."""
    RELEASED = "released"
    FAILED = "failed"
    WITHDRAWING = "withdrawing"
    """Waits to be deleted."""
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Release(_Evolving):
    """Results of a job that were copied to where others find them. It outlives the job."""

    id: UUID
    workspace: str
    job: UUID
    process_id: str
    store: str
    """The name of the release store."""
    collection: str
    """What it belongs to there."""
    outputs: tuple[str, ...]
    status: ReleaseStatus
    requested: datetime
    requested_by: str
    message: str = ""
    files: tuple[dict[str, JSON], ...] = ()
    """Each with path, size and sha256."""
    released: datetime | None = None
    withdrawn: datetime | None = None
    withdrawn_by: str | None = None

    @property
    def place(self) -> str:
        """The key of its folder in the release store."""
        return f"{self.workspace}/{self.collection}/{self.id}"


@dataclass(frozen=True, slots=True)
class Event(_Evolving):
    """One thing that happened to a job. Ids grow; a reader can resume after the last one it has seen."""

    id: int
    job: UUID
    at: datetime
    kind: str
    """status, step, progress or log."""
    data: dict[str, JSON]


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted."""

    limit: int
    cursor: str | None = None
    """Opaque: the place after which to go on, as the last page's `next` link gave it."""
    skip: int = 0
    """For clients that count instead of following links."""
