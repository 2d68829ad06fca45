"""`ades run`: from a process, or from a package on disk, to results."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ades.cli.inputs import gather
from ades.cli.jobs import print_results
from ades.cli.session import FAILED, Session, talks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.client import Client, Job

DETACHED = 130


@click.command()
@click.argument("process")
@click.argument("inputs", nargs=-1, metavar="[NAME=VALUE]...")
@click.option(
    "-i", "--inputs", "files", multiple=True, type=click.Path(path_type=Path), help="YAML or JSON file of inputs."
)
@click.option("--detach", is_flag=True, help="Print the job's id and leave it running.")
@click.option(
    "--download", "folder", type=click.Path(file_okay=False, path_type=Path), help="Write the results into a folder."
)
@talks
def run(
    session: Session,
    process: str,
    inputs: tuple[str, ...],
    files: tuple[Path, ...],
    folder: Path | None,
    *,
    detach: bool,
) -> None:
    """Run a PROCESS, or a package on disk, and follow it to its results.

    NAME=VALUE gives an input; NAME=@FILE sends a file, and a name given twice makes a list.

    Example: ades run hello name=World
    """
    with _server(session, process, detach=detach) as client:
        target = client.deploy(Path(process), replace=True) if _is_file(process) else client.process(process)
        job = target.execute(gather(target.inputs, inputs, files))
        if detach:
            session.show(job.document, lambda: click.echo(job.id))
            return
        _follow(job)
        _end(session, job, folder)


def _is_file(process: str) -> bool:
    return process.endswith((".cwl", ".yaml", ".yml", ".json")) and Path(process).exists()


@contextlib.contextmanager
def _server(session: Session, process: str, *, detach: bool) -> Iterator[Client]:
    """The server of the session; for a package on disk one that is started for the purpose, when none is there."""
    from ades.cli.local import local_server
    from ades.client import Unreachable

    client = session.client()
    if detach or not _is_file(process) or session.configured:
        yield client
        return
    try:
        client.http.json(client.url)
    except Unreachable:
        with local_server() as address:
            yield Session(address, session.workspace, None, session.json, configured=True).client()
    else:
        yield client


def _follow(job: Job) -> None:
    """Show how it goes until the end; Ctrl-C asks what to do with the job."""
    try:
        with _teller(job) as tell:
            job.wait(tell)
    except KeyboardInterrupt:
        stop = sys.stdin.isatty() and click.confirm(f"\nStop job {job.id}? (No leaves it running)", err=True)
        if stop:
            job.dismiss()
        click.echo(f"Job {job.id} is {'dismissed' if stop else f'still running: ades status {job.id}'}.", err=True)
        sys.exit(DETACHED)


@contextlib.contextmanager
def _teller(job: Job) -> Iterator[Any]:
    """A progress bar on a terminal, a line for each change elsewhere; both on standard error."""
    if not sys.stderr.isatty():
        yield lambda now: click.echo(f"{now.status} {now.percent}% {now.message}".rstrip(), err=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.fields[status]:<10}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
    )
    with Progress(
        *columns, TimeElapsedColumn(), TextColumn("{task.description}", markup=False), console=Console(stderr=True)
    ) as bar:
        line = bar.add_task(job.message, total=100, status=job.status)

        def tell(now: Any) -> None:
            bar.update(line, completed=now.percent, description=now.message, status=now.status)

        yield tell


def _end(session: Session, job: Job, folder: Path | None) -> None:
    if job.status != "successful":
        click.echo(f"ades: {job.message or f'The job is {job.status}.'}  (ades logs {job.id})", err=True)
        sys.exit(FAILED)
    if folder is not None:
        for path in job.download(folder):
            click.echo(path)
    elif session.json:
        session.show({"job": job.document, "results": job.results()}, lambda: None)
    else:
        print_results(job)
