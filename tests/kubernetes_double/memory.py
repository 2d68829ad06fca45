"""Pods without processes: each follows a script, thousands of them on one thread."""

from __future__ import annotations

import fnmatch
import heapq
import io
import itertools
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from kubernetes_double.kubelet import Kubelet

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubernetes_double.cluster import Cluster
    from kubernetes_double.faults import PodFault
    from kubernetes_double.objects import Object


@dataclass(frozen=True)
class Script:
    """How a pod without a process behaves."""

    seconds: float = 0.01
    """How long it runs."""
    code: int = 0
    log: bytes = b""
    message: str = ""
    """The termination message."""
    then: Callable[[Object], None] | None = None
    """Called with the pod at its end, for example to write what a real runner would have uploaded."""


class MemoryKubelet(Kubelet):
    """Thousands of pods on one thread: each follows the first script whose pattern fits its name."""

    def __init__(self, scripts: dict[str, Script] | None = None) -> None:
        self.scripts = scripts or {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._wake = threading.Condition()
        self._logs: dict[str, bytearray] = {}
        self._rotated: dict[str, int] = {}
        self._over: set[str] = set()

    def join(self, cluster: Cluster) -> None:
        super().join(cluster)
        threading.Thread(target=self._tick, daemon=True).start()

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        with self._wake:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), call))
            self._wake.notify()

    def _tick(self) -> None:
        while not self.cluster.closing:
            with self._wake:
                while not self._due or self._due[0][0] > time.monotonic():
                    self._wake.wait(min(0.2, self._due[0][0] - time.monotonic()) if self._due else 0.2)
                    if self.cluster.closing:
                        return
                _, _, call = heapq.heappop(self._due)
            call()

    def _script(self, pod: Object) -> Script:
        name = pod["metadata"]["name"]
        return next((s for pattern, s in self.scripts.items() if fnmatch.fnmatchcase(name, pattern)), Script())

    def begin(self, pod: Object, fault: PodFault | None) -> None:
        wait = fault.seconds if fault is not None and fault.kind == "slow" else 0
        self._after(wait, lambda: self._start(pod, fault))

    def _start(self, pod: Object, fault: PodFault | None) -> None:
        script, uid = self._script(pod), pod["metadata"]["uid"]
        if uid in self._over:
            return
        self._logs[uid] = bytearray(script.log)
        self.started(pod, pod["spec"]["containers"][0])
        early = fault is not None and fault.kind not in {"slow", "exit"}
        self._after(fault.seconds if fault is not None and early else script.seconds, lambda: self._end(pod, fault))

    def _end(self, pod: Object, fault: PodFault | None) -> None:
        script, uid = self._script(pod), pod["metadata"]["uid"]
        if uid in self._over:
            return
        self._over.add(uid)
        if fault is not None and fault.kind == "node-lost":
            self.lose_node(pod)
        elif fault is not None and fault.kind == "deleted":
            self.remove(pod)
        else:
            if script.then is not None and (fault is None or fault.kind == "slow"):
                script.then(pod)
            self.ended(pod, pod["spec"]["containers"][0], script.code, fault, script.message)

    def stop(self, pod: Object, seconds: float) -> None:
        self._over.add(pod["metadata"]["uid"])
        if pod.get("status", {}).get("reason") != "NodeLost" or seconds == 0:
            self._after(0, lambda: self.remove(pod))

    def close(self) -> None:
        with self._wake:
            self._wake.notify_all()

    def prints(self, pod: Object, text: bytes) -> None:
        """The container says something more."""
        self._logs[pod["metadata"]["uid"]] += text

    def strike(self, pod: Object, fault: PodFault) -> None:
        """Something happens to the pod now."""
        self._after(0, lambda: self._end(pod, fault))

    def rotate(self, pod: Object) -> None:
        """What was printed is put away, as a kubelet does with ten megabytes; who follows notices nothing."""
        uid = pod["metadata"]["uid"]
        self._rotated[uid] = len(self._logs[uid])

    def log(self, pod: Object, container: str | None) -> BinaryIO | None:
        uid = pod["metadata"]["uid"]
        text = self._logs.get(uid)
        return None if text is None else cast("BinaryIO", _Growing(text, self._rotated.get(uid, 0)))


class _Growing(io.RawIOBase):
    """A log that can be read on when it has grown."""

    def __init__(self, text: bytearray, start: int) -> None:
        self._text, self._at = text, start

    def read(self, size: int = -1) -> bytes:
        piece = bytes(self._text[self._at :])
        self._at += len(piece)
        return piece

    def tell(self) -> int:
        return self._at
