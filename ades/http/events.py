"""Event streams (Server-Sent Events): what happens to a job, or to all jobs of a workspace, while it happens.

Each stream holds a thread, so they have seats, which are fewer than the threads. A stream says at least every few seconds
something, if only a comment: that is how the server finds out that nobody reads any more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ades import telemetry
from ades.errors import AdesError, BadRequest, NoSuchJob
from ades.http import lookup, query
from ades.http.jobs import caller_of
from ades.http.negotiation import Form
from ades.http.respond import Response, dumps
from ades.http.routes import Answer, Area, Route
from ades.model import JobStatus
from ades.policy import about_job
from ades.runner.logs import JOB
from ades.service.following import JobFollower, Log, Message, Place, follow_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from ades.http.call import Call
    from ades.model import Event
    from ades.policy import Question

STREAM: Final = Form("events", "text/event-stream")
KINDS: Final = ("status", "step", "progress", "log")
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""What lies between us and the reader must neither keep a stream nor hold it back."""
_RETRY: Final = 2000
"""Milliseconds after which a browser that has lost its stream comes back."""
_KNOWN: Final = 1000
"""So many jobs a stream remembers, of which it knows whether its reader may see them."""


def of_job(call: Call, jobID: str) -> Response:  # noqa: N803 - the standard's word
    """What happens to one job."""
    job = lookup.find(call, jobID)
    place = _place(call)
    services = call.services
    if job.status.finished and place is not None and not services.store.events.after(job=job.id, event=place.event):
        return Response(status=204)  # tells a browser not to come back
    kinds = call.query["kinds"] or KINDS
    hears = "log" in kinds and services.policy.check(call.question(job=job, action="read-logs")).allowed
    log = Log(call.query["log"] or JOB, services.live_log, services.objects) if hears else None
    still = _still(call, call.question(job=job))
    return _stream(call, kinds, lambda: iter(JobFollower(services.feeds, job, place or Place(), log, still)))


def of_workspace(call: Call) -> Response:
    """What happens to all jobs of a workspace that the caller may see."""
    call.allow()
    call.tenant()
    place = _place(call)
    start = call.services.store.events.last() if place is None else place.event
    caller = caller_of(call)
    workspace = call.workspace if caller is None else caller
    sees = (lambda _event: True) if caller is None else _Sight(call)
    still = _still(call, call.question(action="list-all-jobs" if caller is None else "list-jobs"))
    kinds = call.query["kinds"] or KINDS
    feeds = call.services.feeds
    return _stream(call, kinds, lambda: follow_workspace(feeds, workspace, start, sees=sees, still=still))


def _place(call: Call) -> Place | None:
    """After what to go on: as a browser says it that comes back, or as the address says it."""
    header = call.request.headers.get("Last-Event-ID")
    if header is None:
        given: Place | None = call.query["after"]
        return given
    try:
        return Place.read(header)
    except ValueError as error:
        raise BadRequest(f"The header Last-Event-ID {error}: {header[:40]!r}.", field="Last-Event-ID") from None


# -- the stream -----------------------------------------------------------------------------------------------------


def _stream(call: Call, kinds: tuple[str, ...], follow: Callable[[], Iterator[Message | None]]) -> Response:
    """The response that says it all, one message after the other."""
    if call.request.method == "HEAD":
        return Response(content_type=STREAM.media_type, headers=_HEADERS)
    leave = call.services.streams.take(call.actor.name, alone=not call.actor.open)
    eodh = lookup.is_eodh(call)
    response = Response(_written(follow(), kinds, eodh=eodh), content_type=STREAM.media_type, headers=_HEADERS)
    response.call_on_close(leave)
    return response


def _written(messages: Iterator[Message | None], kinds: tuple[str, ...], *, eodh: bool) -> Iterator[bytes]:
    yield f"retry: {_RETRY}\n\n".encode()
    try:
        for message in messages:
            if message is None:
                yield b": still here\n\n"
            elif message.kind in kinds or message.kind not in KINDS:
                data = dumps(_spoken(message.data, eodh=eodh))
                yield b"id: %s\nevent: %s\ndata: %s\n\n" % (str(message.place).encode(), message.kind.encode(), data)
    except AdesError as error:
        # The answer has begun; whoever comes back with the last id loses nothing.
        telemetry.log().warning("An event stream was broken off", reason=error.detail)


def _spoken(data: dict[str, Any], *, eodh: bool) -> dict[str, Any]:
    """A queued job is `running` in the dialect of the EODH."""
    queued = eodh and data.get("status") == JobStatus.ACCEPTED
    return data | {"status": JobStatus.RUNNING.value} if queued else data


# -- who may --------------------------------------------------------------------------------------------------------


def _still(call: Call, question: Question) -> Callable[[], bool]:
    """Whether the caller may still hear this: tokens expire and are revoked, members leave."""
    services = call.services
    request = getattr(call.request, "_get_current_object", lambda: call.request)()

    def still() -> bool:
        try:
            return services.policy.check(replace(question, actor=services.identify(request))).allowed
        except AdesError:
            return False

    return still


class _Sight:
    """Which jobs a caller from another workspace may see; each is looked at once."""

    def __init__(self, call: Call) -> None:
        self._services = call.services
        self._workspace = call.workspace
        self._question = call.question(action="read-job")
        self._known: dict[UUID, bool] = {}

    def __call__(self, event: Event) -> bool:
        if event.job not in self._known:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[event.job] = self._looked(event.job)
        return self._known[event.job]

    def _looked(self, id: UUID) -> bool:  # noqa: A002
        try:
            job = self._services.store.jobs.get(id)
        except NoSuchJob:
            return False
        if job.deploying != self._workspace:
            return False
        return self._services.policy.check(replace(self._question, job=about_job(job))).allowed


# -- routes ---------------------------------------------------------------------------------------------------------

_QUERY: Final = (
    query.Parameter(
        "after",
        "Only what came after the event of this id; the header Last-Event-ID goes before it.",
        {"type": "string", "pattern": r"^\d{1,18}(-\d{1,9}-\d{1,18})?$"},
        lambda values: Place.read(values[0]),
    ),
    query.words("kinds", "Only events of these kinds.", choices=KINDS),
)
_LOG: Final = query.text(
    "log", "Whose lines are told: `job`, or the name of a step.", pattern=r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}"
)
_ANSWER: Final = Answer("Events as they happen; a comment when nothing does", "eventStream")
_FORMAT: Final = (
    "Each event has an id; who comes back with it in `Last-Event-ID` hears what came after. Its data are a JSON object "
    "with the `jobID`. "
)

AREA: Final = Area(
    routes=(
        Route(
            method="GET", path="/jobs/{jobID}/events", view=of_job, name="followJob", action="read-job", tag="Jobs",
            summary="What happens to a job, as it happens", offers=(STREAM,), query=(*_QUERY, _LOG),
            headers=("Last-Event-ID",), errors=(NoSuchJob,),
            description=_FORMAT + "The stream tells the job's story from its beginning and ends with the job.",
            answers={200: _ANSWER, 204: Answer("The job has ended, and all has been told")},
        ),
        Route(
            method="GET", path="/events", view=of_workspace, name="followJobs", action="list-jobs", tag="Jobs",
            summary="What happens to the jobs that you may see, as it happens", offers=(STREAM,), query=_QUERY,
            headers=("Last-Event-ID",), answers={200: _ANSWER},
            description=_FORMAT + "Without an id it begins now; `after=0` begins with all that is remembered. "
            "Lines of logs are told by the streams of single jobs.",
        ),
    ),
    schemas={"eventStream": {"type": "string"}},
)  # fmt: skip
