"""The keeper of one job: a fork of the warm parent that stays outside of the sandbox.

It brings the inputs, has the package run inside by a process of its own, publishes the outputs, keeps the logs and
clears up. Whatever happens it ends with nothing left of the job: when it is told to, when its engine is gone or has
been silent for too long, when the job breaks its limits. When the keeper itself is killed, the kernel kills what is
inside, and the warm parent clears up.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import orjson

from ades.engine.local import folders, inside, sandbox
from ades.engine.local.cgroup import Group
from ades.engine.local.clients import Terms
from ades.engine.local.containers import Containers
from ades.engine.local.probe import Isolation
from ades.engine.local.watch import Watch
from ades.engine.local.wire import Lines, read_line, receive
from ades.engine.local.words import Words
from ades.errors import Conflict
from ades.model import Failure, Reason, Step, StepState
from ades.objects import open_store
from ades.runner import linux, processes
from ades.runner.document import JobDocument
from ades.runner.events import Ended, Event, Message, Outcome, Progress, ResultStored, StepChanged, decode, encode
from ades.runner.failures import RunFailed
from ades.runner.logs import Logs
from ades.runner.main import failed, keep_logs, prepare, publish
from ades.runner.patience import Patience, Patient
from ades.runner.software import software
from ades.settings import Settings

if TYPE_CHECKING:
    import socket

    from ades.objects import ObjectStore

_VAGUE = frozenset({Reason.KILLED, Reason.EXIT_CODE})
"""What a step says whose processes the kernel has killed."""
_ADVICE = frozenset({StepChanged, Progress, Message})
"""What the inside may tell. The rest is told by the keeper alone."""
_DYING = 30.0
"""Seconds that a runner that was lost may need to die before its job is lost once more."""


def wait_and_keep(hand_over: socket.socket, isolation: Isolation) -> NoReturn:
    """Have everything ready for a job, wait for one, keep it, and end."""
    linux.die_with_parent(signal.SIGKILL)
    linux.become_subreaper()
    os.setsid()
    plans, plan = os.pipe()
    events, event = os.pipe()
    child, runner = _fork_inside(isolation, plans, event, (plan, events, hand_over.fileno()))
    os.close(plans)
    os.close(event)
    if not runner:
        runner = int.from_bytes(os.read(events, 4))
    received = receive(hand_over)
    hand_over.close()
    if received is None or received[1] is None:
        os._exit(0)
    import socket

    _Keeper(socket.socket(fileno=received[1]), isolation, (child, runner), plan, events).keep()


def _fork_inside(isolation: Isolation, plans: int, event: int, ours: tuple[int, ...]) -> tuple[int, int]:
    """Fork what waits for the plan; our child, and the process to kill, or 0 if the child will tell it first."""
    sandboxed = isolation is Isolation.NAMESPACES
    # Only root finds the way back from the PID namespace that its next child gets.
    direct = not sandboxed or os.geteuid() == 0
    home = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC) if sandboxed and direct else None
    if home is not None:
        sandbox.leave_processes()
    child = os.fork()
    if child == 0:
        for descriptor in ours if home is None else (*ours, home):
            os.close(descriptor)
        if not direct:
            _go_between(plans, event)
        inside.wait_and_run(plans, event, isolation)
    if home is not None:
        linux.return_to(home, linux.NEWPID)
        os.close(home)
    return child, child if direct else 0


def _go_between(plans: int, event: int) -> NoReturn:
    """Stand between keeper and sandbox: a process with another PID namespace for its children can have no threads."""
    linux.die_with_parent(signal.SIGKILL)
    sandbox.leave_processes()
    runner = os.fork()
    if runner == 0:
        inside.wait_and_run(plans, event, Isolation.NAMESPACES)
    os.write(event, runner.to_bytes(4))
    os.closerange(3, 64)
    os.waitpid(runner, 0)
    os._exit(0)


class _Keeper:
    def __init__(
        self, engine: socket.socket, isolation: Isolation, runner: tuple[int, int], plan: int, events: int
    ) -> None:
        self._engine = engine
        self._isolation = isolation
        self._child, self._runner = runner
        self._plan = plan
        self._events = events
        self._turn = threading.Lock()
        """Held while it is decided who brings the job to its end."""
        self._finishing = threading.Lock()
        """Held by who does it, and never given back."""
        self._steps: dict[str, Step] = {}
        self._stopped: Ended | None = None
        self._folder: Path | None = None
        self._words = Words()
        self._store: ObjectStore | None = None
        self._patience: Patience | None = None
        self._document: JobDocument | None = None
        self._in_sandbox = False
        self._group: Group | None = None
        self._containers: Containers | None = None
        self._answering = threading.Lock()

    def keep(self) -> NoReturn:
        """The whole life of the job."""
        line, rest = read_line(self._engine)
        if not line:
            self._vanish()
        order = orjson.loads(line)
        os.environ.update(order["environment"])
        threading.Thread(target=self._listen, args=(rest, order["silence"]), daemon=True).start()
        try:
            ended = self._run(order)
        except Exception as error:  # noqa: BLE001 - the border of a job
            ended = self._stopped or failed(error)
        if ended.software is None and self._document is not None:
            ended = replace(ended, software=software(self._document.executable["kind"]))
        self._finish(ended)

    def _run(self, order: dict[str, Any]) -> Ended:
        self._document = document = JobDocument.from_json(orjson.dumps(order["document"]))
        settings = Settings.from_json(orjson.dumps(order["settings"]))
        folder = Path(order["folder"])
        self._words = Words.of(folder)
        # Before the job is taken: who stops it from then on ends the waiting as well.
        self._patience = Patience(
            settings.objects_patience, lambda text: self._tell(Message(text)), document.limits.seconds
        )
        if (ended := self._take(folder)) is not None:
            return ended
        self._store = store = Patient(open_store(settings), self._patience)
        plan = prepare(document, folder, settings, store, self._tell)
        terms = order["containers"]
        if terms is not None:
            self._containers = Containers(
                Terms.read(terms),
                document.job,
                document.attempt,
                folder,
                readable=tuple(map(Path, plan.readable)),
                limits=document.limits,
                logs=Logs(folder),
                user=sandbox.owner() if self._isolation is Isolation.NAMESPACES else (os.geteuid(), os.getegid()),
            )
        watch = self._watcher(document, folder)
        words = {**order["sandbox"], "folder": str(folder), "containers": terms is not None}
        self._go(orjson.dumps({**words, "plan": orjson.Fragment(plan.to_json())}))
        outputs = self._watch(watch)
        if isinstance(outputs, Ended):
            return outputs
        return publish(document, outputs, folder, store, self._tell, settings)

    def _take(self, folder: Path) -> Ended | None:
        """Make the folder of the job, or how it ended before. Who has run it before us may still be dying in there."""
        end = time.monotonic() + _DYING
        while True:
            with self._turn:
                if self._stopped is not None:
                    return self._stopped
                try:
                    # Who stops the job removes what is there: from here on there is a folder.
                    folders.make(folder, sandbox.owner())
                except Conflict as error:
                    if time.monotonic() >= end:
                        return Ended(Outcome.LOST, Failure(Reason.WORKER_LOST, str(error)))
                else:
                    self._folder = folder
                    return None
            time.sleep(0.1)

    # -- while the package runs

    def _watcher(self, document: JobDocument, folder: Path) -> Watch:
        limits = document.limits
        if self._containers is not None:
            # Engines keep their containers' memory themselves, in groups of their own.
            started = self._containers
            return Watch(
                limits,
                folder,
                keeper=self._runner,
                elsewhere=started.pids,
                spent=lambda: started.spent,
                asked=self._asked,
            )
        if limits.memory is not None:
            self._group = Group.make(str(document.job), limits.memory)
            if self._group is not None and not self._group.add(self._runner):
                self._group.remove()
                self._group = None
        ours = frozenset({self._child, self._runner})
        return Watch(limits, folder, keeper=os.getpid(), ours=ours, group=self._group, asked=self._asked)

    def _asked(self) -> int | None:
        wishes = [step.details.get("requests") for step in list(self._steps.values()) if not step.state.finished]
        found = [int(wish["memory"].removesuffix("Mi")) for wish in wishes if wish]
        return sum(found) if found else None

    def _go(self, order: bytes) -> None:
        with self._turn:
            self._in_sandbox = self._stopped is None
        if not self._in_sandbox:
            return
        # Who was killed before could read it is found to have ended without a word.
        self._answer(order + b"\n")

    def _answer(self, line: bytes) -> None:
        """Say something to the inside."""
        view = memoryview(line)
        with self._answering, suppress(BrokenPipeError):
            while view:
                view = view[os.write(self._plan, view) :]

    def _watch(self, watch: Watch) -> dict[str, Any] | Ended:
        """Pass on what comes from inside until it ends; the outputs, or how else it ended."""
        lines = Lines()
        last: dict[str, Any] = {}
        poll = select.poll()
        poll.register(self._events, select.POLLIN)
        turn = watch.turn()
        wait = None if turn is None else int(turn * 1000)
        while True:
            if poll.poll(wait):
                chunk = os.read(self._events, 65536)
                if not chunk:
                    break
                for line in lines.feed(chunk):
                    last = self._pass_on(line, watch) or last
            if wait is not None and self._stopped is None and (broken := watch.look()):
                self._stop(Ended(Outcome.FAILED, broken))
        self._end_inside()
        with self._turn:
            self._in_sandbox = False
        return self._stopped or _outcome(last, watch)

    def _pass_on(self, line: bytes, watch: Watch) -> dict[str, Any] | None:
        raw = orjson.loads(line)
        if self._containers is not None and raw.keys() & {"container", "image"}:
            self._containers.serve(raw, lambda answer: self._answer(orjson.dumps(answer) + b"\n"))
            return None
        if "event" not in raw:
            return dict(raw)
        event = decode(line)
        if type(event) in _ADVICE:
            if isinstance(event, StepChanged):
                event = StepChanged(_judged(event.step, watch))
                self._steps[event.step.name] = event.step
                line = encode(event).rstrip(b"\n")
            self._send(self._words.plain(line) + b"\n")
        return None

    # -- from the engine

    def _listen(self, rest: bytes, silence: float) -> None:
        """Hear the engine: it says that it lives, or that the job is to end. An engine that says nothing is gone."""
        lines = Lines()
        heard = time.monotonic()
        poll = select.poll()
        poll.register(self._engine, select.POLLIN)
        for line in lines.feed(rest):
            self._obey(line)
        while True:
            if poll.poll(1000):
                try:
                    chunk = self._engine.recv(65536)
                except OSError:
                    chunk = b""
                if not chunk:
                    self._vanish()
                heard = time.monotonic()
                for line in lines.feed(chunk):
                    self._obey(line)
            if time.monotonic() - heard > silence:
                self._vanish()

    def _obey(self, line: bytes) -> None:
        if orjson.loads(line).get("kill"):
            self._stop(Ended(Outcome.DISMISSED))

    def _stop(self, ended: Ended) -> None:
        """Bring the job to its end, wherever it is."""
        with self._turn:
            if self._stopped is not None:
                return
            self._stopped = ended
            running = self._in_sandbox
        if self._patience is not None:
            self._patience.end()
        self._end_inside()
        if not running:
            # The main thread may be in the middle of a download: it is not waited for.
            self._finish(ended)

    def _vanish(self) -> NoReturn:
        """There is nobody left to tell anything."""
        self._end_inside()
        if self._group is not None:
            self._group.remove()
        if self._folder is not None:
            folders.remove(self._folder)
        os._exit(0)

    # -- the end

    def _end_inside(self) -> None:
        if self._containers is not None:
            # First who waits for them, so that it does not take their end for their own doing.
            processes.send([self._runner], signal.SIGKILL)
            self._containers.end()
        if self._isolation is Isolation.NAMESPACES:
            # The kernel ends all others in the namespace before process 1 is seen to have ended.
            processes.send([self._runner], signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, self._child, os.WEXITED | os.WNOWAIT)
            if self._document is not None and self._document.staging is not None:
                # The operator's own staging runs outside of the namespace.
                processes.end_descendants(os.getpid())
        else:
            processes.end_descendants(os.getpid())

    def _finish(self, ended: Ended) -> NoReturn:
        self._finishing.acquire()
        self._end_inside()
        if self._document is not None and self._store is not None and self._folder is not None:
            if ended.outcome is not Outcome.SUCCESSFUL:
                self._take_back(self._document, self._store)
            self._close_steps(ended)
            keep_logs(self._document, Logs(self._folder), self._store, self._tell)
        if self._group is not None:
            self._group.remove()
        if self._folder is not None:
            folders.remove(self._folder)
        self._tell(self._with_step(ended))
        sys.stderr.flush()
        os._exit(0)

    def _take_back(self, document: JobDocument, store: ObjectStore) -> None:
        """What was stored of the results of a job that has none."""
        try:
            store.delete(document.results_prefix)
        except Exception as error:  # noqa: BLE001 - nothing is lost by it but room
            self._tell(Message(f"Parts of the results could not be deleted: {error}"))

    def _close_steps(self, ended: Ended) -> None:
        dismissed = ended.outcome is Outcome.DISMISSED
        state = StepState.DISMISSED if dismissed else StepState.FAILED
        for step in list(self._steps.values()):
            if step.state is StepState.RUNNING:
                reason = Reason.DISMISSED if dismissed else ended.failure and ended.failure.reason
                message = "The job was dismissed." if dismissed else ended.failure.message if ended.failure else ""
                closed = step.evolve(state=state, finished=datetime.now(UTC), reason=reason, message=message)
                self._steps[step.name] = closed
                self._tell(StepChanged(closed))

    def _with_step(self, ended: Ended) -> Ended:
        """Where only one step was ended with the job, it is the one to look at."""
        failure = ended.failure
        if failure is None or failure.step is not None:
            return ended
        alike = [name for name, step in self._steps.items() if step.reason is failure.reason]
        return Ended(ended.outcome, replace(failure, step=alike[0]), ended.empty) if len(alike) == 1 else ended

    def _tell(self, event: Event) -> None:
        line = encode(event)
        # Values are what the tool has made; nobody changes them.
        self._send(line if isinstance(event, ResultStored) else self._words.plain(line))

    def _send(self, line: bytes) -> None:
        try:
            self._engine.sendall(line)
        except OSError:
            # The engine is gone; the listening thread will see to that.
            return


def _judged(step: Step, watch: Watch) -> Step:
    """A step that was killed from outside, by the kernel for its memory, says so."""
    if step.reason not in _VAGUE or (failure := watch.killed()) is None:
        return step
    return step.evolve(reason=failure.reason, message=failure.message)


def _outcome(last: dict[str, Any], watch: Watch) -> dict[str, Any] | Ended:
    """What the last words from inside mean."""
    if "outputs" in last:
        return dict(last["outputs"])
    killed = watch.killed()
    if "failure" in last:
        raw = last["failure"]
        failure = Failure(**{**raw, "reason": Reason(raw["reason"])})
        if killed is not None and failure.reason in _VAGUE:
            failure = replace(failure, reason=killed.reason, message=killed.message)
        raise RunFailed(failure)
    if killed is not None:
        raise RunFailed(killed)
    return Ended(Outcome.LOST, Failure(Reason.KILLED, "The runner of the job was killed from outside."))
