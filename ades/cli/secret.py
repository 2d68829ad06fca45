"""`ades secret`: what processes may use and nobody may see."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ades.cli.session import Session, talks


@click.group()
def secret() -> None:
    """Keep secrets for the processes of a workspace. Nobody can read their values back.

    Example: ades secret set api-key < key.txt
    """


@secret.command(name="set")
@click.argument("name")
@click.option(
    "--file", "source", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The file with the value."
)
@talks
def set_secret(session: Session, name: str, source: Path | None) -> None:
    """Keep a secret, or replace it. The value is asked for, or comes from standard input or a file.

    It is never an argument: those can be seen by everybody on the machine.

    Example: ades secret set api-key --file key.txt
    """
    session.client().set_secret(name, _value(name, source))
    session.show({"name": name, "kept": True}, lambda: click.echo(f"The secret {name} is kept."))


@secret.command(name="list")
@talks
def list_secrets(session: Session) -> None:
    """Print the names of the secrets, one a line.

    Example: ades secret list
    """
    names = session.client().secrets()
    session.show(
        [{"name": name} for name in names], lambda: click.echo("".join(f"{name}\n" for name in names), nl=False)
    )


@secret.command()
@click.argument("name")
@talks
def remove(session: Session, name: str) -> None:
    """Forget a secret.

    Example: ades secret remove api-key
    """
    session.client().forget_secret(name)
    session.show({"name": name, "removed": True}, lambda: click.echo(f"The secret {name} is gone."))


def _value(name: str, source: Path | None) -> str:
    if source is not None:
        text = source.read_text()
    elif sys.stdin.isatty():
        return str(click.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True, err=True))
    else:
        text = sys.stdin.read()
    # The line end that editors and `echo` add is no part of a secret; one that is can come in the middle.
    value = text.removesuffix("\n").removesuffix("\r")
    if not value:
        raise click.UsageError("The value is empty.")
    return value
