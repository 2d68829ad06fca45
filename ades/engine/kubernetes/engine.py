"""The engine as the worker sees it: what is called from other threads, and the threads that do the work.

There are two watches, one thread that reconciles, and a few that wait for the cluster; their number does not depend on
the number of jobs.
"""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ades import telemetry
from ades.engine.kubernetes import names, places
from ades.engine.kubernetes.api import Api, ApiError
from ades.engine.kubernetes.ending import Closing
from ades.engine.kubernetes.launcher import Launcher
from ades.engine.kubernetes.logs import Logs
from ades.engine.kubernetes.provision import Provision
from ades.engine.kubernetes.reconciler import Reconciler
from ades.engine.kubernetes.run import Run
from ades.engine.kubernetes.seen import JobSeen, PodSeen
from ades.engine.kubernetes.steps import Steps
from ades.engine.kubernetes.watchdog import Watchdog
from ades.engine.kubernetes.watching import Watching
from ades.errors import AdesError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from ades.engine import OnEvent
    from ades.engine.kubernetes.placement import Placement
    from ades.objects import ObjectStore
    from ades.runner.document import JobDocument
    from ades.settings import Settings

    Home = Callable[[str], tuple[str, Placement]]

HANDS: Final = 8
"""Threads that wait for the cluster."""
_LONGEST: Final = 60.0
_PATIENCE: Final = 5.0


class KubernetesEngine:
    """Runs jobs in a cluster; an `Engine`.

    `home` says in which namespace the jobs of a workspace run, and how; `storage` with which settings the runners for a
    workspace find its files, `registries` with which credentials its images are pulled. Raises `Misconfigured` where no cluster is known.
    """

    def __init__(
        self,
        settings: Settings,
        on_event: OnEvent,
        objects: ObjectStore,
        home: Home,
        storage: Callable[[str], Settings] | None = None,
        registries: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._home = home
        self._api = Api(settings.kubernetes_config)
        self._api.connect()
        self._logs = Logs(self._api, self._namespace_of)
        self._lock = threading.RLock()
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._hands = ThreadPoolExecutor(HANDS, "ades-kubernetes")
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._runs: dict[UUID, Run] = {}
        self._watches: dict[str, list[Watching]] = {}
        self._sighted: dict[str, set[str]] = {}
        self._thread: threading.Thread | None = None
        self._closing = False
        self._log = telemetry.log()
        provision = Provision(self._api, settings) if settings.kubernetes_provision else None
        launcher = Launcher(self._api, objects, settings, storage or (lambda _: settings), registries, provision)
        self._reconciler = Reconciler(
            launcher,
            Closing(self._api, objects, launcher, settings),
            Watchdog(self._api, self._work),
            on_event,
            self._work,
            self._after,
            self._forget,
        )

    # -- the protocol ------------------------------------------------------------------------------------------------

    def start(self, document: JobDocument) -> None:
        """Begin to run a job, or go on with it where this attempt of it has been begun before."""
        namespace, placement = self._home(document.executing)
        with self._lock:
            if self._closing or self.free() < 1:
                raise Unavailable(f"There is no room for another job: {len(self._runs)} are in the cluster.")
            if document.job in self._runs:
                raise Unavailable(f"The job {document.job} is still in the cluster.")
            run = Run(document, namespace, placement, Steps(placement))
            self._runs[document.job] = run
            scope = self._scope(namespace)
            self._open(scope)
        self._inbox.put(lambda: self._reconciler.add(run, sighted=self._is_sighted(scope)))

    def kill(self, job: UUID) -> None:
        """End a job now, also one that was started by an earlier life of this server."""
        self._inbox.put(lambda: self._reconciler.end(job))

    def running(self) -> frozenset[UUID]:
        """The jobs that have been started here, or were found in the cluster, and have not ended."""
        with self._lock:
            if not self._closing:
                for scope in self._scopes():
                    self._open(scope)
            return frozenset(self._runs) | self._reconciler.sight.jobs()

    def free(self) -> int:
        """How many more jobs could be started now."""
        with self._lock:
            return max(0, self._settings.kubernetes_jobs - len(self._runs))

    def read_log(self, job: UUID, name: str, start: int = 0, length: int | None = None) -> bytes | None:
        """A part of a log that is still being written."""
        return self._logs.read(job, name, start, length)

    def close(self, grace: float = 0) -> None:  # noqa: ARG002 - what runs in the cluster runs on
        """Let go of all jobs. They run on, and are found again by whoever comes next."""
        with self._lock:
            self._closing = True
            watches = [watch for both in self._watches.values() for watch in both]
            thread, self._thread = self._thread, None
        for watch in watches:
            watch.stop()
        self._inbox.put(None)
        if thread is not None:
            thread.join(_PATIENCE)
        self._hands.shutdown(wait=True, cancel_futures=True)
        self._api.close()
        for watch in watches:
            watch.join(_PATIENCE)

    def _namespace_of(self, job: UUID) -> str | None:
        with self._lock:
            run = self._runs.get(job)
            return None if run is None else run.namespace

    # -- watches -----------------------------------------------------------------------------------------------------

    def _scope(self, namespace: str) -> str:
        """What is watched to see a namespace: all at once, or this one."""
        return "" if self._settings.kubernetes_watch == "cluster" else namespace

    def _scopes(self) -> list[str]:
        return [""] if self._settings.kubernetes_watch == "cluster" else list(self._watches)

    def _open(self, scope: str) -> None:
        """Watch there, if nobody does yet."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name="ades-reconciler", daemon=True)
            self._thread.start()
        if scope in self._watches:
            return
        selector = names.selector(self._settings.kubernetes_instance)
        self._sighted[scope] = set()
        self._watches[scope] = [
            Watching(
                self._api,
                places.jobs(scope),
                selector,
                lambda found, version: self._put(self._list_jobs, scope, found, version),
                lambda what, item: self._put(self._job, what, item),
            ),
            Watching(
                self._api,
                places.pods(scope),
                selector,
                lambda found, version: self._put(self._list_pods, scope, found, version),
                lambda what, item: self._put(self._pod, what, item),
            ),
        ]
        for watch in self._watches[scope]:
            watch.start()

    def _put(self, action: Callable[..., None], *arguments: Any) -> None:
        self._inbox.put(partial(action, *arguments))

    def _list_jobs(self, scope: str, found: list[Any], version: int) -> None:
        seen = [job for raw in found if (job := JobSeen.read(raw)) is not None]
        with self._lock:
            changed = self._reconciler.sight.list_jobs(scope, seen, version)
        self._sight("jobs", scope, changed)

    def _list_pods(self, scope: str, found: list[Any], version: int) -> None:
        seen = [pod for raw in found if (pod := PodSeen.read(raw)) is not None]
        self._sight("pods", scope, self._reconciler.sight.list_pods(scope, seen, version))

    def _sight(self, kind: str, scope: str, changed: set[UUID]) -> None:
        first = not self._is_sighted(scope)
        self._sighted[scope].add(kind)
        if first and self._is_sighted(scope):
            for run in list(self._reconciler.runs.values()):
                if self._scope(run.namespace) == scope:
                    self._reconciler.begin(run)
        for job in changed:
            self._reconciler.look(job)

    def _is_sighted(self, scope: str) -> bool:
        return len(self._sighted.get(scope, ())) == 2  # noqa: PLR2004 - Jobs and pods

    def _job(self, what: str, raw: Any) -> None:
        seen = JobSeen.read(raw)
        if seen is None:
            return
        with self._lock:
            sight = self._reconciler.sight
            changed = sight.drop_job(seen) if what == "DELETED" else sight.put_job(seen)
        if changed:
            self._reconciler.look(seen.job)

    def _pod(self, what: str, raw: Any) -> None:
        seen = PodSeen.read(raw)
        if seen is None:
            return
        sight = self._reconciler.sight
        if what == "DELETED":
            sight.drop_pod(seen)
        else:
            sight.put_pod(seen)
        self._reconciler.look(seen.job)

    # -- the thread --------------------------------------------------------------------------------------------------

    def _loop(self) -> None:
        while True:
            message = self._next()
            if self._closing:
                return
            if message is not None:
                self._do(message)
            while self._later and self._later[0][0] <= time.monotonic():
                self._do(heapq.heappop(self._later)[2])

    def _next(self) -> Callable[[], None] | None:
        wait = min(_LONGEST, self._later[0][0] - time.monotonic()) if self._later else _LONGEST
        try:
            return self._inbox.get(timeout=wait) if wait > 0 else self._inbox.get_nowait()
        except queue.Empty:
            return None

    def _do(self, message: Callable[[], None]) -> None:
        try:
            message()
        except Exception:  # noqa: BLE001 - the border of a loop's turn
            self._log.exception("A turn of the reconciler failed; it goes on with the next one")

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._later, (time.monotonic() + seconds, next(self._order), call))

    def _work(
        self, action: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> None:
        def do() -> None:
            try:
                result = action()
            except (ApiError, AdesError, OSError) as error:
                self._put(failed, error)
            except Exception as error:  # noqa: BLE001 - the border of a job
                self._log.exception("Something about a job went wrong in a way that nobody thought of")
                self._put(failed, error)
            else:
                self._put(done, result)

        if not self._closing:
            self._hands.submit(do)

    def _forget(self, run: Run) -> None:
        with self._lock:
            if self._runs.get(run.job) is run:
                del self._runs[run.job]
