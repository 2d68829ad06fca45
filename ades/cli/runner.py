"""`ades runner`: what a pod of the cluster starts to run one job."""

from __future__ import annotations

import gc
import sys
from typing import Final

import click

from ades.errors import Misconfigured

_YOUNG: Final = 50_000
"""So many new objects are made before rubbish is looked for."""


@click.command(hidden=True)
def runner() -> None:
    """Run the job that the environment names, with its steps as pods. Started by the server, inside of a cluster."""
    # Loading makes a hundred thousand objects that all stay: to look among them for rubbish takes a tenth of the start.
    gc.set_threshold(_YOUNG)
    try:
        from ades.runner.calrissian import program
    except ModuleNotFoundError as error:
        if error.name not in {"calrissian", "kubernetes"}:
            raise
        raise Misconfigured(
            "The runner of a cluster needs Calrissian, which lives in an environment of its own: the image's target "
            "`runner`, or calrissian.lock. On this machine the server runs jobs by itself."
        ) from error
    gc.freeze()
    sys.exit(program.run())
