"""What a workspace may use, and its defaults: the settings of a workspace, read and checked."""

from __future__ import annotations

import math
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, Self
from uuid import uuid4

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ades.engine.kubernetes.placement import check_wishes
from ades.errors import BadRequest, QuotaExceeded, TooManyRequests
from ades.model import Access, Keep
from ades.service.limits import check_numbers
from ades.settings import STAGING_FILE, Bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.model import JSON, Workspace
    from ades.objects import ObjectStore
    from ades.settings import Settings
    from ades.store import Store

_LOOK_EVERY: Final = 60
"""Seconds for which the size of a workspace's files is remembered: to add it up means to list them."""


def word(value: object) -> object:
    """How long something is kept, in one spelling."""
    return None if value is None else str(Keep.read(value))


def _placeable(wishes: dict[str, JSON] | None) -> dict[str, JSON] | None:
    return None if wishes is None else check_wishes(wishes)


class Quotas(BaseModel):
    """The settings of a workspace; what is None is as the server's own settings say."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    running: Annotated[int | None, Field(ge=0, lt=2**31)] = None
    """Jobs that run at once."""
    cpu: Annotated[float | None, Field(gt=0, le=4096, strict=False, allow_inf_nan=False)] = None
    """Cores that one job may use."""
    memory: Annotated[Bytes | None, Field(ge=1024**2, lt=2**60)] = None
    """Bytes of memory that one job may hold."""
    disk: Annotated[Bytes | None, Field(ge=0, lt=2**60)] = None
    """Bytes that the folder of one running job may grow to."""
    seconds: Annotated[float | None, Field(gt=0, lt=2**31, strict=False, allow_inf_nan=False)] = None
    """Seconds that one job may run."""
    cpu_seconds: Annotated[float | None, Field(gt=0, lt=2**31, strict=False, allow_inf_nan=False)] = None
    """Seconds of processor time that one job may use."""
    processes: Annotated[int | None, Field(ge=1, lt=2**31)] = None
    """Processes and threads that one job may have at a time."""
    output: Annotated[Bytes | None, Field(ge=0, lt=2**60)] = None
    """Bytes that the results of one job may have."""
    log: Annotated[Bytes | None, Field(ge=1, lt=2**60)] = None
    """Bytes that one step may log."""
    tool_memory: Annotated[Bytes | None, Field(ge=1024**2, lt=2**60)] = None
    """Bytes of memory that one tool may hold whose package states no `ramMax`."""
    tool_seconds: Annotated[float | None, Field(gt=0, lt=2**31, strict=False, allow_inf_nan=False)] = None
    """Seconds that one tool may run whose package states no `ToolTimeLimit`."""
    cpu_max: Annotated[float | None, Field(gt=0, le=4096, strict=False, allow_inf_nan=False)] = None
    memory_max: Annotated[Bytes | None, Field(ge=1024**2, lt=2**60)] = None
    disk_max: Annotated[Bytes | None, Field(ge=0, lt=2**60)] = None
    seconds_max: Annotated[float | None, Field(gt=0, lt=2**31, strict=False, allow_inf_nan=False)] = None
    cpu_seconds_max: Annotated[float | None, Field(gt=0, lt=2**31, strict=False, allow_inf_nan=False)] = None
    processes_max: Annotated[int | None, Field(ge=1, lt=2**31)] = None
    output_max: Annotated[Bytes | None, Field(ge=0, lt=2**60)] = None
    log_max: Annotated[Bytes | None, Field(ge=1, lt=2**60)] = None
    tool_memory_max: Annotated[Bytes | None, Field(ge=1024**2, lt=2**60)] = None
    tool_seconds_max: Annotated[float | None, Field(gt=0, lt=2**31, strict=False, allow_inf_nan=False)] = None
    """The most of each of these, below the maximum of the server: what a package may ask for where it may ask."""
    storage: Annotated[Bytes | None, Field(ge=0, lt=2**60)] = None
    """Bytes that results, logs and files may take together."""
    deploy_interval: Annotated[float | None, Field(ge=0, le=3600, strict=False, allow_inf_nan=False)] = None
    """Least seconds between two deployments."""
    access: Annotated[Access | None, Field(strict=False)] = None
    """Who may see what is deployed without a word on it: private, public or user-service."""
    keep: Annotated[str | None, BeforeValidator(word)] = None
    """How long its jobs are kept after their end: `forever`, a number of days, or `none` for no results."""
    objects: Annotated[str | None, Field(pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,62}(/[^\s?#]*)?$")] = None
    """A bucket of its own for all its files, `s3://bucket/prefix`; its secret `storage` holds the keys."""
    s3_endpoint: Annotated[str | None, Field(pattern=r"^https?://[^\s/?#]+/?$")] = None
    """Where that bucket is, if not at Amazon's."""
    s3_region: Annotated[str | None, Field(pattern=r"^[a-z0-9-]{1,40}$")] = None
    """The region of that bucket, where it is not the server's."""
    stage_in_cwl: Annotated[str | None, Field(pattern=STAGING_FILE)] = None
    """File of the staging folder that brings folders to its jobs; `built-in` where the server names another one."""
    stage_out_cwl: Annotated[str | None, Field(pattern=STAGING_FILE)] = None
    """File of the staging folder that publishes the folders of its jobs, or `built-in`."""
    staging_parameters: dict[str, Any] | None = None
    """What inputs of these names get in that CWL, over the server's own."""
    namespace: Annotated[str | None, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")] = None
    """The Kubernetes namespace, where it is not `ws-<name>`."""
    kubernetes: Annotated[dict[str, Any] | None, AfterValidator(_placeable)] = None
    """How jobs run in the cluster, where that differs from the server's `ADES_KUBERNETES_…`."""

    @classmethod
    def read(cls, document: JSON) -> Self:
        """The settings in a document; raises `BadRequest` that names the field and what is wrong with it."""
        if not isinstance(document, dict):
            raise BadRequest('The settings of a workspace are an object like {"running": 4}.', field="settings")
        try:
            found = cls.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"][:1])
            known = f" Known are {', '.join(cls.model_fields)}." if first["type"] == "extra_forbidden" else ""
            raise BadRequest(f"settings.{name}: {first['msg']}.{known}", field=f"settings.{name}") from error
        if found.access is Access.SHARED:
            raise BadRequest(
                "settings.access: what is shared is shared with somebody; the default is private, public or "
                "user-service.",
                field="settings.access",
            )
        return found

    @classmethod
    def of(cls, workspace: Workspace) -> Self:
        """Those of a workspace; they were checked when they were set."""
        return cls.read(workspace.settings)

    def document(self) -> dict[str, Any]:
        """As they are kept: only what was set."""
        return self.model_dump(mode="json", exclude_none=True)


def changed(present: dict[str, JSON], change: JSON) -> Quotas:
    """The settings with a change (JSON Merge Patch): null takes a word away."""
    if not isinstance(change, dict):
        return Quotas.read(change)
    merged = present | change
    return Quotas.read({name: value for name, value in merged.items() if value is not None})


class Barriers:
    """Stops what goes beyond a quota."""

    def __init__(
        self, settings: Settings, store: Store, objects: ObjectStore, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._store = store
        self._objects = objects
        self._clock = clock
        self._lock = threading.Lock()
        self._used: dict[str, tuple[float, int]] = {}

    def numbers(self, quotas: Quotas, said: frozenset[str]) -> None:
        """Raises `BadRequest` when something said of a workspace is more than a maximum allows."""
        check_numbers(quotas, self._settings, said)

    def deployment(self, workspace: Workspace) -> None:
        """Count a deployment; raises `TooManyRequests` when the last one was just now.

        A lease in the database is the barrier, so that it holds for all processes of the server together.
        """
        own = Quotas.of(workspace).deploy_interval
        seconds = self._settings.deploy_interval if own is None else own
        if seconds and not self._store.leases.acquire(
            f"deploy/{workspace.name}", uuid4().hex, timedelta(seconds=seconds)
        ):
            raise TooManyRequests(
                f"The workspace {workspace.name} may deploy once in {seconds:g} seconds; try again a little later.",
                retry_after=math.ceil(seconds),
            )

    def storage(self, workspace: Workspace, more: int = 0) -> None:
        """Raises `QuotaExceeded` when the workspace's files take all that they may, or would with so many bytes more."""
        limit = Quotas.of(workspace).storage
        if limit is None:
            return
        used = self.used(workspace.name)
        if used + max(more, 1) > limit:
            raise QuotaExceeded(
                f"The workspace {workspace.name} may keep {limit:,} bytes and has {used:,}; remove jobs or files first."
            )

    def used(self, workspace: str) -> int:
        """Bytes that the files of a workspace take, as of a minute ago at most."""
        now = self._clock()
        known = self._used.get(workspace)
        if known is not None and now - known[0] < _LOOK_EVERY:
            return known[1]
        used = sum(found.size for found in self._objects.list(workspace))
        with self._lock:
            self._used = {name: entry for name, entry in self._used.items() if now - entry[0] < _LOOK_EVERY}
            self._used[workspace] = (now, used)
        return used
