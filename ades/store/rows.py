"""From rows to nouns."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from ades.model import (
    Access,
    Event,
    Failure,
    Job,
    JobStatus,
    Keep,
    Package,
    Process,
    Reason,
    Result,
    ResultKind,
    Step,
    StepState,
    Workspace,
)
from ades.store import tables

if TYPE_CHECKING:
    from sqlalchemy import Row

_JOB: Final = (
    "id", "deploying", "calling", "executing", "owner", "process_id", "revision", "digest", "created", "updated",
    "message", "progress", "attempt", "started", "finished", "preferences", "keep", "keep_until",
    "software", "usage",
)  # fmt: skip
"""What a Job and its row call the same and keep in the same form."""

JOB_NAMES: Final = (*_JOB, "status", "failure")
JOB_COLUMNS: Final = (*(tables.jobs.c[name] for name in JOB_NAMES),)


def job(row: Row[Any], request: Any) -> Job:
    """A job; the request lies in a table of its own."""
    values = row._mapping  # noqa: SLF001 - the documented way to a row's names
    return Job(
        **{name: values[name] for name in _JOB},
        status=JobStatus(values["status"]),
        failure=failure(values["failure"]),
        request=request,
    )


def job_values(job: Job) -> dict[str, Any]:
    """The row of a new job."""
    return {
        **{name: getattr(job, name) for name in _JOB},
        "status": job.status.value,
        "failure": failure_document(job.failure),
        "served": served(job),
        "kept_for": kept_for(job.keep),
    }


def kept_for(keep: str | None) -> int | None:
    """Microseconds after its end for which what a job leaves is kept; None: for ever."""
    days = None if keep is None else Keep.read(keep).days
    return None if days is None else round(days * 86400e6)


def served(job: Job) -> str | None:
    """The workspace that runs the job for another one with a process of its own, if so."""
    return job.deploying if job.executing == job.deploying != job.calling else None


def failure(document: dict[str, Any] | None) -> Failure | None:
    """Why a job failed."""
    return None if document is None else Failure(**{**document, "reason": Reason(document["reason"])})


def failure_document(failure: Failure | None) -> dict[str, Any] | None:
    """The same for the row."""
    return None if failure is None else asdict(failure)


def workspace(row: Row[Any]) -> Workspace:
    """A workspace, from its row."""
    return Workspace(name=row.name, created=row.created, title=row.title, settings=row.settings)


def process(row: Row[Any], description: dict[str, Any]) -> Process:
    """A process: its name's row joined with a revision's, and the package's description."""
    return Process(
        workspace=row.workspace,
        id=row.id,
        version=row.version,
        revision=row.revision,
        digest=row.digest,
        description=description,
        mutable=True,
        access=Access(row.access),
        shared_with=tuple(row.shared_with),
        keep=row.keep,
        created=row.created,
        updated=row.updated,
    )


def package(row: Row[Any]) -> Package:
    """A package, from its row."""
    return Package(
        digest=row.digest,
        media_type=row.media_type,
        body=bytes(row.body),
        entry=row.entry,
        description=row.description,
        validator=row.validator,
        executable=row.executable,
        created=row.created,
    )


_STEP: Final = (
    "job", "name", "attempt", "ordinal", "tool", "scatter", "started", "finished", "exit_code", "message", "image",
    "peak_memory", "cpu_seconds", "log_key", "details",
)  # fmt: skip


def step(row: Row[Any]) -> Step:
    """A step of one attempt, from its row."""
    values = row._mapping  # noqa: SLF001
    return Step(
        **{name: values[name] for name in _STEP},
        state=StepState(values["state"]),
        reason=None if values["reason"] is None else Reason(values["reason"]),
    )


def step_values(step: Step) -> dict[str, Any]:
    """The row of a step."""
    return {
        **{name: getattr(step, name) for name in _STEP},
        "state": step.state.value,
        "reason": None if step.reason is None else step.reason.value,
    }


_RESULT: Final = ("job", "output", "index", "media_type", "value", "key", "size", "checksum", "many")


def result(row: Row[Any]) -> Result:
    """One output, or one file of several, from its row."""
    values = row._mapping  # noqa: SLF001
    return Result(**{name: values[name] for name in _RESULT}, kind=ResultKind(values["kind"]))


def result_values(result: Result) -> dict[str, Any]:
    """The row of a result."""
    return {**{name: getattr(result, name) for name in _RESULT}, "kind": result.kind.value}


def event(row: Row[Any]) -> Event:
    """An event with its place in the order of all, from its row."""
    return Event(id=row.id, job=row.job, at=row.at, kind=row.kind, data=row.data)
