"""`ades files`: what lies in the workspace, for inputs and to share."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ades.cli.session import Session, is_screen, table, talks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@click.group()
def files() -> None:
    """List, send, fetch and remove the files of a workspace.

    Example: ades files put scene.tif scenes/scene.tif
    """


@files.command()
@click.argument("path", default="")
@talks
def ls(session: Session, path: str) -> None:
    """List the files below a PATH, or all.

    Example: ades files ls scenes
    """
    found = list(session.client().files.list(path))
    rows = [[str(file["path"]), size_of(int(file["size"])), str(file.get("modified", ""))] for file in found]
    session.show(found, lambda: table(rows, ["path", "size", "modified"]))


@files.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("path", required=False)
@talks
def put(session: Session, source: Path, path: str | None) -> None:
    """Send a file or a folder; its address, which is printed, can be used as an input.

    A large file travels in pieces. When the connection breaks, or when the command is given again, it goes on where it
    was.

    Example: ades files put scene.tif scenes/scene.tif
    """
    with _progress(source.name) as told:
        url = session.client().files.put(source, path or source.resolve().name, progress=told)
    session.show({"href": url}, lambda: click.echo(url))


@files.command()
@click.argument("path")
@click.argument("target", required=False, type=click.Path(path_type=Path))
@talks
def get(session: Session, path: str, target: Path | None) -> None:
    """Fetch a file into the present folder, or to a TARGET.

    Example: ades files get scenes/scene.tif
    """
    name = Path(path.rstrip("/")).name
    place = target / name if target and target.is_dir() else target or Path(name)
    with _progress(name) as told:
        written = session.client().files.get(path, place, progress=told)
    session.show({"path": str(written)}, lambda: click.echo(written))


@files.command()
@click.argument("path")
@click.option("-r", "--recursive", is_flag=True, help="A folder with all that is in it.")
@talks
def rm(session: Session, path: str, *, recursive: bool) -> None:
    """Remove a file, or a folder.

    Example: ades files rm scenes --recursive
    """
    session.client().files.remove(path, recursive=recursive)
    session.show({"path": path, "removed": True}, lambda: click.echo(f"{path} is gone."))


def size_of(count: float) -> str:
    """A number of bytes as people say it."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":  # noqa: PLR2004
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError("the last unit returns")


@contextlib.contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a screen, nothing elsewhere."""
    if not is_screen():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        line = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(line, completed=done, total=total or None)
