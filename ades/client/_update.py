"""What is told of a job that is followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Update:
    """What is known of a job at one moment, and the lines that its log has got since the last."""

    status: str
    percent: int
    message: str
    steps: tuple[dict[str, Any], ...] = ()
    """The tool runs, where the server tells them."""
    lines: tuple[str, ...] = ()
    lost: str = ""
    """Why the server cannot be asked just now; the rest is as it was."""
