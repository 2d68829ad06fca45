"""What a package has made, looked at before anything of it is published: how much it is, and whether it has names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from ades.model import Reason
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.model import JSON


def check_names(outputs: JSON, step: str) -> None:
    """Raises RunFailed when a file of these outputs has a name that no address and no catalogue can hold."""
    for path in _paths(outputs):
        name = os.fsencode(path.name)
        if not _can_be_named(name):
            shown = name.decode("ascii", "backslashreplace").encode("unicode_escape").decode("ascii")
            raise RunFailed.because(
                Reason.OUTPUT_INVALID,
                f"Step {step} failed: it made a file with the name {shown.replace(chr(92) * 2, chr(92))}, which is not "
                "text that can be shown (UTF-8 without control characters). Have the tool give it another name.",
            )


def _can_be_named(name: bytes) -> bool:
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return False
    return not any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in text)  # noqa: PLR2004 - the control characters


def check_size(outputs: dict[str, JSON], limit: int | None) -> None:
    """Raises RunFailed when the files of all outputs take more bytes than this."""
    if limit is None:
        return
    total = sum(_size(path) for path in set(_paths(outputs)))
    if total > limit:
        raise RunFailed.because(
            Reason.OUTPUT_LIMIT,
            f"The outputs take {total / 1024**2:.1f} MiB, and the results of a job may have {limit / 1024**2:.1f} MiB.",
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def _paths(value: Any) -> Iterator[Path]:
    """Every file and folder among these outputs, also in folders and listings."""
    if isinstance(value, list):
        for item in value:
            yield from _paths(item)
    elif isinstance(value, dict):
        if value.get("class") in {"File", "Directory"} and (place := value.get("location") or value.get("path")):
            yield from _below(Path(_local(str(place))))
        for item in value.values():
            if isinstance(item, (dict, list)):
                yield from _paths(item)


def _below(path: Path) -> Iterator[Path]:
    yield path
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            yield Path(folder, name)


def _local(place: str) -> str:
    """The path in a location. Names that are no text are quoted byte by byte."""
    return unquote(urlsplit(place).path, errors="surrogateescape") if place.startswith("file:") else place
