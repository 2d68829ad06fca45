"""The local engine, as the worker sees it.

One thread reads what the keepers tell, sends them signs of life, and notices who has died. The warm parent is started
with the first job and again when it was killed; its jobs are then reported as lost.
"""

from __future__ import annotations

import logging
import os
import selectors
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import orjson

from ades.engine.local import engines, folders
from ades.engine.local.hidden import hidden_paths, why_not
from ades.engine.local.keys import Keys
from ades.engine.local.probe import Isolation, probe
from ades.engine.local.sandbox import installed_software
from ades.engine.local.wire import Lines, packet_pair, receive, send, stream_pair
from ades.errors import Misconfigured, Unavailable
from ades.model import Failure, Reason
from ades.runner.events import Ended, Event, Outcome, decode
from ades.runner.logs import Logs

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from ades.engine import OnEvent
    from ades.runner.document import JobDocument
    from ades.settings import Settings

_log = logging.getLogger(__name__)

BEAT: Final = 2.0
"""Seconds between two signs of life."""
SILENCE: Final = 15.0
"""Seconds without one after which a keeper believes that its engine is gone. Less than any lease."""
_KILL_AFTER: Final = 1.2
"""Seconds that a keeper gets to end its job by itself."""
_KILL_CONTAINERS_AFTER: Final = 10.0
"""The same where it has to wait for a container engine first."""
_EXIT_AFTER: Final = 3.0
"""Seconds in which the warm parent tells that a keeper has ended."""
_OF_ENGINES: Final = ("APPTAINER_", "CONTAINER", "DOCKER_", "SINGULARITY_", "XDG_RUNTIME_DIR")
"""How the clients of container engines find theirs."""
_PASSED_ON: Final = ("AWS_", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "TZ")
_SERVERS_KEYS: Final = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"})
"""What a runner with keys of its own does not get."""


@dataclass(slots=True)
class _Run:
    """A job that has been started."""

    job: UUID
    attempt: int
    channel: socket.socket
    lines: Lines = field(default_factory=Lines)
    unsent: bytearray = field(default_factory=bytearray)
    patience: float = _KILL_AFTER
    kill_at: float | None = None
    """When the parent is asked to kill the keeper, because it has not ended when it was told to."""
    dismissed: bool = False
    silent_since: float | None = None
    """When its keeper stopped talking without having told the end."""


class LocalEngine:
    """Runs jobs on this machine; an `Engine`."""

    def __init__(
        self,
        settings: Settings,
        on_event: OnEvent,
        *,
        silence: float = SILENCE,
        storage: Callable[[str], Settings] | None = None,
        registries: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._storage = storage or (lambda _: settings)
        self._keys = Keys(settings.data.absolute() / "run" / "credentials")
        self._on_event = on_event
        self._silence = silence
        self._registries = registries
        """The credentials of a workspace for registries of images."""
        self._jobs: Path = settings.data.absolute() / "jobs"
        self._slots = settings.slots or len(os.sched_getaffinity(0))
        self._lock = threading.RLock()
        self._runs: dict[UUID, _Run] = {}
        self._parent: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._selector: selectors.BaseSelector | None = None
        self._wake: tuple[socket.socket, socket.socket] | None = None
        self._thread: threading.Thread | None = None
        self._closing = False
        self._beat_at = 0.0
        self._workspaces: set[str] = set()

    # -- the protocol

    def start(self, document: JobDocument) -> None:
        """Begin to run a job."""
        self._refuse_more(document)
        # To look for an engine takes seconds, the first time.
        containers = self._container_terms(document)
        settings = self._keys.give(document, self._storage(document.calling))
        try:
            self._start(document, settings, containers)
        except BaseException:
            if document.job not in self._runs:
                self._keys.forget(document.job)
            raise

    def _refuse_more(self, document: JobDocument) -> None:
        with self._lock:
            if self._closing or self.free() < 1:
                raise Unavailable(f"There is no room for another job: {len(self._runs)} of {self._slots} are running.")
            if document.job in self._runs:
                raise Unavailable(f"The job {document.job} is still running here.")

    def _start(self, document: JobDocument, settings: Settings, containers: dict[str, Any] | None) -> None:
        with self._lock:
            self._refuse_more(document)
            self._refuse_strangers(document)
            order = self._order(document, settings, containers)
            control = self._warm()
            ours, theirs = stream_pair()
            ours.setblocking(False)
            with theirs:
                send(control, {"start": str(document.job), "attempt": document.attempt}, theirs.fileno())
            patience = _KILL_AFTER if containers is None else _KILL_CONTAINERS_AFTER
            run = _Run(document.job, document.attempt, ours, patience=patience)
            run.unsent += order
            self._runs[document.job] = run
            self._ring()

    def kill(self, job: UUID) -> None:
        """End a job now."""
        with self._lock:
            run = self._runs.get(job)
            if run is None or run.kill_at is not None:
                return
            run.dismissed = True
            self._tell_to_end(run)

    def running(self) -> frozenset[UUID]:
        """The jobs that have been started here and have not ended."""
        with self._lock:
            return frozenset(self._runs)

    def free(self) -> int:
        """How many more jobs could be started now."""
        with self._lock:
            return max(0, self._slots - len(self._runs))

    def read_log(self, job: UUID, name: str, start: int = 0, length: int | None = None) -> bytes | None:
        """A part of a log that is still being written on this machine."""
        try:
            logs = Logs(self._jobs / str(job))
        except OSError:
            return None
        try:
            return logs.read(name, start, length)
        finally:
            logs.close()

    def close(self, grace: float = 0) -> None:
        """Wait, kill what still runs, and end the warm parent."""
        end = time.monotonic() + grace
        with self._lock:
            self._closing = True
        while self.running() and time.monotonic() < end:
            time.sleep(0.02)
        with self._lock:
            for run in self._runs.values():
                self._tell_to_end(run)
        hard_end = time.monotonic() + 5
        while self.running() and time.monotonic() < hard_end:
            time.sleep(0.005)
        with self._lock:
            thread, self._thread = self._thread, None
            self._ring()
        if thread is not None:
            thread.join(timeout=5)
        self._keys.close()
        self._let_parent_go()

    def _refuse_strangers(self, document: JobDocument) -> None:
        """Jobs of several workspaces run here only where they are kept apart."""
        complaint = why_not(self._settings, workspaces=len(self._workspaces | {document.executing}))
        if complaint is not None:
            raise Misconfigured(complaint, field="local_isolation")
        self._workspaces.add(document.executing)

    # -- the warm parent

    def _warm(self) -> socket.socket:
        """The channel to the warm parent, which is started if there is none."""
        if self._control is not None:
            return self._control
        folders.sweep(self._jobs)
        self._jobs.mkdir(parents=True, exist_ok=True)
        ours, theirs = packet_pair()
        command = [sys.executable, "-P", "-c", "from ades.engine.local.parent import main; main()"]
        arguments = [str(theirs.fileno()), str(self._jobs), self._isolation(), *self._modules()]
        with theirs:
            self._parent = subprocess.Popen(  # noqa: S603 - our own module
                [*command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env=self._clean_environment(),
            )
        self._control = ours
        if self._selector is None:
            self._selector = selectors.DefaultSelector()
            self._wake = stream_pair()
            self._wake[0].setblocking(False)
            self._wake[1].setblocking(False)
            self._selector.register(self._wake[0], selectors.EVENT_READ, self._hear_bell)
        self._selector.register(ours, selectors.EVENT_READ, self._hear_parent)
        if self._thread is None:
            self._thread = threading.Thread(target=self._listen, name="local-engine", daemon=True)
            self._thread.start()
        return ours

    def _isolation(self) -> Isolation:
        return Isolation.SUBREAPER if self._settings.local_isolation == "none" else probe().isolation

    def _modules(self) -> list[str]:
        return ["ades.objects.s3"] if self._settings.objects.startswith("s3://") else ["ades.objects.local"]

    def _clean_environment(self) -> dict[str, str]:
        """Nothing of the server's own environment but what tools need to be found."""
        path = os.pathsep.join(filter(None, [os.environ.get("PATH", os.defpath), str(sys.prefix) + "/bin"]))
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in {"HOME", "LANG", "LC_ALL"} or name.startswith(_OF_ENGINES)
        }
        return {**kept, "PATH": path, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

    def _let_parent_go(self) -> None:
        with self._lock:
            parent, self._parent = self._parent, None
            control, self._control = self._control, None
            selector, self._selector = self._selector, None
        if selector is not None:
            selector.close()
        if control is not None:
            control.close()
        for end in self._wake or ():
            end.close()
        if parent is not None:
            try:
                parent.wait(timeout=5)
            except subprocess.TimeoutExpired:
                parent.kill()
                parent.wait()

    # -- what is sent

    def _container_terms(self, document: JobDocument) -> dict[str, Any] | None:
        """How the images of a package are run; None when it names none or nothing here runs any."""
        settings = self._settings
        if b"DockerRequirement" not in orjson.dumps(document.executable):
            return None
        found = engines.find(settings.containers)
        if not found.name and settings.containers in {"auto", "none"}:
            return None
        return {
            "engine": found.name,
            "options": found.options,
            "limited": found.limited,
            "pull": settings.containers_pull,
            "platform": settings.containers_platform,
            "registries": self._registries(document.executing),
            "images": str(self._jobs.parent / "images"),
            "why": "" if found.name else found.why,
        }

    def _order(self, document: JobDocument, settings: Settings, containers: dict[str, Any] | None) -> bytes:
        own_keys = settings.s3_credentials_file is not None or bool(settings.s3_access_key)
        return orjson.dumps(
            {
                "document": orjson.Fragment(document.to_json()),
                "settings": orjson.Fragment(settings.to_json()),
                "folder": str(self._jobs / str(document.job)),
                "silence": self._silence,
                "containers": containers,
                "environment": {
                    name: value
                    for name, value in os.environ.items()
                    if (name.startswith(_PASSED_ON) or name.lower().endswith("_proxy"))
                    and not (own_keys and name in _SERVERS_KEYS)
                },
                "sandbox": {
                    "hidden": [str(path) for path in hidden_paths(self._settings)],
                    "software": [str(path) for path in installed_software()],
                },
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )

    def _tell_to_end(self, run: _Run) -> None:
        run.kill_at = time.monotonic() + run.patience
        run.unsent += b'{"kill": true}\n'
        self._ring()

    def _ring(self) -> None:
        if self._wake is not None:
            with suppress(OSError):
                self._wake[1].send(b"!")

    # -- the thread

    def _listen(self) -> None:
        while True:
            with self._lock:
                selector = self._selector
                if self._thread is not threading.current_thread() or selector is None:
                    return
                self._attend(selector)
            for key, events in selector.select(timeout=0.5 if self._runs else 5.0):
                key.data(key, events)

    def _attend(self, selector: selectors.BaseSelector) -> None:
        """Register what is new, send signs of life, and see who is late."""
        now = time.monotonic()
        beat = now >= self._beat_at
        if beat:
            self._beat_at = now + BEAT
        for run in list(self._runs.values()):
            if beat and run.silent_since is None and not run.unsent:
                run.unsent += b"{}\n"
            if run.silent_since is None:
                self._register(selector, run)
            elif self._control is None or now - run.silent_since > _EXIT_AFTER:
                self._lost(run)
            if run.kill_at is not None and now > run.kill_at and self._control is not None:
                run.kill_at = now + run.patience
                with suppress(OSError):
                    send(self._control, {"kill": str(run.job)})

    def _register(self, selector: selectors.BaseSelector, run: _Run) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if run.unsent else 0)

        def ready(_key: selectors.SelectorKey, mask: int) -> None:
            self._hear_keeper(run, mask)

        try:
            if selector.get_key(run.channel).events != events:
                selector.modify(run.channel, events, ready)
        except KeyError:
            selector.register(run.channel, events, ready)

    def _hear_bell(self, key: selectors.SelectorKey, _events: int) -> None:
        with suppress(OSError):
            key.fileobj.recv(4096)  # type: ignore[union-attr]

    def _hear_parent(self, _key: selectors.SelectorKey, _events: int) -> None:
        control = self._control
        try:
            received = None if control is None else receive(control)
        except OSError:
            received = None
        if received is None:
            self._parent_died()
        elif "exit" in received[0]:
            run = self._runs.get(UUID(received[0]["exit"]))
            if run is not None and run.attempt == received[0]["attempt"]:
                self._read_all(run)
                self._lost(run)

    def _parent_died(self) -> None:
        with self._lock:
            if self._control is not None and self._selector is not None:
                self._selector.unregister(self._control)
                self._control.close()
            self._control = None
            parent, self._parent = self._parent, None
            now = time.monotonic()
            for run in self._runs.values():
                run.silent_since = run.silent_since or now
        if parent is not None:
            parent.wait()
            _log.error("The parent of the runners has ended (%s); its jobs are lost.", parent.returncode)

    def _hear_keeper(self, run: _Run, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            with self._lock, suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                sent = run.channel.send(run.unsent[:65536])
                del run.unsent[:sent]
        if events & selectors.EVENT_READ and not self._read(run) and run.job in self._runs:
            run.silent_since = time.monotonic()
            if self._selector is not None:
                self._selector.unregister(run.channel)

    def _read(self, run: _Run) -> bool:
        """Take what has come; False when nothing more will."""
        try:
            chunk = run.channel.recv(262144)
        except BlockingIOError:
            return True
        except OSError:
            chunk = b""
        for line in run.lines.feed(chunk):
            self._take(run, line)
        return bool(chunk)

    def _read_all(self, run: _Run) -> None:
        while self._runs.get(run.job) is run and run.silent_since is None and self._read(run):
            pass

    def _take(self, run: _Run, line: bytes) -> None:
        try:
            event = decode(line)
        except ValueError:
            _log.exception("Job %s has told something that nobody understands.", run.job)
            return
        if isinstance(event, Ended):
            self._ended(run, event)
        else:
            self._hand_on(run, event)

    def _lost(self, run: _Run) -> None:
        """The keeper has gone without telling the end."""
        if not folders.clear(self._jobs / str(run.job), patience=5):
            _log.error("Something still holds the folder of job %s.", run.job)
        if run.dismissed:
            self._ended(run, Ended(Outcome.DISMISSED))
        else:
            self._ended(run, Ended(Outcome.LOST, Failure(Reason.WORKER_LOST, "The runner of the job was killed.")))

    def _ended(self, run: _Run, event: Ended) -> None:
        with self._lock:
            if self._runs.pop(run.job, None) is None:
                return
            self._keys.forget(run.job)
            if self._selector is not None:
                with suppress(KeyError, ValueError):
                    self._selector.unregister(run.channel)
            run.channel.close()
            if event.outcome is Outcome.DISMISSED and not run.dismissed:
                event = Ended(Outcome.LOST, Failure(Reason.WORKER_LOST, "The worker was stopped."))
        self._hand_on(run, event)

    def _hand_on(self, run: _Run, event: Event) -> None:
        try:
            self._on_event(run.job, run.attempt, event)
        except Exception:  # noqa: BLE001 - the border of a loop's turn
            _log.exception("What job %s has told could not be recorded: %r", run.job, event)
