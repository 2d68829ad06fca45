"""From an execution request to a job in the queue: checked, and written in one transaction."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ades.errors import Conflict, Forbidden, InvalidInput, NoSuchOutput, NoSuchProcess, StaleClaim
from ades.model import Failure, Job, JobStatus, Keep, Reason
from ades.policy import rooms
from ades.service import inputs, request
from ades.service.handover import CannotRun
from ades.service.letters import BASE
from ades.service.representation import JSON_TYPE, TEXT, described_media_types
from ades.service.status import SENTENCES
from ades.store import new_job_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from ades.model import JSON, Actor, Process
    from ades.recipe.wishes import Wish
    from ades.service.handover import Packages
    from ades.service.inputs import Inputs
    from ades.service.preferences import Preferences
    from ades.service.request import Execution
    from ades.store import Store, Subscriber

REPEATS: Final = "repeats"
"""What a job remembers of the one that it runs again: its id, among the preferences."""
FOREVER: Final = str(Keep())


@dataclass(frozen=True, slots=True)
class Order:
    """One execution request, and who sends it where."""

    process: Process
    actor: Actor
    execution: Execution
    body: dict[str, JSON]
    """The request as it came; it is kept with the job."""
    preferences: Preferences
    idempotency_key: str | None = None
    lenient: bool = False
    """The dialect whose clients send text for everything."""
    own: dict[str, JSON] = field(default_factory=dict)
    """What addresses of this server among the inputs mean; the caller may read them."""
    tolerate_missing: bool = False
    """A request that lacks required inputs becomes a job that fails at once, instead of being refused."""
    start: bool = True
    """Otherwise the job is only made: it may still be changed, and what is missing may still come."""
    repeats: UUID | None = None
    """The job that is run again."""
    base: str = ""
    """The address of the API that was called: what subscribers are told begins with it."""


class Submissions:
    """Takes execution requests."""

    def __init__(
        self,
        store: Store,
        packages: Packages,
        subscribers: Callable[[Execution], list[Subscriber]],
        admit: Callable[[str], object] = lambda _calling: None,
        keep: Callable[[str], str | None] = lambda _calling: None,
        check: Callable[[str, tuple[Wish, ...]], object] = lambda _executing, _wishes: None,
    ) -> None:
        self._admit = admit
        self._keep = keep
        self._check = check
        self._store = store
        self._packages = packages
        self._subscribers = subscribers

    def submit(self, order: Order) -> Job:
        """Queue a job, or only make it. The same request with the same idempotency key gives the job of the first time."""
        read = self._checked(order)
        job = self._job(order, read)
        queued = self._store.jobs.submit(
            job, order.idempotency_key, self._subscribers(order.execution), fingerprint=_fingerprint(order)
        )
        if queued.id == job.id and read.missing and order.start:
            # Its status is told as it was when it was taken in; whoever asks again learns that it has failed.
            with suppress(StaleClaim):
                self._store.jobs.refuse(job.id, _lacking(read))
        return queued

    def change(self, job: Job, order: Order) -> Job:
        """Give a job that has not been started another definition."""
        read = self._checked(order)
        process = order.process
        if rooms.executing(process.access, process.workspace, job.calling) != job.executing:
            raise Conflict(
                f"The process {process.id} would run in another workspace than the job was made for; make a new job.",
                field="process",
            )
        if order.execution.keep:
            self._store.jobs.retain(job.id, order.execution.keep)
        changed = self._store.jobs.update_definition(
            job.id,
            order.body,
            _preferences(order, read),
            self._subscribers(order.execution),
            process_id=process.id,
            revision=process.revision,
            digest=_digest(process),
            message=_message(order, read),
        )
        wish = order.execution.keep
        return changed if wish is None else self._store.jobs.retain(job.id, wish)

    def start(self, job: Job) -> Job:
        """Queue a job that was only made. From now on everything must be there."""
        try:
            ready = self._packages.of(job)
        except CannotRun as error:
            raise NoSuchProcess(str(error)) from error
        lenient = bool(job.preferences.get("lenient"))
        read = inputs.normalise(ready.rules, request.parse(job.request).inputs, lenient=lenient)
        read.refuse()
        self._check(job.executing, ready.wishes)
        self._admit(job.calling)
        return self._store.jobs.start(job.id, " ".join([SENTENCES[JobStatus.ACCEPTED], *read.warnings]))

    def _checked(self, order: Order) -> Inputs:
        ready = self._packages.get(order.process.digest)
        _check_outputs(order.execution, order.process.description.get("outputs") or {})
        read = inputs.normalise(ready.rules, order.execution.inputs, lenient=order.lenient)
        read.refuse(tolerate_missing=order.tolerate_missing or not order.start)
        return read

    def _job(self, order: Order, read: Inputs) -> Job:
        process, now = order.process, datetime.now(UTC)
        wish = _wish(order.execution.inputs)
        calling = rooms.calling(order.actor, process.workspace, wish=wish, access=process.access)
        if calling is None:
            raise Forbidden(
                "The token belongs to several workspaces, and it cannot be told for which one this is called: say it in "
                "the input `workspace`, or use a token of one workspace."
            )
        executing = rooms.executing(process.access, process.workspace, calling)
        self._check(executing, self._packages.get(process.digest).wishes)
        self._admit(calling)
        keep = order.execution.keep or process.keep or self._keep(calling)
        return Job(
            id=new_job_id(),
            deploying=process.workspace,
            calling=calling,
            executing=executing,
            owner=order.actor.name,
            process_id=process.id,
            revision=process.revision,
            digest=_digest(process),
            status=JobStatus.ACCEPTED if order.start else JobStatus.CREATED,
            request=order.body,
            created=now,
            updated=now,
            message=_message(order, read),
            preferences=_preferences(order, read),
            keep=None if keep == FOREVER else keep,
        )


def _fingerprint(order: Order) -> str | None:
    """What tells whether a request that comes with a known key is the same one."""
    if order.idempotency_key is None:
        return None
    sent = [order.process.workspace, order.process.id, order.body, *([str(order.repeats)] if order.repeats else [])]
    return hashlib.sha256(json.dumps(sent, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _digest(process: Process) -> str | None:
    return process.digest if process.mutable else None


def _preferences(order: Order, read: Inputs) -> dict[str, JSON]:
    """What goes with a job beside its request."""
    kept: dict[str, JSON] = {
        "return": order.preferences.returns,
        "lenient": order.lenient,
        "own": order.own,
        "warnings": list(read.warnings),
        REPEATS: order.repeats and str(order.repeats),
        BASE: order.base if order.execution.subscriber else "",
    }
    return {name: value for name, value in kept.items() if value}


def _message(order: Order, read: Inputs) -> str:
    sentence = SENTENCES[JobStatus.ACCEPTED if order.start else JobStatus.CREATED]
    lacking = [] if order.start or not read.missing else [f"It still needs: {', '.join(read.missing)}."]
    return " ".join([sentence, *lacking, *read.warnings])


def _wish(given: Mapping[str, JSON]) -> str | None:
    wish = given.get(inputs.CLAIMED)
    return wish if isinstance(wish, str) else None


def _lacking(read: Inputs) -> Failure:
    lacking = "; ".join(str(problem) for problem in inputs.missing(read.missing))
    return Failure(Reason.INVALID_INPUT, f"The inputs do not fit: {lacking}")


def _check_outputs(execution: Execution, described: Mapping[str, Mapping[str, JSON]]) -> None:
    for name, wanted in (execution.outputs or {}).items():
        if name not in described:
            known = ", ".join(described) or "none"
            raise NoSuchOutput(f"The process has no output {name!r}; it has {known}.", field=f"outputs/{name}")
        possible = described_media_types(described[name])
        if possible and wanted.media_type and wanted.media_type not in {*possible, JSON_TYPE, TEXT}:
            raise InvalidInput(
                f"Output {name} can be given as {' or '.join(sorted(possible))}, not as {wanted.media_type}.",
                field=f"outputs/{name}",
            )
