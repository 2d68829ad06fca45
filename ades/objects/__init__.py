"""Where files lie: a folder of this machine or a bucket. Keys begin with the workspace: `<workspace>/…`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What is known of an object without reading it."""

    key: str
    size: int
    modified: datetime
    etag: str
    media_type: str | None = None


class ObjectStore(Protocol):
    """The seam. Every method raises `FileNotFoundError` for what is not there and `Unavailable` for a dead store."""

    def put(self, key: str, source: bytes | Path | BinaryIO, media_type: str | None = None) -> ObjectInfo:
        """Store an object whole or not at all."""
        ...

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """Read an object or a part of it."""
        ...

    def stat(self, key: str) -> ObjectInfo:
        """What is known of an object."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects below a prefix, in the order of their keys."""
        ...

    def delete(self, prefix: str) -> int:
        """Delete the object of this key and all below `<prefix>/`; how many there were."""
        ...

    def link(self, key: str, lifetime: timedelta) -> str | None:
        """An address that works without a token for a while; None where the store has no such thing."""
        ...
