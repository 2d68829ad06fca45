"""`ades jobs`, `status`, `steps`, `logs`, `results`, `download`, `dismiss`: what has been run."""

from __future__ import annotations

import contextlib
import itertools
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ades.cli.session import Session, grid, plain, table, talks

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.client import Client, Job

LOOK = 2
"""Seconds between two looks."""
WIDE = 24
"""Characters of a time line."""
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
    client = session.client()

    def read() -> list[Job]:
        return list(itertools.islice(client.jobs(status=status, processID=process_id, limit=limit), limit))

    if not watch:
        _list(session, read())
    elif session.json or not sys.stdout.isatty():
        _print_changes(session, read)
    else:
        _redraw(read)


def _list(session: Session, found: list[Job]) -> None:
    session.show([job.document for job in found], lambda: table([_row(job) for job in found], HEAD))


def _print_changes(session: Session, read: Callable[[], list[Job]]) -> None:
    shown = None
    while True:
        found = read()
        if (rows := [_row(job) for job in found]) != shown:
            _list(session, found)
        shown = rows
        time.sleep(LOOK)


def _redraw(read: Callable[[], list[Job]]) -> None:
    """The same table again and again, in its place, until Ctrl-C."""
    from rich.console import Console
    from rich.live import Live

    console = Console()
    with contextlib.suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False) as live:
        while True:
            room = max(1, console.height - 2)
            live.update(grid([_row(job) for job in read()[:room]], HEAD, console.width), refresh=True)
            time.sleep(LOOK)


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
    """Show the steps of a job with their times, on a terminal as a time line.

    Example: ades steps 01890a5d-ac96-774b-bcce-b302099a8057
    """
    found = session.client().job(job_id).steps()
    session.show(found, lambda: _time_line(sorted(found, key=lambda step: str(step.get("started") or "~"))))


def _time_line(found: list[dict[str, Any]]) -> None:
    keys = ["name", "state", "started", "finished", "exitCode", "message"]
    rows = [[_cell(step.get(key)) for key in keys] for step in found]
    if not sys.stdout.isatty():
        table(rows, keys)
        return
    times = [(_moment(step.get("started")), _moment(step.get("finished"))) for step in found]
    known = [moment for pair in times for moment in pair if moment is not None]
    first, last = (min(known), max(known)) if known else (0.0, 0.0)
    drawn = [
        [row[0], row[1], _bar(*pair, first, last), _span(*pair), row[4], row[5]]
        for row, pair in zip(rows, times, strict=True)
    ]
    table(drawn, ["name", "state", "when", "took", "exit", "message"])


def _moment(text: object) -> float | None:
    from datetime import datetime

    return datetime.fromisoformat(str(text)).timestamp() if text else None


def _bar(start: float | None, end: float | None, first: float, last: float) -> str:
    """Where a step lies within the time of all of them."""
    if start is None:
        return " " * WIDE
    scale = WIDE / max(last - first, 1e-9)
    before = min(WIDE - 1, int((start - first) * scale))
    length = max(1, min(WIDE - before, round(((end or last) - start) * scale)))
    return " " * before + "━" * length


def _span(start: float | None, end: float | None) -> str:
    return "" if start is None or end is None else f"{end - start:.1f} s"


@click.command()
@click.argument("job_id")
@click.option("--step", help="Only the log of this step.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has finished.")
@talks
def logs(session: Session, job_id: str, step: str | None, *, follow: bool) -> None:
    """Print the log of a job, or with --step what one of its tools said.

    Example: ades logs -f 01890a5d-ac96-774b-bcce-b302099a8057
    """
    told = plain if sys.stdout.isatty() else str
    with contextlib.suppress(KeyboardInterrupt):
        for line in session.client().job(job_id).logs(step=step, follow=follow):
            click.echo(told(line))


class _Results(click.Group):
    """`ades results JOB` is what most people want."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What is none of the commands is a job to show."""
        known = {*self.commands, *ctx.help_option_names}
        return super().parse_args(ctx, args if not args or known & set(args[:1]) else ["show", *args])


@click.group(cls=_Results)
def results() -> None:
    """Print the results of a job; release them for others.

    Example: ades results 01890a5d-ac96-774b-bcce-b302099a8057
    """


@results.command()
@click.argument("job_id")
@talks
def show(session: Session, job_id: str) -> None:
    """Print the results of a job; the word `show` may be left out.

    Example: ades results show 01890a5d-ac96-774b-bcce-b302099a8057
    """
    print_results(session.client().job(job_id))


@results.command()
@click.argument("job_id")
@click.option("--to", "store", required=True, help="The release store, by the name that the operator has given it.")
@click.option("--output", "outputs", multiple=True, help="Only this output; again for more.")
@click.option("--collection", help="What it belongs to there.  [default: the process]")
@talks
def release(session: Session, job_id: str, store: str, outputs: tuple[str, ...], collection: str | None) -> None:
    """Copy results of a job to a release store, where they outlive the job.

    Example: ades results release 01890a5d-ac96-774b-bcce-b302099a8057 --to public
    """
    client = session.client()
    found = _settled(client, client.release(job_id, store, outputs=outputs, collection=collection), "requested")
    session.show(found, lambda: click.echo(f"{found['id']} is {found['status']}: {found['place']} in {found['to']}."))
    if found["status"] != "released":
        raise click.ClickException(str(found["message"]))


@results.command()
@click.option("--job", "job_id", help="Only releases of this job.")
@talks
def released(session: Session, job_id: str | None) -> None:
    """List what was released, newest first.

    Example: ades results released
    """
    found = session.client().releases(job_id)
    head = ["id", "job", "to", "collection", "status", "requested", "by"]
    keys = ["id", "job", "to", "collection", "status", "requested", "requestedBy"]
    session.show(found, lambda: table([[_cell(one.get(key)) for key in keys] for one in found], head))


@results.command()
@click.argument("release_id")
@talks
def withdraw(session: Session, release_id: str) -> None:
    """Delete a release where it was copied to.

    Example: ades results withdraw 01890a5d-ac96-774b-bcce-b302099a8057
    """
    client = session.client()
    found = _settled(client, client.withdraw(release_id), "withdrawing")
    session.show(found, lambda: click.echo(f"{found['id']} is {found['status']}."))


def _settled(client: Client, found: dict[str, Any], waiting: str) -> dict[str, Any]:
    """Look again until a worker has done it."""
    while found["status"] == waiting:
        time.sleep(0.5)
        found = client.one_release(str(found["id"]))
    return found


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
