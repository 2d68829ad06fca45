"""`ades token`: tokens that this server gives out itself, for machines and scripts."""

from __future__ import annotations

import getpass
import re
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import click

from ades.cli.common import data_option, load_settings
from ades.cli.session import table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ades.service.tokens import Tokens

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@click.group()
def token() -> None:
    """Make, list and revoke tokens, at the database of the server.

    Example: ades token create --workspace alice --title harvester --expires 90d
    """


@token.command()
@click.option("-w", "--workspace", help="The workspace that the token acts for.")
@click.option("--user", help="The user that the token speaks for, with all the workspaces of that user.")
@click.option("--title", default="", help="What it is for.")
@click.option("--scope", "scopes", multiple=True, help="Limit it to an action or a group of actions; again for more.")
@click.option("--expires", metavar="TIME", help="When it ends: 30m, 12h, 90d, 52w.  [default: never]")
@data_option
def create(
    workspace: str | None, user: str | None, title: str, scopes: tuple[str, ...], expires: str | None, data: Path | None
) -> None:
    """Make a token and print it, once.

    Example: ades token create --workspace alice --scope execute --expires 90d
    """
    with _tokens(data) as tokens:
        issued = tokens.issue(
            by=getpass.getuser(),
            title=title,
            owner=user,
            workspace=workspace,
            scopes=scopes or None,
            lifetime=_lifetime(expires),
        )
    click.echo(issued.secret)
    click.echo(f"Token {issued.token.id} is made. It is shown only now.", err=True)


@token.command(name="list")
@click.option("-w", "--workspace", help="Only tokens of this workspace.")
@data_option
def list_tokens(workspace: str | None, data: Path | None) -> None:
    """List the tokens, newest first; never the secrets.

    Example: ades token list
    """
    with _tokens(data) as tokens:
        found = tokens.list(workspace)
    rows = [
        [
            str(entry.id),
            entry.workspace or entry.owner,
            entry.title,
            " ".join(sorted(entry.scopes)) if entry.scopes is not None else "everything",
            f"{entry.expires:%Y-%m-%d %H:%M}" if entry.expires else "never",
            "revoked" if entry.revoked else f"{entry.last_used:%Y-%m-%d}" if entry.last_used else "never used",
        ]
        for entry in found
    ]
    table(rows, ["number", "for", "title", "may", "ends", "last used"])


@token.command()
@click.argument("number")
@data_option
def revoke(number: str, data: Path | None) -> None:
    """Revoke the token whose NUMBER is this or begins so.

    Example: ades token revoke 3f2b
    """
    with _tokens(data) as tokens:
        gone = tokens.revoke(number)
    click.echo(f"Token {gone.id} is revoked.")


@contextmanager
def _tokens(data: Path | None) -> Iterator[Tokens]:
    from ades.service.tokens import Tokens
    from ades.store import Store

    with Store.open(load_settings(data=data).database_url) as store:
        yield Tokens(store)


def _lifetime(text: str | None) -> timedelta | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)([mhdw])", text)
    if match is None:
        raise click.UsageError(f"--expires {text}: a time is written 30m, 12h, 90d or 52w.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
