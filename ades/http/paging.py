"""Lists in pages: what a client may ask for, and the links to the pages around."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.http import query
from ades.model import Page

if TYPE_CHECKING:
    from ades.http.call import Call

PAGING: Final = (
    query.whole("limit", "How many to return at most; the server may return fewer.", minimum=1, maximum=10_000),
    query.whole("skip", "How many to leave out. Links to the next page carry a cursor, which goes before.", minimum=0),
    query.text("cursor", "Where to go on, as a `next` link says it.", pattern=r"[A-Za-z0-9_.=~-]{1,500}"),
)


def wanted(call: Call, *, whole: bool = False) -> Page:
    """The page that is asked for; with `whole` everything, when no limit is named."""
    return Page(_limit(call, whole=whole), call.query["cursor"], call.query["skip"] or 0)


def _limit(call: Call, *, whole: bool) -> int:
    settings = call.services.settings
    asked: int | None = call.query["limit"]
    if asked is not None:
        return min(asked, settings.page_limit_max)
    return settings.page_limit_max if whole else settings.page_limit


def neighbours(call: Call, page: Page, cursor: str | None) -> list[dict[str, str]]:
    """Links to the next and the previous page. The way on is a cursor, the way back is counted."""
    found = []
    if cursor is not None:
        href = call.here(limit=page.limit, skip=page.skip + page.limit, cursor=cursor, f=call.args.get(query.FORM))
        found.append({"href": href, "rel": "next", "type": call.form.bare, "title": "The next page"})
    if page.skip:
        href = call.here(
            limit=page.limit, skip=max(0, page.skip - page.limit), cursor=None, f=call.args.get(query.FORM)
        )
        found.append({"href": href, "rel": "prev", "type": call.form.bare, "title": "The previous page"})
    return found
