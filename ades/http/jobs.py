"""Jobs: the list, one job, its steps; stopping and removing."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from ades import telemetry
from ades.errors import AdesError, Conflict, NoSuchJob
from ades.http import jobpages, lookup, query, timeline
from ades.http.components import KEEP, LINKS
from ades.http.landing import PROCESSES, PROCESSES_2
from ades.http.paging import PAGING, neighbours, wanted
from ades.http.routes import Answer, Area, Route
from ades.model import JobQuery, JobStatus, Page
from ades.policy import rooms
from ades.service.handover import prefixes
from ades.service.status import EVENTS, status_info, step_info

if TYPE_CHECKING:
    from flask import Response

    from ades.http.call import Call
    from ades.model import Job

# -- views ----------------------------------------------------------------------------------------------------------


def status(call: Call, jobID: str) -> Response:  # noqa: N803 - the standard's word
    """The status of a job."""
    job = lookup.find(call, jobID)
    shown = lookup.document(call, job)
    return call.answer(shown, **jobpages.job(call, job) if call.html else {})


def steps(call: Call, jobID: str) -> Response:  # noqa: N803
    """The steps of a job, in the order in which they became known."""
    job = lookup.find(call, jobID)
    page = wanted(call)
    found, cursor = call.services.store.steps.page(job.id, _after(page))
    own = call.url("jobs", str(job.id))
    links = call.links("Steps") + neighbours(call, page, cursor)
    links.append({"href": own, "rel": "up", "type": "application/json", "title": "The job"})
    told = [step_info(step, own) for step in found]
    return call.answer({"steps": told, "links": links}, bars=timeline.bars(told, datetime.now(UTC)))


def dismiss(call: Call, jobID: str) -> Response:  # noqa: N803
    """Stop a job that has not finished, or remove one that has, with all its files."""
    return call.answer(lookup.document(call, take_away(call, lookup.find(call, jobID))))


def take_away(call: Call, job: Job) -> Job:
    """Dismiss or remove a job; as it is told afterwards."""
    store = call.services.store
    if not job.status.finished:
        try:
            return store.jobs.dismiss(job.id)
        except Conflict:  # it has finished this very moment
            job = store.jobs.get(job.id)
    store.jobs.remove(job.id)  # from here on nobody sees it; what stays of its files is the sweep's
    try:
        for prefix in prefixes(job):
            call.services.objects.delete(prefix)
    except AdesError as error:
        telemetry.log().warning("Files of a removed job stay for the sweep", job=str(job.id), reason=error.detail)
    return job.evolve(status=JobStatus.DISMISSED, message="The job was removed.", failure=None)


def listing(call: Call) -> Response:
    """A page of the jobs that the caller may see, newest first."""
    call.allow()
    call.tenant()
    asked, page = question(call), wanted(call)
    store, eodh = call.services.store, lookup.is_eodh(call)
    found, cursor = store.jobs.find(asked, _after(page))
    found = _seen(call, asked, found)
    shown: dict[str, Any] = {"jobs": [status_info(job, call.base, eodh=eodh) for job in found]}
    shown["links"] = call.links("Jobs") + neighbours(call, page, cursor)
    shown["links"].append(
        {"href": call.url("events"), "rel": "related", "type": EVENTS, "title": "Events of these jobs, as they happen"}
    )
    shown["numberTotal"] = store.jobs.totals(asked.workspace, asked.caller).jobs
    matched = store.jobs.total(asked)
    if matched is not None:
        shown["numberMatched"] = matched
    shown["numberReturned"] = len(found)
    return call.answer(shown, **jobpages.listing(call) if call.html else {})


def question(call: Call) -> JobQuery:
    """Which jobs are asked for, narrowed to what the caller may see."""
    given = call.query
    statuses = frozenset(JobStatus(word) for word in given["status"] or ())
    if lookup.is_eodh(call) and JobStatus.RUNNING in statuses:
        statuses |= {JobStatus.ACCEPTED}
    since, until = given["datetime"] or (None, None)
    return JobQuery(
        workspace=call.workspace,
        caller=caller_of(call),
        statuses=statuses,
        process_ids=frozenset(given["processID"] or ()),
        types=frozenset(given["type"] or ()),
        created_from=since,
        created_to=until,
        min_duration=given["minDuration"],
        max_duration=given["maxDuration"],
    )


def caller_of(call: Call) -> str | None:
    """None for who may see all that the workspace may see; for others the workspace that they come from."""
    if call.services.policy.check(call.question(action="list-all-jobs")).allowed:
        return None
    return rooms.calling(call.actor, call.workspace) or ""


def _seen(call: Call, asked: JobQuery, found: list[Job]) -> list[Job]:
    """The database has narrowed the list as the shipped policy would; an operator's own may hide more."""
    if asked.caller is None:
        return found
    questions = [call.question(job=job, action="read-job") for job in found]
    decisions = call.services.policy.check_many(questions)
    return [job for job, decision in zip(found, decisions, strict=True) if decision.allowed]


def _after(page: Page) -> Page:
    """A cursor says all; what a client has counted beside it does not matter."""
    return Page(page.limit, page.cursor) if page.cursor else page


# -- query ----------------------------------------------------------------------------------------------------------

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)?)?")
_DAY: Final = len("2024-01-01")


def _interval(values: list[str]) -> tuple[datetime | None, datetime | None]:
    """An instant or an interval; either end may be open."""
    first, slash, last = values[0].strip().partition("/")
    since: datetime | None
    until: datetime | None
    if not slash:
        since, until = _moment(first), _moment(first, end=True)
    else:
        since = None if first in {"", ".."} else _moment(first)
        until = None if last in {"", ".."} else _moment(last, end=True)
    if since and until and since > until:
        raise ValueError("ends before it begins")
    return since, until


def _moment(text: str, *, end: bool = False) -> datetime:
    """A time; a day alone is its beginning or its end."""
    if not _MOMENT.fullmatch(text):
        raise ValueError("is neither a time like 2024-02-29T12:00:00Z nor an interval of two")
    try:
        found = datetime.fromisoformat(text.upper().replace(" ", "T"))
    except ValueError:
        raise ValueError("names a time that there is not") from None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    if end and len(text) == _DAY:
        found += timedelta(days=1, microseconds=-1)
    elif end and "." not in text:
        found += timedelta(seconds=1, microseconds=-1)
    return found


def _seconds(values: list[str]) -> timedelta:
    text = values[0].split(",")[0].strip()
    if not re.fullmatch(r"\d{1,9}", text):
        raise ValueError("is not a whole number of seconds")
    return timedelta(seconds=int(text))


def _duration(name: str, description: str) -> query.Parameter:
    return query.Parameter(name, description, {"type": "integer", "minimum": 0}, _seconds)


FILTERS: Final = (
    query.words("type", "The kind of job; there is one kind.", choices=("process",)),
    query.words("processID", "Only jobs of these processes."),
    query.words("status", "Only jobs in one of these states.", choices=[status.value for status in JobStatus]),
    query.Parameter(
        "datetime",
        "Only jobs made at this time, or within this interval; `..` leaves an end open.",
        {"type": "string"},
        _interval,
    ),
    _duration("minDuration", "Only jobs that took, or have been running for, at least so many seconds."),
    _duration("maxDuration", "Only jobs that took, or have been running for, at most so many seconds."),
)

# -- routes ---------------------------------------------------------------------------------------------------------

_TIME: Final = {"type": "string", "format": "date-time"}
STATUS_INFO: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["jobID", "id", "type", "processID", "status", "links"],
    "properties": {
        "jobID": {"type": "string", "format": "uuid"},
        "id": {"type": "string", "format": "uuid"},
        "type": {"type": "string", "enum": ["process"]},
        "processingEntityType": {"type": "string"},
        "processID": {"type": "string"},
        "process": {"type": "string", "format": "uri"},
        "status": {"type": "string", "enum": [status.value for status in JobStatus]},
        "message": {"type": "string"},
        "progress": {"type": "integer", "minimum": 0, "maximum": 100},
        "created": _TIME,
        "started": _TIME,
        "finished": _TIME,
        "updated": _TIME,
        "keep": KEEP,
        "keepUntil": _TIME,
        "usage": {
            "type": "object",
            "description": "What it has used: `cpuHours` and `ramGigabyteHours`, by what its steps had asked for.",
            "additionalProperties": {"type": "number"},
        },
        "exception": {"type": "object", "description": "Why it failed."},
        "links": LINKS,
    },
}
_STEP: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["name", "state", "attempt", "links"],
    "properties": {
        "name": {"type": "string"},
        "tool": {"type": "string"},
        "scatter": {"type": "integer", "description": "Which one of several runs of the same step this is."},
        "attempt": {"type": "integer"},
        "state": {
            "type": "string",
            "enum": ["pending", "running", "successful", "failed", "skipped", "dismissed"],
        },
        "started": _TIME,
        "finished": _TIME,
        "exitCode": {"type": "integer"},
        "reason": {"type": "string", "description": "Why it failed, in one word."},
        "message": {"type": "string"},
        "image": {"type": "string"},
        "peakMemory": {"type": "integer", "description": "Bytes."},
        "cpuSeconds": {"type": "number"},
        "details": {"type": "object"},
        "links": LINKS,
    },
}
_COUNT: Final = {"type": "integer", "minimum": 0}

AREA: Final = Area(
    routes=(
        Route(
            method="GET", path="/jobs", view=listing, name="getJobs", action="list-jobs", tag="Jobs",
            summary="The jobs that you may see, newest first", page="jobs", query=(*FILTERS, *PAGING),
            answers={200: Answer("A page of jobs", "jobList", headers=("Link", "ETag"))},
        ),
        Route(
            method="GET", path="/jobs/{jobID}", view=status, name="getStatus", action="read-job", tag="Jobs",
            summary="How far a job is", page="job",
            answers={200: Answer("The status", "statusInfo", headers=("Link", "ETag"))}, errors=(NoSuchJob,),
        ),
        Route(
            method="DELETE", path="/jobs/{jobID}", view=dismiss, name="dismiss", action="dismiss-job", tag="Jobs",
            summary="Stop a job, or remove one that has finished", page="job",
            description="A job that has not finished is stopped and stays as `dismissed`; one that has finished is "
            "removed with its results and logs.",
            answers={200: Answer("The status from now on", "statusInfo", headers=("Link",))}, errors=(NoSuchJob,),
        ),
        Route(
            method="GET", path="/jobs/{jobID}/steps", view=steps, name="getSteps", action="read-job", tag="Jobs",
            summary="The steps of a job", page="steps", query=PAGING,
            answers={200: Answer("A page of steps", "stepList", headers=("Link", "ETag"))}, errors=(NoSuchJob,),
        ),
    ),
    schemas={
        "statusInfo": STATUS_INFO,
        "jobList": {
            "type": "object",
            "required": ["jobs", "links", "numberTotal"],
            "properties": {
                "jobs": {"type": "array", "items": {"$ref": "#/components/schemas/statusInfo"}},
                "links": LINKS,
                "numberTotal": _COUNT | {"description": "How many jobs you may see."},
                "numberMatched": _COUNT | {"description": "How many of them fit; left out when nobody has counted."},
                "numberReturned": _COUNT,
            },
        },
        "step": _STEP,
        "stepList": {
            "type": "object",
            "required": ["steps", "links"],
            "properties": {"steps": {"type": "array", "items": {"$ref": "#/components/schemas/step"}}, "links": LINKS},
        },
    },
    conformance=(PROCESSES + "job-list", PROCESSES + "dismiss", PROCESSES_2 + "job-list", PROCESSES_2 + "dismiss"),
)  # fmt: skip
