"""What the tools of a package ask for: cores, memory, room on the disk, time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.model import JSON

RESOURCES: Final = ("cores", "ram", "tmpdir", "outdir")
TIME: Final = "ToolTimeLimit"
_RESOURCES: Final = "ResourceRequirement"


@dataclass(frozen=True, slots=True)
class Wish:
    """One number that a tool asks for."""

    tool: str
    field: str
    """As the package writes it: `coresMin`, `ramMin` …, or `ToolTimeLimit`."""
    amount: float
    """In the unit of the package: cores, MiB, seconds. Infinite where an expression says it once the job runs."""


def wishes(executable: JSON) -> tuple[Wish, ...]:
    """All that the tools of a package ask for; what is no CWL asks for nothing."""
    graph = executable.get("document", {}).get("$graph", ())
    processes = {process["id"]: process for process in graph}
    entry = processes.get(executable.get("entry"))
    return () if entry is None else tuple(dict.fromkeys(_Walk(processes).visit(entry, {}, {})))


class _Walk:
    """Through workflows down to tools; what stands further inside replaces what stands around it."""

    def __init__(self, processes: dict[str, JSON]) -> None:
        self._processes = processes
        self._seen: set[tuple[int, ...]] = set()

    def visit(self, process: JSON, must: dict[str, JSON], may: dict[str, JSON]) -> Iterator[Wish]:
        must, may = must | _relevant(process, "requirements"), may | _relevant(process, "hints")
        effective = may | must
        key = (id(process), *(id(found.get(name)) for found in (must, may) for name in (_RESOURCES, TIME)))
        if key in self._seen:
            return
        self._seen.add(key)
        if process["class"] == "CommandLineTool":
            yield from _of_tool(str(process.get("id") or "of the package"), effective)
        for step in process.get("steps", ()):
            run = step["run"]
            target = self._processes[run.removeprefix("#")] if isinstance(run, str) else run
            yield from self.visit(target, must | _relevant(step, "requirements"), may | _relevant(step, "hints"))


def _relevant(process: JSON, key: str) -> dict[str, JSON]:
    return {item["class"]: item for item in process.get(key, ()) if item["class"] in {_RESOURCES, TIME}}


def _of_tool(tool: str, effective: dict[str, JSON]) -> Iterator[Wish]:
    resources = effective.get(_RESOURCES, {})
    for what in RESOURCES:
        field = next((name for name in (f"{what}Min", f"{what}Max") if resources.get(name) is not None), None)
        if field is not None:
            yield Wish(tool, field, _amount(resources[field]))
    if TIME in effective:
        yield Wish(tool, TIME, _amount(effective[TIME]["timelimit"]))


def _amount(said: JSON) -> float:
    return float(said) if isinstance(said, int | float) else math.inf
