"""Pages: the JSON documents of the server, readable in a browser.

A page shows everything that its document says, and each of its links. Nothing is loaded from elsewhere, nothing is
run inline: the headers say so to the browser.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from jinja2 import ChainableUndefined, Environment, PackageLoader, TemplateNotFound

from ades import __version__
from ades.http import assets, maps, schemas, timeline, values

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""To be sent with each page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a page must know besides its document. All addresses are absolute, as in the document."""

    url: str
    """The address of what is shown."""
    home: str = "/"
    """The server's root, ending in a slash."""
    root: str = ""
    """The root of the workspace's API, without a slash at its end; empty on pages above the workspaces."""
    workspace: str = ""
    server: str = "ADES"
    """The name of the server."""
    heading: str = ""
    """What stands above a document that has no title."""
    user: str = ""
    """Who has logged in."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What one kind of page needs alone."""

    def local(self, href: str) -> str:
        """An address of this server without host, so that it works under whatever name the browser knows us."""
        parts = urlsplit(href)
        return parts._replace(scheme="", netloc="").geturl() or "/"

    def own(self, href: str) -> str:
        """The address without host if it is one of this server, else nothing."""
        return self.local(href) if href.startswith(self.home) or (href.startswith("/") and href[1:2] != "/") else ""

    def static(self, name: str) -> str:
        """Where a static file is."""
        return f"{self.local(self.home).rstrip('/')}/{assets.path(name)}"

    @property
    def json(self) -> str:
        """The address of the same as JSON."""
        return f"{self.url}{'&' if '?' in self.url else '?'}f=json"


def render(name: str, document: Mapping[str, Any], *, context: Context) -> str:
    """The page `name` for a document; a document without a page of its own is shown by the page `document`."""
    environment = _environment()
    try:
        template = environment.get_template(f"{name}.html")
    except TemplateNotFound:
        template = environment.get_template("document.html")
    return template.render(document=document, page=context, **context.extra)


def curl(url: str, *, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None) -> str:
    """The request as a command that can be pasted into a shell."""
    parts = ["curl"] if method == "GET" else ["curl", "-X", method]
    lines = [" ".join([*parts, shlex.quote(url)])]
    lines += [f"-H {shlex.quote(f'{key}: {value}')}" for key, value in (headers or {}).items()]
    if body is not None:
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}")
    return " \\\n  ".join(lines)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ades.http"),
        autoescape=True,
        undefined=ChainableUndefined,  # what a document leaves out is left out on its page
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        show=values.show, objects=values.objects, plain=values.plain, pretty=values.pretty, time=values.time, words=values.words, tables=values.tables, size=values.size, prose=values.prose, paragraphs=values.paragraphs,
        schema=schemas.in_words, groupby_start=schemas.grouped,
    )  # fmt: skip
    environment.globals.update(
        link=values.link, rest=values.rest, curl=curl, example=schemas.example, resolve=schemas.resolve,
        operations=schemas.operations,
        duration=timeline.duration, draw=maps.draw, geojson=maps.geojson, near=maps.near, shapes=maps.shapes, version=__version__,
    )  # fmt: skip
    return environment
