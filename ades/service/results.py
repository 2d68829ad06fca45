"""The results of a job, as far as somebody may have them now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ades.errors import NoSuchOutput, ResultNotAvailable, ResultNotReady
from ades.model import JobStatus
from ades.service import request
from ades.service.representation import Output, requested
from ades.service.status import cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ades.model import JSON, Job, Result
    from ades.service.handover import Packages
    from ades.store import Store


class Outputs:
    """Finds the outputs of jobs."""

    def __init__(self, store: Store, packages: Packages) -> None:
        self._store = store
        self._packages = packages

    def of(self, job: Job, only: Sequence[str] | None = None) -> tuple[Output, ...]:
        """The outputs that were asked for. Raises what the state of the job deserves when there are none."""
        check_successful(job)
        rows = self._store.results.list(job.id)
        if not rows and job.keep == "none" and job.keep_until is None:
            raise ResultNotAvailable("The results of this job were not kept, as its `keep` says; its logs are there.")
        described = self._described(job)
        for name in only or ():
            if described and name not in described:
                raise _unknown(name, described)
        return requested(request.parse(job.request), described, rows, only=only)

    def one(self, job: Job, name: str) -> Output:
        """One output by its id."""
        found = self.of(job, [name])
        if not found:
            raise ResultNotAvailable(f"Output {name} was not asked for when the job was made.")
        if not found[0].produced:
            raise ResultNotAvailable(f"The job has produced nothing for output {name}.")
        return found[0]

    def _described(self, job: Job) -> dict[str, JSON]:
        described: dict[str, JSON] = self._packages.of(job).package.description.get("outputs") or {}
        return described


def element(output: Output, index: int) -> Result:
    """The nth value of an output."""
    for row in output.rows:
        if row.index == index:
            return row
    raise ResultNotAvailable(f"Output {output.id} has {len(output.rows)} values, counted from 0.")


def check_successful(job: Job) -> None:
    """Raise what stands in the way of the results of this job."""
    match job.status:
        case JobStatus.SUCCESSFUL:
            return
        case JobStatus.FAILED:
            raise cause(job)
        case JobStatus.DISMISSED:
            raise ResultNotAvailable("The job was dismissed, so there are no results.")
        case _:
            raise ResultNotReady(f"The job is {job.status.value}; ask again when its status is successful.")


def _unknown(name: str, described: dict[str, JSON]) -> NoSuchOutput:
    known = ", ".join(described) or "none"
    return NoSuchOutput(f"The process has no output {name[:80]!r}; it has {known}.", field="outputs")
