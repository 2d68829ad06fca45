"""Brings the outputs of a job into the object store, below the job's own prefix, and says what they are."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from ades.errors import AdesError
from ades.model import Reason, Result, ResultKind
from ades.objects import media_type_of
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.model import JSON
    from ades.objects import ObjectStore
    from ades.runner.document import JobDocument

_JSON = "application/json"
_CHUNK = 1024 * 1024
_CATALOG = "catalog.json"


def stage_out(document: JobDocument, outputs: dict[str, JSON], folder: Path, store: ObjectStore) -> Iterator[Result]:
    """The results of the outputs that were asked for, each as soon as its files are in the store.

    `folder` is the job's: what points out of it is refused, since tools have made what lies there. Nothing and empty arrays have no results.
    """
    publishing = _Publishing(document, folder, store)
    for name, value in outputs.items():
        if value is not None and value != [] and document.wants(name):
            yield from publishing.output(name, value)


class _Publishing:
    def __init__(self, document: JobDocument, folder: Path, store: ObjectStore) -> None:
        self._document = document
        self._folder = folder.resolve()
        self._store = store

    def output(self, name: str, value: JSON) -> Iterator[Result]:
        """The results of one output: one for each file or folder, one for a value."""
        if _is_file(value):
            yield self._one(name, value, name, 0)
        elif isinstance(value, list) and all(map(_is_file, value)):
            for index, item in enumerate(value):
                yield self._one(name, item, f"{name}/{index}", index, many=True)
        else:
            yield self._value(name, self._without_files(name, value))

    def _value(self, name: str, value: JSON) -> Result:
        schema = self._document.outputs.get(name, {}).get("schema", {})
        kind = schema.get("contentMediaType") or _JSON
        return Result(job=self._document.job, output=name, index=0, kind=ResultKind.VALUE, media_type=kind, value=value)

    def _one(self, name: str, item: JSON, below: str, index: int, *, many: bool = False) -> Result:
        place = f"{self._document.results_prefix}/{below}"
        common: dict[str, Any] = {"job": self._document.job, "output": name, "index": index, "many": many}
        if item["class"] == "Directory":
            kind, key, size = self._directory(name, item, place)
            return Result(**common, kind=kind, media_type=_JSON, key=key, size=size)
        path = self._path(name, item)
        key = f"{place}/{item.get('basename') or path.name}"
        media_type = self._media_type(name, item, path)
        for companion in item.get("secondaryFiles", []):
            self._companion(name, companion, place)
        size, checksum = self._put(name, path, key, media_type)
        return Result(**common, kind=ResultKind.FILE, media_type=media_type, key=key, size=size, checksum=checksum)

    def _directory(self, name: str, item: JSON, place: str) -> tuple[ResultKind, str, int]:
        top = self._path(name, item)
        key = f"{place}/{item.get('basename') or top.name}"
        size = 0
        for path in sorted(top.rglob("*")):
            if not path.is_dir():
                inner = self._checked(name, path)
                part = f"{key}/{path.relative_to(top).as_posix()}"
                size += self._put(name, inner, part, media_type_of(path.name))[0]
        return (ResultKind.STAC if (top / _CATALOG).is_file() else ResultKind.DIRECTORY), key, size

    def _companion(self, name: str, item: JSON, place: str) -> None:
        if item["class"] == "Directory":
            self._directory(name, item, place)
        else:
            path = self._path(name, item)
            self._put(name, path, f"{place}/{item.get('basename') or path.name}", media_type_of(path.name))

    def _without_files(self, name: str, value: JSON, place: str = "") -> JSON:
        """A value in which the files that it holds are replaced by where they lie in the store."""
        if _is_file(value):
            result = self._one(name, value, f"{name}{place}", 0)
            return {"key": result.key, "type": result.media_type}
        if isinstance(value, list):
            return [self._without_files(name, item, f"{place}/{index}") for index, item in enumerate(value)]
        if isinstance(value, dict):
            return {key: self._without_files(name, item, f"{place}/{key}") for key, item in value.items()}
        return value

    def _put(self, name: str, path: Path, key: str, media_type: str) -> tuple[int, str]:
        try:
            info = self._store.put(key, path, media_type)
        except (AdesError, OSError) as error:
            raise RunFailed.because(Reason.STAGE_OUT, f"The output {name} could not be stored: {error}") from error
        return info.size, f"sha256:{_sha256(path)}" if self._document.options.checksums else ""

    def _media_type(self, name: str, item: JSON, path: Path) -> str:
        schema = self._document.outputs.get(name, {}).get("schema", {})
        return str(item.get("mediaType") or schema.get("contentMediaType") or media_type_of(path.name))

    def _path(self, name: str, item: JSON) -> Path:
        location = str(item.get("location") or item.get("path") or "")
        split = urlsplit(location)
        return self._checked(name, Path(unquote(split.path) if split.scheme == "file" else location))

    def _checked(self, name: str, path: Path) -> Path:
        try:
            real = path.resolve(strict=True)
        except OSError as error:
            raise RunFailed.because(Reason.OUTPUT_MISSING, f"The output {name} is not there: {path.name}.") from error
        if not real.is_relative_to(self._folder):
            raise RunFailed.because(
                Reason.OUTPUT_INVALID, f"The output {name} has a link that leads out of the job: {path.name}."
            )
        return real


def _is_file(value: JSON) -> bool:
    return isinstance(value, dict) and value.get("class") in {"File", "Directory"}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
