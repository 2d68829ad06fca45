"""`ades workspace`: the tenants of this server."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ades.cli.common import data_option, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ades.service.workspaces import Workspaces


@click.group()
def workspace() -> None:
    """Make, change and remove workspaces, at the database of the server.

    Example: ades workspace create alice --title "Alice's lab"
    """


@workspace.command()
@click.argument("name")
@click.option("--title", default="", help="A name for people.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A quota or default; again for more.")
@data_option
def create(name: str, title: str, settings: tuple[str, ...], data: Path | None) -> None:
    """Make a workspace; its API is served at /NAME/ogc-api.

    Example: ades workspace create alice --set running=4
    """
    with _workspaces(data) as workspaces:
        made = workspaces.create(name, title, _parsed(settings))
    click.echo(f"Workspace {made.name} is there. Its API: /{made.name}/ogc-api")


@workspace.command(name="list")
@data_option
def list_workspaces(data: Path | None) -> None:
    """Print the names of all workspaces, one a line.

    Example: ades workspace list
    """
    with _workspaces(data) as workspaces:
        found = workspaces.list()
        if not found:
            where = load_settings(data=data).data
            click.echo(f"There is no workspace in {where} yet. Make one:  ades workspace create NAME", err=True)
        for entry in found:
            click.echo(f"{entry.name}\t{entry.title}" if entry.title else entry.name)


@workspace.command()
@click.argument("name")
@data_option
def describe(name: str, data: Path | None) -> None:
    """Show what a workspace has and what it may use.

    Example: ades workspace describe alice
    """
    with _workspaces(data) as workspaces:
        found = workspaces.describe(name)
    click.echo(f"{found.workspace.name}  {found.workspace.title}".rstrip())
    click.echo(f"  processes  {found.processes}")
    click.echo(f"  jobs       {found.totals.jobs}, of which {found.totals.running} run and {found.totals.queued} wait")
    click.echo(f"  storage    {found.storage / 1024**2:.1f} MiB")
    for word, value in found.workspace.settings.items():
        click.echo(f"  {word} = {value}")


@workspace.command()
@click.argument("name")
@click.option("--title", help="A name for people.")
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A quota or default; an empty value takes it away."
)
@data_option
def change(name: str, title: str | None, settings: tuple[str, ...], data: Path | None) -> None:
    """Change the title, the quotas or the defaults of a workspace.

    Example: ades workspace change alice --set running=8
    """
    with _workspaces(data) as workspaces:
        workspaces.change(name, title=title, settings=_parsed(settings) or None)
    click.echo(f"Workspace {name} is changed.")


@workspace.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Also when it has processes, jobs or files: all of that goes, too.")
@data_option
def remove(name: str, data: Path | None, *, force: bool) -> None:
    """Remove a workspace.

    Example: ades workspace remove alice --force
    """
    with _workspaces(data) as workspaces:
        workspaces.remove(name, force=force)
    click.echo(f"Workspace {name} is gone.")


@contextmanager
def _workspaces(data: Path | None) -> Iterator[Workspaces]:
    from ades.secrets import Vault
    from ades.service.quotas import Barriers
    from ades.service.registries import Registries
    from ades.service.storage import Storages
    from ades.service.workspaces import Workspaces
    from ades.store import Store

    settings = load_settings(data=data)
    with Store.open(settings.database_url) as store:
        vault = Vault(settings, store.secrets)
        objects = Storages(settings, store, vault)
        leave = Registries(settings, store, vault).forget
        yield Workspaces(store, objects, Barriers(settings, store, objects), leave)


def _parsed(settings: tuple[str, ...]) -> dict[str, object]:
    """`name=value` words; a value is JSON where it can be, `null` where it is empty."""
    import orjson

    read: dict[str, object] = {}
    for word in settings:
        name, equals, value = word.partition("=")
        if not equals:
            raise click.UsageError(f"{word}: a setting is written NAME=VALUE.")
        try:
            read[name] = orjson.loads(value) if value else None
        except orjson.JSONDecodeError:
            read[name] = value
    return read
