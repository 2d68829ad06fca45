"""`ades run` and `ades rerun`: from a process, or from a package on disk, to results."""

from __future__ import annotations

import contextlib
import functools
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ades.cli.inputs import gather
from ades.cli.jobs import print_results
from ades.cli.session import FAILED, GOES_ON, Session, plain, talks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ades.client import Client, Job, Process

DETACHED = 130
_ENDINGS = (".cwl", ".yaml", ".yml", ".json")
"""What an argument ends with that is a package on disk, and no process."""
_LAST = 10
"""Lines of a failed tool that are shown."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How far to go with a job."""

    detach: bool
    wait: float | None
    folder: Path | None
    quiet: bool


def wishes(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that starts a job the options for what comes after."""

    @click.option("--detach", is_flag=True, help="Print the job's id and leave it running.")
    @click.option("--wait", type=click.FloatRange(min=0), metavar="SECONDS", help="Leave it running after so long.")
    @click.option(
        "--download",
        "folder",
        type=click.Path(file_okay=False, path_type=Path),
        help="Write the results into a folder.",
    )
    @click.option("-q", "--quiet", is_flag=True, help="Say nothing on the way.")
    @functools.wraps(command)
    def wrapped(
        *arguments: Any, detach: bool, wait: float | None, folder: Path | None, quiet: bool, **options: Any
    ) -> None:
        command(*arguments, wish=Wish(detach, wait, folder, quiet), **options)

    return wrapped


@click.command()
@click.argument("process")
@click.argument("inputs", nargs=-1, metavar="[NAME=VALUE]...")
@click.option(
    "-i", "--inputs", "files", multiple=True, type=click.Path(path_type=Path), help="YAML or JSON file of inputs."
)
@wishes
@talks
def run(session: Session, process: str, inputs: tuple[str, ...], files: tuple[Path, ...], wish: Wish) -> None:
    """Run a PROCESS, or a package on disk, and follow it to its results.

    NAME=VALUE gives an input; NAME=@FILE sends a file, and a name given twice makes a list. How it goes is told on
    standard error, what comes out on standard output. When the connection breaks, it is taken up again.

    Example: ades run hello name=World
    """
    with _server(session, process, detach=wish.detach) as (client, lent):
        target = client.deploy(_package(process), replace=True) if _is_file(process) else _known(client, process)
        job = target.execute(gather(target.inputs, inputs, files))
        go_with(session, job, wish, lent=lent)


@click.command()
@click.argument("job_id")
@wishes
@talks
def rerun(session: Session, job_id: str, wish: Wish) -> None:
    """Run exactly the same again, as a new job: the same package, the same inputs.

    Example: ades rerun 01890a5d-ac96-774b-bcce-b302099a8057
    """
    go_with(session, session.client().job(job_id).rerun(), wish)


def go_with(session: Session, job: Job, wish: Wish, *, lent: bool = False) -> None:
    """Follow a job as far as it is wanted. A `lent` server ends with the command."""
    if wish.detach:
        session.show(job.document, lambda: click.echo(job.id))
        return
    if not _follow(job, wish, lent=lent):
        click.echo(f"Job {job.id} goes on: ades status {job.id}", err=True)
        session.show(job.document, lambda: None)
        sys.exit(GOES_ON)
    _end(session, job, wish)


def _is_file(process: str) -> bool:
    return process.endswith(_ENDINGS) and Path(process).exists()


def _known(client: Client, process: str) -> Process:
    from ades.client import NotFound, Unreachable

    try:
        return client.process(process)
    except (NotFound, Unreachable) as error:
        if process.endswith(_ENDINGS):
            raise click.UsageError(f"There is no file {process}.") from error
        raise


def _package(path: str) -> str | Path:
    from ades.cli.packages import sendable

    return sendable(path)


@contextlib.contextmanager
def _server(session: Session, process: str, *, detach: bool) -> Iterator[tuple[Client, bool]]:
    """The server of the session; for a package on disk one that is started for the purpose, when none is there."""
    from ades.cli.local import local_server
    from ades.client import Unreachable

    client = session.client()
    if detach or not _is_file(process) or session.configured:
        yield client, False
        return
    try:
        client.http.json(client.url)
    except Unreachable:
        with local_server() as address:
            yield Session(address, session.workspace, None, session.json, configured=True).client(), True
    else:
        yield client, False


def _follow(job: Job, wish: Wish, *, lent: bool) -> bool:
    """Show how it goes, until the end; whether that was reached. Ctrl-C asks what to do with the job."""
    end = None if wish.wait is None else time.monotonic() + wish.wait
    while True:
        try:
            return _shown(job, end, quiet=wish.quiet)
        except KeyboardInterrupt:
            _interrupted(job, lent=lent)


def _shown(job: Job, end: float | None, *, quiet: bool) -> bool:
    from ades.cli.following import shown

    with shown(job, quiet=quiet) as tell:
        for update in job.follow(until=end):
            tell(update)
    return job.finished


def _interrupted(job: Job, *, lent: bool) -> None:
    """Leave the command, or return to go on."""
    answer = "dismiss" if lent else "detach"
    if sys.stdin.isatty() and not lent:
        # A second Ctrl-C says that somebody wants to be gone.
        with contextlib.suppress(click.Abort):
            question = "\nLeave the job running, stop it, or go on following it?"
            choice = click.Choice(["detach", "dismiss", "follow"])
            answer = click.prompt(question, type=choice, default="detach", err=True)
    if answer == "follow":
        return
    if answer == "dismiss":
        job.dismiss()
    click.echo(
        f"Job {job.id} is {'dismissed' if answer == 'dismiss' else f'running: ades logs -f {job.id}'}.", err=True
    )
    sys.exit(DETACHED)


def _end(session: Session, job: Job, wish: Wish) -> None:
    if job.status != "successful":
        said = plain(job.message) or f"The job is {job.status}."
        step = _say_last(job)
        click.echo(f"ades: {said}  (ades logs {job.id}{f' --step {step}' if step else ''})", err=True)
        session.show({"job": job.document}, lambda: None)
        sys.exit(FAILED)
    written = [] if wish.folder is None else job.download(wish.folder)
    if session.json:
        files = {"files": [str(path) for path in written]} if wish.folder is not None else {}
        session.show({"job": job.document, "results": _told(job.results()), **files}, lambda: None)
    elif wish.folder is not None:
        click.echo("".join(f"{path}\n" for path in written), nl=False)
    else:
        print_results(job)


def _say_last(job: Job) -> str:
    """Print the end of what the tool said that failed, most often the reason; its step, which has the rest."""
    trouble = job.document.get("exception")
    if not isinstance(trouble, dict):
        return ""
    lines = plain(str(trouble.get("log") or "")).splitlines()
    click.echo("".join(f"  {line}\n" for line in lines[-_LAST:]), nl=False, err=True)
    return plain(str(trouble.get("step") or ""))


def _told(results: Any) -> Any:
    """Bytes do not fit into JSON."""
    if not isinstance(results, bytes):
        return results
    from base64 import b64encode

    return {"value": b64encode(results).decode(), "encoding": "base64"}
