"""From text to plain values: YAML 1.2 and JSON, with guards against what a stranger may send.

The values are built straight from libyaml's events: that is as fast as its own loader, and it lets us refuse doubled
keys, aliases that multiply, deep nesting and endless documents while they are read, before they take memory. Plain
words are resolved by the YAML 1.2 core schema, as CWL wants it: `no` is a text, `2024-01-01` is a text, `010` is ten.

Positions cost time and are wanted only when something is wrong. So they are not kept: `place` reads the text again.
"""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NoReturn

import orjson
import yaml

from ades.errors import MalformedPackage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ades.model import JSON

MAX_NODES: Final = 50_000
"""Values in one document, aliases counted as often as they are used."""
MAX_DEPTH: Final = 100
MAX_DIGITS: Final = 400
"""Python refuses to read integers of thousands of digits; nothing sensible comes near."""

_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
_BASED: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: Final[dict[str, JSON]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_CORE: Final = "tag:yaml.org,2002:"
_MERGE: Final = "<<"


def decode(body: bytes) -> str:
    """The text of a body: UTF-8, UTF-16 with its mark, otherwise Latin-1, as some clients send it without saying so."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return body.decode("utf-16")
        except UnicodeDecodeError as error:
            raise MalformedPackage(f"The body begins like UTF-16 but is not: {error.reason}.") from error
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def load(text: str, *, json_only: bool = False) -> JSON:
    """The value that a YAML or JSON text says."""
    if "\x00" in text:
        raise MalformedPackage("The document holds a NUL character. Is it a text at all?")
    if json_only:
        return _checked(_load_json(text))
    if text.lstrip()[:1] == "{":
        try:
            return _checked(_load_json(text))
        except MalformedPackage:
            # YAML's braces are laxer than JSON's; if they too make no sense, YAML says where.
            pass
    return _checked(_load_yaml(text))


def malformed(what: str, line: int | None = None, column: int | None = None) -> MalformedPackage:
    """The exception that says what cannot be read, and where: lines and columns count from 1."""
    if line is None:
        return MalformedPackage(what)
    return MalformedPackage(f"Line {line}, column {column}: {what}", line=line, column=column)


def _checked(value: JSON) -> JSON:
    """The value, if JSON and databases can carry it: no lone surrogates, no NUL, no integers beyond 64 bits."""
    try:
        written = orjson.dumps(value)
    except (TypeError, RecursionError) as error:
        raise MalformedPackage(f"The document holds a value that cannot be kept: {error}.") from error
    if b"\\u0000" in written and "\x00" in "".join(_texts(value)):
        raise MalformedPackage("The document holds a NUL character, which no database can keep.")
    return value


def _texts(value: JSON) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


# -- JSON -----------------------------------------------------------------------------------------------------------


def _load_json(text: str) -> JSON:
    if text.count(",") + text.count("[") + text.count("{") > 2 * MAX_NODES:
        raise MalformedPackage(f"The document holds more than {MAX_NODES} values.")
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_json_int)
    except json.JSONDecodeError as error:
        raise malformed(f"{error.msg}. This is not JSON.", error.lineno, error.colno) from error
    except RecursionError as error:
        raise MalformedPackage(f"The document is nested more than {MAX_DEPTH} levels deep.") from error
    _measure(value)
    return value


def _unique(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise MalformedPackage(f"The key `{_short(key)}` appears twice in one object. Keep one of them.")
            seen.add(key)
    return found


def _no_constant(word: str) -> NoReturn:
    raise MalformedPackage(f"`{word}` is not JSON.")


def _json_int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise MalformedPackage("The document holds a number of too many digits.")
    return int(digits)


def _measure(value: JSON) -> None:
    level: list[JSON] = [value]
    nodes = 0
    for _ in range(MAX_DEPTH + 1):
        below: list[JSON] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, float) and not math.isfinite(item):
                raise MalformedPackage("The document holds a number that is too large.")
        nodes += len(level)
        if nodes > MAX_NODES:
            raise MalformedPackage(f"The document holds more than {MAX_NODES} values.")
        if not below:
            return
        level = below
    raise MalformedPackage(f"The document is nested more than {MAX_DEPTH} levels deep.")


# -- YAML -----------------------------------------------------------------------------------------------------------


def _load_yaml(text: str) -> JSON:
    try:
        builder = _Builder()
        value = builder.build(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part) or "this cannot be read"
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise malformed(f"{what}. {_advice(text, line)}", line, column) from error
    except yaml.YAMLError as error:
        raise MalformedPackage(f"This is not YAML: {' '.join(str(error).split())}") from error
    if builder.aliased:
        _measure(value)  # aliases can nest deeper than the text does
    return value


def _advice(text: str, line: int | None) -> str:
    lines = text.splitlines()
    found = lines[line - 1] if line is not None and 0 < line <= len(lines) else ""
    if "\t" in found[: len(found) - len(found.lstrip())]:
        return "The line is indented with a tab; YAML wants blanks."
    if found.count(": ") > 1 or found.rstrip().endswith(":"):
        return "If the value itself has a colon in it, put it in quotes."
    return "Look at the indentation and the quotes of this line and of the one above."


class _Builder:
    """Puts the events of one document together. Holds a stack of open collections instead of calling itself."""

    def __init__(self) -> None:
        self.nodes = 0
        self.anchors: dict[str, tuple[JSON, int]] = {}
        self.open: list[_Frame] = []
        self.root: JSON = None
        self.documents = 0
        self.aliased = False

    def build(self, events: Iterable[Any]) -> JSON:
        for event in events:
            step = _STEPS.get(type(event))
            if step is not None:
                step(self, event)
        return self.root

    def document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            raise _at(event, "a second document begins here (`---`). One file, one document")

    def scalar(self, event: Any) -> None:
        self.count(event, 1)
        self.finish(_scalar(event), event, 1)

    def alias(self, event: Any) -> None:
        known = self.anchors.get(event.anchor)
        if known is None:
            raise _at(event, f"the alias `*{_short(event.anchor)}` has no finished anchor `&{_short(event.anchor)}`")
        self.aliased = True
        value, weight = known
        self.count(event, weight)
        self.finish(value, event, weight, anchored=False)

    def mapping(self, event: Any) -> None:
        self.begin(event, {})

    def sequence(self, event: Any) -> None:
        self.begin(event, [])

    def begin(self, event: Any, collection: dict[str, JSON] | list[JSON]) -> None:
        self.count(event, 1)
        if len(self.open) >= MAX_DEPTH:
            raise _at(event, f"this is nested more than {MAX_DEPTH} levels deep")
        if event.tag not in {None, "!", _CORE + "map", _CORE + "seq"}:
            raise _at(event, f"the tag `{_short(event.tag)}` is not understood here")
        self.open.append(_Frame(collection, event, self.nodes - 1))

    def end(self, _event: Any) -> None:
        frame = self.open.pop()
        value = frame.merged() if frame.merge else frame.collection
        self.finish(value, frame.event, self.nodes - frame.start)

    def count(self, event: Any, weight: int) -> None:
        self.nodes += weight
        if self.nodes > MAX_NODES:
            raise _at(event, f"the document holds more than {MAX_NODES} values, aliases counted each time")

    def finish(self, value: JSON, event: Any, weight: int, *, anchored: bool = True) -> None:
        if anchored and event.anchor is not None:
            self.anchors[event.anchor] = (value, weight)
        if self.open:
            self.open[-1].add(value, event)
        else:
            self.root = value


class _Frame:
    """A collection whose end has not come yet."""

    __slots__ = ("collection", "event", "key", "merge", "start")

    def __init__(self, collection: dict[str, JSON] | list[JSON], event: Any, start: int) -> None:
        self.collection = collection
        self.event = event
        self.start = start
        self.key: str | None = None
        self.merge: list[JSON] = []

    def add(self, value: JSON, event: Any) -> None:
        if isinstance(self.collection, list):
            self.collection.append(value)
        elif self.key is None:
            self.key = self.new_key(value, event)
        else:
            if self.key == _MERGE and isinstance(value, (dict, list)):
                self.merge.extend(value if isinstance(value, list) else [value])
            else:
                self.collection[self.key] = value
            self.key = None

    def new_key(self, value: JSON, event: Any) -> str:
        if isinstance(value, (dict, list)):
            raise _at(event, "a key must be a text, not a list or a mapping")
        key = value if isinstance(value, str) else str(getattr(event, "value", value))
        if key in self.collection:
            raise _at(event, f"the key `{_short(key)}` is there already. Keep one of them")
        return key

    def merged(self) -> JSON:
        whole: dict[str, JSON] = {}
        for part in reversed(self.merge):
            if not isinstance(part, dict):
                raise _at(self.event, "`<<` merges mappings only")
            whole |= part
        assert isinstance(self.collection, dict)  # noqa: S101 - only mappings have keys
        return whole | self.collection


_STEPS: Final[dict[type, Callable[[_Builder, Any], None]]] = {
    yaml.ScalarEvent: _Builder.scalar,
    yaml.MappingStartEvent: _Builder.mapping,
    yaml.SequenceStartEvent: _Builder.sequence,
    yaml.MappingEndEvent: _Builder.end,
    yaml.SequenceEndEvent: _Builder.end,
    yaml.AliasEvent: _Builder.alias,
    yaml.DocumentStartEvent: _Builder.document,
}


def _scalar(event: Any) -> JSON:
    if event.tag is not None and event.tag != "!":
        return _tagged(event)
    return _plain(event.value, event) if event.implicit[0] else event.value


def _plain(word: str, event: Any) -> JSON:  # noqa: PLR0911 - the rules of the core schema, one after the other
    if word in _WORDS:
        return _WORDS[word]
    if word[0] not in "-+.0123456789":
        return word
    if len(word) > MAX_DIGITS:
        return word
    if _INTEGER.fullmatch(word):
        return int(word)
    if _FLOAT.fullmatch(word):
        number = float(word)
        if not math.isfinite(number):
            raise _at(event, f"the number {_short(word)} is too large")
        return number
    if _BASED.fullmatch(word):
        return int(word, 0)
    if _INFINITE.fullmatch(word):
        raise _at(event, f"`{word}` is no number that JSON can carry. Put it in quotes if it is meant as a text")
    return word


def _tagged(event: Any) -> JSON:
    kind = event.tag.removeprefix(_CORE)
    if kind == "str":
        return event.value
    value = _plain(event.value, event)
    fitting: dict[str, tuple[type, ...]] = {
        "null": (type(None),), "bool": (bool,), "int": (int,), "float": (int, float),
    }  # fmt: skip
    if kind not in fitting:
        raise _at(event, f"the tag `{_short(event.tag)}` is not understood here")
    if not isinstance(value, fitting[kind]):
        raise _at(event, f"`{_short(event.value)}` is not what its tag `!!{kind}` says")
    return float(value) if kind == "float" and isinstance(value, int) else value


def _at(event: Any, what: str) -> MalformedPackage:
    mark = event.start_mark
    return malformed(f"{what}.", mark.line + 1, mark.column + 1)


def _short(word: object) -> str:
    text = str(word)
    return text if len(text) <= 40 else f"{text[:40]}…"  # noqa: PLR2004 - enough to recognise it


# -- positions ------------------------------------------------------------------------------------------------------


Place = tuple[int, int]
"""Line and column, from 1."""


class _Wanted:
    """A part of the paths that are looked for, and where it was found."""

    __slots__ = ("below", "place")

    def __init__(self) -> None:
        self.below: dict[str | int, _Wanted] = {}
        self.place: Place | None = None


def place(text: str, path: Sequence[str | int]) -> Place | None:
    """Line and column of the value at a path; of the nearest one above it if there is no such value."""
    return places(text, [path])[0]


def places(text: str, paths: Sequence[Sequence[str | int]]) -> list[Place | None]:
    """The same for several paths, reading the text once."""
    root = _Wanted()
    for path in paths:
        node = root
        for step in path:
            node = node.below.setdefault(step, _Wanted())
    with suppress(yaml.YAMLError):  # JSON that is no YAML has no places
        _Finder(root).walk(yaml.parse(text.replace("\t", " "), Loader=yaml.CSafeLoader))
    return [_nearest(root, path) for path in paths]


def _nearest(node: _Wanted, path: Sequence[str | int]) -> Place | None:
    found = node.place
    for step in path:
        node = node.below[step]
        if node.place is None:
            break
        found = node.place
    return found


class _Finder:
    """Goes through the events of a text and notes where the wanted parts stand."""

    def __init__(self, root: _Wanted) -> None:
        self.root = root
        self.open: list[_Position] = []

    def walk(self, events: Iterable[Any]) -> None:
        for event in events:
            if isinstance(event, yaml.CollectionEndEvent):
                self.open.pop()
            elif isinstance(event, yaml.NodeEvent):
                self.node(event)

    def node(self, event: Any) -> None:
        wanted = self.wanted(event)
        if isinstance(event, yaml.CollectionStartEvent):
            self.open.append(_Position(wanted, is_map=isinstance(event, yaml.MappingStartEvent)))

    def wanted(self, event: Any) -> _Wanted | None:
        mark = (event.start_mark.line + 1, event.start_mark.column + 1)
        if not self.open:
            self.root.place = mark
            return self.root
        return self.open[-1].step(getattr(event, "value", None), mark)


class _Position:
    """Within an open collection."""

    __slots__ = ("index", "is_map", "key", "key_place", "wanted")

    def __init__(self, wanted: _Wanted | None, *, is_map: bool) -> None:
        self.wanted = wanted
        self.is_map = is_map
        self.index = -1
        self.key: str | None = None
        self.key_place: Place | None = None

    def step(self, value: Any, mark: Place) -> _Wanted | None:
        """The wanted part that begins here; of an entry of a mapping the place is that of its key."""
        if self.is_map and self.key_place is None:
            self.key, self.key_place = value, mark
            return None
        self.index += 1
        step: str | int | None = self.key if self.is_map else self.index
        found = self.wanted.below.get(step) if self.wanted is not None and step is not None else None
        if found is not None:
            found.place = self.key_place or mark
        self.key_place = None
        return found
