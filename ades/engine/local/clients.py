"""What is said to a container engine, and by whom: each engine has a client that speaks its language."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.engine.local.images import Images
    from ades.runner.container import Wanted
    from ades.runner.document import Limits

REFUSED: Final = 125
"""The exit code of an engine that could not start anything."""
NOT_EXECUTABLE: Final = 126
NOT_FOUND: Final = 127
_PATIENCE: Final = 60
"""Seconds in which an engine answers."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How containers are run on this machine."""

    engine: str
    options: tuple[str, ...] = ()
    limited: bool = False
    pull: str = "missing"
    platform: str = ""
    registries: str | None = None
    """The credentials of the workspace, as `~/.docker/config.json` has them."""
    images: str = ""
    """The folder for images, where the engine has no place of its own."""
    why: str = ""
    """Why there is no engine although there should be one."""

    @classmethod
    def read(cls, raw: dict[str, Any]) -> Terms:
        """As they arrived."""
        return cls(**{**raw, "options": tuple(raw["options"])})


@dataclass(frozen=True, slots=True)
class Box:
    """One container, after each word of who wants it was looked at."""

    name: str
    wanted: Wanted
    limits: Limits
    user: tuple[int, int]


class Client(Protocol):
    """Speaks with one engine about the containers of one job."""

    images: Images

    def launch(self, box: Box) -> tuple[tuple[str, ...], dict[str, str]]:
        """The command that runs a container, and what its environment has besides ours."""
        ...

    def first(self, name: str) -> int:
        """The first process in it, or 0."""
        ...

    def code(self, code: int, last_words: Callable[[], str]) -> int:
        """The exit code as docker would have given it."""
        ...

    def starved(self, name: str) -> bool:
        """Whether the engine knows that it was ended for its memory."""
        ...

    def kill(self, name: str) -> None:
        """End it."""
        ...

    def remove(self, name: str) -> None:
        """End it, and remove what is left of it."""
        ...


def limits(box: Box) -> list[str]:
    """The options for an engine that can keep limits itself."""
    memory, limits = box.wanted.memory, box.limits
    options = []
    if memory is not None:
        options += [f"--memory={memory}", f"--memory-swap={memory}"]
    if limits.cores is not None:
        options.append(f"--cpus={limits.cores}")
    if limits.processes is not None:
        # The barrier is for what grows faster than anybody looks; who looks can say what has happened.
        options.append(f"--pids-limit={2 * limits.processes + 16}")
    return options


def ask(*argv: str) -> str:
    """What an engine answers; nothing when it cannot."""
    return run(list(argv)).stdout


def run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    """Have an engine do something."""
    try:
        return subprocess.run(  # noqa: S603 - the engine
            argv,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(argv, 1, "", str(error))
