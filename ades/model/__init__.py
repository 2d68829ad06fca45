"""The nouns: frozen dataclasses and enums, no I/O.

A *workspace* is a tenant. A *package* is a document that was deployed, immutable and named by its digest. A *process*
is a name in a workspace that points to a package. A *job* is one execution of a package; it keeps the digest, so that
replacing or undeploying the process never touches it. A *step* is one tool run of a job. A *result* is one output of
a job. An *actor* is who calls.

Times are aware datetimes in UTC.
"""

from ades.model.failures import Failure, Reason
from ades.model.jobs import FINISHED, TRANSITIONS, Event, Job, JobQuery, JobStatus, Page
from ades.model.keep import LONGEST_KEEP, NO_RESULTS_AFTER, Keep
from ades.model.nouns import JSON
from ades.model.packages import Access, Package, Process
from ades.model.people import (
    ADMINISTRATOR,
    ANONYMOUS,
    EVERYBODY,
    RESERVED_WORKSPACE_NAMES,
    WORKSPACE_NAME,
    Actor,
    Token,
    User,
    Workspace,
)
from ades.model.results import Release, ReleaseStatus, Result, ResultKind, StacCollection, StacItem
from ades.model.steps import Step, StepState

__all__ = [
    "ADMINISTRATOR",
    "ANONYMOUS",
    "EVERYBODY",
    "FINISHED",
    "JSON",
    "LONGEST_KEEP",
    "NO_RESULTS_AFTER",
    "RESERVED_WORKSPACE_NAMES",
    "TRANSITIONS",
    "WORKSPACE_NAME",
    "Access",
    "Actor",
    "Event",
    "Failure",
    "Job",
    "JobQuery",
    "JobStatus",
    "Keep",
    "Package",
    "Page",
    "Process",
    "Reason",
    "Release",
    "ReleaseStatus",
    "Result",
    "ResultKind",
    "StacCollection",
    "StacItem",
    "Step",
    "StepState",
    "Token",
    "User",
    "Workspace",
]
