"""Reading, writing, listing and deleting files of a workspace."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast
from urllib.parse import quote

from ades.errors import (
    BadRequest,
    Conflict,
    ContentTooLarge,
    NoSuchResource,
    PreconditionFailed,
    QuotaExceeded,
    RangeNotSatisfiable,
)
from ades.http import documents, query
from ades.http.files.pieces import Pieces, understood
from ades.http.links import LINK, presigned
from ades.http.negotiation import HTML, JSON
from ades.http.ranges import send_object
from ades.http.respond import Response, dumps
from ades.http.routes import Answer, Body, Route
from ades.objects import check_key
from ades.policy import Action

if TYPE_CHECKING:
    from ades.http.call import Call
    from ades.objects import ObjectInfo

_MORE: Final = 308
"""Resume Incomplete: so far it has come, send the rest."""
_GENERIC: Final = frozenset({"", "application/octet-stream", "application/x-www-form-urlencoded"})


# -- reading --------------------------------------------------------------------------------------------------------


def read(call: Call, path: str) -> Any:
    """A file, whole or in parts; or the list of a folder."""
    call.allow()
    call.tenant()
    key = _key(call, path)
    try:
        if call.query["link"]:
            return presigned(call, key)
        return send_object(call.request, call.services.objects, key, name=key.rsplit("/", 1)[-1])
    except FileNotFoundError:
        return _listed(call, key)


def top(call: Call) -> Any:
    """All files of the workspace."""
    call.allow()
    call.tenant()
    return _listed(call, f"{call.workspace}/files", root=True)


def _listed(call: Call, key: str, *, root: bool = False) -> Any:
    limit = call.query["limit"] or call.services.settings.page_limit
    after = call.query["after"]
    prefix = f"{call.workspace}/files/"
    names = (info for info in call.services.objects.list(key) if after is None or info.key.removeprefix(prefix) > after)
    found = list(islice(names, limit + 1))
    if not found and not root and after is None:
        raise NoSuchResource(f"There is no file {key.removeprefix(prefix)[:80]!r} in the workspace {call.workspace}.")
    links: list[dict[str, Any]] = [{"href": documents.here(call), "rel": "self", "type": JSON.media_type}]
    if len(found) > limit:
        last = quote(found[limit - 1].key.removeprefix(prefix), safe="")
        links.append(
            {"href": f"{documents.here(call)}?limit={limit}&after={last}", "rel": "next", "type": JSON.media_type}
        )
    call.negotiate(JSON, HTML)
    return call.answer({"files": [_told(call, info) for info in found[:limit]], "links": links})


def _told(call: Call, info: ObjectInfo) -> dict[str, Any]:
    path = info.key.removeprefix(f"{call.workspace}/files/")
    return {
        "path": path,
        "href": _address(call, path),
        "size": info.size,
        "modified": info.modified.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "etag": info.etag,
    } | ({"type": info.media_type} if info.media_type else {})


# -- writing --------------------------------------------------------------------------------------------------------


def write(call: Call, path: str) -> Response:
    """Store a file, whole or a piece of it."""
    key, there = _before(call, path)
    length = _length(call)
    header = call.request.headers.get("Content-Range")
    if header is not None:
        return _piece(call, key, header, length, there)
    info = call.services.objects.put(key, cast("BinaryIO", call.request.stream), _media_type(call))
    return _stored(call, info, there)


def _piece(call: Call, key: str, header: str, length: int, there: ObjectInfo | None) -> Response:
    piece = understood(header)
    _check_size(call, piece.total)
    if not piece.asks and length != piece.end - piece.start:
        raise BadRequest(f"The body has {length} bytes, and its Content-Range says {piece.end - piece.start}.")
    pieces = Pieces(call.services.objects, call.workspace, key, piece.total)
    if not piece.asks:
        pieces.add(piece, cast("BinaryIO", call.request.stream))
    reached = pieces.reached()
    if reached < piece.total:
        return Response(status=_MORE, headers={"Range": f"bytes=0-{reached - 1}"} if reached else {})
    return _stored(call, pieces.whole(key, _media_type(call)), there)


def send(call: Call, path: str = "") -> Response:
    """Store the files of a form, each under its own name in this folder."""
    call.allow()
    workspace = call.tenant()
    length = _length(call)
    call.services.tenants.barriers.storage(workspace, length)
    files = [file for several in call.request.files.listvalues() for file in several if file.filename]
    if not files:
        raise BadRequest("The form holds no files; send them as multipart/form-data.")
    folder = f"{path.strip('/')}/" if path.strip("/") else ""
    keys = [_key(call, folder + str(file.filename).replace("\\", "/").rsplit("/", 1)[-1]) for file in files]
    stored = [
        call.services.objects.put(
            key, cast("BinaryIO", file.stream), None if file.mimetype in _GENERIC else file.mimetype
        )
        for key, file in zip(keys, files, strict=True)
    ]
    return Response(dumps({"files": [_told(call, info) for info in stored]}), 201, content_type=JSON.media_type)


def remove(call: Call, path: str) -> Response:
    """Delete a file; with `recursive` a folder."""
    key, there = _before(call, path)
    if there is None and not call.query["recursive"] and next(iter(call.services.objects.list(key)), None):
        raise Conflict(f"{path[:80]!r} is a folder with files in it; add recursive=true to delete them all.")
    if not call.services.objects.delete(key):
        raise NoSuchResource(f"There is no file {path[:80]!r} in the workspace {call.workspace}.")
    return Response(status=204)


def _before(call: Call, path: str) -> tuple[str, ObjectInfo | None]:
    """The key, and what lies there, once the caller may write and what the client demands of it is so."""
    call.allow()
    workspace = call.tenant()
    key = _key(call, path)
    try:
        there = call.services.objects.stat(key)
    except FileNotFoundError:
        there = None
    headers = call.request.headers
    if (
        "If-None-Match" in headers
        and there
        and (headers["If-None-Match"].strip() == "*" or call.request.if_none_match.contains_weak(there.etag))
    ):
        raise PreconditionFailed(f"There is a file {path[:80]!r} already.")
    if "If-Match" in headers and (there is None or there.etag not in call.request.if_match):
        raise PreconditionFailed(f"The file {path[:80]!r} is not the one that you know.")
    if call.request.method == "PUT":
        call.services.tenants.barriers.storage(workspace, _length(call))
    return key, there


def _length(call: Call) -> int:
    """How long the body is; it must be said, so that nobody finds out at the end that it was too much."""
    length = call.request.content_length
    if length is None and call.request.headers.get("Content-Range", "").startswith("bytes */"):
        return 0
    if length is None:
        raise BadRequest("Say how long the file is, in a Content-Length header.")
    _check_size(call, length)
    call.request.max_content_length = call.services.settings.upload_limit
    return length


def _check_size(call: Call, size: int) -> None:
    limit = call.services.settings.upload_limit
    if size > limit:
        raise ContentTooLarge(f"The file has {size} bytes, and {limit} is the most that this server takes at once.")


def _stored(call: Call, info: ObjectInfo, there: ObjectInfo | None) -> Response:
    told = _told(call, info)
    response = Response(dumps(told), 200 if there else 201, content_type=JSON.media_type)
    response.headers["Location"] = str(told["href"])
    response.headers["ETag"] = f'"{info.etag}"'
    return response


def _media_type(call: Call) -> str | None:
    """What the client says that it is; a word that says nothing leaves it to the ending of the name."""
    return None if call.request.mimetype in _GENERIC else call.request.mimetype


def _key(call: Call, path: str) -> str:
    if "\N{REPLACEMENT CHARACTER}" in path:  # two of them would be one file
        raise BadRequest("The path of the file is not UTF-8.")
    return check_key(f"{call.workspace}/files/{path.strip('/')}")


def _address(call: Call, path: str) -> str:
    return f"{call.root}/{call.workspace}/files/{quote(path, safe='/')}"


# -- routes ---------------------------------------------------------------------------------------------------------

_LIST: Final = (
    query.whole("limit", "How many to list at most.", minimum=1, maximum=10_000),
    query.text("after", "List what comes after this path."),
    LINK,
)
_RECURSIVE: Final = (query.words("recursive", "`true` deletes all files of a folder.", choices=("true",)),)


def _route(method: str, path: str, view: Any, name: str, summary: str, action: Action, **more: Any) -> Route:
    given: dict[str, Any] = {
        "tag": "Files",
        "offers": None,
        "errors": (NoSuchResource,),
        "answers": {200: Answer(summary, media_types=("*/*",))},
    } | more
    return Route(method=method, path=path, view=view, name=name, summary=summary, action=action, **given)


_ONE: Final = "/{workspace}/files/{path*}"
_ALL: Final = "/{workspace}/files"
_FORM: Final = Body(("multipart/form-data",), "anything")
_WRITTEN: Final = (ContentTooLarge, QuotaExceeded, PreconditionFailed)

ROUTES: Final = (
    _route("GET", _ALL, top, "listFiles", "The files of a workspace", Action.READ_FILES, query=_LIST),
    _route(
        "GET", _ONE, read, "getWorkspaceFile", "A file, or the list of a folder", Action.READ_FILES, query=_LIST,
        headers=("Range",), errors=(NoSuchResource, RangeNotSatisfiable),
    ),
    _route("PUT", _ONE, write, "putFile", "Store a file", Action.WRITE_FILES, errors=_WRITTEN),
    _route("POST", _ALL, send, "postFiles", "Store the files of a form", Action.WRITE_FILES, body=_FORM),
    _route("POST", _ONE, send, "postFilesInFolder", "Store the files of a form", Action.WRITE_FILES, body=_FORM),
    _route("DELETE", _ONE, remove, "deleteFile", "Delete a file or folder", Action.WRITE_FILES, query=_RECURSIVE),
)  # fmt: skip
