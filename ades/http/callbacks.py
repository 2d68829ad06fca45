"""How it goes with the subscribers of a job: what they were told, and who cannot be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ades.errors import NoSuchJob
from ades.fetch import shown
from ades.http import lookup
from ades.http.components import LINKS
from ades.http.landing import PROCESSES, PROCESSES_2
from ades.http.negotiation import JSON
from ades.http.routes import Answer, Area, Route
from ades.service.status import moment
from ades.service.subscribers import OCCASIONS

if TYPE_CHECKING:
    from flask import Response

    from ades.http.call import Call
    from ades.model import Job
    from ades.store import SubscriberState

_NAMES: Final = {occasion: name for name, occasion in OCCASIONS.items()}
STATES: Final = ("nothing yet", "waiting", "failing", "delivered", "given up")


def callbacks(call: Call, jobID: str) -> Response:  # noqa: N803 - the standard's word
    """The subscribers of a job."""
    job = lookup.find(call, jobID)
    links = call.links("Callbacks")
    links.append({"href": call.url("jobs", str(job.id)), "rel": "up", "type": JSON.media_type, "title": "The job"})
    return call.answer({"callbacks": told(call, job), "links": links})


def told(call: Call, job: Job) -> list[dict[str, Any]]:
    """One entry for each subscriber."""
    return [_entry(state) for state in call.services.store.outbox.states(job.id)]


def _entry(state: SubscriberState) -> dict[str, Any]:
    one = state.subscriber
    entry = {
        "subscription": _NAMES[one.occasion],
        "uri": shown(one.url),
        "format": one.form,
        "state": _state(state),
        "delivered": state.sent,
        "waiting": state.waiting,
        "failures": state.tries,
        "trouble": state.trouble,
        "lastTry": state.tried and moment(state.tried),
        "nextTry": state.next_try and moment(state.next_try),
    }
    return {name: value for name, value in entry.items() if value is not None}


def _state(state: SubscriberState) -> str:
    if state.given_up is not None:
        return "given up"
    if state.trouble is not None:
        return "failing"
    if state.waiting:
        return "waiting"
    return "delivered" if state.sent else "nothing yet"


_COUNT: Final = {"type": "integer", "minimum": 0}
_TIME: Final = {"type": "string", "format": "date-time"}

AREA: Final = Area(
    routes=(
        Route(
            method="GET", path="/jobs/{jobID}/callbacks", view=callbacks, name="getCallbacks", action="read-job",
            tag="Jobs", summary="What the subscribers of a job were told, and who cannot be reached",
            answers={200: Answer("The subscribers", "callbackList", headers=("Link", "ETag"))}, errors=(NoSuchJob,),
        ),
    ),
    schemas={
        "callbackList": {
            "type": "object",
            "required": ["callbacks", "links"],
            "properties": {
                "callbacks": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["subscription", "uri", "format", "state", "delivered", "waiting", "failures"],
                        "properties": {
                            "subscription": {"type": "string", "enum": list(OCCASIONS)},
                            "uri": {"type": "string", "description": "Without its query, which may be a secret."},
                            "format": {"type": "string"},
                            "state": {"type": "string", "enum": list(STATES)},
                            "delivered": _COUNT,
                            "waiting": _COUNT,
                            "failures": _COUNT | {"description": "How often in a row it could not be reached."},
                            "trouble": {"type": "string", "description": "What went wrong the last time."},
                            "lastTry": _TIME,
                            "nextTry": _TIME,
                        },
                    },
                },
                "links": LINKS,
            },
        },
    },
    conformance=(PROCESSES + "callback", PROCESSES_2 + "callback"),
)  # fmt: skip
