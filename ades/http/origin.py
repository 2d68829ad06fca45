"""From where a request comes, if a browser sends it: foreign pages may read what is open, and change nothing.

A server without identities answers everybody who can reach it. A browser on the same machine can reach it, and runs
the scripts of any page that its user has open; so a request that changes something must not come from such a page, nor
from one whose host name has been pointed to this machine to look like ours.
Programs say nothing of where they are, and may. A page that sends a token of its own may too: it knows a secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ades.errors import Forbidden
from ades.settings import LOOPBACK

if TYPE_CHECKING:
    from ades.http.call import Call

_HARMLESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OUR_OWN: Final = frozenset({"same-origin", "none"})


def check(call: Call) -> None:
    """Refuse a change that a foreign page asks for without a token of its own."""
    if call.request.method not in _HARMLESS and "Authorization" not in call.request.headers:
        check_form(call)


def check_form(call: Call) -> None:
    """Refuse what a foreign page sends, whatever else comes with it: to a form, a gateway may add the token itself."""
    headers = call.request.headers
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if site is None and origin is None:
        return
    if origin is not None and origin.rstrip("/") in call.services.settings.origins:
        return
    ours = {urlsplit(call.root).netloc, call.request.host}
    if not ((site in _OUR_OWN) if site else (urlsplit(origin or "").netloc in ours)):
        raise Forbidden(
            f"This comes from a page of another site ({(origin or site or '')[:100]}) without a token, so nothing was "
            "done. If that page should be able to do this, add its origin to ADES_ORIGINS."
        )
    if not _is_our_name(call):
        raise Forbidden(
            f"This server listens for this machine alone and does not know itself as {call.request.host[:100]}, so "
            "nothing was done. If this is its name, set ADES_PUBLIC_URL."
        )


def _is_our_name(call: Call) -> bool:
    """Whether a server that is open to its own machine was called by a name of that machine."""
    settings = call.services.settings
    if not call.actor.open or settings.host not in LOOPBACK or settings.public_url or settings.trusted_proxies:
        return True
    host = urlsplit(f"//{call.request.host}").hostname or ""
    return host in LOOPBACK or host.endswith(".localhost")
