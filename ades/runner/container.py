"""A tool that is to run in a container: what whoever runs the package says to whoever may use the engine.

They are different processes. What runs the package is in the sandbox of the job and cannot reach any engine; what may
use the engine stands outside, believes nothing, and looks at each word (see `ades.engine.local.containers`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.model import JSON
    from ades.runner.command import Ran


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder of the job that the container sees."""

    source: str
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """One container: what is to run in it, and what it may see and use."""

    step: str
    image: str
    argv: tuple[str, ...]
    workdir: str
    mounts: tuple[Mount, ...]
    env: dict[str, str] = field(default_factory=dict)
    network: bool = False
    stdin: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    seconds: float | None = None
    memory: int | None = None

    @classmethod
    def read(cls, raw: dict[str, JSON]) -> Self:
        """As it arrived."""
        known: dict[str, Any] = {name: raw[name] for name in cls.__dataclass_fields__}
        return cls(**{**known, "argv": tuple(known["argv"]), "mounts": tuple(Mount(**one) for one in known["mounts"])})


class Yard(Protocol):
    """Whoever may use a container engine."""

    def __call__(self, wanted: Wanted, on_progress: Callable[[int, str], None], /) -> Ran:
        """Run a container and wait for its end, telling its progress meanwhile. Raises RunFailed when it cannot."""
        ...

    def lacks(self, image: str) -> str | None:
        """Bring an image; why it cannot be used, or None."""
        ...
