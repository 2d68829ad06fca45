"""`ades db`: the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ades.cli.common import data_option, load_settings

if TYPE_CHECKING:
    from pathlib import Path


@click.group()
def db() -> None:
    """Look after the database.

    Example: ades db upgrade
    """


@db.command()
@data_option
def upgrade(data: Path | None) -> None:
    """Bring the tables to the version of this program; data stays. `ades serve` does it by itself, too.

    Example: ADES_DATABASE=postgresql://ades@db/ades ades db upgrade
    """
    from ades.store import Store

    with Store.open(load_settings(data=data).database_url) as store:
        store.migrate()
        click.echo(f"{store.name} is at version {store.version()}.")
