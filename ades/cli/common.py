"""What the operator's commands share: the settings, with the options of the command line on top."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ades.errors import Misconfigured

if TYPE_CHECKING:
    from ades.settings import Settings

data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for everything that is kept on this machine.  [default: ./data]",
)


def load_settings(**options: Any) -> Settings:
    """The settings from the environment; options that were given win. What does not fit is said in one sentence."""
    from pydantic import ValidationError

    from ades.settings import Settings

    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        lines = [f"{_variable(problem['loc'])}: {problem['msg']}" for problem in error.errors()]
        raise Misconfigured("The settings do not fit. " + "; ".join(lines)) from None


def _variable(location: tuple[int | str, ...]) -> str:
    return "ADES_" + "_".join(str(part) for part in location).upper() if location else "settings"
