"""An execution request: what the body of `POST …/execution` says, before anybody looks at the process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from ades.errors import BadRequest
from ades.model import Keep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.model import JSON

SUBSCRIPTIONS: Final = ("successUri", "inProgressUri", "failedUri")
IDEMPOTENCY_KEY_LIMIT: Final = 255


PLAIN: Final = "plain"
CLOUD_EVENTS: Final = "cloudevents"
STRUCTURED: Final = "cloudevents-structured"
TOLD_AS: Final = (PLAIN, CLOUD_EVENTS, STRUCTURED)
"""In which forms subscribers may be told: the document alone, or as a CloudEvent in one of its two modes of HTTP."""


class Form(StrEnum):
    """The member `response` of the first version of the standard."""

    RAW = "raw"
    DOCUMENT = "document"


class Transmission(StrEnum):
    """How one output shall come."""

    VALUE = "value"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of one output."""

    transmission: Transmission | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution request."""

    inputs: dict[str, JSON] = field(default_factory=dict)
    outputs: dict[str, Wanted] | None = None
    """The outputs that are asked for; None means all of them, and empty means none."""
    form: Form | None = None
    subscriber: dict[str, str] = field(default_factory=dict)
    told_as: str = PLAIN
    """In which form the subscriber wants to be told."""
    keep: str | None = None
    """How long the job shall be kept; None: as process, workspace or server have it."""


def parse(body: JSON) -> Execution:
    """Read the JSON body of an execution request."""
    document = _object(body, "the body")
    form = _form(document.get("response"))
    outputs = _outputs(document.get("outputs"))
    if not outputs and form is not None:
        outputs = None  # clients of the first version send an empty object for "everything"
    return Execution(
        inputs=_object(document.get("inputs") or {}, "inputs"),
        outputs=outputs,
        form=form,
        subscriber=_subscriber(document.get("subscriber")),
        told_as=_told_as(document.get("subscriber")),
        keep=keep(document.get("keep")),
    )


def keep(value: JSON) -> str | None:
    """How long a job shall be kept: `forever`, a number of days, or `none` for no results."""
    try:
        return None if value is None else str(Keep.read(value))
    except ValueError as error:
        raise BadRequest(f"`keep` {error}.", field="keep") from None


def idempotency_key(header: str | None) -> str | None:
    """Read an `Idempotency-Key` header."""
    if header is None:
        return None
    key = header.strip().strip('"')
    if not key or len(key) > IDEMPOTENCY_KEY_LIMIT or not key.isprintable():
        raise BadRequest(
            f"The header Idempotency-Key must hold 1 to {IDEMPOTENCY_KEY_LIMIT} printable characters.",
            field="Idempotency-Key",
        )
    return key


def _object(value: JSON, name: str) -> dict[str, JSON]:
    if not isinstance(value, dict):
        raise BadRequest(f"Expected {name} of the execution request to be a JSON object.", field=name)
    return value


def _form(value: JSON) -> Form | None:
    if value is None:
        return None
    try:
        return Form(value)
    except ValueError:
        raise BadRequest("The member `response` must be `raw` or `document`.", field="response") from None


def _outputs(value: JSON) -> dict[str, Wanted] | None:
    return None if value is None else {name: _wanted(name, what) for name, what in _named(value)}


def _named(value: JSON) -> Iterator[tuple[str, JSON]]:
    """The standard's map, and the list of ids or objects with an id that some clients send."""
    if isinstance(value, dict):
        yield from value.items()
        return
    if isinstance(value, list):
        for entry in value:
            name = entry.get("id") if isinstance(entry, dict) else entry
            if not isinstance(name, str):
                break
            yield name, entry if isinstance(entry, dict) else {}
        else:
            return
    raise BadRequest("The member `outputs` must be an object that names the wanted outputs.", field="outputs")


def _wanted(name: str, value: JSON) -> Wanted:
    if value is None or value is True:
        return Wanted()
    if not isinstance(value, dict):
        raise BadRequest(f"What is asked of output {name} must be an object.", field=f"outputs/{name}")
    try:
        transmission = Transmission(value["transmissionMode"]) if value.get("transmissionMode") else None
    except ValueError:
        raise BadRequest(
            f"The transmissionMode of output {name} must be `value` or `reference`.",
            field=f"outputs/{name}/transmissionMode",
        ) from None
    return Wanted(transmission, media_type(value))


def media_type(value: Mapping[str, Any]) -> str | None:
    """The media type that a qualified value, a link or a wanted output names, in any of the usual places."""
    form = value.get("format")
    found = (
        value.get("mediaType") or value.get("type") or (form.get("mediaType") if isinstance(form, Mapping) else None)
    )
    return bare(found) if isinstance(found, str) else None


def bare(media_type: object) -> str:
    """A media type without its parameters."""
    return str(media_type).partition(";")[0].strip().lower()


def encoding(value: Mapping[str, Any]) -> str | None:
    """The encoding that a qualified value names."""
    form = value.get("format")
    found = value.get("encoding") or (form.get("encoding") if isinstance(form, Mapping) else None)
    return found.lower() if isinstance(found, str) else None


def _subscriber(value: JSON) -> dict[str, str]:
    if value is None:
        return {}
    told = {name: uri for name, uri in _object(value, "subscriber").items() if name in SUBSCRIPTIONS and uri}
    for name, uri in told.items():
        if not isinstance(uri, str) or not uri.lower().startswith(("https://", "http://", "mailto:")):
            raise BadRequest(
                f"subscriber.{name} must be an http or https address, or mailto: with a mailbox.",
                field=f"subscriber/{name}",
            )
    return told


def _told_as(value: JSON) -> str:
    form = value.get("format", PLAIN) if isinstance(value, dict) else PLAIN
    if form not in TOLD_AS:
        raise BadRequest(f"subscriber.format must be one of {', '.join(TOLD_AS)}.", field="subscriber/format")
    return str(form)
