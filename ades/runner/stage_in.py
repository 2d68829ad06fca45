"""Brings the inputs of a job into its folder, before anything of the package runs."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ades.errors import AdesError
from ades.fetch import Fetcher
from ades.model import Reason
from ades.runner.failures import RunFailed
from ades.runner.order import Content, Reference, job_order

if TYPE_CHECKING:
    from pathlib import Path

    from ades.model import JSON
    from ades.objects import ObjectStore
    from ades.runner.document import JobDocument
    from ades.settings import Settings

_VALUE_LIMIT = 16 * 1024**2
"""Bytes that a value which is given by its address may have."""


def stage_in(document: JobDocument, folder: Path, settings: Settings, store: ObjectStore) -> dict[str, JSON]:
    """The inputs as the package takes them; their files lie below `folder`, which is read-only for the tools."""
    del store
    return job_order(document.executable, document.inputs, Staging(folder, settings))


class Staging:
    """Brings one thing after the other."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._fetcher = Fetcher(settings)
        self._count = 0

    def file(self, source: Reference | Content, name: str) -> Path:
        """One file, under a name of its own in a folder of its own."""
        if isinstance(source, Content):
            path = self._place(name, name + _extension(source.media_type))
            path.write_bytes(source.data)
            return path
        path = self._place(name, unquote(urlsplit(source.href).path.rpartition("/")[2]) or name)
        try:
            with self._fetcher.stream(source.href) as download, path.open("wb") as file:
                file.writelines(download)
        except AdesError as error:
            raise _unreadable(name, error) from error
        return path

    def directory(self, source: Reference | Content, name: str) -> Path:
        """A folder; none of the kinds of sources that are known here is one."""
        what = source.href if isinstance(source, Reference) else "what came with the request"
        raise RunFailed.because(Reason.STAGE_IN, f"The input {name} should be a folder, and {what} is none.")

    def read(self, source: Reference, name: str) -> bytes:
        """The content of an address."""
        try:
            return self._fetcher.get(source.href, limit=_VALUE_LIMIT).body
        except AdesError as error:
            raise _unreadable(name, error) from error

    def _place(self, name: str, basename: str) -> Path:
        self._count += 1
        place = self._folder / f"{self._count}-{name}"
        place.mkdir()
        return place / basename


def _unreadable(name: str, error: AdesError) -> RunFailed:
    return RunFailed.because(Reason.STAGE_IN, f"The input {name} could not be read: {error.detail}")


def _extension(media_type: str | None) -> str:
    return mimetypes.guess_extension((media_type or "").partition(";")[0]) or ""
