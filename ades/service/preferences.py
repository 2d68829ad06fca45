"""What a client prefers: the `Prefer` header (RFC 7240) and the way of execution that follows from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Collection

Return = Literal["minimal", "representation"]

_PREFERENCE: Final = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;,]*))?([^,]*)')


@dataclass(frozen=True, slots=True)
class Preferences:
    """The preferences that mean something here. All others are ignored, as the RFC wants it."""

    respond_async: bool = False
    wait: int | None = None
    """Seconds that the client is ready to wait."""
    returns: Return | None = None


@dataclass(frozen=True, slots=True)
class Mode:
    """How a request is executed."""

    wait: float
    """Seconds to wait for the end of the job before it is answered as a running one; 0 is asynchronous."""
    applied: tuple[str, ...]
    """What the answer says in Preference-Applied."""


def parse(header: str | None) -> Preferences:
    """Read a `Prefer` header; of a preference that comes twice the first counts."""
    found: dict[str, str] = {}
    for name, value, _ in _PREFERENCE.findall(header or ""):
        found.setdefault(name.lower(), value.strip('"').lower())
    wait = found.get("wait", "")
    returns = found.get("return")
    return Preferences(
        respond_async="respond-async" in found,
        wait=int(wait) if wait.isascii() and wait.isdigit() and len(wait) < 10 else None,  # noqa: PLR2004
        returns="minimal" if returns == "minimal" else "representation" if returns == "representation" else None,
    )


def mode(preferences: Preferences, offered: Collection[str], limit: float) -> Mode:
    """Decide between waiting and not waiting, from what is preferred, what the process offers and the server's limit."""
    returns = (f"return={preferences.returns}",) if preferences.returns else ()
    can_wait, can_leave = "sync-execute" in offered, "async-execute" in offered
    if preferences.respond_async and can_leave:
        return Mode(0, ("respond-async", *returns))
    if not can_wait and can_leave:
        return Mode(0, returns)
    if preferences.wait is not None:
        wait = min(preferences.wait, int(limit))
        return Mode(wait, (f"wait={wait}", *returns))
    return Mode(limit, returns)
