"""A server for the time of one command, for somebody who has none."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ades.client import Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def local_server() -> Iterator[str]:
    """Start `ades serve` on a free port, hand out its address, and stop it at the end."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "ades"
    data.mkdir(parents=True, exist_ok=True)
    click.echo(f"No server is running; starting one over {data} for this job.", err=True)
    command = [sys.executable, "-m", "ades.cli", "serve", "--hurry", "--port", "0", "--data", str(data)]
    environment = {"ADES_WORKERS": "1"} | os.environ  # one person asks
    with (data / "server.log").open("w") as log:
        server = subprocess.Popen(  # noqa: S603 - our own command
            command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
        )
    try:
        yield _address(server, data / "server.log")
    finally:
        server.terminate()
        server.wait()


def _address(server: subprocess.Popen[str], log: Path) -> str:
    assert server.stdout is not None  # noqa: S101 - it is a pipe
    for line in server.stdout:
        if " is at http" in line:
            return line.rsplit(" ", 1)[-1].strip()
    raise Unreachable(f"The server did not start; {log} says why.")
