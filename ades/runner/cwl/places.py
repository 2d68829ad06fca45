"""Where in a workflow something happens: its name for people, its place in a scatter, its part of the progress."""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from cwltool.context import RuntimeContext
from cwltool.workflow_job import ReceiveScatterOutput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ades.model import JSON
    from ades.runner.document import Limits
    from ades.runner.progress import Part
    from ades.runner.report import Report


@dataclass(frozen=True, slots=True)
class Place:
    """Where the process that is run now stands."""

    name: str
    """The name of the step."""
    part: Part
    scatter: int | None = None
    """Which task of a scatter, counted from 0 through all scatters around it."""

    @property
    def row(self) -> str:
        """The name with its number: `warp` for the first task, `warp_3` for the third."""
        return self.name if not self.scatter else f"{self.name}_{self.scatter + 1}"


class Context(RuntimeContext):
    """What cwltool hands down from process to process, and what we hand down with it."""

    report: Report
    place: Place
    limits: Limits
    most: Limits
    stated: dict[str, JSON]
    """The ResourceRequirement of the tool whose resources are chosen."""
    log_limit: int | None = None
    isolate_network: Callable[[], None] | None = None
    """Takes the network from the tool that the calling thread starts. None: nothing to take away."""

    environment: Mapping[str, str] = {}
    """What tools find in their environment beyond what the package says. Packages get nothing by this."""

    def get_stagedir(self) -> str:
        """Where a tool's inputs would be put; cwltool makes the folder with the first file that is."""
        top, start = os.path.split(self.tmpdir_prefix)
        return os.path.join(top, f"{start}{token_hex(8)}")  # noqa: PTH118 - cwltool speaks in strings

    def at(self, place: Place) -> Context:
        """The same context, for what is at this place."""
        moved: Context = self.copy()
        moved.place = place
        moved.name = place.row
        return moved


def position(callback: Any) -> tuple[int, int] | None:
    """Which task of how many, read from what a scatter has attached to its callback; None outside of scatters."""
    found = None
    size = 1
    while isinstance(callback, functools.partial) and (scatter := _scatter_of(callback)) is not None:
        total = max(scatter.total, 1)
        index = callback.args[0]
        found = (index, total) if found is None else (found[0] + index * size, total * size)
        size = found[1]
        callback = scatter.output_callback
    return found


def _scatter_of(callback: functools.partial[Any]) -> ReceiveScatterOutput | None:
    receiver = getattr(callback.func, "__self__", None)
    return receiver if isinstance(receiver, ReceiveScatterOutput) else None


def safe(name: str) -> str:
    """A name that can be the name of a file and a part of an address."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.") or "step"
