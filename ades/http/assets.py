"""The files that pages need: stylesheet, scripts, pictures. They come out of the package and never change while running.

All of them are served below one folder whose name is a hash over all their bytes, so that browsers may keep them for
ever and relative addresses inside of them still work.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from mimetypes import guess_type
from typing import TYPE_CHECKING, Final

from flask import Response, request

from ades.errors import NoSuchResource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

FOLDER: Final = "static"
_FOREVER: Final = "public, max-age=31536000, immutable"
_BRIEFLY: Final = "public, max-age=60"
_TEXT: Final = frozenset({"application/json", "application/geo+json", "image/svg+xml", "text/javascript"})
_TYPES: Final = {"geojson": "application/geo+json", "js": "text/javascript", "map": "application/json"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, ready to be sent."""

    body: bytes
    zipped: bytes | None
    """Compressed with gzip, where that is worth it."""
    media_type: str
    etag: str


@cache
def assets() -> Mapping[str, Asset]:
    """All files by their name below the folder."""
    return {name: _load(file) for name, file in sorted(_walk(files(__package__).joinpath(FOLDER)))}


@cache
def version() -> str:
    """The hash over all files: it changes when one of them does."""
    return sha256("".join(f"{name}={asset.etag}\n" for name, asset in assets().items()).encode()).hexdigest()[:12]


def path(name: str) -> str:
    """Where the file is served, below the server's root."""
    if name not in assets():
        raise LookupError(f"There is no file {name} among the static files.")
    return f"{FOLDER}/{version()}/{name}"


def serve(hashed: str, name: str) -> Response:
    """The file. A page of another version of the server gets it too, but must ask again soon."""
    asset = assets().get(name)
    if asset is None:
        raise NoSuchResource
    zipped = asset.zipped if "gzip" in request.headers.get("Accept-Encoding", "") else None
    response = Response(zipped or asset.body, mimetype=asset.media_type)
    response.headers["Cache-Control"] = _FOREVER if hashed == version() else _BRIEFLY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.vary.add("Accept-Encoding")
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    response.set_etag(f"{asset.etag}-gzip" if zipped else asset.etag)
    response.make_conditional(request)
    return response


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif not entry.name.startswith("."):
            yield prefix + entry.name, entry


def _load(file: Traversable) -> Asset:
    body = file.read_bytes()
    kind = _TYPES.get(file.name.rpartition(".")[2]) or guess_type(file.name)[0] or "application/octet-stream"
    zipped = gzip.compress(body, mtime=0) if kind.startswith("text/") or kind in _TEXT else None
    return Asset(
        body=body,
        zipped=zipped if zipped and len(zipped) < len(body) else None,
        media_type=kind,
        etag=sha256(body).hexdigest()[:16],
    )
