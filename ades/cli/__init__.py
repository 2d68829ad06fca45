"""The command line. Each command lives in a module of its own that is imported when it is asked for."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import click

from ades import __version__
from ades.errors import AdesError

COMMANDS = {
    "serve": "ades.cli.serve:serve",
    "worker": "ades.cli.serve:worker",
    "doctor": "ades.cli.doctor:doctor",
    "workspace": "ades.cli.workspace:workspace",
    "token": "ades.cli.token:token",
    "db": "ades.cli.db:db",
    "sweep": "ades.cli.sweep:sweep",
    "stage-in": "ades.cli.staging:stage_in",
    "stage-out": "ades.cli.staging:stage_out",
    "deploy": "ades.cli.processes:deploy",
    "replace": "ades.cli.processes:replace",
    "undeploy": "ades.cli.processes:undeploy",
    "processes": "ades.cli.processes:processes",
    "describe": "ades.cli.processes:describe",
    "check": "ades.cli.check:check",
    "graph": "ades.cli.check:graph",
    "run": "ades.cli.run:run",
    "jobs": "ades.cli.jobs:jobs",
    "status": "ades.cli.jobs:status",
    "steps": "ades.cli.jobs:steps",
    "logs": "ades.cli.jobs:logs",
    "results": "ades.cli.jobs:results",
    "download": "ades.cli.jobs:download",
    "dismiss": "ades.cli.jobs:dismiss",
    "rerun": "ades.cli.run:rerun",
    "files": "ades.cli.files:files",
    "secret": "ades.cli.secret:secret",
    "login": "ades.cli.login:login",
    "logout": "ades.cli.login:logout",
    "runner": "ades.cli.runner:runner",
    "completion": "ades.cli.completion:completion",
}


class LazyGroup(click.Group):
    """Imports a command only when it is called or listed, so that `ades` starts at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order in which somebody meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the module of a command."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="ades %(version)s")
def ades() -> None:
    """Run Earth-observation workflows next to the data: an OGC API - Processes server.

    Start with `ades serve`. Every setting is an environment variable `ADES_…`; `ades doctor` shows what is in force.
    """
    if os.environ.get("NO_COLOR"):
        click.get_current_context().color = False


def main(arguments: list[str] | None = None) -> Any:
    """Run a command; an error is one sentence on standard error and exit code 1."""
    try:
        # https://no-color.org; where output is no terminal, click leaves colours away by itself.
        colour = False if os.environ.get("NO_COLOR") or os.environ.get("CI") else None
        return ades.main(arguments, prog_name="ades", standalone_mode=True, color=colour)
    except AdesError as error:
        click.echo(f"ades: {error.detail}", err=True)
        sys.exit(1)
    except OSError as error:  # a full disk, a folder that may not be written
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"ades: {where}{error.strerror or error}.", err=True)
        sys.exit(1)
