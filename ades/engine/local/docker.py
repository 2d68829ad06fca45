"""Docker and podman: they keep containers and images themselves, by name and label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.engine.local.clients import Box, Terms, ask, limits, run
from ades.engine.local.images import Images

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from uuid import UUID

    from ades.runner.container import Mount

_LABEL: Final = "ades.job"


class Docker:
    """A client of theirs."""

    def __init__(self, terms: Terms, job: UUID, folder: Path) -> None:
        self._terms = terms
        self._job = job
        self.images: Images = _Images(terms, folder)

    def launch(self, box: Box) -> tuple[tuple[str, ...], dict[str, str]]:
        """It is run read-only and without rights."""
        terms, wanted = self._terms, box.wanted
        options = [
            *terms.options,
            f"--name={box.name}",
            f"--label={_LABEL}={self._job}",
            f"--user={box.user[0]}:{box.user[1]}",
            f"--workdir={wanted.workdir}",
            "--pull=never",
            "--read-only",
            "--cap-drop=all",
            "--security-opt=no-new-privileges",
            "--log-driver=none",
            *(["--interactive"] if wanted.stdin else []),
            *([] if wanted.network else ["--network=none"]),
            *([f"--platform={terms.platform}"] if terms.platform else []),
            *map(_mount, wanted.mounts),
            *(f"--env={key}={value}" for key, value in wanted.env.items()),
            *(limits(box) if terms.limited else []),
            *([] if wanted.memory is None else [f"--shm-size={wanted.memory // 2}"]),
        ]
        return (terms.engine, "run", *options, wanted.image, *wanted.argv), {}

    def first(self, name: str) -> int:
        """The engine is asked."""
        said = ask(self._terms.engine, "inspect", "--format={{.State.Pid}}", name).strip()
        return int(said) if said.isdigit() else 0

    def code(self, code: int, last_words: Callable[[], str]) -> int:  # noqa: ARG002 - others have to look
        """It stays as it is."""
        return code

    def starved(self, name: str) -> bool:
        """The engine is asked."""
        return ask(self._terms.engine, "inspect", "--format={{.State.OOMKilled}}", name).strip() == "true"

    def kill(self, name: str) -> None:
        """It can still be asked about."""
        ask(self._terms.engine, "kill", name)

    def remove(self, name: str) -> None:
        """It is forgotten."""
        ask(self._terms.engine, "rm", "--force", "--volumes", name)


class _Images(Images):
    def has(self, image: str) -> bool:
        return run([self._terms.engine, "image", "inspect", image]).returncode == 0

    def fetch(self, image: str, credentials: Path | None) -> tuple[int, str]:
        engine, platform = self._terms.engine, self._terms.platform
        before = [f"--config={credentials.parent}"] if credentials and engine == "docker" else []
        after = [f"--authfile={credentials}"] if credentials and engine == "podman" else []
        after += [f"--platform={platform}"] if platform else []
        return self._pull([engine, *before, "pull", "--quiet", *after, image])


def _mount(one: Mount) -> str:
    return f"--mount=type=bind,source={one.source},target={one.target}{'' if one.writable else ',readonly'}"


def end_left(engine: str, job: UUID) -> None:
    """End and remove all containers of the job."""
    names = ask(engine, "ps", "--all", "--quiet", f"--filter=label={_LABEL}={job}").split()
    if names:
        ask(engine, "kill", *names)
        ask(engine, "rm", "--force", "--volumes", *names)
