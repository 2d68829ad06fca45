"""`ades serve` and `ades worker`: the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ades.cli.common import data_option, load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from ades.settings import Settings


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.  [default: 8080]")
@data_option
@click.option(
    "--insecure", is_flag=True, default=None, help="Let strangers in: serve beyond loopback without identities."
)
@click.option("--hurry", is_flag=True, hidden=True, help="Start the worker at once: somebody waits for a job.")
def serve(host: str | None, port: int | None, data: Path | None, *, insecure: bool | None, hurry: bool) -> None:
    """Start the server, with a worker that runs the jobs.

    Example: ades serve --port 8081 --data /var/lib/ades
    """
    from ades import app

    settings = load_settings(host=host, port=port, data=data, insecure=insecure)
    app.serve(settings, announce=lambda address: click.echo(greeting(settings, address)), hurry=hurry)


def greeting(settings: Settings, address: str) -> str:
    """What a newcomer sees first: where it is, and what to try."""
    api = f"{address}/{_workspace(settings)}/ogc-api"
    return "\n".join(
        [
            f"{settings.title} is at {address}",
            "",
            f"  look around   {api}",
            f"  try           curl {api}/processes/hello/execution \\",
            *(["                  -H 'Authorization: Bearer TOKEN' \\"] if settings.identities else []),
            '                  -H \'Content-Type: application/json\' -d \'{"inputs": {"name": "World"}}\'',
            f"  data          {settings.data.absolute()}",
            "  stop          Ctrl-C",
            "",
        ]
    )


def _workspace(settings: Settings) -> str:
    """The first workspace, if it is still there, else another one."""
    from ades.store import Store

    with Store.open(settings.database_url) as store:
        names = [workspace.name for workspace in store.workspaces.list()]
    return settings.workspace if settings.workspace in names or not names else names[0]


@click.command()
@data_option
def worker(data: Path | None) -> None:
    """Run jobs of a server that is started elsewhere, over the same database and storage.

    Example: ADES_DATABASE=postgresql://ades@db/ades ades worker
    """
    from ades.service.dispatch import Worker

    Worker(load_settings(data=data)).run()
