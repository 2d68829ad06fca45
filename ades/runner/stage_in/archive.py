"""Unpacking a zip archive into a folder, and nowhere else."""

from __future__ import annotations

import stat
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from ades.errors import FetchFailed

if TYPE_CHECKING:
    from pathlib import Path

    from ades.runner.stage_in.budget import Budget

MOST: Final = 100_000
"""Files in one archive."""
CHUNK: Final = 1024 * 1024


def unpack(archive: Path, folder: Path, budget: Budget) -> None:
    """Unpack; every byte counts against the budget, so that a bomb stops at the limit."""
    try:
        with zipfile.ZipFile(archive) as found:
            members = found.infolist()
            if len(members) > MOST:
                raise FetchFailed(f"the archive holds more than {MOST} files")
            for member in members:
                path = _place(member, folder)
                if member.is_dir():
                    path.mkdir(parents=True, exist_ok=True)
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                with found.open(member) as source, path.open("xb") as target:
                    while piece := source.read(CHUNK):
                        target.write(piece)
                        budget.add(len(piece))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise FetchFailed(f"the zip archive cannot be unpacked: {error}") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise FetchFailed(f"the zip archive holds two things of the same name: {error.filename}") from error


def _place(member: zipfile.ZipInfo, folder: Path) -> Path:
    name = PurePosixPath(member.filename.replace("\\", "/"))
    mode = member.external_attr >> 16
    if name.is_absolute() or ".." in name.parts or "\0" in member.filename:
        raise FetchFailed(f"the zip archive holds {member.filename!r}, which would lie outside of its folder")
    if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
        raise FetchFailed(f"the zip archive holds {member.filename!r}, which is neither file nor folder")
    return folder / name
