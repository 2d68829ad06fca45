"""Which programs run a job, by name and version: for whoever wants to know later how a result came about."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from ades import __version__

_RUNNING: Final = {"cwl": "cwltool", "native": "pygeoapi"}
"""Who does what a package of each kind says."""


@cache
def software(kind: str) -> dict[str, str]:
    """The programs that run a package of this kind."""
    found = {"ades": __version__, "python": platform.python_version()}
    name = _RUNNING.get(kind, kind)
    try:
        return found | {name: version(name)}
    except PackageNotFoundError:
        return found
