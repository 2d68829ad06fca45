"""Which job an address means, and what its status is in the dialect of the prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from ades.errors import Forbidden, NoSuchJob
from ades.model import Page
from ades.service.status import about, status_info

if TYPE_CHECKING:
    from ades.http.call import Call
    from ades.model import JSON, Job

LOG_LINKS: Final = 1000
"""So many steps have their own link to their log in the status of a job."""


def find(call: Call, id: str) -> Job:  # noqa: A002 - the standard's word
    """The job of this id, if the caller may do with it what this route does.

    What does not exist, what lies in another workspace and what the caller may not see get one and the same answer.
    """
    job = readable(call, id)
    if call.route.action != "read-job":
        call.allow(job=job)
    return job


def readable(call: Call, id: str) -> Job:  # noqa: A002
    """The job of this id, if the caller may read it, whatever else this route does."""
    unknown = NoSuchJob(f"There is no job {id[:80]!r} in the workspace {call.workspace}, or you may not see it.")
    job = _look_up(call, id)
    try:
        call.allow(job=job, action="read-job")
    except Forbidden:
        raise unknown from None
    if job is None:
        raise unknown
    return job


def _look_up(call: Call, id: str) -> Job | None:  # noqa: A002
    try:
        job = call.services.store.jobs.get(UUID(id))
    except (ValueError, NoSuchJob):
        return None
    return job if call.workspace in {job.deploying, job.calling} else None


def is_eodh(call: Call) -> bool:
    """The dialect of the prefix says `running` at once, and has its own form of results."""
    return call.mount is not None and call.mount.profile.eodh_jobs


def document(call: Call, job: Job) -> dict[str, JSON]:
    """The status of a job in the dialect of the prefix."""
    eodh = is_eodh(call)
    steps = call.services.store.steps.page(job.id, Page(LOG_LINKS))[0] if eodh and job.started else ()
    shown = status_info(job, call.base, eodh=eodh, steps=steps)
    shown["links"] += about(job, call.base)
    return shown
