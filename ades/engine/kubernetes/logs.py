"""Live logs, read from the cluster while somebody reads them, and not otherwise.

The API of pods knows no offsets: a log comes from its beginning. So what was read is kept for a moment, for the next
piece and for the next reader.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ades.engine.kubernetes import names, places
from ades.engine.kubernetes.api import ApiError
from ades.engine.kubernetes.seen import PodSeen
from ades.runner.logs import JOB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from ades.engine.kubernetes.api import Api

FRESH: Final = 1.0
"""Seconds for which what was read is as good as new."""
LONGEST: Final = 16 * 1024**2
"""Bytes of a log that are read from the cluster; the whole of it lies in the object store when it is complete."""
_KEPT: Final = 32
"""So many logs are kept at one time."""


@dataclass(slots=True)
class _Text:
    """A log as far as it was read."""

    body: bytes
    at: float


@dataclass(slots=True)
class Logs:
    """Reads logs of pods."""

    api: Api
    namespace_of: Callable[[UUID], str | None]
    """In which namespace a job runs; None where that is not known."""
    clock: Callable[[], float] = time.monotonic
    _texts: OrderedDict[tuple[UUID, str], _Text] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, job: UUID, name: str, start: int = 0, length: int | None = None) -> bytes | None:
        """A part of the log of a step, or of the runner under the name `job`; None when there is none (any more)."""
        body = self._body(job, name)
        if body is None:
            return None
        begin = max(0, len(body) + start) if start < 0 else start
        return body[begin : None if length is None else begin + length]

    def _body(self, job: UUID, name: str) -> bytes | None:
        key, now = (job, name), self.clock()
        with self._lock:
            known = self._texts.get(key)
        if known is not None and now - known.at < FRESH:
            return known.body
        try:
            body = self._fetch(job, name)
        except ApiError:
            return None
        with self._lock:
            if body is None:
                self._texts.pop(key, None)
                return None
            self._texts[key] = _Text(body, now)
            self._texts.move_to_end(key)
            while len(self._texts) > _KEPT:
                self._texts.popitem(last=False)
        return body

    def _fetch(self, job: UUID, name: str) -> bytes | None:
        namespace = self.namespace_of(job)
        if namespace is None:
            return None
        found = self.api.get(places.pods(namespace), labelSelector=f"{names.JOB}={job}")["items"]
        pod = _wanted((PodSeen.read(raw) for raw in found), name)
        if pod is None or pod.started is None:
            return None
        return self.api.text(places.log(namespace, pod.name), limitBytes=str(LONGEST))


def _wanted(pods: Iterable[PodSeen | None], name: str) -> PodSeen | None:
    """The newest pod of a step, or of the runner."""
    step = None if name == JOB else name
    found = [pod for pod in pods if pod is not None and pod.step == step]
    return max(found, key=_age, default=None)


def _age(pod: PodSeen) -> Any:
    return (pod.attempt, pod.created.timestamp() if pod.created else 0.0, pod.version)
