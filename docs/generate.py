"""Write docs/reference.md from the code: `python -m docs.generate`. A test fails when the file is not what this writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ades.cli import ades
from ades.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings

REFERENCE = Path(__file__).parent / "reference.md"


def reference() -> str:
    """The whole page."""
    return "\n".join(
        [
            "# Reference",
            "",
            "Written by `make docs` from the code; edit it there.",
            "",
            "## Settings",
            "",
            "Every setting is an environment variable. Lists are words separated by blanks or commas.",
            "",
            *(line for group in reversed(Settings.__bases__) for line in _settings(group)),
            "## Commands",
            "",
            *_commands(ades, "ades"),
        ]
    )


def _settings(group: type[BaseSettings]) -> Iterator[str]:
    yield f"### {group.__doc__.removesuffix('.')}"
    yield ""
    yield "| variable | default | what it does |"
    yield "|---|---|---|"
    yield from (_setting(name, field) for name, field in group.model_fields.items())
    yield ""


def _setting(name: str, field: FieldInfo) -> str:
    default = field.default
    shown = " ".join(str(word) for word in default) if isinstance(default, tuple) else default
    shown = json.dumps(default) if isinstance(default, dict) else shown
    cell = "" if shown in (None, "") else f"`{shown}`"
    return f"| `ADES_{name.upper()}` | {cell} | {field.description} |"


def _commands(command: click.Command, path: str, parent: click.Context | None = None) -> Iterator[str]:
    name = path.rsplit(" ", 1)[-1]
    context = click.Context(command, info_name=name, parent=parent, terminal_width=100, **command.context_settings)
    yield f"### `{path}`"
    yield ""
    yield "```"
    yield command.get_help(context)
    yield "```"
    yield ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from _commands(below, f"{path} {name}", context)


if __name__ == "__main__":
    REFERENCE.write_text(reference())
    print(f"{REFERENCE} is up to date.")
