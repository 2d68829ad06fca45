"""What is known and found while a document is being read: where things stand, what is wrong, what is doubtful."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

from ades.errors import InvalidPackage
from ades.recipe import text
from ades.recipe.document import named

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ades.model import JSON

Version: TypeAlias = tuple[int, int]

V1_0: Final[Version] = (1, 0)
V1_1: Final[Version] = (1, 1)
V1_2: Final[Version] = (1, 2)

MAX_PROBLEMS: Final = 20
"""Nobody reads more at once."""
MAX_WARNINGS: Final = 100
_LONGEST_MESSAGE: Final = 600
MAX_PARTS: Final = 100_000
"""Parts of a package with its types written out where they are used, and with what it imports."""
_MOST_COMPARED: Final = 500


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One text that is read: the package itself, or a file that it names."""

    text: str
    address: str | None = None
    prefix: tuple[str | int, ...] = ()
    """Where in the text the document begins, when it is part of another one."""


At: TypeAlias = "Source | tuple[At, str | int]"
"""Where a value stands: in a source, below other values."""


class Node(dict[str, "JSON"]):
    """A mapping of the normal form, which remembers where it stood and, for a custom type, whence it comes."""

    __slots__ = ("at", "origin")

    def __init__(self, at: At, origin: str | None = None) -> None:
        super().__init__()
        self.at = at
        self.origin = origin


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where."""

    message: str
    at: At


@dataclass(slots=True)
class Reading:
    """One package on its way from a plain value to the normal form."""

    version: Version = V1_2
    namespaces: dict[str, str] = field(default_factory=dict)
    types: dict[str, JSON] = field(default_factory=dict)
    """Types that SchemaDefRequirement names, by full and by short name, as they were written."""
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    parts: int = 0
    needed: Version = V1_0
    """The oldest version that has all requirements of the package; it may be newer than what the package says."""
    expanding: tuple[str, ...] = ()
    """The custom types being read just now, so that one that holds itself is noticed."""

    def count(self, parts: int, at: At) -> None:
        """Note that the package grows; refuse it when it grows beyond all measure."""
        self.parts += parts
        if self.parts > MAX_PARTS:
            raise refusal([Problem(f"The package has more than {MAX_PARTS} parts, its types written out.", at)])

    def problem(self, at: At, message: str) -> None:
        """Note something wrong. Reading goes on, so that the author learns of everything at once."""
        self.problems.append(Problem(_bounded(message), at))
        if len(self.problems) >= MAX_PROBLEMS:
            self.settle()

    def wrong(self, at: At, value: JSON, wanted: str) -> None:
        """Note that a value is not what belongs here."""
        self.problem(at, f"{name_of(at)} must be {wanted}, but this is {named(value)}.")

    def warn(self, message: str) -> None:
        """Note something doubtful, once."""
        if len(self.warnings) < MAX_WARNINGS and (said := _bounded(message)) not in self.warnings:
            self.warnings.append(said)

    def settle(self) -> None:
        """Raise what has been found, if anything."""
        if self.problems:
            raise refusal(self.problems)


def _bounded(message: str) -> str:
    """Names in a package can be as long as anybody likes."""
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…"


def refusal(problems: list[Problem]) -> InvalidPackage:
    """The exception for what was found: the first problem in its sentence, all of them in the list."""
    found = _entries(problems)
    first = found[0]
    detail = str(first["message"])
    if "line" in first:
        detail = f"Line {first['line']}, column {first['column']}: {detail}"
    if len(found) > 1:
        detail += f" ({len(found) - 1} more: see `problems`.)"
    places = {key: first[key] for key in ("line", "column") if key in first}
    return InvalidPackage(detail, problems=found, **places)


def _entries(problems: list[Problem]) -> list[dict[str, JSON]]:
    located = [(problem.message, *locate(problem.at)) for problem in problems]
    found = {
        source: iter(text.places(source.text, [path for _, other, path in located if other is source]))
        for source in {id(source): source for _, source, _ in located}.values()
    }
    entries: list[dict[str, JSON]] = []
    for message, source, path in located:
        entry: dict[str, JSON] = {"message": message, "path": dotted(path)}
        if source.address:
            entry["file"] = source.address
        if place := next(found[source]):
            entry["line"], entry["column"] = place
        entries.append(entry)
    return entries


def locate(at: At) -> tuple[Source, list[str | int]]:
    """The source and the path in it."""
    path: list[str | int] = []
    while isinstance(at, tuple):
        at, key = at
        path.append(key)
    path.reverse()
    return at, [*at.prefix, *path]


def dotted(path: list[str | int]) -> str:
    """A path as people write it: `$graph[0].steps.crop.in`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def name_of(at: At) -> str:
    """The last name in a path, for a message: `baseCommand`, `item 2 of arguments`."""
    _, path = locate(at)
    if not path:
        return "The document"
    if isinstance(path[-1], int):
        above = next((key for key in reversed(path) if isinstance(key, str)), "the list")
        return f"Item {path[-1] + 1} of `{above}`"
    return f"`{path[-1]}`"


def similar(word: str, known: Iterable[str]) -> str:
    """` Did you mean `x`?` when something known looks like it, otherwise nothing."""
    names = {name.lower(): name for name in islice(known, _MOST_COMPARED)}
    close = difflib.get_close_matches(word.lower(), names, 1, 0.65)
    return f" Did you mean `{names[close[0]]}`?" if close else ""
