"""What is told about a job: one document that satisfies both versions of the standard, and the dialect of the EODH.

Nothing in it is ever null: what is not known is left out. Times are UTC with milliseconds and a Z.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ades.errors import AdesError, InvalidInput, JobFailed
from ades.model import Failure, Job, JobStatus, Reason, Step

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ades.model import JSON

REL: Final = "http://www.opengis.net/def/rel/ogc/1.0/"
HAS_PROVENANCE: Final = "http://www.w3.org/ns/prov#has_provenance"
JSON_TYPE: Final = "application/json"
TEXT: Final = "text/plain"
EVENTS: Final = "text/event-stream"

CLIENTS_FAULT: Final = frozenset({Reason.INVALID_INPUT, Reason.STAGE_IN})
"""Failures that another request would not have had."""

SENTENCES: Final = {
    JobStatus.CREATED: "The job has been made and waits to be started.",
    JobStatus.ACCEPTED: "The job is queued.",
    JobStatus.RUNNING: "The job is running.",
    JobStatus.SUCCESSFUL: "The job has finished successfully.",
    JobStatus.FAILED: "The job has failed.",
    JobStatus.DISMISSED: "The job was dismissed.",
}


def status_info(job: Job, root: str, *, eodh: bool = False, steps: Iterable[Step] = ()) -> dict[str, JSON]:
    """The status of a job. `root` is the address of the API under which it is asked for, without a slash at the end."""
    own = f"{root}/jobs/{job.id}"
    shown = JobStatus.RUNNING if eodh and job.status is JobStatus.ACCEPTED else job.status
    document: dict[str, JSON] = {
        "jobID": str(job.id),
        "id": str(job.id),
        "type": "process",
        "processingEntityType": "ogc-api-processes",
        "processID": job.process_id,
        "process": f"{root}/processes/{job.process_id}",
        "status": shown.value,
        "message": _message(job),
        "progress": 100 if job.status is JobStatus.SUCCESSFUL else job.progress,
        "created": moment(job.created),
        "updated": moment(job.updated),
    }
    for name, at in (("started", job.started), ("finished", job.finished)):
        if at is not None:
            document[name] = moment(at)
    if job.keep is not None:
        document["keep"] = job.keep
    if job.keep_until is not None:
        document["keepUntil"] = moment(job.keep_until)
    if job.usage:
        document["usage"] = job.usage
    if job.status is JobStatus.FAILED:
        document["exception"] = exception(job)
    document["links"] = [*_links(job, root, own), *_logs(own, steps)]
    if not eodh:  # whose clients take everything related for a log
        document["links"].append(_link(f"{own}/events", "related", EVENTS, "Events, as they happen"))
        if job.request and job.request.get("subscriber"):
            document["links"].append(_link(f"{own}/callbacks", "related", JSON_TYPE, "What subscribers were told"))
    if eodh and job.status is JobStatus.DISMISSED:
        document["links"].append(_link(f"{root}/jobs", "parent", JSON_TYPE, "All jobs"))
    return document


def _message(job: Job) -> str:
    """What the job says now, and what was doubtful about its request."""
    now = job.message or SENTENCES[job.status]
    return " ".join([now, *(warning for warning in job.preferences.get("warnings") or () if warning not in now)])


def about(job: Job, root: str) -> list[dict[str, str]]:
    """Links to what is known of a job beside its status."""
    own = f"{root}/jobs/{job.id}"
    return [
        _link(f"{own}/definition", "describedby", JSON_TYPE, "What the job was asked to do"),
        _link(f"{own}/prov", HAS_PROVENANCE, JSON_TYPE, "How its results came about"),
        *(
            [_link(f"{own}/crate", "enclosure", "application/zip", "The run to take away")]
            if job.status.finished
            else []
        ),
    ]


def exception(job: Job) -> dict[str, JSON]:
    """Why a job failed, in the standard's form of an exception, with what is known beyond it."""
    error = cause(job)
    document: dict[str, JSON] = {"type": error.type, "title": error.title, "detail": error.detail}
    if job.failure is not None:
        document |= _known(job.failure)
    return document


def cause(job: Job) -> AdesError:
    """The error that the results of a failed job are answered with."""
    failure = job.failure
    if failure is None:
        return JobFailed(job.message or None)
    kind = InvalidInput if failure.reason in CLIENTS_FAULT else JobFailed
    return kind(failure.message, **_known(failure))


def _known(failure: Failure) -> dict[str, Any]:
    told = {
        "reason": failure.reason.value,
        "step": failure.step,
        "exitCode": failure.exit_code,
        "log": failure.log_tail,
    }
    return {name: value for name, value in told.items() if value is not None}


def step_info(step: Step, own: str) -> dict[str, JSON]:
    """The status of a step; `own` is the address of its job."""
    document: dict[str, JSON] = {
        "name": step.name,
        "tool": step.tool or None,
        "scatter": step.scatter,
        "attempt": step.attempt,
        "state": step.state.value,
        "started": step.started and moment(step.started),
        "finished": step.finished and moment(step.finished),
        "exitCode": step.exit_code,
        "reason": step.reason and step.reason.value,
        "message": step.message or None,
        "image": step.image,
        "peakMemory": step.peak_memory,
        "cpuSeconds": step.cpu_seconds,
        "details": step.details or None,
    }
    known = {name: value for name, value in document.items() if value is not None}
    return {**known, "links": list(_logs(own, [step]))}


def moment(at: datetime) -> str:
    """RFC 3339 in UTC, as every client can read it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _links(job: Job, root: str, own: str) -> Iterable[dict[str, str]]:
    yield _link(own, "self", JSON_TYPE, "This job")
    yield _link(f"{own}?f=html", "alternate", "text/html", "This job as a page")
    yield _link(own, "monitor", JSON_TYPE, "Status of the job")
    yield _link(f"{root}/jobs", "up", JSON_TYPE, "All jobs")
    if job.status is JobStatus.SUCCESSFUL:
        yield _link(f"{own}/results", REL + "results", JSON_TYPE, "Results")
    if job.status is JobStatus.FAILED:
        yield _link(f"{own}/results", REL + "exceptions", JSON_TYPE, "Why the job failed")
    yield _link(f"{own}/logs", REL + "log", TEXT, "Log")


def _logs(own: str, steps: Iterable[Step]) -> Iterable[dict[str, str]]:
    for step in steps:
        if step.started is not None:
            yield _link(f"{own}/{step.name}.log", "related", TEXT, f"Tool log {step.name}.log")


def _link(href: str, rel: str, media_type: str, title: str) -> dict[str, str]:
    return {"href": href, "rel": rel, "type": media_type, "title": title}
