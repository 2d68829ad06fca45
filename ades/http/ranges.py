"""Bytes that lie in the object store, whole or a part of them: ranges, ETag, If-Range, HEAD."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from werkzeug.http import http_date, is_resource_modified

from ades.errors import PreconditionFailed, RangeNotSatisfiable
from ades.http.respond import Response

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from flask import Request

    from ades.objects import ObjectInfo, ObjectStore

PIECE: Final = 256 * 1024


def send_object(
    request: Request, objects: ObjectStore, key: str, *, media_type: str | None = None, name: str | None = None
) -> Response:
    """Answer with an object. Raises FileNotFoundError when there is none."""
    info = objects.stat(key)
    response = Response(content_type=media_type or info.media_type or "application/octet-stream")
    _describe(response, info, name)
    if "If-Match" in request.headers and info.etag not in request.if_match:
        raise PreconditionFailed
    # The library takes a condition that does not hold for a sign that nothing has changed.
    conditions = {**request.environ, "HTTP_IF_MATCH": ""}
    if not is_resource_modified(conditions, etag=info.etag, last_modified=info.modified):
        response.status_code = 304
        return response
    part = _wanted(request, info)
    start, length = part or (0, info.size)
    if part is not None:
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{info.size}"
    response.headers["Content-Length"] = str(length)
    if request.method != "HEAD" and length:
        response.response = pieces(objects.open(key, start, length))
    return response


def _describe(response: Response, info: ObjectInfo, name: str | None) -> None:
    headers = response.headers
    headers["Accept-Ranges"] = "bytes"
    headers["ETag"] = f'"{info.etag}"'
    headers["Last-Modified"] = http_date(info.modified)
    headers["Cache-Control"] = "private, no-cache"
    headers["X-Content-Type-Options"] = "nosniff"
    # What a tool wrote is shown, but may run nothing in the name of this server.
    headers["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:"
    if name is not None:
        headers.set("Content-Disposition", "inline", **_named(name))


def _named(name: str) -> dict[str, str]:
    """The name of a file for a header, which holds nothing but ASCII: other letters come in a spelling of their own."""
    if name.isascii():
        return {"filename": name}
    return {"filename": name.encode("ascii", "replace").decode(), "filename*": f"UTF-8''{quote(name, safe='')}"}


def _wanted(request: Request, info: ObjectInfo) -> tuple[int, int] | None:
    """Where the part begins that is asked for, and how many bytes it has; None for the whole."""
    wanted = request.range
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1 or _outdated(request, info):
        return None
    found = wanted.range_for_length(info.size)
    if found is None:
        raise RangeNotSatisfiable(
            f"The object has {info.size} bytes; the range lies outside.", content_range=f"bytes */{info.size}"
        )
    return found[0], found[1] - found[0]


def _outdated(request: Request, info: ObjectInfo) -> bool:
    """The client has a part of what was here before, and wants the rest only if it is still the same."""
    condition = request.if_range
    if condition.etag is not None:
        return condition.etag != info.etag
    return condition.date is not None and condition.date < info.modified.replace(microsecond=0)


def pieces(source: BinaryIO) -> Iterator[bytes]:
    """A file in pieces; it is closed when it is read or nobody reads on."""
    with source:
        while piece := source.read(PIECE):
            yield piece
