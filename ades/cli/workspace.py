"""`ades workspace`: the tenants of this server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ades.cli.common import data_option, load_settings

if TYPE_CHECKING:
    from pathlib import Path


@click.group()
def workspace() -> None:
    """Make and list workspaces.

    Example: ades workspace create alice --title "Alice's lab"
    """


@workspace.command()
@click.argument("name")
@click.option("--title", default="", help="A name for people.")
@data_option
def create(name: str, title: str, data: Path | None) -> None:
    """Make a workspace; its API is served at /NAME/ogc-api.

    Example: ades workspace create alice
    """
    from ades.store import Store

    with Store.open(load_settings(data=data).database_url) as store:
        made = store.workspaces.create(name, title=title)
    click.echo(f"Workspace {made.name} is there. Its API: /{made.name}/ogc-api")


@workspace.command(name="list")
@data_option
def list_workspaces(data: Path | None) -> None:
    """Print the names of all workspaces, one a line.

    Example: ades workspace list
    """
    from ades.store import Store

    with Store.open(load_settings(data=data).database_url) as store:
        for entry in store.workspaces.list():
            click.echo(f"{entry.name}\t{entry.title}" if entry.title else entry.name)
