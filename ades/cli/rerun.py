"""`ades rerun`: exactly the same once more."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ades.cli.jobs import print_results
from ades.cli.session import FAILED, talks

if TYPE_CHECKING:
    from ades.cli.session import Session


@click.command()
@click.argument("job_id")
@click.option("--detach", is_flag=True, help="Print the new job's id and leave it running.")
@talks
def rerun(session: Session, job_id: str, *, detach: bool) -> None:
    """Run exactly the same again, as a new job: the same package, the same inputs.

    Example: ades rerun 01890a5d-ac96-774b-bcce-b302099a8057
    """
    job = session.client().job(job_id).rerun()
    if detach:
        session.show(job.document, lambda: click.echo(job.id))
        return
    job.wait(lambda now: click.echo(f"{now.status} {now.percent}% {now.message}".rstrip(), err=True))
    if job.status != "successful":
        click.echo(f"ades: {job.message}  (ades logs {job.id})", err=True)
        sys.exit(FAILED)
    print_results(job)
