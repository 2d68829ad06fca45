"""How things are called in the cluster: names, labels and annotations, and how to read them back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from uuid import UUID

if TYPE_CHECKING:
    from ades.runner.document import JobDocument

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
INSTANCE: Final = "app.kubernetes.io/instance"
COMPONENT: Final = "app.kubernetes.io/component"
JOB: Final = "ades/job"
ATTEMPT: Final = "ades/attempt"
WORKSPACE: Final = "ades/workspace"
PROCESS: Final = "ades/process"
STEP: Final = "ades/step"
"""Annotation of a step's pod: the name of the step."""
PROGRESS: Final = "ades/progress"
"""Annotation of the runner's pod: how far the job is, by the runner itself."""
LOGS: Final = "ades/logs"
"""Annotation of a Job for those who look for its files: below which key its document, record and logs lie."""
RECORDED: Final = "ades/recorded"
"""Label of a Job that is kept only to be looked at."""
CONTAINER: Final = "runner"
CONTAINERS: Final = frozenset({CONTAINER, "step"})
"""The names of the containers of runners and of steps."""

_UNFIT: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST: Final = 63


def job_name(job: UUID) -> str:
    """The name of the Job, and of its Secret and volume."""
    return f"job-{job}"


def selector(instance: str) -> str:
    """What finds everything that a server has made, and nothing else."""
    return f"{MANAGED_BY}=ades,{INSTANCE}={instance}"


def labels(document: JobDocument, instance: str) -> dict[str, str]:
    """What is written on all that belongs to a job."""
    return {
        MANAGED_BY: "ades",
        INSTANCE: instance,
        JOB: str(document.job),
        ATTEMPT: str(document.attempt),
        WORKSPACE: document.executing,
        PROCESS: _fitting(document.process),
    }


def _fitting(text: str) -> str:
    """As near to a text as the value of a label may be."""
    return _UNFIT.sub("-", text)[:_LONGEST].strip("-_.")


def job_of(found: dict[str, str]) -> tuple[UUID, int] | None:
    """The job and attempt that labels name; None for labels that somebody else has written."""
    try:
        return UUID(found[JOB]), int(found[ATTEMPT])
    except (KeyError, ValueError):
        return None
