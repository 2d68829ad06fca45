"""The images of one job: each is brought at most once, with the credentials of the workspace."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ades.runner import command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.engine.local.clients import Terms


class Images(ABC):
    """What can be used."""

    def __init__(self, terms: Terms, folder: Path) -> None:
        self._terms = terms
        self._folder = folder
        self._known: dict[str, str | None] = {}
        self._bringing = threading.Lock()
        self._pullers: list[subprocess.Popen[str]] = []
        self._stopped = False

    @abstractmethod
    def has(self, image: str) -> bool:
        """Whether it is here."""

    @abstractmethod
    def fetch(self, image: str, credentials: Path | None) -> tuple[int, str]:
        """Pull it; the exit code of who does, and what it said."""

    def lacks(self, image: str) -> str | None:
        """Bring it; why it cannot be used, or None."""
        with self._bringing:
            if image not in self._known:
                self._known[image] = self._bring(image)
            return self._known[image]

    def stop(self) -> None:
        """Bring nothing more."""
        self._stopped = True
        for puller in list(self._pullers):
            command.end_tree(puller.pid)

    def _bring(self, image: str) -> str | None:
        if image.startswith("-"):
            return f"{image} is no name of an image."
        terms = self._terms
        here = self.has(image)
        if terms.pull == "never" or (here and terms.pull == "missing"):
            return None if here else f"the image {image} is not here, and ADES_CONTAINERS_PULL=never brings none."
        with self._credentials() as credentials:
            code, words = self.fetch(image, credentials)
        if code == 0:
            return None
        lines = [line.strip() for line in words.splitlines() if line.strip()]
        said = lines[-1].removeprefix("Error: ").removeprefix("FATAL:").strip() if lines else "it said nothing"
        return f"the image {image} cannot be pulled; {terms.engine} says: {said}"

    def _pull(self, argv: list[str], **env: str) -> tuple[int, str]:
        puller = subprocess.Popen(  # noqa: S603 - the engine
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**os.environ, **env},
            process_group=0,
        )
        self._pullers.append(puller)
        if self._stopped:
            command.end_tree(puller.pid)
        _, words = puller.communicate()
        self._pullers.remove(puller)
        return puller.returncode, words

    @contextmanager
    def _credentials(self) -> Iterator[Path | None]:
        """Those of the workspace, as `config.json` in a folder that only we can read."""
        if self._terms.registries is None:
            yield None
            return
        # Whatever happens, it goes with the folder of the job; tools do not see this part of it.
        top = tempfile.mkdtemp(prefix="registries-", dir=self._folder / "logs")
        try:
            file = Path(top, "config.json")
            file.touch(mode=0o600)
            file.write_text(self._terms.registries, encoding="utf-8")
            yield file
        finally:
            shutil.rmtree(top, ignore_errors=True)
