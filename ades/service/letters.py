"""What a subscriber is told: the results, or the status of the job as it was when it changed, in the form he wants."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import orjson

from ades.errors import NoSuchResource
from ades.model import JobStatus
from ades.service.handover import results_prefix
from ades.service.representation import Asked, Document, Door, decide
from ades.service.request import CLOUD_EVENTS, STRUCTURED, Form
from ades.service.shape import Shaper
from ades.service.status import JSON_TYPE, moment, status_info

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ades.model import JSON, Job, Result
    from ades.objects import ObjectStore
    from ades.secrets import Vault
    from ades.service.results import Outputs
    from ades.settings import Settings
    from ades.store import Delivery

SIGNATURE: Final = "ADES-Signature"
DELIVERY: Final = "ADES-Delivery"
JOB: Final = "ADES-Job"
KEY: Final = "callback-key"
"""The secret of a workspace that goes before the server's own key."""
BASE: Final = "base"
"""Under which address of the API a job was called, among its preferences: links for its subscribers begin with it."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent to a web address."""

    body: bytes
    headers: dict[str, str]


class Letters:
    """Writes letters."""

    def __init__(self, settings: Settings, outputs: Outputs, objects: ObjectStore, vault: Vault) -> None:
        self._settings = settings
        self._outputs = outputs
        self._objects = objects
        self._vault = vault

    def letter(self, job: Job, delivery: Delivery) -> Letter:
        """The letter for one delivery."""
        body = orjson.dumps(self.document(job, delivery))
        headers = {"Content-Type": JSON_TYPE, DELIVERY: name(delivery), JOB: address(job)}
        if delivery.form in {CLOUD_EVENTS, STRUCTURED}:
            about = _attributes(job, delivery)
            if delivery.form == STRUCTURED:
                body = orjson.dumps({**about, "data": orjson.Fragment(body)})
                headers["Content-Type"] = "application/cloudevents+json"
            else:
                told = {key: value for key, value in about.items() if key != "datacontenttype"}
                headers |= {f"ce-{key}": value for key, value in told.items()}
        key = self._key(job)
        if key:
            headers[SIGNATURE] = signature(key, body, int(time.time()))
        return Letter(body, headers)

    def document(self, job: Job, delivery: Delivery) -> Mapping[str, JSON]:
        """The results for who waits for success, the status for all others."""
        if delivery.occasion == "success":
            return self._results(job)
        return status_info(_then(job, delivery), base(job), eodh=bool(job.preferences.get("lenient")))

    def _results(self, job: Job) -> dict[str, JSON]:
        settings = self._settings
        asked = Asked(form=Form.DOCUMENT, inline_limit=settings.inline_limit, inline_most=settings.inline_most)
        found = tuple(output for output in self._outputs.of(job) if output.produced)
        shown = decide(found, asked, Door.RESULTS) if found else None
        return _shaper(job, self._objects).document(shown.entries) if isinstance(shown, Document) else {}

    def _key(self, job: Job) -> str | None:
        try:
            return self._vault.get(job.calling, KEY)
        except NoSuchResource:
            own = self._settings.callback_key
            return own.get_secret_value() if own else None


def signature(key: str, body: bytes, now: int) -> str:
    """The value of the header: when it was signed, and HMAC-SHA256 over that, a dot and the body."""
    code = hmac.new(key.encode(), b"%d." % now + body, hashlib.sha256).hexdigest()
    return f"t={now},v1={code}"


def name(delivery: Delivery) -> str:
    """The same however often it is tried, so that a receiver can drop what he has already."""
    return f"{delivery.job}.{delivery.id}"


def base(job: Job) -> str:
    """The address of the API under which a job was called, without a slash at the end."""
    return str(job.preferences.get(BASE) or "")


def address(job: Job) -> str:
    """Where the job is."""
    return f"{base(job)}/jobs/{job.id}"


def _then(job: Job, delivery: Delivery) -> Job:
    """The job as it was when this was written."""
    told = delivery.payload
    status = JobStatus(told["status"])
    if status.finished:
        return job
    return job.evolve(
        status=status, message=told["message"], progress=told["progress"], attempt=told["attempt"],
        updated=delivery.created, started=None if status is JobStatus.ACCEPTED else job.started,
        finished=None, failure=None, keep_until=None,
    )  # fmt: skip


def _attributes(job: Job, delivery: Delivery) -> dict[str, Any]:
    """The context of a CloudEvent (version 1.0)."""
    return {
        "specversion": "1.0",
        "id": name(delivery),
        "source": address(job),
        "type": f"ades.job.{delivery.payload['status']}",
        "subject": str(job.id),
        "time": moment(delivery.created),
        "datacontenttype": JSON_TYPE,
    }


def _shaper(job: Job, objects: ObjectStore) -> Shaper:
    """Files and folders come as links: whoever gets this is no caller, and asks with a token of his own."""
    results = f"{address(job)}/results"

    def href(output: str, index: int | None = None) -> str:
        return f"{results}/{quote(output, safe='')}" + ("" if index is None else f"/{index}")

    def locate(key: str) -> str | None:
        own = results_prefix(job) + "/"
        return f"{results}/{quote(key.removeprefix(own))}" if key.startswith(own) else None

    def folder(row: Result) -> JSON:
        return {"href": href(row.output, row.index if row.many else None), "type": row.media_type}

    return Shaper(objects, href, locate, folder)
