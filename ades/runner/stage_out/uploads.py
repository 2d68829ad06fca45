"""Brings files into the store, several at a time, and reckons their checksums meanwhile."""

from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import orjson

from ades.errors import AdesError, StorageFull
from ades.model import Reason
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path
    from types import TracebackType

    from ades.model import JSON
    from ades.objects import ObjectStore

AT_ONCE: Final = 4
_ADDRESS: Final = re.compile(r'"?https?://[^\s"]+"?')


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is in the store."""

    key: str
    size: int
    sha256: str | None

    @property
    def checksum(self) -> str | None:
        """As results have it."""
        return f"sha256:{self.sha256}" if self.sha256 else None


class Uploads:
    """Used as a context; leaving it with an error stops what has not begun."""

    def __init__(self, store: ObjectStore, *, checksums: bool) -> None:
        self._store = store
        self._checksums = checksums
        # Two pools, since each file waits for its checksum: in one they could wait for each other.
        self._putting = ThreadPoolExecutor(AT_ONCE, "ades-upload")
        self._hashing = ThreadPoolExecutor(AT_ONCE, "ades-checksum")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._putting.shutdown(cancel_futures=error is not None)
        self._hashing.shutdown(cancel_futures=error is not None)

    def file(self, output: str, path: Path, key: str, media_type: str) -> Future[Stored]:
        """Begin to store a file."""
        return self._putting.submit(self._file, output, path, key, media_type)

    def document(self, output: str, document: JSON, key: str, media_type: str) -> Future[Stored]:
        """Begin to store a document."""
        body = orjson.dumps(document, option=orjson.OPT_INDENT_2)
        return self._putting.submit(self._put, output, body, key, media_type)

    def _file(self, output: str, path: Path, key: str, media_type: str) -> Stored:
        digest = self._hashing.submit(sha256, path) if self._checksums else None
        stored = self._put(output, path, key, media_type)
        return Stored(key, stored.size, digest.result() if digest else None)

    def _put(self, output: str, source: bytes | Path, key: str, media_type: str) -> Stored:
        try:
            return Stored(key, self._store.put(key, source, media_type).size, None)
        except StorageFull as error:
            raise RunFailed.because(
                Reason.DISK_FULL, f"The output {output} could not be stored: {error.detail}"
            ) from error
        except (AdesError, OSError) as error:
            said = _ADDRESS.sub("(the store's)", str(error))  # which may be one of the inside
            raise RunFailed.because(Reason.STAGE_OUT, f"The output {output} could not be stored: {said}") from error


def sha256(path: Path) -> str:
    """The checksum of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
