"""`ades sweep`: delete what need not be kept, or say what that would be."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from ades.cli.common import data_option, load_settings

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@click.option("--rows", is_flag=True, help="Do not look through all files for those that belong to nothing.")
@data_option
def sweep(data: Path | None, *, dry_run: bool, rows: bool) -> None:
    """Delete jobs whose time is over, abandoned uploads, and files that belong to nothing.

    Workers do this by themselves (ADES_SWEEP_EVERY).

    Example: ades sweep --dry-run
    """
    from ades.secrets import Vault
    from ades.service.storage import Storages
    from ades.service.sweep import Sweeper
    from ades.store import Store

    settings = load_settings(data=data)
    count: Counter[str] = Counter()
    size = 0
    with Store.open(settings.database_url) as store:
        objects = Storages(settings, store, Vault(settings, store.secrets))
        for found in Sweeper(store, objects, settings, dry_run=dry_run).sweep(files=not rows):
            count[found.kind.value] += 1
            size += found.size
            much = f"; {found.files} files, {found.size} bytes" if found.files else ""
            click.echo(f"{found.kind.value}  {found.name}: {found.why}{much}")
    told = ", ".join(f"{number} {kind}" for kind, number in sorted(count.items())) or "nothing"
    click.echo(f"{'Would delete' if dry_run else 'Deleted'} {told}; {size} bytes.")
