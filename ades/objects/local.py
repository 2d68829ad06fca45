"""Objects as plain files below one folder.

An object is written beside its place under a name of the store's own and renamed, so that a reader sees the old
content or the new one. A media type that the ending of the key does not say lies in a small file beside the object;
it names the etag it belongs to, so that it counts only for that content.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, BinaryIO, Final

from ades.errors import BadRequest, Conflict, StorageFull, Unavailable
from ades.objects import OWN, ObjectInfo, check_key, media_type_of
from ades.objects.parts import FULL, copy, part_of

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterator
    from datetime import timedelta
    from io import BufferedWriter

_PART: Final = ".part"
CHUNK: Final = 1024 * 1024
_TRIES: Final = 20
"""Between making a folder and writing into it, another process may prune it as empty."""


class LocalStore:
    """An `ObjectStore` in a folder of this machine."""

    def __init__(self, root: Path, *, fsync: bool = False, check: Callable[[str], str] = check_key) -> None:
        self.root = root
        self._check = check
        self._fsync = fsync

    def put(self, key: str, source: bytes | Path | BinaryIO, media_type: str | None = None) -> ObjectInfo:
        """Store an object whole or not at all."""
        path = self._path(key)
        part = self._write(key, source)
        with _trouble(key):
            try:
                info = _info(key, part.stat(), media_type or media_type_of(key))
                _keep_media_type(path, info)
                part.replace(path)
            except IsADirectoryError:
                raise Conflict(f"{key} cannot be an object: there are objects below it.") from None
            finally:
                part.unlink(missing_ok=True)
            if self._fsync:
                _sync_folder(path.parent)
            return info

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """Read an object or a part of it."""
        with _trouble(key):
            file = _open(self._path(key))
            return file if start == 0 and length is None else part_of(file, start, length)

    def stat(self, key: str) -> ObjectInfo:
        """What is known of an object."""
        path = self._path(key)
        with _trouble(key):
            status = path.stat()
            if not path.is_file():
                raise FileNotFoundError(key)
            return _known(key, path, status)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """The object of this key and all below `<prefix>/`, in the order of their keys."""
        path = self._path(prefix) if prefix else self.root
        with _trouble(prefix):
            if path.is_file():
                yield _known(prefix, path, path.stat())
            else:
                yield from _walk(path, f"{prefix}/" if prefix else "")

    def delete(self, prefix: str) -> int:
        """Delete the object of this key and all below `<prefix>/`, and the folders that are then empty."""
        path = self._path(prefix)
        with _trouble(prefix):
            count = sum(1 for _ in self.list(prefix))
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
                _type_file(path).unlink(missing_ok=True)
            self._prune(path.parent)
            return count

    def link(self, key: str, lifetime: timedelta) -> str | None:  # noqa: ARG002 - the protocol's
        """A folder has no addresses of its own."""
        self.stat(key)
        return None

    def abandoned(self, before: datetime, *, remove: bool) -> builtins.list[str]:
        """Files of writers that were killed."""
        found = []
        for path in self.root.rglob(f"{OWN}*{_PART}"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    found.append(path.relative_to(self.root).as_posix())
                    if remove:
                        path.unlink()
                        self._prune(path.parent)
        return found

    def _path(self, key: str) -> Path:
        return self.root / self._check(key)

    def _write(self, key: str, source: bytes | Path | BinaryIO) -> Path:
        """The content in a file beside its place. Trouble of the source is the caller's and passes as it is."""
        with _trouble(key):
            file = self._make(key)
        part = Path(file.name)
        try:
            with file:
                if isinstance(source, Path):
                    with source.open("rb") as original, _trouble(key):
                        copy(original, file)
                else:
                    _pour(io.BytesIO(source) if isinstance(source, bytes) else source, file, key)
                with _trouble(key):
                    file.flush()
                    if self._fsync:
                        os.fsync(file.fileno())
        except BaseException:
            part.unlink(missing_ok=True)
            self._prune(part.parent)
            raise
        return part

    def _make(self, key: str) -> BufferedWriter:
        """A new file in the folder of the key."""
        folder = self._path(key).parent
        for left in reversed(range(_TRIES)):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                return (folder / f"{OWN}{token_hex(8)}{_PART}").open("xb")
            except (FileNotFoundError, NotADirectoryError, FileExistsError):
                if any(above.is_file() for above in (folder, *folder.parents)):
                    raise Conflict(f"{key} cannot be stored: a folder on its way is an object already.") from None
                if not left:
                    raise
        raise AssertionError  # the last try returns or raises

    def _prune(self, folder: Path) -> None:
        """Remove folders that hold nothing any more."""
        with suppress(OSError):
            while folder != self.root:
                folder.rmdir()
                folder = folder.parent


@contextmanager
def _trouble(key: str) -> Iterator[None]:
    """What the file system says, in the words of the protocol."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(key) from None
    except OSError as error:
        if error.errno in FULL:
            raise StorageFull(f"There is no room left to store {key}: {error.strerror}. Free or add space.") from error
        if error.errno == errno.ENAMETOOLONG:
            raise BadRequest(f"The key {key!r} is too long for this machine.", field="key") from error
        raise Unavailable(f"The folder of the object store cannot be used at {key}: {error.strerror}.") from error


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except IsADirectoryError:
        raise FileNotFoundError(path) from None


def _pour(source: BinaryIO, file: BinaryIO, key: str) -> None:
    while chunk := source.read(CHUNK):
        with _trouble(key):
            file.write(chunk)


def _etag(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"


def _info(key: str, status: os.stat_result, media_type: str) -> ObjectInfo:
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return ObjectInfo(key, status.st_size, modified, _etag(status), media_type)


def _known(key: str, path: Path, status: os.stat_result) -> ObjectInfo:
    info = _info(key, status, media_type_of(key))
    with suppress(OSError, ValueError):
        etag, media_type = _type_file(path).read_text(encoding="utf-8").split(" ", 1)
        if etag == info.etag:
            return _info(key, status, media_type)
    return info


def _type_file(path: Path) -> Path:
    return path.parent / f"{OWN}{hashlib.sha256(path.name.encode()).hexdigest()[:24]}.type"


def _keep_media_type(path: Path, info: ObjectInfo) -> None:
    if info.media_type == media_type_of(info.key):
        _type_file(path).unlink(missing_ok=True)
    else:
        _type_file(path).write_text(f"{info.etag} {info.media_type}", encoding="utf-8")


def _walk(folder: Path, prefix: str) -> Iterator[ObjectInfo]:
    try:
        with os.scandir(folder) as found:
            entries = list(found)
    except (FileNotFoundError, NotADirectoryError):
        return
    own = [entry for entry in entries if not entry.name.startswith(OWN)]
    for entry in sorted(own, key=lambda e: (f"{e.name}/" if e.is_dir() else e.name).encode("utf-8", "surrogateescape")):
        key = prefix + entry.name
        if entry.is_dir():
            yield from _walk(Path(entry.path), f"{key}/")
            continue
        with suppress(FileNotFoundError):
            yield _known(key, Path(entry.path), entry.stat())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
