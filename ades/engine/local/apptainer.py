"""Apptainer, and Singularity before it: a container is what the command has started, an image is a file.

There is nobody to ask about containers. Their images are shown under names of their own, which are seen in the list of
processes; by these they are found and ended.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from ades.engine.local.clients import NOT_EXECUTABLE, NOT_FOUND, REFUSED, Box, Terms, limits
from ades.engine.local.images import Images
from ades.model import Reason
from ades.runner import command, processes
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

NAMES: Final = ("apptainer", "singularity")
_FAILED: Final = 255
"""The exit code with which they fail themselves, as tools may do too."""
_LONGEST: Final = 240
"""Characters of the name of a file."""
_PATIENCE: Final = 5
"""Seconds in which a command clears up after its container has ended."""
_ENVIRONMENT: Final = "/.singularity.d/env/99-zz-ades.sh"
"""What is there is read last before the tool starts."""


class Apptainer:
    """A client of either."""

    def __init__(self, terms: Terms, _job: UUID, folder: Path) -> None:
        self._terms = terms
        self._beside = folder / "logs"
        self._images = _Images(terms, folder)
        self.images: Images = self._images

    def launch(self, box: Box) -> tuple[tuple[str, ...], dict[str, str]]:
        """What it needs lies beside the logs, where tools see nothing."""
        terms, wanted = self._terms, box.wanted
        image, environment = self._files(box.name)
        image.symlink_to(self._images.file(wanted.image))
        environment.write_text("".join(_export(*pair) for pair in wanted.env.items()), encoding="utf-8")
        environment.chmod(0o644)
        options = [
            *terms.options,
            *contained(box.user),
            f"--pwd={wanted.workdir}",
            *([] if wanted.network else ["--net", "--network=none"]),
            *(_mount(one.source, one.target, writable=one.writable) for one in wanted.mounts),
            _mount(str(environment), _ENVIRONMENT),
            *(limits(box) if terms.limited else []),
        ]
        does = "exec" if wanted.argv else "run"
        return (*_called(terms.engine), does, *options, str(image), *wanted.argv), _temporary(terms, self._beside)

    def first(self, name: str) -> int:
        """Below the command that started it there is one that is the first in its own world."""
        for pid in _commands(f"{name}.sif"):
            for inside in _inside(pid):
                if _numbers(inside)[-1] == "1":
                    return inside
        return 0

    def code(self, code: int, last_words: Callable[[], str]) -> int:
        """The command ends by the signal that ended its tool, and has one exit code for all that it cannot do."""
        if code < 0:
            return 128 - code
        if code != _FAILED or not (said := last_words()).startswith("FATAL:"):
            return code
        if "executable file not found" in said or "no such file" in said:
            return NOT_FOUND
        return NOT_EXECUTABLE if "permission denied" in said or "is a directory" in said else REFUSED

    def starved(self, name: str) -> bool:  # noqa: ARG002 - there is nobody to ask
        """Nobody knows."""
        return False

    def kill(self, name: str) -> None:
        """The command ends with it."""
        _end(f"{name}.sif")

    def remove(self, name: str) -> None:
        """With what lay beside it."""
        self.kill(name)
        for file in self._files(name):
            file.unlink(missing_ok=True)

    def _files(self, name: str) -> tuple[Path, Path]:
        return self._beside / f"{name}.sif", self._beside / f"{name}.sh"


class _Images(Images):
    def file(self, image: str) -> Path:
        """Where it is, or would be."""
        name = quote(f"{image} {self._terms.platform}".strip(), safe=":@")
        if len(name) > _LONGEST:
            name = name[: _LONGEST // 2] + hashlib.sha256(name.encode()).hexdigest()
        return Path(self._terms.images, f"{name}.sif")

    def has(self, image: str) -> bool:
        return self.file(image).exists()

    def fetch(self, image: str, credentials: Path | None) -> tuple[int, str]:
        terms, file = self._terms, self.file(image)
        platform = terms.platform.split("/")[1:]
        options = [f"--{option}={value}" for option, value in zip(("arch", "arch-variant"), platform, strict=False)]
        options += [f"--authfile={credentials}"] if credentials else []
        # It goes with the folder of the job if it is not finished; others see it when it is whole.
        with tempfile.TemporaryDirectory(prefix="image-", dir=self._folder / "logs", ignore_cleanup_errors=True) as top:
            made = Path(top, "image.sif")
            code, words = self._pull(
                [*_called(terms.engine), "pull", "--disable-cache", *options, str(made), f"docker://{image}"],
                **_temporary(terms, Path(top)),
            )
            if code == 0:
                file.parent.mkdir(parents=True, exist_ok=True)
                made.replace(file)
        return code, words


def contained(user: tuple[int, int]) -> list[str]:
    """The options for a container that has nothing of this machine: no file, no name, no right."""
    hosts = Path("/etc/hosts")
    return [
        "--containall",
        "--no-home",
        "--no-mount=bind-paths",
        "--no-init",
        "--no-eval",
        "--no-umask",
        "--no-privs",
        *([f"--security=uid:{user[0]}", f"--security=gid:{user[1]}"] if user[0] != os.geteuid() else []),
        *([_mount(str(hosts), str(hosts))] if hosts.exists() else []),
    ]


def _called(engine: str) -> tuple[str, ...]:
    return engine, "--silent", "--nocolor"


def _temporary(terms: Terms, folder: Path) -> dict[str, str]:
    return {f"{terms.engine.upper()}_TMPDIR": str(folder)}


def _mount(source: str, target: str, *, writable: bool = False) -> str:
    return f"--mount=type=bind,source={source},destination={target}{'' if writable else ',ro'}"


def _export(name: str, value: str) -> str:
    if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) is None:
        raise RunFailed.because(Reason.INVALID_INPUT, f"{name!r} is no name of a variable that a container can have.")
    return f"export {name}={shlex.quote(value)}\n"


# -- processes


def end_left(_engine: str, job: UUID) -> None:
    """End all containers of the job, and who brings images for it."""
    _end(str(job))


def _commands(mark: str) -> list[int]:
    """The commands that were told to do something with this name."""
    return [pid for pid in processes.all_pids() if _does(pid, mark.encode())]


def _does(pid: int, mark: bytes) -> bool:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    # Once it has started something it calls itself "Apptainer runtime parent: " and the name of the image.
    program = line.split(b"\0", 1)[0].rpartition(b"/")[2].lower()
    return mark in line and program.startswith(tuple(name.encode() for name in NAMES))


def _inside(pid: int) -> list[int]:
    """What is below a command and in another world of processes."""
    own = len(_numbers(os.getpid()))
    return [below for below in processes.descendants(pid) if len(_numbers(below)) > own]


def _numbers(pid: int) -> list[str]:
    """The numbers of a process, in ours and in each world of processes that it is in."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("NSpid:"):
                return line.split()[1:]
    return []


def _end(mark: str) -> None:
    """First what is inside, so that the commands clear up behind it; in the end whatever is left."""
    began = time.monotonic()
    clearing: set[int] = set()
    while (commands := _commands(mark)) and (past := time.monotonic() - began) < 2 * _PATIENCE:
        for pid in commands:
            inside = _inside(pid)
            clearing |= {pid} if inside else set()
            processes.send(inside, signal.SIGKILL)
            if pid not in clearing or past > _PATIENCE:
                command.end_tree(pid)
        time.sleep(0.01)
