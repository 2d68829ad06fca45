"""In which form the results of a job are answered: the one decision for synchronous execution and for `/results`.

Nothing is read here. What comes out names the outputs and the form; `ades.service.shape` turns it into bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import orjson

from ades.errors import NotAcceptable, ResultNotAvailable
from ades.model import Result, ResultKind
from ades.service.accept import ANYTHING, Accept
from ades.service.request import Execution, Form, Transmission, Wanted, bare

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ades.model import JSON
    from ades.service.preferences import Return

JSON_TYPE: Final = "application/json"
TEXT: Final = "text/plain"
HTML: Final = "text/html"
MULTIPART: Final = "multipart/related"
ZIP: Final = "application/zip"


class Door(StrEnum):
    """Where the results are asked for."""

    EXECUTION = "execution"
    """In the answer to the execution request."""
    RESULTS = "results"
    """At the address of the results of a job."""


@dataclass(frozen=True, slots=True)
class Output:
    """One output that was asked for: what was produced, and how it shall come."""

    id: str
    rows: tuple[Result, ...] = ()
    """In their order; none when the job produced nothing here."""
    many: bool = False
    wanted: Wanted = Wanted()  # noqa: RUF009 (frozen)

    @property
    def produced(self) -> bool:
        """There is something to hand out."""
        return bool(self.rows)

    @property
    def is_value(self) -> bool:
        """Everything of it lies in rows, nothing in files."""
        return all(row.kind is ResultKind.VALUE for row in self.rows)

    @property
    def size(self) -> int:
        """Bytes, as far as they are known."""
        return sum(_size(row) for row in self.rows)

    @property
    def media_types(self) -> tuple[str, ...]:
        """In which media types its plain value can be given, the natural one first."""
        if self.many or len(self.rows) != 1:
            return (JSON_TYPE,)
        row = self.rows[0]
        if row.kind is ResultKind.FILE:
            return (row.media_type,)
        if row.kind is not ResultKind.VALUE:
            return (row.media_type, JSON_TYPE) if _is_json(row.media_type) else (JSON_TYPE,)
        if isinstance(row.value, str):
            natural = TEXT if _is_json(row.media_type) else row.media_type
            return (natural, JSON_TYPE)
        if isinstance(row.value, dict | list) or row.value is None:
            return (row.media_type, JSON_TYPE) if _is_json(row.media_type) else (JSON_TYPE,)
        return (JSON_TYPE, TEXT)


def _size(row: Result) -> int:
    if row.size is None and row.kind is ResultKind.VALUE:
        return len(orjson.dumps(row.value))
    return row.size or 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What the client wants, taken together from the request, its preferences and its headers."""

    form: Form | None = None
    returns: Return | None = None
    accept: Accept = ANYTHING
    stac: bool = False
    """The dialect in which results are a STAC collection."""
    inline_limit: int = 64 * 1024
    """Up to how many bytes values stand in a document unless something else is asked for."""
    inline_most: int = 16 * 1024**2
    """Up to how many bytes files stand in a document when that is asked for."""

    @property
    def document(self) -> bool:
        """The results document is asked for by name."""
        return self.form is Form.DOCUMENT or self.accept.wants_results_document


@dataclass(frozen=True, slots=True)
class Entry:
    """One output in a document or a multipart body."""

    output: Output
    by_reference: bool


# -- the forms ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Nothing:
    """204: there is nothing to say."""


@dataclass(frozen=True, slots=True)
class Raw:
    """The value itself."""

    output: Output
    media_type: str


@dataclass(frozen=True, slots=True)
class Document:
    """The map from output to value or link; as a page when a browser asks."""

    entries: tuple[Entry, ...]
    html: bool = False


@dataclass(frozen=True, slots=True)
class Multipart:
    """multipart/related, one part for each output."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Links:
    """204 with one Link header for each output."""

    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip of everything."""

    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class Collection:
    """One STAC collection over all outputs; `{}` when there are none."""

    outputs: tuple[Output, ...]
    html: bool = False


Representation = Nothing | Raw | Document | Multipart | Links | Archive | Collection


# -- the decision ---------------------------------------------------------------------------------------------------


def requested(
    execution: Execution,
    described: Mapping[str, JSON],
    rows: Iterable[Result],
    *,
    only: Sequence[str] | None = None,
) -> tuple[Output, ...]:
    """The outputs that were asked for, in the order of the description, each with what was produced."""
    wanted = dict.fromkeys(described, Wanted()) if execution.outputs is None else execution.outputs
    found: dict[str, list[Result]] = {}
    for row in rows:
        found.setdefault(row.output, []).append(row)
    order = [name for name in described if name in wanted]
    if execution.outputs is None:
        order += [name for name in found if name not in described]
    return tuple(
        _output(name, found.get(name, []), wanted.get(name, Wanted())) for name in order if only is None or name in only
    )


def _output(name: str, rows: list[Result], wanted: Wanted) -> Output:
    ordered = tuple(sorted(rows, key=lambda row: row.index))
    return Output(name, ordered, any(row.many for row in ordered), wanted)


def decide(outputs: tuple[Output, ...], asked: Asked, door: Door) -> Representation:
    """Decide on the form of an answer. Raises NotAcceptable when none of the possible ones is welcome."""
    produced = tuple(output for output in outputs if output.produced)
    if asked.stac and not asked.document and (found := _stac(produced, asked)):
        return found
    if not produced:
        return _nothing(asked, door)
    if len(outputs) == 1 and not asked.document:
        return _single(produced[0], asked)
    return _several(produced, asked)


def check_possible(outputs: Iterable[str], asked: Asked) -> None:
    """Refuse before the job has run what no results could satisfy: one output may be anything, several may not."""
    offers = _offers(asked)
    if len(list(outputs)) > 1 and asked.accept.best((*offers, HTML)) is None:
        raise _not_acceptable(offers)


def _stac(produced: tuple[Output, ...], asked: Asked) -> Representation | None:
    if all(output.is_value for output in produced) and produced:
        return None
    best = asked.accept.best((JSON_TYPE, "application/geo+json", ZIP))
    if asked.accept.html_first:
        return Collection(produced, html=True)
    if best is None:
        raise _not_acceptable((JSON_TYPE, ZIP))
    return Archive(produced) if best == ZIP and produced else Collection(produced)


def _nothing(asked: Asked, door: Door) -> Representation:
    if door is Door.EXECUTION:
        return Nothing()
    if asked.document:
        return Document((), html=asked.accept.html_first)
    raise ResultNotAvailable("The job has finished, and it produced none of the outputs that were asked for.")


def _single(output: Output, asked: Asked) -> Representation:
    accept = asked.accept
    entry = (_entry(output, asked),)
    if output.wanted.transmission is Transmission.REFERENCE:
        return Links((output,))
    if accept.html_first and HTML not in output.media_types:
        return Document(entry, html=True)
    if asked.returns == "minimal" and not output.is_value and accept.quality(JSON_TYPE):
        return Document(entry)
    media_types = output.media_types
    if asked_type := output.wanted.media_type:
        if not _among(asked_type, media_types):
            raise NotAcceptable(f"Output {output.id} was asked for as {asked_type}, and it is {media_types[0]}.")
        media_types = (asked_type,)
    best = accept.best(media_types)
    if best is not None:
        return Raw(output, best)
    return _by_offer(entry, (JSON_TYPE, ZIP, MULTIPART), asked, media_types)


def _several(outputs: tuple[Output, ...], asked: Asked) -> Representation:
    entries = tuple(_entry(output, asked) for output in outputs)
    if asked.accept.html_first:
        return Document(entries, html=True)
    return _by_offer(entries, _offers(asked), asked)


def _offers(asked: Asked) -> tuple[str, ...]:
    """The forms for several outputs, in the order in which they are offered."""
    if asked.form is Form.RAW and not asked.document:
        return (MULTIPART, JSON_TYPE, ZIP)
    return (JSON_TYPE, MULTIPART, ZIP)


def _by_offer(
    entries: tuple[Entry, ...], offers: tuple[str, ...], asked: Asked, natural: Sequence[str] = ()
) -> Representation:
    best = asked.accept.best(offers)
    outputs = tuple(entry.output for entry in entries)
    if best == JSON_TYPE:
        return Document(entries)
    if best == ZIP:
        return Archive(outputs)
    if best == MULTIPART:
        by_reference = all(output.wanted.transmission is Transmission.REFERENCE for output in outputs)
        return Links(outputs) if by_reference else Multipart(entries)
    raise _not_acceptable((*natural, *offers))


def _entry(output: Output, asked: Asked) -> Entry:
    """Value or link: what was asked of this output first, then what the client prefers, then what is small."""
    if output.wanted.transmission is not None:
        small = output.is_value or output.size <= asked.inline_most
        return Entry(output, output.wanted.transmission is Transmission.REFERENCE or not small)
    if asked.returns == "representation":
        return Entry(output, not output.is_value and output.size > asked.inline_most)
    return Entry(output, not output.is_value or output.size > asked.inline_limit)


def _not_acceptable(offers: Sequence[str]) -> NotAcceptable:
    return NotAcceptable(f"These results can be given as {', '.join(dict.fromkeys(offers))}.")


def _is_json(media_type: str) -> bool:
    main = bare(media_type)
    return main == JSON_TYPE or main.endswith("+json")


def _among(media_type: str, offers: Sequence[str]) -> bool:
    return any(bare(offer) == media_type for offer in offers)


def described_media_types(output: Mapping[str, Any]) -> frozenset[str]:
    """The media types that the description of an output names; empty when it leaves them open."""
    schema: Mapping[str, Any] = output.get("schema") or {}
    branches = [schema, *(b for key in ("oneOf", "anyOf", "allOf") for b in schema.get(key) or ())]
    return frozenset(bare(b["contentMediaType"]) for b in branches if b.get("contentMediaType"))
