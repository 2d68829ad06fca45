"""Where files lie: a folder of this machine or a bucket. Keys begin with the workspace: `<workspace>/…`.

One protocol of six methods, two implementations (`local`, `s3`), one contract suite over both. `open_store` chooses
by one word in the settings. What the methods promise beyond their signatures:

- A *prefix* is a folder: `a/b` means the object `a/b` and everything below `a/b/`, never `a/bc`.
- A key is checked before anything is touched (`check_key`); a wrong one is `BadRequest`.
- What is not there is `FileNotFoundError`; a store that cannot be used is `Unavailable`: `StorageFull` if it has no
  room left, `Unreachable` if it is away and may come back.
- `put` shows an object whole or not at all, also when the writer is killed; `delete` takes the remains of such
  writers away with the rest of the prefix.
- An etag changes whenever the content does, and has no quotes around it.
"""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit

import orjson

from ades.errors import BadRequest, Misconfigured
from ades.model import WORKSPACE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime, timedelta

    from ades.settings import Settings

OWN: Final = ".ades-"
"""How names begin that a store uses for itself; no part of a key does."""

PART_BYTES: Final = 255
KEY_BYTES: Final = 900
"""S3 takes 1024 bytes, and a bucket's own prefix must fit too."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What is known of an object without reading it."""

    key: str
    size: int
    modified: datetime
    etag: str
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """Keys to an object store."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires: datetime | None = None

    def to_json(self) -> bytes:
        """As the file that ADES_S3_CREDENTIALS_FILE names holds them (the form of AWS's `credential_process`)."""
        return orjson.dumps(
            {
                "Version": 1,
                "AccessKeyId": self.access_key,
                "SecretAccessKey": self.secret_key,
                "SessionToken": self.session_token,
                "Expiration": self.expires,
            }
        )


class ObjectStore(Protocol):
    """The seam. Every method raises `FileNotFoundError` for what is not there and `Unavailable` for a dead store."""

    def put(self, key: str, source: bytes | Path | BinaryIO, media_type: str | None = None) -> ObjectInfo:
        """Store an object whole or not at all. Without a media type the ending of the key says what it is."""
        ...

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """Read an object or a part of it; what lies beyond the end reads as nothing."""
        ...

    def stat(self, key: str) -> ObjectInfo:
        """What is known of an object."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """The object of this key and all below `<prefix>/`, in the order of their keys' bytes; "" lists everything.

        The media type may be missing here where a store tells it only by `stat`.
        """
        ...

    def delete(self, prefix: str) -> int:
        """Delete the object of this key and all below `<prefix>/`; how many there were."""
        ...

    def link(self, key: str, lifetime: timedelta) -> str | None:
        """An address that works without a token for a while; None where the store has no such thing."""
        ...


@runtime_checkable
class Untidy(Protocol):
    """A store in which writers that were killed leave something behind that `list` does not show."""

    def abandoned(self, before: datetime, *, remove: bool) -> list[str]:
        """What was begun before that moment and never became an object, and take it away."""
        ...


def open_store(settings: Settings) -> ObjectStore:
    """The store that the settings name: a folder, or `s3://bucket/prefix`."""
    where = settings.objects
    if where.startswith("s3://"):
        from ades.objects.s3 import S3Store

        return S3Store(*bucket_of(where), settings)
    if "://" in where and not where.startswith("file://"):
        raise Misconfigured(
            f"ADES_OBJECTS={where} is neither a folder nor s3://bucket/prefix; give one of them.", field="objects"
        )
    from ades.objects.local import LocalStore

    return LocalStore(_folder(settings), fsync=settings.objects_fsync)


def open_bucket(settings: Settings, bucket: str) -> ObjectStore:
    """Another bucket on the same server, in which keys need not begin with a workspace. For reading."""
    from ades.objects.s3 import S3Store

    return S3Store(bucket, "", settings, check=str)


def address_of(settings: Settings, key: str) -> str:
    """Where an object lies, for programs that do not know this server: `s3://…` or `file://…`."""
    if settings.objects.startswith("s3://"):
        bucket, prefix = bucket_of(settings.objects)
        return f"s3://{bucket}/{f'{prefix}/' if prefix else ''}{key}"
    return (_folder(settings) / key).as_uri()


def key_of(settings: Settings, address: str) -> str | None:
    """The key of what lies at an address; None for what does not lie in the store."""
    if address.startswith("store:"):
        return unquote(address.removeprefix("store:")).strip("/")
    if settings.objects.startswith("s3://"):
        start = address_of(settings, "")
        return address.removeprefix(start).strip("/") if address.startswith(start) else None
    path = Path(unquote(urlsplit(address).path))
    inside = urlsplit(address).scheme in {"", "file"} and ".." not in path.parts
    return path.relative_to(_folder(settings)).as_posix() if inside and path.is_relative_to(_folder(settings)) else None


def _folder(settings: Settings) -> Path:
    where = settings.objects.removeprefix("file://")
    return (Path(where) if where else settings.data / "objects").absolute()


def job_credentials(settings: Settings, name: str, write: Iterable[str], read: Iterable[str]) -> Credentials | None:
    """What a job needs to reach the store at these prefixes; None where it needs nothing, or has it by its place.

    With ADES_S3_CREDENTIALS=sts they are minted for it and reach nothing else. Ask again before they expire, and give
    the job the new ones in the file that its ADES_S3_CREDENTIALS_FILE names.
    """
    if not settings.objects.startswith("s3://"):
        return None
    from ades.objects.s3.credentials import for_job

    bucket, prefix = bucket_of(settings.objects)
    return for_job(settings, bucket, f"{prefix}/" if prefix else "", name, tuple(write), tuple(read))


def bucket_of(address: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://bucket/prefix`."""
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    if not bucket:
        raise Misconfigured(f"ADES_OBJECTS={address} names no bucket: s3://bucket/prefix.", field="objects")
    return bucket, prefix.strip("/")


def check_key(key: str) -> str:
    """The key, if it may be one."""
    parts = key.split("/")
    if not WORKSPACE_NAME.fullmatch(parts[0]):
        raise BadRequest(f"The key {key!r} does not begin with a workspace.", field="key")
    if len(key.encode("utf-8", "replace")) > KEY_BYTES:
        raise BadRequest(f"The key {key[:80]!r}… is longer than {KEY_BYTES} bytes.", field="key")
    for part in parts:
        why = _why_not(part)
        if why:
            raise BadRequest(f"The key {key!r} cannot be used: {why}.", field="key")
    return key


def _why_not(part: str) -> str | None:
    if part in {"", ".", ".."}:
        return "a part of it is empty, `.` or `..`"
    if part.startswith(OWN):
        return f"names that begin with {OWN} are the store's own"
    if any(ord(c) < ord(" ") or c == "\x7f" for c in part):
        return "it holds control characters"
    try:
        size = len(part.encode())
    except UnicodeEncodeError:
        return "it is no valid Unicode"
    return f"a part of it is longer than {PART_BYTES} bytes" if size > PART_BYTES else None


def media_type_of(name: str) -> str:
    """What the ending of a name says about the content."""
    lower = name.lower()
    for ending, media_type in _ENDINGS.items():
        if lower.endswith(ending):
            return media_type
    guess, encoding = mimetypes.guess_type(lower, strict=False)
    if encoding:
        return {"gzip": "application/gzip", "bzip2": "application/x-bzip2"}.get(encoding, "application/octet-stream")
    return guess or "application/octet-stream"


_ENDINGS: Final = {
    ".tif": "image/tiff; application=geotiff",
    ".tiff": "image/tiff; application=geotiff",
    ".geojson": "application/geo+json",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".gpkg": "application/geopackage+sqlite3",
    ".parquet": "application/vnd.apache.parquet",
    ".nc": "application/netcdf",
    ".h5": "application/x-hdf5",
    ".jp2": "image/jp2",
    ".fgb": "application/vnd.flatgeobuf",
    ".kml": "application/vnd.google-earth.kml+xml",
    ".gml": "application/gml+xml",
    ".cwl": "application/cwl+yaml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".laz": "application/vnd.laszip",
    ".copc.laz": "application/vnd.laszip+copc",
    ".zarr": "application/vnd+zarr",
}
