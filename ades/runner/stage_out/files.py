"""What a package has left in the folder of its job: found by what CWL says, never outside of that folder."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from ades.model import Reason
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from ades.model import JSON


class Files:
    """The files of one job's outputs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def of(self, output: str, item: dict[str, Any]) -> Path:
        """Where a `File` or `Directory` of CWL lies."""
        location = str(item.get("location") or item.get("path") or "")
        split = urlsplit(location)
        return self.checked(output, Path(unquote(split.path) if split.scheme == "file" else location))

    def below(self, output: str, top: Path) -> list[Path]:
        """All files below a folder, in order. Links may point to other files of the job and nowhere else."""
        found = []
        for path in sorted(top.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                continue
            real = self.checked(output, path)
            if real.is_dir():
                raise RunFailed.because(
                    Reason.OUTPUT_INVALID, f"The output {output} has a link to a folder, {path.name}; copy it instead."
                )
            found.append(path)
        return found

    def checked(self, output: str, path: Path) -> Path:
        """The file itself, if it is one and lies in the folder of the job."""
        try:
            real = path.resolve(strict=True)
            mode = real.stat().st_mode
        except (OSError, RuntimeError) as error:
            raise RunFailed.because(Reason.OUTPUT_MISSING, f"The output {output} is not there: {path.name}.") from error
        if not real.is_relative_to(self._folder):
            raise RunFailed.because(
                Reason.OUTPUT_INVALID, f"The output {output} has a link that leads out of the job: {path.name}."
            )
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise RunFailed.because(Reason.OUTPUT_INVALID, f"The output {output} holds {path.name}, which is no file.")
        return real


def is_file(value: JSON) -> bool:
    """Whether a value of CWL is a file or folder."""
    return isinstance(value, dict) and value.get("class") in {"File", "Directory"}
