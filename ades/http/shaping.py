"""What a client wants of results, and the addresses under which it can read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.http import collections, lookup, query
from ades.http.negotiation import ranges
from ades.service.accept import Accept
from ades.service.handover import results_prefix
from ades.service.representation import JSON_TYPE, MULTIPART, ZIP, Asked
from ades.service.shape import Shaper

if TYPE_CHECKING:
    from ades.http.call import Call
    from ades.model import Job
    from ades.service import request
    from ades.service.preferences import Return

_FORMS: Final = {"json": JSON_TYPE, "html": "text/html", "zip": ZIP, "multipart": MULTIPART}


def asked(call: Call, form: request.Form | None, returns: Return | None) -> Asked:
    """What the client wants, from its request, its preferences and its headers."""
    header = call.request.headers.get("Accept") or ""
    profile = "ogc-results" if "ogc-results" in header else call.args.get("profile")
    named = call.args.get(query.FORM)
    if named:
        accept = Accept.of([(_FORMS.get(named.lower(), named.lower()), 1.0)], profile)
    else:
        accept = Accept.of(ranges(header), profile)
    settings = call.services.settings
    return Asked(
        form=form,
        returns=returns,
        accept=accept,
        stac=lookup.is_eodh(call),
        inline_limit=settings.inline_limit,
        inline_most=settings.inline_most,
    )


def shaper(call: Call, job: Job) -> Shaper:
    """Shapes the results of a job with addresses below the prefix that was called."""

    def href(name: str, index: int | None = None) -> str:
        return call.url("jobs", str(job.id), "results", name, *([] if index is None else [str(index)]))

    def locate(key: str) -> str | None:
        prefix = results_prefix(job) + "/"
        inside = key.startswith(prefix)
        return call.url("jobs", str(job.id), "results", *key.removeprefix(prefix).split("/")) if inside else None

    return Shaper(call.services.objects, href, locate, lambda row: collections.folder(call, job, row))
