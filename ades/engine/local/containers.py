"""The containers of one job, started and ended by its keeper.

What the inside asks for is believed in nothing: a container sees files and folders of the job only, runs as the user
who owns them, without rights, and with a network only when its tool asks for one.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from ades.engine.local.engines import ENGINES
from ades.model import Reason
from ades.runner import command, processes
from ades.runner.container import Wanted
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ades.runner.document import Limits
    from ades.runner.logs import Logs

_LABEL: Final = "ades.job"
_MARK: Final = "engine."
"""The name of a file among the logs that says which engine may have containers of the job."""
_KILLED: Final = 137
"""The exit code of what was ended by SIGKILL."""
_PATIENCE: Final = 60
"""Seconds in which an engine answers, or a container ends."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How containers are run on this machine."""

    engine: str
    options: tuple[str, ...] = ()
    limited: bool = False
    pull: str = "missing"
    platform: str = ""
    registries: str | None = None
    """The credentials of the workspace, as `~/.docker/config.json` has them."""
    why: str = ""
    """Why there is no engine although there should be one."""

    @classmethod
    def read(cls, raw: dict[str, Any]) -> Terms:
        """As they arrived."""
        return cls(**{**raw, "options": tuple(raw["options"])})


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
    _pulled: dict[str, str | None] = field(default_factory=dict)
    _complained: dict[str, str] = field(default_factory=dict)
    """By image, the step that says why it cannot be used."""
    _pulling: threading.Lock = field(default_factory=threading.Lock)
    _pullers: list[subprocess.Popen[str]] = field(default_factory=list)
    _ending: threading.Lock = field(default_factory=threading.Lock)
    """Held by who waits for the end of all: whoever comes later finds that they have ended."""
    _removing: threading.Lock = field(default_factory=threading.Lock)
    """Two that remove the same container get into each other's way."""
    _ended: bool = False

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
        for puller in list(self._pullers):
            puller.kill()
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
        (self.folder / "logs" / f"{_MARK}{self.terms.engine}").touch()
        with ExitStack() as opened:
            started = command.Command(
                argv=self._argv(name, wanted),
                cwd="/",
                env=dict(os.environ),
                log=self.logs.append_to(wanted.step),
                seconds=wanted.seconds,
                memory=wanted.memory,
                log_limit=self.limits.log,
                tree=lambda: self._tree(name),
                end=lambda: self._kill(name),
                stdin=wanted.stdin and opened.enter_context(self._reading(wanted.stdin)),
                stdout=wanted.stdout and opened.enter_context(self._writing(wanted.stdout)),
                stderr=wanted.stderr and opened.enter_context(self._writing(wanted.stderr)),
            )
            self._running[name] = 0
            try:
                if self._ended:
                    raise RunFailed.because(Reason.DISMISSED, "The job has ended.")
                ran = command.run(started, on_progress)
                self.spent += ran.cpu_seconds
                return self._judged(ran, name, wanted)
            finally:
                self._remove(name)
                self._running.pop(name, None)

    def _argv(self, name: str, wanted: Wanted) -> tuple[str, ...]:
        terms, limits = self.terms, self.limits
        options = [
            *terms.options,
            f"--name={name}",
            f"--label={_LABEL}={self.job}",
            f"--user={self.user[0]}:{self.user[1]}",
            f"--workdir={wanted.workdir}",
            "--pull=never",
            "--read-only",
            "--cap-drop=all",
            "--security-opt=no-new-privileges",
            "--log-driver=none",
            *(["--interactive"] if wanted.stdin else []),
            *([] if wanted.network else ["--network=none"]),
            *([f"--platform={terms.platform}"] if terms.platform else []),
            *(self._mount(one.source, one.target, writable=one.writable) for one in wanted.mounts),
            *(f"--env={key}={value}" for key, value in wanted.env.items()),
        ]
        if terms.limited:
            if wanted.memory is not None:
                options += [f"--memory={wanted.memory}", f"--memory-swap={wanted.memory}"]
            if limits.cores is not None:
                options.append(f"--cpus={limits.cores}")
            if limits.processes is not None:
                # The barrier is for what grows faster than anybody looks; who looks can say what has happened.
                options.append(f"--pids-limit={2 * limits.processes + 16}")
        if wanted.memory is not None:
            options.append(f"--shm-size={wanted.memory // 2}")
        return (terms.engine, "run", *options, wanted.image, *wanted.argv)

    def _mount(self, source: str, target: str, *, writable: bool) -> str:
        place = self._own(source, writable=writable)
        if any(sign in f"{place}{target}" for sign in ",\n\0") or not target.startswith("/"):
            raise RunFailed.because(
                Reason.INVALID_INPUT, f"{target!r} cannot be shown to a container: give the file another name."
            )
        return f"--mount=type=bind,source={place},target={target}{'' if writable else ',readonly'}"

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
            said = _ask(self.terms.engine, "inspect", "--format={{.State.Pid}}", name).strip()
            self._running[name] = int(said) if said.isdigit() else 0
        first = self._running[name]
        return [first, *processes.descendants(first)] if first else []

    def _judged(self, ran: command.Ran, name: str, wanted: Wanted) -> command.Ran:
        """The kernel may have ended it for its memory without anybody having looked."""
        if ran.too_big is None and wanted.memory is not None and self.terms.limited and ran.exit_code:
            killed = _ask(self.terms.engine, "inspect", "--format={{.State.OOMKilled}}", name).strip() == "true"
            # Engines are sometimes too late to see why; nobody else kills what has a limit of its own.
            if killed or ran.exit_code == _KILLED:
                return replace(ran, too_big=max(wanted.memory, ran.peak_memory or 0))
        return ran

    def _kill(self, name: str) -> None:
        _ask(self.terms.engine, "kill", name)

    def _remove(self, name: str) -> None:
        with self._removing:
            _ask(self.terms.engine, "rm", "--force", "--volumes", name)

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
        if self.terms.why:
            return None
        with self._pulling:
            if image not in self._pulled:
                self._pulled[image] = self._bring(image)
            return self._pulled[image]

    def _bring(self, image: str) -> str | None:
        """Why it cannot be used; None when it is here."""
        if image.startswith("-"):
            return f"{image} is no name of an image."
        terms = self.terms
        here = _run([terms.engine, "image", "inspect", image]).returncode == 0
        if terms.pull == "never" or (here and terms.pull == "missing"):
            return None if here else f"the image {image} is not here, and ADES_CONTAINERS_PULL=never brings none."
        with self._authorised() as options:
            code, words = self._pull(
                [*options, f"--platform={terms.platform}", image] if terms.platform else [*options, image]
            )
        if code == 0:
            return None
        lines = [line.strip() for line in words.splitlines() if line.strip()]
        said = lines[-1].removeprefix("Error: ") if lines else "it said nothing"
        return f"the image {image} cannot be pulled; {terms.engine} says: {said}"

    def _pull(self, argv: list[str]) -> tuple[int, str]:
        puller = subprocess.Popen(  # noqa: S603 - the engine
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self._pullers.append(puller)
        _, words = puller.communicate()
        self._pullers.remove(puller)
        return puller.returncode, words

    @contextmanager
    def _authorised(self) -> Iterator[list[str]]:
        """The command that pulls, with the credentials of the workspace in a folder that only we can read."""
        engine, registries = self.terms.engine, self.terms.registries
        if registries is None:
            yield [engine, "pull", "--quiet"]
            return
        # Whatever happens, it goes with the folder of the job; tools do not see this part of it.
        top = tempfile.mkdtemp(prefix="registries-", dir=self.folder / "logs")
        try:
            file = Path(top, "config.json")
            file.touch(mode=0o600)
            file.write_text(registries, encoding="utf-8")
            if engine == "podman":
                yield [engine, "pull", "--quiet", f"--authfile={file}"]
            else:
                yield [engine, f"--config={top}", "pull", "--quiet"]
        finally:
            shutil.rmtree(top, ignore_errors=True)


def end_left(folder: Path) -> None:
    """End and remove the containers of the job with this folder, whoever had started them."""
    for engine in ENGINES:
        if not (folder / "logs" / f"{_MARK}{engine}").exists():
            continue
        with suppress(ValueError):
            filters = f"--filter=label={_LABEL}={UUID(folder.name)}"
            names = _ask(engine, "ps", "--all", "--quiet", filters).split()
            if names:
                _ask(engine, "kill", *names)
                _ask(engine, "rm", "--force", "--volumes", *names)


def _ask(*argv: str) -> str:
    return _run(list(argv)).stdout


def _run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - the engine
            argv,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(argv, 1, "", str(error))
