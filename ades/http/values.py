"""JSON as HTML: any value, shown as text that cannot turn into markup, with addresses as links.

Written in Python rather than as template macros because it recurses and because lists call it often.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

DEPTH: Final = 6
"""Deeper values are shown as JSON text: a page is not a tree browser, and strangers' documents may be nested for ever."""
_LINKABLE: Final = frozenset({"", "http", "https", "mailto"})
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"']+")
_WORDS: Final = {None: Markup('<span class="faint">none</span>'), True: Markup("yes"), False: Markup("no")}
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)")


def show(value: Any, depth: int = 0) -> Markup:
    """Any JSON value, readable."""
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, int | float):
        return escape(value)
    if depth >= DEPTH:
        return pretty(value)
    return _object(value, depth) if isinstance(value, dict) else _list(list(value), depth)


def rest(document: Mapping[str, Any], shown: Collection[str]) -> Markup:
    """What the document says besides the keys that a page has shown already."""
    left = {key: value for key, value in document.items() if key not in shown and value not in (None, "", [], {})}
    return _object(left, 0, named=True) if left else Markup()


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects in a list, or the named objects in an object, which then know their `key`; nothing for the rest."""
    if isinstance(value, dict):
        return [{"key": key} | entry for key, entry in value.items() if isinstance(entry, dict)]
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def pretty(value: Any) -> Markup:
    """The value as indented JSON."""
    return Markup("<pre><code>{}</code></pre>").format(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def link(href: Any, text: Any = None, kind: str = "") -> Markup:
    """A link, if the address is of a kind that a browser may safely follow; else the same as text."""
    label = text or href
    if not is_linkable(href):
        return Markup('<span class="address">{}</span>').format(label if label == href else f"{label} ({href})")
    return Markup('<a href="{}"{}>{}</a>').format(href, Markup(' type="{}"').format(kind) if kind else "", label)


def is_linkable(href: Any) -> bool:
    """Whether following the address reads something, rather than runs something."""
    if not isinstance(href, str) or not href:
        return False
    try:
        return urlsplit(href.strip()).scheme.lower() in _LINKABLE
    except ValueError:
        return False


def words(key: str) -> str:
    """A JSON key as words: jobControlOptions → job control options."""
    if key.isupper() or ":" in key or "/" in key:
        return key
    return (
        re.sub(r"(?<=[a-z0-9])([A-Z](?=[a-z]))", lambda m: " " + m[1].lower(), key)
        .replace("_", " ")
        .replace("ID", " id")
        .strip()
    )


def time(value: Any) -> Markup:
    """A time for people; the exact one stands in the attribute."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return escape(value if value is not None else "")
    return Markup('<time datetime="{}">{} {} UTC</time>').format(value, found[1], found[2])


def size(count: Any) -> str:
    """A number of bytes for people."""
    if not isinstance(count, int):
        return ""
    left = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if left < 1024:  # noqa: PLR2004 - what a KiB is
            return f"{count} bytes" if unit == "bytes" else f"{left:.1f} {unit}"
        left /= 1024
    return f"{left:.1f} TiB"


def _text(value: str) -> Markup:
    if not value:
        return Markup('<span class="faint">empty</span>')
    if _ADDRESS.fullmatch(value):
        return link(value)
    if _TIME.fullmatch(value):
        return time(value)
    return Markup('<span class="lines">{}</span>').format(value) if "\n" in value else escape(value)


def _object(value: Mapping[str, Any], depth: int, *, named: bool = False) -> Markup:
    """An object as a list of facts; `named` if its keys are words of ours and not of a stranger."""
    if not value:
        return Markup('<span class="faint">empty</span>')
    if isinstance(value.get("href"), str):
        return _reference(value, depth)
    rows = Markup().join(
        Markup("<div><dt>{}</dt> <dd>{}</dd></div>").format(words(str(key)) if named else key, show(entry, depth + 1))
        for key, entry in value.items()
    )
    return Markup('<dl class="facts{}">{}</dl>').format(" named" if named else "", rows)


def _reference(value: Mapping[str, Any], depth: int) -> Markup:
    """A link object; whatever it says besides its address follows in brackets."""
    anchor = link(value["href"], value.get("title"), str(value.get("type") or ""))
    more = {k: v for k, v in value.items() if k not in {"href", "title"} and v not in (None, "")}
    notes = Markup(", ").join(
        Markup("{} {}").format(words(str(key)), show(entry, depth + 1)) for key, entry in more.items()
    )
    return Markup('{} <span class="note">{}</span>').format(anchor, notes) if notes else anchor


def _list(value: list[Any], depth: int) -> Markup:
    if not value:
        return Markup('<span class="faint">empty list</span>')
    if all(isinstance(entry, int | float | bool) or entry is None for entry in value):
        return Markup(", ").join(show(entry) for entry in value)
    short = all(isinstance(entry, str) and len(entry) < 40 and "\n" not in entry for entry in value)  # noqa: PLR2004 - fits a chip
    entries = Markup().join(Markup("<li>{}</li>").format(show(entry, depth + 1)) for entry in value)
    return Markup('<ul class="{}">{}</ul>').format("chips" if short else "entries", entries)
