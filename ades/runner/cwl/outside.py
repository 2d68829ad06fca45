"""The files that outputs may be made of: what lies in the folder of the job, and its inputs.

cwltool copies what a link points to, so that afterwards nobody could tell where an output came from.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from cwltool.stdfsaccess import StdFsAccess
from cwltool.utils import visit_class

from ades.model import Reason
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from ades.model import JSON


class OwnFiles(StdFsAccess):
    """How cwltool reaches files, up to the border of the job."""

    def __init__(self, basedir: str, allowed: frozenset[Path]) -> None:
        super().__init__(basedir)
        self._allowed = allowed
        self._inputs = allowed - {Path(basedir).resolve()}

    def realpath(self, path: str) -> str:
        """Where a path leads. Raises RunFailed when that is neither in the folder of the job nor an input."""
        real = Path(super().realpath(path))
        if not any(real.is_relative_to(place) for place in self._allowed):
            raise _leads("out of the job", Path(path))
        return str(real)

    def listdir(self, fn: str) -> list[str]:
        """What lies in a folder; nobody looks around elsewhere, nor without end."""
        folder = Path(self._abs(fn))
        real = Path(self.realpath(str(folder)))
        if real != folder and any(parent.resolve() == real for parent in folder.parents):
            raise _leads("in a circle", folder)
        if not any(real.is_relative_to(place) for place in self._inputs):
            for entry in folder.iterdir():
                if not entry.exists():
                    raise _leads("nowhere", entry)
        return list(super().listdir(fn))


def _leads(where: str, link: Path) -> RunFailed:
    return RunFailed.because(Reason.OUTPUT_INVALID, f"An output has a link that leads {where}: {link.name}.")


def allowed(folder: Path, order: dict[str, JSON]) -> frozenset[Path]:
    """The folder of a job and the files and folders among its inputs, wherever those lie."""
    found = {folder.resolve()}

    def add(item: dict[str, Any]) -> None:
        location = str(item.get("location") or item.get("path") or "")
        split = urlsplit(location)
        if location and split.scheme in {"", "file"}:
            found.add(Path(unquote(split.path) if split.scheme else location).resolve())

    visit_class(order, ("File", "Directory"), add)
    return frozenset(found)
