"""Documents become responses: as JSON or as a web page, with ETag, Link headers and 304 where nothing is new."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import orjson
from flask import Response as FlaskResponse

from ades.http import pages
from ades.http.cache import Ready

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from werkzeug.datastructures import Headers

    from ades.http.call import Call
    from ades.model import JSON

_MOST_LINKS: Final = 20
"""A document with more links than these does not repeat them in a header."""
_EMPTY_STATUS: Final = frozenset({204, 304})
_FRESH: Final = "private, no-cache"
"""May be kept by the client, who asks each time whether it is still right."""


class Response(FlaskResponse):
    """A response whose body, when it is there already, is handed to the server as a plain list."""

    def get_app_iter(self, environ: Any) -> Iterable[bytes]:
        """The body; nothing for HEAD and for what has none."""
        if not self.is_sequence or self._on_close:
            return super().get_app_iter(environ)
        if environ["REQUEST_METHOD"] == "HEAD" or self.status_code in _EMPTY_STATUS:
            return []
        return list(self.iter_encoded())

    def get_wsgi_headers(self, environ: Any) -> Headers:
        """The headers; what has no body has no media type either."""
        headers = super().get_wsgi_headers(environ)
        if self.status_code in _EMPTY_STATUS:
            headers.remove("Content-Type")
        return headers


def dumps(document: JSON) -> bytes:
    """JSON as bytes; times are written in UTC with a Z."""
    return orjson.dumps(document, option=orjson.OPT_UTC_Z)


def answer(
    call: Call,
    document: Mapping[str, JSON],
    *,
    status: int,
    headers: Mapping[str, str],
    page: str,
    extra: Mapping[str, Any],
) -> Response:
    """The document in the form that was negotiated."""
    return send(call, prepare(call, document, page=page, extra=extra), status=status, headers=headers)


def prepare(call: Call, document: Mapping[str, JSON], *, page: str, extra: Mapping[str, Any]) -> Ready:
    """The bytes of the answer and what belongs to them."""
    body = render(call, document, page, extra) if call.html else dumps(document)
    etag = blake2b(body, digest_size=12, usedforsecurity=False).hexdigest()
    return Ready(body, etag, link_header(document.get("links")))


def kept(call: Call, version: Hashable, document: Callable[[], Mapping[str, JSON]]) -> Response:
    """An answer that is made once for each address, form and caller, until what it is made from has another version."""
    key = (call.here(), call.form.name, call.actor, version)
    ready = call.services.cache.get(key)
    if ready is None:
        ready = prepare(call, document(), page=call.route.page, extra={})
        call.services.cache.put(key, ready)
    return send(call, ready)


def send(call: Call, ready: Ready, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The response, or 304 if the client has these bytes already."""
    response = Response(ready.body, status, content_type=media_type(call))
    found = response.headers
    if call.html:
        found.update(pages.HEADERS)
    if ready.link:
        found["Link"] = ready.link
    if status == 200 and call.request.method in {"GET", "HEAD"}:  # noqa: PLR2004
        _revalidate(call, response, found, ready.etag)
    if headers:
        found.update(headers)
    return response


def _revalidate(call: Call, response: Response, headers: Headers, etag: str) -> None:
    headers["ETag"] = f'"{etag}"'
    headers["Cache-Control"] = _FRESH
    headers["Vary"] = "Accept, Authorization"
    if "If-None-Match" in call.request.headers and call.request.if_none_match.contains_weak(etag):
        response.status_code = 304
        response.set_data(b"")
        headers.remove("Content-Length")


def media_type(call: Call) -> str:
    """The Content-Type of the negotiated form; each dialect labels JSON in its own way."""
    form = call.form
    return call.mount.profile.json if form.name == "json" and call.mount else form.media_type


def render(call: Call, document: Mapping[str, JSON], page: str, extra: Mapping[str, Any]) -> bytes:
    """The web page of a document."""
    context = pages.Context(
        url=call.here(),
        home=f"{call.root}/",
        root=_root(call),
        heading=call.route.summary,
        workspace=call.workspace,
        server=call.services.settings.title,
        user="" if call.actor.anonymous or call.actor.open else call.actor.name,
        extra=extra,
    )
    return pages.render(page, document, context=context).encode()


def _root(call: Call) -> str:
    """Where the workspace's API is; for pages beside it, the main one."""
    if call.mount or not call.workspace:
        return call.base if call.mount else ""
    return call.root + call.services.mounts[0].path(call.workspace)


def link_header(links: object) -> str | None:
    """The links of a document as one header."""
    if not isinstance(links, list) or not 0 < len(links) <= _MOST_LINKS:
        return None
    return ", ".join(
        f'<{link["href"]}>; rel="{link["rel"]}"' + (f'; type="{link["type"]}"' if "type" in link else "")
        for link in links
        if link["href"].isascii()
    )
