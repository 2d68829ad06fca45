"""One watch for all steps: what becomes of the pods of the job, whoever waits for them."""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from ades.runner.calrissian.cluster import Expired
from ades.runner.calrissian.sight import GONE, Sight, see

if TYPE_CHECKING:
    from ades.runner.calrissian.cluster import Cluster

_log = logging.getLogger(__name__)

_BREATH: Final = 1.0
"""Seconds between two attempts to watch."""


class Watch:
    """Lists and watches, begins anew when the watch expires or breaks, and lets threads wait for what changes."""

    def __init__(self, cluster: Cluster, labels: str, container: str) -> None:
        self._cluster = cluster
        self._labels = labels
        self._container = container
        self._changed = threading.Condition()
        self._sights: dict[str, Sight] = {}
        self._expected: dict[str, float] = {}
        """The pods that somebody waits for, and since when each must be there."""
        self._thread: threading.Thread | None = None
        self.closed = False

    def expect(self, name: str) -> None:
        """Look out for a pod that is about to be made."""
        with self._changed:
            self._expected[name] = float("inf")
            self._sights[name] = Sight()

    def made(self, name: str) -> None:
        """From now on a pod that is not there is gone."""
        with self._changed:
            self._expected[name] = time.monotonic()
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="watch", daemon=True)
                self._thread.start()

    def forget(self, name: str) -> None:
        """Nobody waits for this pod any more."""
        with self._changed:
            self._expected.pop(name, None)
            self._sights.pop(name, None)

    def expected(self) -> list[str]:
        """The pods that somebody waits for."""
        with self._changed:
            return list(self._expected)

    def wait(self, name: str, seen: Sight | None, seconds: float) -> Sight:
        """What is to be seen of a pod: something else than before, or the same when the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._sights.get(name, GONE) != seen, seconds)
            return self._sights.get(name, GONE)

    # -- the thread

    def _loop(self) -> None:
        while not self.closed:
            try:
                self._follow(self._list())
            except Expired:
                time.sleep(_BREATH / 4)
            except Exception as error:  # noqa: BLE001 - the border of a loop's turn: without it everybody waits for ever
                _log.warning("The watch of the pods broke and is begun anew: %s", error)
                time.sleep(_BREATH * random.uniform(0.5, 1.5))  # noqa: S311 - only spreads the callers

    def _list(self) -> str:
        begun = time.monotonic()
        pods, version = self._cluster.pods(self._labels)
        there = {pod["metadata"]["name"]: pod for pod in pods}
        with self._changed:
            for name, since in self._expected.items():
                if name in there:
                    self._see(name, there[name])
                elif since < begun and not self._sights[name].over:
                    self._sights[name] = GONE
            self._changed.notify_all()
        return version

    def _follow(self, version: str) -> None:
        for kind, pod in self._cluster.changes(self._labels, version):
            if kind == "BOOKMARK":
                continue
            name = pod["metadata"]["name"]
            with self._changed:
                if name in self._expected:
                    self._see(name, pod)
                    if kind == "DELETED" and not self._sights[name].over:
                        self._sights[name] = GONE
                    self._changed.notify_all()

    def _see(self, name: str, pod: dict[str, Any]) -> None:
        if not self._sights[name].over:
            self._sights[name] = see(pod, self._container)
