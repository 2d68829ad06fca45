"""Whether what came is what was promised: checksum, size, and the kind of file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from ades.errors import FetchFailed

if TYPE_CHECKING:
    from pathlib import Path

_MULTIHASH: Final = {
    "d50110": "md5",
    "1114": "sha1",
    "1120": "sha1",
    "1220": "sha256",
    "1240": "sha256",
    "1340": "sha512",
    "1740": "sha3_224",
    "1620": "sha3_256",
    "1440": "sha3_512",
}
_CHUNK: Final = 1024 * 1024

_MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"II+\0", "a TIFF image"),
    (b"MM\0+", "a TIFF image"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"CDF\x01", "a netCDF file"),
    (b"CDF\x02", "a netCDF file"),
    (b"CDF\x05", "a netCDF file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"%PDF-", "a PDF document"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
)
_KINDS: Final = {
    "image/tiff": "a TIFF image",
    "image/png": "a PNG image",
    "image/jpeg": "a JPEG image",
    "image/jp2": "a JPEG 2000 image",
    "application/x-hdf5": "an HDF5 file",
    "application/pdf": "a PDF document",
    "application/zip": "a zip archive",
    "application/geopackage+sqlite3": "an SQLite database",
    "application/json": "JSON",
    "application/geo+json": "JSON",
}
HEAD: Final = 512


def checksum(path: Path, promised: str) -> None:
    """Compare with a checksum: a multihash in hexadecimal as STAC has it, or `sha256:…`."""
    algorithm, expected = _understood(promised)
    if algorithm is None:
        return
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
    if digest.hexdigest() != expected:
        raise FetchFailed(
            f"its checksum is not the promised one: {algorithm} {digest.hexdigest()[:16]}… instead of {expected[:16]}…"
        )


def length(path: Path, promised: Any) -> None:
    """Compare with a promised size."""
    if isinstance(promised, int) and not isinstance(promised, bool):
        found = path.stat().st_size
        if found != promised:
            raise FetchFailed(f"it has {found} bytes, and {promised} were promised")


def kind(path: Path, media_type: str | None) -> None:
    """Refuse what is plainly something else than it should be, such as the page of a login in place of an image."""
    wanted = _KINDS.get((media_type or "").partition(";")[0].strip().lower())
    if wanted is None:
        return
    with path.open("rb") as file:
        head = file.read(HEAD)
    found = kind_of(head)
    if found is not None and found != wanted:
        raise FetchFailed(f"it should be {wanted} and is {found}")


def kind_of(head: bytes) -> str | None:
    """What the first bytes say; None when they say nothing."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if text.startswith((b"<?xml", b"<error")):
        return "an XML document"
    return "JSON" if text[:1] in {b"{", b"["} else None


def _understood(promised: str) -> tuple[str | None, str]:
    """Algorithm and digest; no algorithm for what is not understood, which is then not compared."""
    text = promised.strip().lower()
    name, colon, digest = text.partition(":")
    if colon:
        return (name if name in hashlib.algorithms_available else None), digest
    for prefix, algorithm in _MULTIHASH.items():
        digest = text.removeprefix(prefix)
        if digest != text and len(digest) == 2 * hashlib.new(algorithm, usedforsecurity=False).digest_size:
            return algorithm, digest
    return None, text
