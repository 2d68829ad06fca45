"""The results of a job, and their release."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ades.model.nouns import Evolving

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from ades.model.nouns import JSON


class ResultKind(StrEnum):
    """In which form an output is kept."""

    VALUE = "value"
    """The value itself, in the row."""
    FILE = "file"
    """One object in the store."""
    DIRECTORY = "directory"
    """A prefix in the store."""
    STAC = "stac"
    """A prefix in the store with a STAC catalogue."""


@dataclass(frozen=True, slots=True)
class StacItem:
    """How a STAC item among the results is found; the item itself lies in the object store."""

    collection: str
    id: str
    key: str
    bbox: tuple[float, float, float, float] | None = None
    """West, south, east, north; west is greater than east where it crosses the date line."""
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class StacCollection:
    """How a STAC collection among the results is found."""

    id: str
    key: str


@dataclass(frozen=True, slots=True)
class Result(Evolving):
    """One output of a job."""

    job: UUID
    output: str
    index: int
    """0, or the place in an output of several values."""
    kind: ResultKind
    media_type: str
    value: JSON = None
    key: str | None = None
    """Where it lies in the object store."""
    size: int | None = None
    checksum: str | None = None
    """Multihash-free `sha256:<hex>`."""
    many: bool = False
    """The output is an array; this is one element of it (an empty array has no row but an entry in the job)."""
    collections: tuple[StacCollection, ...] = ()
    items: tuple[StacItem, ...] = ()
    """The STAC documents that were written for this result. They go into tables of their own (`Store.stac`) and do
    not come back with the result."""


class ReleaseStatus(StrEnum):
    """Where a release is in its life."""

    REQUESTED = "requested"
    """Waits to be copied."""
    RELEASED = "released"
    FAILED = "failed"
    WITHDRAWING = "withdrawing"
    """Waits to be deleted."""
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Release(Evolving):
    """Results of a job that were copied to where others find them. It outlives the job."""

    id: UUID
    workspace: str
    job: UUID
    process_id: str
    store: str
    """The name of the release store."""
    collection: str
    """What it belongs to there."""
    outputs: tuple[str, ...]
    status: ReleaseStatus
    requested: datetime
    requested_by: str
    message: str = ""
    files: tuple[dict[str, JSON], ...] = ()
    """Each with path, size and sha256."""
    released: datetime | None = None
    withdrawn: datetime | None = None
    withdrawn_by: str | None = None

    @property
    def place(self) -> str:
        """The key of its folder in the release store."""
        return f"{self.workspace}/{self.collection}/{self.id}"
