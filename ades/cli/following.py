"""How a job is shown while it goes: bars and the end of its log on a screen, lines elsewhere; all on standard error."""

from __future__ import annotations

import re
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import click

from ades.cli.session import is_screen, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Group, RenderableType
    from rich.table import Table

    from ades.client import Job, Update

_TAIL: Final = 5
"""Lines of the log below the bars."""
_NARROW: Final = 60
"""Columns below which there is no room for bars."""
_MARKS: Final = {
    "successful": ("✓", "green"),
    "failed": ("✗", "red"),
    "dismissed": ("■", "yellow"),
    "waiting": ("·", "dim"),
}


@contextmanager
def shown(job: Job, *, quiet: bool) -> Iterator[Callable[[Update], None]]:
    """What tells the updates of a job."""
    if quiet:
        yield lambda _: None
    elif is_screen():
        with _Screen(job) as screen:
            yield screen.tell
    else:
        yield _Lines().tell


class _Lines:
    """For logs and pipes: a line for each change, and the log itself."""

    def __init__(self) -> None:
        self._state = ""
        self._lost = False
        self._steps: dict[str, str] = {}

    def tell(self, update: Update) -> None:
        """Say what is new."""
        if bool(update.lost) != self._lost:
            self._lost = bool(update.lost)
            _say(f"{update.lost} Trying again." if update.lost else "The server is back.")
        for line in update.lines:
            _say(f"  {line}")
        for step in update.steps:
            name, state = str(step.get("name")), str(step.get("state"))
            if self._steps.get(name) != state:
                self._steps[name] = state
                _say(f"  {name}: {state}")
        state = f"{update.status} {update.percent}% {update.message}".rstrip()
        if state != self._state:
            self._state = state
            _say(state)


def _say(text: str) -> None:
    click.echo(plain(text), err=True)


@dataclass(slots=True)
class _Row:
    """A step, or all runs of a step that is run for each of a list."""

    name: str
    known: int = 0
    done: int = 0
    running: int = 0
    failed: int = 0
    began: float = 0
    ended: float = 0

    @property
    def waiting(self) -> bool:
        """None of its runs has begun."""
        return not (self.running or self.done or self.failed)

    def take_times(self, before: _Row | None, now: float) -> None:
        """When it began and ended, as far as it was seen from here."""
        if not self.waiting:
            self.began = before.began if before and before.began else now
        if self.done + self.failed == self.known:
            self.ended = before.ended if before and before.ended else now


class _Screen:
    """For people: a bar for the job and for each step, and the last lines of the log."""

    def __init__(self, job: Job) -> None:
        from rich.console import Console
        from rich.live import Live

        self._job = job
        self._update: Update | None = None
        self._tail: deque[str] = deque(maxlen=_TAIL)
        self._rows: dict[str, _Row] = {}
        self._began = time.monotonic()
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, get_renderable=self._drawn, refresh_per_second=6)

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._tail.clear()  # what stays on the screen are the bars
        self._live.stop()

    def tell(self, update: Update) -> None:
        """Remember what is new; the screen is drawn again several times a second."""
        self._update = update
        self._tail.extend(plain(line) for line in update.lines)
        rows: dict[str, _Row] = {}
        known = {str(step.get("name")) for step in update.steps}
        for step in update.steps:
            name = _base_name(str(step.get("name")), known)
            _count(rows.setdefault(name, _Row(name)), str(step.get("state")))
        for name, row in rows.items():
            row.take_times(self._rows.get(name), time.monotonic())
        self._rows = rows

    def _drawn(self) -> Group:
        from rich.console import Group
        from rich.text import Text

        tail = [Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in self._tail]
        return Group(self._table(), *([Text()] if tail else []), *tail)

    def _table(self) -> Table:
        from rich.table import Table

        wide = self._console.width >= _NARROW
        table = Table.grid(padding=(0, 1), expand=False)
        table.add_column(width=1)
        table.add_column(no_wrap=True, overflow="ellipsis", min_width=8)
        if wide:
            table.add_column(width=24)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis")
        update, now = self._update, time.monotonic()
        status = update.status if update else self._job.status
        percent = update.percent if update else self._job.progress
        message = plain((update.lost and f"{update.lost} Trying again.") or update.message) if update else ""
        self._add(table, wide, status, (status, percent / 100, _clock(now - self._began), message), pulse=False)
        room = max(3, self._console.height - _TAIL - 4)
        rows = sorted(self._rows.values(), key=lambda row: row.ended != 0)[:room] if len(self._rows) > room else None
        for row in rows or self._rows.values():
            self._add_row(table, row, now, wide=wide)
        if rows:
            table.add_row("", f"… and {len(self._rows) - len(rows)} more", *[""] * (3 if wide else 2))
        return table

    def _add_row(self, table: Table, row: _Row, now: float, *, wide: bool) -> None:
        if row.waiting:
            state, clock = "waiting", ""
        else:
            state = "failed" if row.failed else "successful" if row.done == row.known else "running"
            clock = _clock((row.ended or now) - row.began)
        count = f"{row.done} of {row.known}" if row.known > 1 else ""
        pulse = state == "running" and row.known == 1
        self._add(table, wide, state, (row.name, row.done / row.known, clock, count), pulse=pulse)

    @staticmethod
    def _add(table: Table, wide: bool, state: str, facts: tuple[str, float, str, str], *, pulse: bool) -> None:  # noqa: FBT001
        from rich.progress_bar import ProgressBar
        from rich.text import Text

        name, share, clock, note = facts
        mark, colour = _MARKS.get(state, ("●", "cyan"))
        bar: list[RenderableType] = [ProgressBar(total=1, completed=share, width=24, pulse=pulse)] if wide else []
        table.add_row(Text(mark, style=colour), Text(plain(name)), *bar, Text(clock), Text(note, style="dim"))


def _base_name(name: str, known: set[str]) -> str:
    """The runs of a scattered step are called after the first: `warp`, `warp_2`, `warp_3`."""
    base = re.sub(r"_\d+$", "", name)
    return base if base in known else name


def _count(row: _Row, state: str) -> None:
    row.known += 1
    row.done += state in {"successful", "skipped"}
    row.failed += state in {"failed", "dismissed"}
    row.running += state == "running"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
