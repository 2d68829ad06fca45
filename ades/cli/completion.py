"""`ades completion`: what makes a shell complete our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes `ades` in a SHELL.

    Example: eval "$(ades completion bash)"
    """
    from ades.cli import ades

    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"There is no completion for {shell}.")
    click.echo(kind(ades, {}, "ades", "_ADES_COMPLETE").source())
