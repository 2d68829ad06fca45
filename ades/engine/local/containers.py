"""The containers of one job, started and ended by its keeper.

What the inside asks for is believed in nothing: a container sees files and folders of the job only, runs as the user
who owns them, without rights, and with a network only when its tool asks for one.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from ades.engine.local import apptainer, docker
from ades.engine.local.apptainer import Apptainer
from ades.engine.local.clients import Box, Terms
from ades.engine.local.docker import Docker
from ades.engine.local.engines import ENGINES
from ades.model import Reason
from ades.runner import command, processes
from ades.runner.container import Mount, Wanted
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ades.engine.local.clients import Client
    from ades.runner.document import Limits
    from ades.runner.logs import Logs

_MARK: Final = "engine."
"""The name of a file among the logs that says which engine may have containers of the job."""
_KILLED: Final = 137
"""The exit code of what was ended by SIGKILL."""
_TAIL: Final = 4096
_PATIENCE: Final = 60
"""Seconds in which all containers of a job end."""


@dataclass(slots=True)
class Containers:
    """Those of one job."""

    terms: Terms
    job: UUID
    attempt: int
    folder: Path
    readable: tuple[Path, ...]
    limits: Limits
    logs: Logs
    user: tuple[int, int]
    """Who owns the files of the job."""
    spent: float = 0.0
    """Seconds of processor time of those that have ended, as far as it was seen."""
    _numbers: Iterator[int] = field(default_factory=count)
    _running: dict[str, int] = field(default_factory=dict)
    """By name, the first process of each as far as it is known, or 0."""
    _complained: dict[str, str] = field(default_factory=dict)
    """By image, the step that says why it cannot be used."""
    _client: Client = field(init=False)
    _ending: threading.Lock = field(default_factory=threading.Lock)
    """Held by who waits for the end of all: whoever comes later finds that they have ended."""
    _removing: threading.Lock = field(default_factory=threading.Lock)
    """Two that remove the same container get into each other's way."""
    _ended: bool = False

    def __post_init__(self) -> None:
        kind = Apptainer if self.terms.engine in apptainer.NAMES else Docker
        self._client = kind(self.terms, self.job, self.folder)

    def serve(self, request: dict[str, Any], answer: Callable[[dict[str, Any]], None]) -> None:
        """Run what is asked for, in a thread of its own, and answer."""
        threading.Thread(target=self._serve, args=(request, answer), daemon=True).start()

    def _serve(self, request: dict[str, Any], answer: Callable[[dict[str, Any]], None]) -> None:
        number = {"number": request["number"]}
        try:
            if "image" in request:
                answer({**number, "lacks": self._lacks(str(request["image"]))})
                return
            wanted = Wanted.read(request["container"])
            ran = self._run(wanted, lambda *progress: answer({**number, "progress": progress}))
            answer({**number, "ran": asdict(ran)})
        except RunFailed as error:
            answer({**number, "refused": asdict(error.failure)})
        except (OSError, KeyError, TypeError, ValueError) as error:
            words = f"A container could not be started: {type(error).__name__}: {error}"
            answer({**number, "refused": {"reason": Reason.INTERNAL, "message": words}})

    def pids(self) -> list[int]:
        """The first process of each container that runs."""
        return [pid for pid in list(self._running.values()) if pid]

    def end(self) -> None:
        """End them all; none will begin."""
        self._ended = True
        self._client.images.stop()
        last = time.monotonic() + _PATIENCE
        with self._ending:
            # One that is just being made is there a moment later.
            while self._running and time.monotonic() < last:
                with self._removing:
                    end_left(self.folder)
                time.sleep(0.05)

    # -- one of them

    def _run(self, wanted: Wanted, on_progress: Callable[[int, str], None]) -> command.Ran:
        self._have_image(wanted)
        name = f"ades-{self.job}-{self.attempt}-{next(self._numbers)}"
        box = self._box(name, wanted)
        (self.folder / "logs" / f"{_MARK}{self.terms.engine}").touch()
        with ExitStack() as opened:
            self._running[name] = 0
            opened.callback(self._running.pop, name, None)
            opened.callback(self._remove, name)
            if self._ended:
                raise RunFailed.because(Reason.DISMISSED, "The job has ended.")
            argv, env = self._client.launch(box)
            started = command.Command(
                argv=argv,
                cwd="/",
                env={**os.environ, **env},
                log=self.logs.append_to(wanted.step),
                seconds=wanted.seconds,
                memory=wanted.memory,
                log_limit=self.limits.log,
                tree=lambda: self._tree(name),
                end=lambda: self._client.kill(name),
                stdin=wanted.stdin and opened.enter_context(self._reading(wanted.stdin)),
                stdout=wanted.stdout and opened.enter_context(self._writing(wanted.stdout)),
                stderr=wanted.stderr and opened.enter_context(self._writing(wanted.stderr)),
            )
            ran = command.run(started, on_progress)
            self.spent += ran.cpu_seconds
            return self._judged(ran, name, wanted)

    def _box(self, name: str, wanted: Wanted) -> Box:
        mounts = tuple(self._mount(one) for one in wanted.mounts)
        return Box(name, replace(wanted, mounts=mounts), self.limits, self.user)

    def _mount(self, one: Mount) -> Mount:
        place = self._own(one.source, writable=one.writable)
        if any(sign in f"{place}{one.target}" for sign in ",\n\0") or not one.target.startswith("/"):
            raise RunFailed.because(
                Reason.INVALID_INPUT, f"{one.target!r} cannot be shown to a container: give the file another name."
            )
        return replace(one, source=str(place))

    def _own(self, path: str, *, writable: bool) -> Path:
        """Where this path really leads, which must be something of the job."""
        real = Path(path).resolve(strict=True)
        folder = self.folder.resolve()
        mine = [folder / name for name in ("work", "out", "tmp")]
        allowed = mine if writable else [*mine, folder / "in", *(place.resolve() for place in self.readable)]
        if not any(real.is_relative_to(place) for place in allowed):
            raise RunFailed.because(Reason.INTERNAL, "A container was to see what is not of its job.")
        return real

    @contextmanager
    def _reading(self, path: str) -> Iterator[str]:
        descriptor = os.open(self._own(path, writable=False), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor):
            yield f"/proc/self/fd/{descriptor}"

    @contextmanager
    def _writing(self, path: str) -> Iterator[str]:
        place = self._own(os.path.dirname(path), writable=True) / os.path.basename(path)  # noqa: PTH119, PTH120 - a word of strangers
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        with os.fdopen(descriptor):
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise RunFailed.because(Reason.INTERNAL, "What a tool says can only go into a file.")
            if os.geteuid() == 0:
                os.fchown(descriptor, *self.user)
            yield f"/proc/self/fd/{descriptor}"

    # -- while it runs

    def _tree(self, name: str) -> list[int]:
        if not self._running.get(name):
            self._running[name] = self._client.first(name)
        first = self._running[name]
        return [first, *processes.descendants(first)] if first else []

    def _judged(self, ran: command.Ran, name: str, wanted: Wanted) -> command.Ran:
        """The kernel may have ended it for its memory without anybody having looked."""
        code = self._client.code(ran.exit_code, lambda: self._last_words(wanted))
        ran = replace(ran, exit_code=code)
        if ran.too_big is not None or wanted.memory is None or not self.terms.limited or not code:
            return ran
        # Engines are sometimes too late to see why; nobody else kills what has a limit of its own.
        killed = self._client.starved(name) or code == _KILLED
        return replace(ran, too_big=max(wanted.memory, ran.peak_memory or 0)) if killed else ran

    def _last_words(self, wanted: Wanted) -> str:
        """The last line that came out as an error, whoever it is of."""
        if not wanted.stderr:
            return self.logs.tail(wanted.step, lines=1) or ""
        with self._reading(wanted.stderr) as path, open(path, "rb") as file:  # noqa: PTH123 - a name, not a path
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            return (file.read().decode(errors="replace").splitlines() or [""])[-1]

    def _remove(self, name: str) -> None:
        with self._removing:
            self._client.remove(name)

    # -- images

    def _have_image(self, wanted: Wanted) -> None:
        """Bring the image, once for each job."""
        if self.terms.why:
            raise RunFailed.because(
                Reason.TOOL_MISSING, f"Step {wanted.step} failed: it needs a container engine, and {self.terms.why}."
            )
        if complaint := self._lacks(wanted.image):
            first = self._complained.setdefault(wanted.image, wanted.step)
            if first != wanted.step:
                complaint = f"its image {wanted.image} is not there either; step {first} says why."
            raise RunFailed.because(Reason.IMAGE_UNAVAILABLE, f"Step {wanted.step} failed: {complaint}")

    def _lacks(self, image: str) -> str | None:
        """Why an image cannot be used, once it has been asked for. Without an engine nobody knows."""
        return None if self.terms.why else self._client.images.lacks(image)


def end_left(folder: Path) -> None:
    """End and remove the containers of the job with this folder, whoever had started them."""
    for engine in ENGINES:
        if not (folder / "logs" / f"{_MARK}{engine}").exists():
            continue
        with suppress(ValueError):
            kind = apptainer if engine in apptainer.NAMES else docker
            kind.end_left(engine, UUID(folder.name))
