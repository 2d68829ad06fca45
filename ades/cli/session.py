"""Which server the commands talk to, and how they talk to people and programs."""

from __future__ import annotations

import functools
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table
    from rich.text import Text

    from ades.client import Client, ClientError

_UNKNOWN: Final = 401
_TAKEN: Final = 409
_FEW: Final = 3
_LEAST: Final = 12
"""Characters of a shortened column that are worth showing."""
_BETWEEN: Final = 2
"""Blanks between two columns."""
DEFAULT_URL: Final = "http://127.0.0.1:8080"

FAILED: Final = 1
"""The job failed or was dismissed."""
REFUSED: Final = 3
"""The token is missing or not enough."""
NOT_FOUND: Final = 4
"""There is no such thing."""
REJECTED: Final = 5
"""The server did not accept the request."""
TROUBLE: Final = 6
"""The server cannot be reached or cannot do it."""
GOES_ON: Final = 7
"""The time to wait is over and the job goes on."""


@dataclass(frozen=True, slots=True)
class Session:
    """The server, the workspace and the form of the output."""

    url: str
    workspace: str | None
    token: str | None
    json: bool
    configured: bool = False
    """Somebody has named the server; otherwise it is the default one of this machine."""
    guessed: bool = False
    """Nobody has named the workspace."""

    def client(self) -> Client:
        """The root of the API that the commands use."""
        from ades.client import Client

        root = Client(self.url, self.token)
        return root.workspace(self.workspace) if self.workspace else root

    def show(self, document: Any, text: Callable[[], None]) -> None:
        """Print JSON for programs or call what prints for people."""
        if self.json:
            import json

            click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        else:
            text()


def remembered() -> dict[str, str]:
    """What `ades login` has written down."""
    import json

    try:
        found: dict[str, str] = json.loads(login_file().read_text())
    except (OSError, ValueError):
        return {}
    return found


def login_file() -> Path:
    """Where `ades login` writes."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "ades" / "login.json"


def talks(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a session, and turn errors of the client into one sentence and an exit code."""

    @click.option("--url", envvar="ADES_URL", help=f"The server, or the root of any OGC API.  [default: {DEFAULT_URL}]")
    @click.option(
        "-w", "--workspace", envvar="ADES_WORKSPACE", help="The workspace; '' for a server without.  [default: demo]"
    )
    @click.option("--token", envvar="ADES_TOKEN", help="Bearer token; better in ADES_TOKEN or by `ades login`.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
    @functools.wraps(command)
    def wrapped(
        *arguments: Any, url: str | None, workspace: str | None, token: str | None, as_json: bool, **options: Any
    ) -> None:
        session = _session(url, workspace, token, as_json=as_json)
        _guarded(session, lambda: command(session, *arguments, **options))

    return wrapped


def _session(url: str | None, workspace: str | None, token: str | None, *, as_json: bool) -> Session:
    known = {} if url else remembered()
    address = (url or known.get("url") or DEFAULT_URL).rstrip("/")
    # An empty word says that the server has no workspaces; click would take an empty variable for none.
    named = [workspace, os.environ.get("ADES_WORKSPACE"), known.get("workspace")]
    name = "" if "ogc-api" in address else next((word for word in named if word is not None), None)
    guessed = name is None
    return Session(
        address,
        "demo" if guessed else name or None,
        token or known.get("token"),
        as_json,
        configured=bool(url or known),
        guessed=guessed,
    )


def _guarded(session: Session, call: Callable[[], None]) -> None:
    from ades import client
    from ades.errors import AdesError

    codes = {client.Refused: REFUSED, client.NotFound: NOT_FOUND, client.Rejected: REJECTED, client.JobFailed: FAILED}
    try:
        call()
    except client.ClientError as error:
        said = plain(str(error)).replace("; use PUT to replace it", "")  # here there is an option for that
        click.echo(flowing(f"ades: {said}{_remedy(error, session)}", err=True), err=True)
        sys.exit(codes.get(type(error), TROUBLE))
    except AdesError as error:  # a package was read here, to be sent
        click.echo(flowing(f"ades: {plain(error.detail)}", err=True), err=True)
        sys.exit(REJECTED)


def _remedy(error: ClientError, session: Session) -> str:
    from ades.client import NotFound, Refused, Unreachable

    if isinstance(error, NotFound) and not error.problem and session.guessed:
        return f" There is no ADES with a workspace {session.workspace}; for another OGC API add `-w ''`."
    if error.status == _TAKEN and error.location:
        return " Add --replace to put this package in its place."
    if isinstance(error, Unreachable):
        return " Start a server with `ades serve`, or name one with --url or ADES_URL."
    if not isinstance(error, Refused):
        return ""
    if session.token and error.status == _UNKNOWN:
        return " It may have expired: get a new one with `ades login`, or set ADES_TOKEN."
    return "" if session.token else " Give a token with `ades login` or ADES_TOKEN."


def plain(text: str) -> str:
    """Without what would move the cursor or colour the terminal: texts come from servers, packages and tools."""
    unstyled = click.unstyle(text)
    return "".join(char if char.isprintable() or char in "\t\n" else " " for char in unstyled)


def flowing(text: str, *, indent: int = 0, err: bool = False) -> str:
    """A text for a terminal, broken between words and indented below its first line; elsewhere as it is."""
    if not (sys.stderr if err else sys.stdout).isatty():
        return text
    import shutil
    import textwrap

    width = shutil.get_terminal_size().columns
    indent = min(indent, width // 4)
    return "\n".join(
        textwrap.fill(
            line, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False,
            drop_whitespace=True, replace_whitespace=False,
        )
        for line in text.splitlines()
    )  # fmt: skip


def is_screen() -> bool:
    """Whether somebody looks at standard error as it is written; in CI nobody does, whatever it is connected to."""
    return sys.stderr.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"


def table(rows: list[list[str]], head: list[str]) -> None:
    """Print columns; on a terminal as wide as it is, elsewhere separated by tabs."""
    if not rows:
        click.echo("There is nothing to list.", err=True)
        return
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row))
        return
    from rich.console import Console

    console = Console()
    console.print(grid(rows, head, console.width))


def grid(rows: list[list[str]], head: list[str], width: int) -> Table:
    """The same as something that rich can draw.

    Names and ids stay whole, so that they can be copied. Where there is no room for all columns, the last ones are
    shortened or left out; a table of two or three columns is broken into lines instead. Where there is hardly room for
    anything beside the first column, the others stand below it.
    """
    from rich.table import Table
    from rich.text import Text

    cells = [[Text(plain(cell)) for cell in row] for row in rows]
    wanted = [max([len(name), *(row[at].cell_len for row in cells)]) for at, name in enumerate(head)]
    found = Table(box=None, pad_edge=False, header_style="bold")
    if len(head) <= _FEW:
        found.add_column(head[0], no_wrap=True, overflow="ellipsis", min_width=min(wanted[0], width))
        for name in head[1:]:
            found.add_column(name, overflow="fold")
    else:
        room = _fitting(wanted, width)
        if len(room) < _FEW:
            return _stacked(cells, head, width)
        for name, wide in zip(head, room, strict=False):
            found.add_column(name, no_wrap=True, overflow="ellipsis", width=wide)
        cells = [row[: len(room)] for row in cells]
    for row in cells:
        found.add_row(*row)
    return found


def _fitting(wanted: list[int], width: int) -> list[int]:
    """How wide the first columns are: whole, the last one perhaps shortened."""
    found: list[int] = []
    for wide in wanted:
        left = width - sum(found) - _BETWEEN * len(found)
        if left < min(wide, _LEAST):
            break
        found.append(min(wide, left))
    return found


def _stacked(cells: list[list[Text]], head: list[str], width: int) -> Table:
    """For a narrow terminal: what each row begins with, and the rest indented below it."""
    from rich.table import Table
    from rich.text import Text

    found = Table(box=None, pad_edge=False, header_style="bold")
    found.add_column(head[0], overflow="fold", max_width=width)
    for first, *others in cells:
        found.add_row(first)
        rest = Text(
            "  " + "  ".join(cell.plain for cell in others if cell.plain.strip()), no_wrap=True, overflow="ellipsis"
        )
        found.add_row(rest)
    return found
