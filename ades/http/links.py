"""Links that work without a token for a while, given out by the object store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.errors import Conflict
from ades.http import query
from ades.http.negotiation import JSON
from ades.http.respond import Response, dumps

if TYPE_CHECKING:
    from ades.http.call import Call

LINK: Final = query.words(
    "link", "`true` asks for an address that works without a token for a while.", choices=("true",)
)


def presigned(call: Call, key: str) -> Response:
    """An address of the object, where the store has such a thing. Raises FileNotFoundError."""
    lifetime = call.services.settings.link_lifetime
    link = call.services.objects.link(key, lifetime)
    if link is None:
        raise Conflict("The files of this server lie in a folder, which gives no links; read them with your token.")
    body = dumps({"href": link, "expires_in": int(lifetime.total_seconds())})
    return Response(body, content_type=JSON.media_type, headers={"Cache-Control": "private, no-store"})
