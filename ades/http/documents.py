"""Files of jobs and workspaces as they are served: objects as they lie, STAC documents with absolute addresses."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from ades.http.ranges import send_object
from ades.http.respond import Response, dumps
from ades.objects import stac

if TYPE_CHECKING:
    from ades.http.call import Call
    from ades.model import JSON
    from ades.objects import ObjectStore


def send(call: Call, key: str, *, address: str | None = None) -> Response:
    """Answer with an object; `address` is its own, if it is not the one that was called. Raises FileNotFoundError."""
    info = call.services.objects.stat(key)
    if stac.is_stac(info.media_type):
        return _document(call, key, str(info.media_type), address or here(call))
    return send_object(call.request, call.services.objects, key, name=key.rsplit("/", 1)[-1])


def read(objects: ObjectStore, key: str) -> dict[str, Any]:
    """A document of the store. Raises FileNotFoundError."""
    with objects.open(key) as source:
        found: dict[str, Any] = orjson.loads(source.read())
    return found


def here(call: Call) -> str:
    """The address that was called, without its query."""
    return call.root + quote(call.request.path, safe="/~!$&'()*+,;=:@")


def file_address(root: str, key: str) -> str:
    """Where a result can be read below `root`, the address of an API: what its key says, said as results are."""
    _, _, _, job, path = key.split("/", 4)
    return f"{root}/jobs/{job}/results/{quote(path, safe='/')}"


def _document(call: Call, key: str, media_type: str, address: str) -> Response:
    body = dumps(stac.served(read(call.services.objects, key), address))
    etag = blake2b(body, digest_size=12, usedforsecurity=False).hexdigest()
    response = Response(body, content_type=stac.plain(media_type))
    response.headers["ETag"] = f'"{etag}"'
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(call.request)
    return response


def structure(document: dict[str, JSON], links: list[dict[str, JSON]]) -> dict[str, JSON]:
    """The document with other links where it has those of its tree; what else it links to stays."""
    tree = {"self", "root", "parent", "child", "item", "items", "collection"}
    kept = [link for link in document.get("links") or () if link.get("rel") not in tree]
    return {**document, "links": links + kept}
