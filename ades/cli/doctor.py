"""`ades doctor`: what is configured, reachable and missing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ades.cli.common import data_option, load_settings
from ades.cli.session import flowing

if TYPE_CHECKING:
    from pathlib import Path

    from ades.service.health import Check
    from ades.settings import Settings

MARKS = {"ok": "✓", "warning": "!", "failed": "✗"}
COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@data_option
def doctor(data: Path | None, *, as_json: bool) -> None:
    """Look at every part of the server by using it; exit code 1 when one does not work.

    Example: ades doctor
    """
    from ades.service.health import State, examine, look

    settings = load_settings(data=data)
    checks = [*examine(settings), look("addresses", lambda: _addresses(settings))]
    _print_json(checks) if as_json else _print_text(checks)
    sys.exit(any(check.state is State.FAILED for check in checks))


def _addresses(settings: Settings) -> str:
    """Where the API is served, and that the proxies in front of it are understood."""
    from ades.http.address import Addresses, networks
    from ades.http.mounts import mounts

    Addresses(settings)
    networks(settings.gateway_proxies, "gateway_proxies")
    return f"the API is served at {', '.join(mount.template for mount in mounts(settings))}"


def _print_text(checks: list[Check]) -> None:
    width = max(len(check.part) for check in checks)
    for check in checks:
        mark = click.style(MARKS[check.state], fg=COLOURS[check.state])
        lines = flowing(f"  {check.part:<{width}}  {check.message}", indent=width + 4)
        click.echo(f"{mark}{lines[1:]}")


def _print_json(checks: list[Check]) -> None:
    import orjson

    click.echo(orjson.dumps(checks, option=orjson.OPT_INDENT_2))
