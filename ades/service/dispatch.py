"""The worker: a process that runs jobs, by itself or as a child of `ades serve`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from ades import telemetry
from ades.fetch import Fetcher
from ades.runner.document import Options
from ades.secrets import Vault
from ades.service import builtins, limits
from ades.service.chores import Chores
from ades.service.deliver import Deliverer
from ades.service.deliver import Terms as Deadlines
from ades.service.election import Election
from ades.service.engines import Engines, beside_worker
from ades.service.handover import Handover, Packages
from ades.service.homes import homes
from ades.service.letters import Letters
from ades.service.life import Life
from ades.service.quotas import Quotas
from ades.service.registries import registries
from ades.service.release import Copier
from ades.service.results import Outputs
from ades.service.stagings import staging_of
from ades.service.storage import Storages
from ades.service.terms import CLEAN_UP, Terms
from ades.service.turns import Dispatcher
from ades.settings import Settings
from ades.store import Store

if TYPE_CHECKING:
    from ades.engine import Engine, OnEvent
    from ades.model import Job, Workspace
    from ades.recipe.wishes import Wish
    from ades.runner.document import Limits
    from ades.store import Delivery

COMMAND: Final = (sys.executable, "-P", "-c", "from ades.service.dispatch import main; main()")
SILENCE: Final = 15.0
"""Seconds without a word from its worker after which a local runner ends itself, unless leases are shorter."""
PARENT: Final = 0.5
"""Seconds between two looks at whether the server that started this worker still lives."""
LONGEST_PAUSE: Final = 30.0


def allowance(settings: Settings, workspace: Workspace, wishes: tuple[Wish, ...]) -> tuple[Limits, Limits]:
    """What a job in a workspace may use whose package asks for this, and the most that its steps may ask for."""
    quotas = Quotas.of(workspace)
    return limits.granted(settings, quotas, wishes), limits.most(settings, quotas)


class Worker:
    """Runs jobs until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._dispatcher: Dispatcher | None = None
        self._election: Election | None = None
        self._stopped = False
        self._life = Life.own()

    def run(self) -> None:
        """Work until SIGTERM, SIGINT or `stop`; then finish or hand back what is running."""
        settings = self._settings
        telemetry.configure(settings.log_level, settings.log_format)
        settings.data.mkdir(parents=True, exist_ok=True)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self.stop())
        with Store.open(settings.database_url) as store:
            chores = Chores(store, _storages(settings, store), settings)
            chores.start()
            copier = Copier(store, _storages(settings, store), settings)
            copier.start()
            deliverer = self._deliverer(store)
            deliverer.start()
            if settings.engine == "kubernetes":
                self._run_elected(store)
            else:
                self._work(self._assembled(store))
            deliverer.stop()
            chores.stop()
            copier.stop()

    def _run_elected(self, store: Store) -> None:
        """Where jobs run on without their worker, one worker looks after all of them."""
        election = self._election = Election(store.leases, self._life.name, self._settings.lease)
        while not self._stopped and election.won():
            dispatcher = self._assembled(store)
            with election.in_office(dispatcher.stop):
                self._work(dispatcher)

    def _work(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        if self._stopped:
            dispatcher.stop()
        dispatcher.run()

    def stop(self) -> None:
        """End as soon as that is possible without losing anything."""
        self._stopped = True
        if self._election is not None:
            self._election.withdraw()
        if self._dispatcher is not None:
            self._dispatcher.stop()

    def _assembled(self, store: Store) -> Dispatcher:
        settings = self._settings
        packages = Packages(store.processes.package, builtins.load(settings.config))
        objects = _storages(settings, store)
        handover = Handover(
            packages,
            Fetcher(settings),
            lambda job, wishes: allowance(settings, store.workspaces.get(job.executing), wishes),
            Options(javascript=settings.javascript),
            objects,
            lambda job: staging_of(settings, store.workspaces.get(job.calling)),
        )
        terms = Terms(
            lease=timedelta(seconds=settings.lease),
            attempts=settings.attempts,
            running_limit=settings.running_limit,
            grace=settings.grace,
            outliving=settings.engine == "kubernetes",
        )
        engine = partial(self._engine, store, objects)
        return Dispatcher(store, objects, handover, engine, terms, self._life)

    def _mail(self, job: Job, delivery: Delivery) -> None:
        from ades.service.mail import Mailer

        Mailer(self._settings).send(job, delivery)

    def _deliverer(self, store: Store) -> Deliverer:
        settings, objects = self._settings, _storages(self._settings, store)
        outputs = Outputs(store, Packages(store.processes.package, builtins.load(settings.config)))
        letters = Letters(settings, outputs, objects, Vault(settings, store.secrets))
        terms = Deadlines.of(settings)
        return Deliverer(store, letters, Fetcher(settings), self._mail, terms, self._life.name)

    def _engine(self, store: Store, objects: Storages, on_event: OnEvent) -> Engine:
        if self._settings.engine == "kubernetes":
            from ades.engine.kubernetes.engine import KubernetesEngine

            home, vault = homes(self._settings, store), Vault(self._settings, store.secrets)
            keys = partial(registries, vault)
            cluster = KubernetesEngine(self._settings, on_event, objects, home, objects.settings, keys)
            return Engines(cluster, lambda: self._local(store, objects, on_event, beside_worker(self._settings)))
        return self._local(store, objects, on_event, self._settings)

    def _local(self, store: Store, objects: Storages, on_event: OnEvent, settings: Settings) -> Engine:
        from ades.engine.local import LocalEngine

        vault = Vault(settings, store.secrets)
        return LocalEngine(
            settings,
            on_event,
            silence=min(SILENCE, settings.lease / 2),
            storage=objects.settings,
            registries=partial(registries, vault),
        )


def _storages(settings: Settings, store: Store) -> Storages:
    return Storages(settings, store, Vault(settings, store.secrets))


class Supervised:
    """A worker as a child process that is started again whenever it dies, until `stop`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self._watcher = threading.Thread(target=self._watch, name="ades-workers", daemon=True)
        self._log = telemetry.log()

    def start(self) -> None:
        """Start the worker and watch over it, unless it has been told to stop by now."""
        with self._starting:
            if self._stopping.is_set():
                return
            self._child = self._spawned()
            self._watcher.start()

    def stop(self) -> None:
        """Tell the worker to stop, and wait until it has."""
        with self._starting:
            self._stopping.set()
            child = self._child
        if child is None:
            return
        child.terminate()
        try:
            child.wait(self._settings.grace + CLEAN_UP + 5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _spawned(self) -> subprocess.Popen[bytes]:
        folder = telemetry.numbers(self._settings.data)
        folder.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {telemetry.SHARED_NUMBERS: str(folder)}
        command = [*COMMAND, str(os.getpid())]
        child = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, start_new_session=True, env=environment
        )
        if child.stdin is not None:
            with child.stdin as pipe:
                pipe.write(self._settings.to_json())
        return child

    def _watch(self) -> None:
        pause = 0.0
        while not self._stopping.is_set() and self._child is not None:
            began = time.monotonic()
            code = self._child.wait()
            pause = 0.0 if time.monotonic() - began > LONGEST_PAUSE else min(LONGEST_PAUSE, 2 * pause + 0.2)
            if self._stopping.wait(pause):
                return
            telemetry.forget(self._settings.data, self._child.pid)
            self._log.warning("The worker has ended and is started again", code=code)
            self._child = self._spawned()


def main() -> None:
    """Be the child: settings come through standard input, and the end with the end of the server."""
    parent = int(sys.argv[1])
    worker = Worker(Settings.model_validate_json(sys.stdin.buffer.read()))

    def follow() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT)
        worker.stop()

    threading.Thread(target=follow, name="ades-parent", daemon=True).start()
    worker.run()
