"""Live logs, read from the cluster while somebody reads them, and not otherwise.

Who looks once is answered once. Who keeps looking is followed for: one connection for each log, whoever looks at it,
that ends when nobody does any more.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ades.engine.kubernetes import places
from ades.engine.kubernetes.api import NOT_FOUND, ApiError
from ades.engine.kubernetes.seen import pods_of
from ades.engine.kubernetes.tail import Tail
from ades.runner.logs import JOB

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from ades.engine.kubernetes.api import Api
    from ades.engine.kubernetes.seen import PodSeen

FRESH: Final = 1.0
"""Seconds for which what was read is as good as new."""
LISTENING: Final = 15.0
"""Seconds after a look for which somebody is taken to be listening."""
FOLLOWED: Final = 16
"""So many logs are followed at one time; who looks at another one has it read again with each look."""
_KEPT: Final = 32
_BYTES: Final = 64 * 1024**2
"""So much of logs is kept in memory."""


@dataclass(slots=True)
class _Known:
    """A log that was read, and when somebody last looked."""

    tail: Tail
    attempt: int
    asked: float
    fresh: float
    past: frozenset[str] = frozenset()
    """The pods that had this log before."""


@dataclass(slots=True)
class Logs:
    """Reads logs of pods."""

    api: Api
    namespace_of: Callable[[UUID], str | None]
    """In which namespace a job runs; None where that is not known."""
    clock: Callable[[], float] = time.monotonic
    _all: OrderedDict[tuple[UUID, str], _Known] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, job: UUID, name: str, start: int = 0, length: int | None = None) -> bytes | None:
        """A part of the log of a step, or of the runner under the name `job`; None when there is none (any more)."""
        known = self._known((job, name))
        return None if known is None else known.tail.read(start, length)

    def _known(self, key: tuple[UUID, str]) -> _Known | None:
        now = self.clock()
        with self._lock:
            known = self._all.get(key)
            listening = known is not None and now - known.asked < LISTENING
            if known is not None:
                known.asked = now
                if known.tail.following or now - known.fresh < FRESH:
                    return known
        try:
            known = self._read(key, known, now)
        except ApiError as error:
            return None if error.code == NOT_FOUND else known
        if known is not None and listening:
            self._follow(key, known)
        return known

    def _read(self, key: tuple[UUID, str], known: _Known | None, now: float) -> _Known | None:
        """Look for the pod, and read what is new in its log."""
        pod = self._pod(*key, frozenset() if known is None else known.past)
        if pod is None:
            return None
        if pod.started is None:
            return known if known is not None and known.attempt == pod.attempt else None
        if known is None or known.tail.pod != pod.uid:
            # What runs again in the same attempt of the job goes on with the same log.
            before, past = b"", frozenset[str]()
            if known is not None and known.attempt == pod.attempt:
                before, past = known.tail.read(0, None), known.past | {known.tail.pod}
            path = places.log(pod.namespace, pod.name)
            known = _Known(Tail(self.api, path, pod.uid, pod.container, before), pod.attempt, now, now, past)
        known.tail.catch_up()
        with self._lock:
            known.fresh = now
            self._all[key] = known
            self._all.move_to_end(key)
            while len(self._all) > _KEPT or (len(self._all) > 1 and self._bytes() > _BYTES):
                self._all.popitem(last=False)
        return known

    def _bytes(self) -> int:
        return sum(len(known.tail) for known in self._all.values())

    def _follow(self, key: tuple[UUID, str], known: _Known) -> None:
        with self._lock:
            if sum(one.tail.following for one in self._all.values()) < FOLLOWED:
                known.tail.follow(lambda: self._all.get(key) is known and self.clock() - known.asked < LISTENING)

    def _pod(self, job: UUID, name: str, past: frozenset[str]) -> PodSeen | None:
        """The newest pod of a step, or of the runner. One that was left for another never comes again."""
        namespace = self.namespace_of(job)
        if namespace is None:
            return None
        step = None if name == JOB else name
        pods = reversed(pods_of(self.api, namespace, job))
        return next((pod for pod in pods if pod.step == step and pod.uid not in past), None)
