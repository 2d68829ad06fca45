"""Jobs: what runs them, and what they may use."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ades.errors import Misconfigured
from ades.settings.words import Bytes, Group


class Work(Group):
    """Workers."""

    slots: int = Field(0, ge=0, description="Jobs that a worker runs at the same time on this machine; 0: one a core.")
    local_isolation: Literal["auto", "none"] = Field(
        "auto", description="`auto` keeps jobs on this machine apart as well as it can; `none` says that nothing need."
    )
    containers: Literal["auto", "docker", "podman", "apptainer", "singularity", "none"] = Field(
        "auto",
        description="What runs the images that packages name: the first engine that works here, one by name, or none: "
        "then tools run as commands of this machine.",
    )
    containers_pull: Literal["always", "missing", "never"] = Field(
        "missing", description="When an image is pulled before its tool runs."
    )
    containers_platform: str = Field(
        "", description="Platform of images, like `linux/amd64`. Empty: what the engine takes by itself."
    )
    javascript: Literal["quickjs", "node"] = Field(
        "quickjs", description="What evaluates JavaScript expressions. Node must be installed; QuickJS is built in."
    )
    worker: bool = Field(
        True, description="Run jobs inside of `ades serve`; off where `ades worker` does it elsewhere."
    )
    lease: float = Field(
        30, ge=8, description="Seconds after which the jobs of a worker that says nothing more are run by another one."
    )
    attempts: int = Field(2, ge=1, description="How often a job is begun before the loss of its worker is its end.")
    running_limit: int | None = Field(
        None, ge=1, description="Jobs of one workspace that run at once, unless the workspace has a number of its own."
    )
    grace: float = Field(10, ge=0, description="Seconds that running jobs get to finish when their worker is stopped.")


class Limits(Group):
    """What a job may use, unless its workspace has a number of its own."""

    job_cores: float | None = Field(
        None, gt=0, description="Cores that one job may use. Empty: all that its machine has."
    )
    job_memory: Bytes | None = Field(
        None, ge=1024**2, description="Memory that the tools of one job may hold together, like `8Gi`. Empty: no limit."
    )
    job_disk: Bytes | None = Field(
        None, ge=0, description="Bytes that the folder of one running job may grow to, like `50Gi`. Empty: no limit."
    )
    job_seconds: float | None = Field(None, gt=0, description="Seconds that one job may run. Empty: no limit.")
    job_cpu_seconds: float | None = Field(
        None, gt=0, description="Seconds of processor time that the tools of one job may use. Empty: no limit."
    )
    job_processes: int | None = Field(
        None, ge=1, description="Processes and threads that one job may have at a time. Empty: no limit."
    )
    job_output: Bytes | None = Field(
        None, ge=0, description="Bytes that the results of one job may have, like `10Gi`. Empty: no limit."
    )
    job_log: Bytes | None = Field(
        100 * 1000**2,
        ge=1,
        description="Bytes that one step may log; what comes after is dropped, and the log says so.",
    )
    tool_memory: Bytes | None = Field(
        None, ge=1024**2, description="Memory that one tool may hold whose package states no `ramMax`. Empty: no limit."
    )
    tool_seconds: float | None = Field(
        None,
        gt=0,
        description="Seconds that one tool may run whose package states no `ToolTimeLimit`. Empty: no limit.",
    )


class Maxima(Group):
    """The most that a job may be given, whatever its workspace or its package says."""

    job_cores_max: float | None = Field(
        None, gt=0, description="Most cores of one job, and most that `coresMin` may ask for."
    )
    job_memory_max: Bytes | None = Field(
        None, ge=1024**2, description="Most memory of one job, and most that `ramMin` may ask for."
    )
    job_disk_max: Bytes | None = Field(
        None, ge=0, description="Most bytes of a job's folder, and most that `tmpdirMin` and `outdirMin` may ask for."
    )
    job_seconds_max: float | None = Field(
        None, gt=0, description="Most seconds of one job, and most that `ToolTimeLimit` may ask for."
    )
    job_cpu_seconds_max: float | None = Field(None, gt=0, description="Most seconds of processor time of one job.")
    job_processes_max: int | None = Field(None, ge=1, description="Most processes and threads of one job.")
    job_output_max: Bytes | None = Field(None, ge=0, description="Most bytes of the results of one job.")
    job_log_max: Bytes | None = Field(None, ge=1, description="Most bytes that one step may log.")
    tool_memory_max: Bytes | None = Field(
        None, ge=1024**2, description="Most memory of one tool; a larger `ramMin` is refused, a larger `ramMax` capped."
    )
    tool_seconds_max: float | None = Field(
        None, gt=0, description="Most seconds of one tool; a larger `ToolTimeLimit` is refused."
    )

    @model_validator(mode="after")
    def _above_defaults(self) -> Self:
        for name, field in Limits.model_fields.items():
            default, maximum = getattr(self, name), getattr(self, f"{name}_max")
            if default not in (None, field.default) and maximum is not None and default > maximum:
                raise Misconfigured(
                    f"ADES_{name.upper()} is {default}, more than the maximum of {maximum} (ADES_{name.upper()}_MAX).",
                    field=name,
                )
        return self
