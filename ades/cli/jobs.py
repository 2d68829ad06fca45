"""`ades jobs`, `status`, `steps`, `logs`, `results`, `download`, `dismiss`: what has been run."""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ades.cli.session import Session, table, talks

if TYPE_CHECKING:
    from ades.client import Job

HEAD = ["job", "process", "status", "progress", "created", "message"]


@click.command()
@click.option("--status", help="Only jobs of this status.")
@click.option("--process", "process_id", help="Only jobs of this process.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many at most.")
@click.option("--watch", is_flag=True, help="Print the list again when it changes, until Ctrl-C.")
@talks
def jobs(session: Session, status: str | None, process_id: str | None, limit: int, *, watch: bool) -> None:
    """List jobs, newest first.

    Example: ades jobs --status running
    """
    shown = None
    while True:
        listed = session.client().jobs(status=status, processID=process_id, limit=limit)
        found = list(itertools.islice(listed, limit))
        rows = [_row(job) for job in found]
        if rows != shown:
            session.show([job.document for job in found], lambda rows=rows: table(rows, HEAD))  # type: ignore[misc]
        if not watch:
            return
        shown = rows
        time.sleep(2)


@click.command()
@click.argument("job_id")
@talks
def status(session: Session, job_id: str) -> None:
    """Show the state of a job.

    Example: ades status 01890a5d-ac96-774b-bcce-b302099a8057
    """
    job = session.client().job(job_id)
    session.show(
        job.document, lambda: table([[word, value] for word, value in zip(HEAD, _row(job), strict=True)], ["", ""])
    )


@click.command()
@click.argument("job_id")
@talks
def steps(session: Session, job_id: str) -> None:
    """Show the steps of a job with their times.

    Example: ades steps 01890a5d-ac96-774b-bcce-b302099a8057
    """
    found = session.client().job(job_id).steps()
    head = ["name", "state", "started", "finished", "exit", "message"]
    keys = ["name", "state", "started", "finished", "exitCode", "message"]
    session.show(found, lambda: table([[_cell(step.get(key)) for key in keys] for step in found], head))


@click.command()
@click.argument("job_id")
@click.option("--step", help="Only the log of this step.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has finished.")
@talks
def logs(session: Session, job_id: str, step: str | None, *, follow: bool) -> None:
    """Print what a job and its tools said.

    Example: ades logs -f 01890a5d-ac96-774b-bcce-b302099a8057
    """
    for line in session.client().job(job_id).logs(step=step, follow=follow):
        click.echo(line)


@click.command()
@click.argument("job_id")
@talks
def results(session: Session, job_id: str) -> None:
    """Print the results of a job.

    Example: ades results 01890a5d-ac96-774b-bcce-b302099a8057
    """
    print_results(session.client().job(job_id))


@click.command()
@click.argument("job_id")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
@talks
def download(session: Session, job_id: str, folder: Path) -> None:
    """Write the files of a job's results into a FOLDER.

    Example: ades download 01890a5d-ac96-774b-bcce-b302099a8057 results/
    """
    written = session.client().job(job_id).download(folder)
    session.show([str(path) for path in written], lambda: click.echo("\n".join(map(str, written))))


@click.command()
@click.argument("job_id")
@talks
def dismiss(session: Session, job_id: str) -> None:
    """Stop a job; one that has finished is removed with its results.

    Example: ades dismiss 01890a5d-ac96-774b-bcce-b302099a8057
    """
    job = session.client().job(job_id)
    word = "removed" if job.finished else "dismissed"
    job.dismiss()
    session.show(job.document, lambda: click.echo(f"{job_id} is {word}."))


def print_results(job: Job) -> None:
    """Values as they are, documents as JSON, bytes to standard output."""
    import json

    value = job.results()
    if isinstance(value, bytes):
        sys.stdout.buffer.write(value)
    elif isinstance(value, str):
        click.echo(value, nl=not value.endswith("\n"))
    else:
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _row(job: Job) -> list[str]:
    document = job.document
    facts = [job.id, document.get("processID"), job.status, f"{job.progress}%", document.get("created"), job.message]
    return [_cell(fact) for fact in facts]


def _cell(value: object) -> str:
    return "" if value is None else str(value)
