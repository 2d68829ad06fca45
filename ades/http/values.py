"""JSON as HTML: any value, shown as text that cannot turn into markup, with addresses as links.

Written in Python rather than as template macros because it recurses and because lists call it often. The functions
whose names begin with an underscore give text that is HTML already; whatever came from outside went through `escape`.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

DEPTH: Final = 6
"""Deeper values are shown as JSON text: a page is not a tree browser, and strangers' documents may be nested for ever."""
_LINKABLE: Final = frozenset({"", "http", "https", "mailto"})
_NARROW: Final = 60
_CHIP: Final = 40
_COLUMNS: Final = 7
"""A table with more than these cannot be read; the objects then stand below each other."""
_ROW: Final = frozenset({"href", "links"})
_BYTES: Final = frozenset({"size", "storage", "peakMemory", "peak memory", "file:size"})
"""Shorter texts fit beside each other."""
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"']+")
_WORDS: Final = {None: '<span class="faint">none</span>', True: "yes", False: "no"}
_CODE: Final = re.compile(r"`([^`]+)`")
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)")


def show(value: Any) -> Markup:
    """Any JSON value, readable."""
    return _safe(_show(value, 0))


def rest(document: Mapping[str, Any], shown: Collection[str]) -> Markup:
    """What the document says besides the keys that a page has shown already."""
    left = {key: value for key, value in document.items() if key not in shown and value not in (None, "", [], {})}
    return _safe(_object(left, 0, named=True) if left else "")


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects in a list, or the named objects in an object, which then know their `key`; nothing for the rest."""
    if isinstance(value, dict):
        return [{"key": key} | entry for key, entry in value.items() if isinstance(entry, dict)]
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list | tuple) else []


def plain(thing: Mapping[str, Any]) -> dict[str, Any]:
    """A thing of a PROV document without its label, its names short, its typed values without their type."""
    return {
        words(str(key).rpartition(":")[2]): value["$"] if isinstance(value, dict) and "$" in value else value
        for key, value in thing.items()
        if key not in {"prov:label", "schema:name"}
    }


def pretty(value: Any) -> Markup:
    """The value as indented JSON."""
    return _safe(_pretty(value))


def link(href: Any, text: Any = None, kind: Any = "") -> Markup:
    """A link, if the address is of a kind that a browser may safely follow; else the same as text."""
    return _safe(_link(href, text, kind))


def is_linkable(href: Any) -> bool:
    """Whether following the address reads something, rather than runs something."""
    if not isinstance(href, str) or not href:
        return False
    try:
        return urlsplit(href.strip()).scheme.lower() in _LINKABLE
    except ValueError:
        return False


def prose(text: Any) -> Markup:
    """A sentence of ours, in which words between backticks are code."""
    return _safe(_CODE.sub(r"<code>\1</code>", str(escape(text or ""))))


def paragraphs(text: Any) -> Markup:
    """A description by somebody else: its paragraphs, without the line breaks of a narrow editor."""
    blocks = [_flowing(block) for block in str(text or "").strip().split("\n\n") if block.strip()]
    return Markup("\n").join(Markup('<p class="lines">{}</p>').format(prose(block)) for block in blocks)


def _flowing(block: str) -> str:
    """Lines that are long were broken for want of room; short ones, and lists, on purpose."""
    found = ""
    for line in block.strip("\n").splitlines():
        broken = len(found.rpartition("\n")[2]) >= _NARROW and not line.lstrip().startswith(("-", "*", "•"))
        found += (" " if broken else "\n") + line.strip() if found else line.strip()
    return found


@lru_cache(maxsize=512)
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


def tables(document: Mapping[str, Any], shown: Collection[str]) -> dict[str, Any]:
    """The lists of a document, besides the keys that a page has shown already, that hold objects of one kind."""
    return {key: value for key, value in document.items() if key not in shown and _are_records(value)}


def time(value: Any) -> Markup:
    """A time for people; the exact one stands in the attribute."""
    return _safe(_time(value))


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


def _safe(html: str) -> Markup:
    return Markup(html)  # noqa: S704 - the one place where escaped text is declared as such


def _show(value: Any, depth: int) -> str:
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, int | float):
        return str(value)
    if depth >= DEPTH:
        return _pretty(value)
    return _object(value, depth) if isinstance(value, dict) else _list(list(value), depth)


def _pretty(value: Any) -> str:
    return f"<pre><code>{escape(json.dumps(value, indent=2, ensure_ascii=False, default=str))}</code></pre>"


def _link(href: Any, text: Any, kind: Any) -> str:
    label = text or href
    if not is_linkable(href):
        return f'<span class="address">{escape(label if label == href else f"{label} ({href})")}</span>'
    named = f' type="{escape(kind)}"' if kind else ""
    return f'<a href="{escape(href)}"{named}>{escape(label)}</a>'


def _time(value: Any) -> str:
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return escape(value if value is not None else "")
    return f'<time datetime="{escape(value)}">{found[1]} {found[2]} UTC</time>'


def _text(value: str) -> str:
    if not value:
        return '<span class="faint">empty</span>'
    if value.startswith("http") and _ADDRESS.fullmatch(value):
        return _link(value, None, "")
    if value[0].isdigit() and _TIME.fullmatch(value):
        return _time(value)
    return f'<span class="lines">{escape(value)}</span>' if "\n" in value else escape(value)


def _object(value: Mapping[str, Any], depth: int, *, named: bool = False) -> str:
    """An object as a list of facts; `named` if its keys are words of ours and not of a stranger."""
    if not value:
        return '<span class="faint">empty</span>'
    if isinstance(value.get("href"), str):
        return _reference(value, depth)
    rows = "".join(
        f"<div><dt>{escape(words(str(key)) if named else key)}</dt> <dd>{_fact(str(key), entry, depth + 1)}</dd></div>"
        for key, entry in value.items()
    )
    return f'<dl class="facts{" named" if named else ""}">{rows}</dl>'


def _reference(value: Mapping[str, Any], depth: int) -> str:
    """A link object; whatever it says besides its address follows in brackets."""
    anchor = _link(value["href"], value.get("title"), value.get("type"))
    more = {k: v for k, v in value.items() if k not in {"href", "title"} and v not in (None, "")}
    notes = ", ".join(f"{escape(words(str(key)))} {_show(entry, depth + 1)}" for key, entry in more.items())
    return f'{anchor} <span class="note">{notes}</span>' if notes else anchor


def _are_records(value: Any) -> bool:
    """Several objects of one kind, which are more than links."""
    if not isinstance(value, list) or not value or not all(isinstance(row, dict) for row in value):
        return False
    return len(_columns(value)) > 1 and not all("href" in row and "rel" in row for row in value)


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    return [key for key in dict.fromkeys(key for row in rows for key in row) if key not in _ROW]


def _table(rows: list[dict[str, Any]], depth: int) -> str:
    columns, linked = _columns(rows), any(row.get("links") for row in rows)
    heads = "".join(f'<th scope="col">{escape(words(str(key)).capitalize())}</th>' for key in columns)
    ends = [f"<td>{_ways_on(row, '<br>')}</td>" if linked else "" for row in rows]
    body = "".join(f"<tr>{_row(row, columns, depth)}{end}</tr>" for row, end in zip(rows, ends, strict=True))
    more = '<th scope="col">Links</th>' if linked else ""
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table class="records">'
        f"<thead><tr>{heads}{more}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cards(records: list[dict[str, Any]], depth: int) -> str:
    shown = (
        _object({key: value for key, value in one.items() if key != "links"}, depth, named=True) + _ways_on(one, " · ")
        for one in records
    )
    return f'<ul class="rows">{"".join(f"<li class=row>{one}</li>" for one in shown)}</ul>'


def _row(row: dict[str, Any], columns: list[str], depth: int) -> str:
    cells = [_cell(key, row[key], depth) if key in row else "" for key in columns]
    if isinstance(row.get("href"), str):
        cells[0] = _link(row["href"], row.get(columns[0]), row.get("type"))
    named = zip(columns, cells, strict=True)
    return "".join(f'<td data-label="{escape(words(str(key)).capitalize())}">{cell}</td>' for key, cell in named)


def _cell(key: str, value: Any, depth: int) -> str:
    if isinstance(value, dict | list) and any(isinstance(entry, dict | list) for entry in _entries(value)):
        return f"<details><summary>{len(value)}</summary>{_show(value, depth + 1)}</details>"
    if value in ("", [], {}):
        return ""
    return _fact(key, value, depth + 1)


def _entries(value: dict[str, Any] | list[Any]) -> Collection[Any]:
    return value.values() if isinstance(value, dict) else value


def _ways_on(row: dict[str, Any], between: str) -> str:
    found = (
        _link(one.get("href"), one.get("title") or one.get("rel"), one.get("type")) for one in objects(row.get("links"))
    )
    return between.join(found)


def _fact(key: str, value: Any, depth: int) -> str:
    """A value whose name says what it is; of a size the exact one stands in the attribute."""
    if key in _BYTES and isinstance(value, int) and not isinstance(value, bool):
        return f'<data value="{value}">{size(value)}</data>'
    return _show(value, depth)


def _list(value: list[Any], depth: int) -> str:
    if not value:
        return '<span class="faint">empty list</span>'
    if _are_records(value):
        return _table(value, depth) if len(_columns(value)) <= _COLUMNS else _cards(value, depth)
    if all(isinstance(entry, int | float | bool) or entry is None for entry in value):
        return ", ".join(_show(entry, depth) for entry in value)
    short = all(isinstance(entry, str) and len(entry) < _CHIP and "\n" not in entry for entry in value)
    entries = "".join(f"<li>{_show(entry, depth + 1)}</li>" for entry in value)
    return f'<ul class="{"chips" if short else "entries"}">{entries}</ul>'
