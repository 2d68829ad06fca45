"""What a runner that died has left unsaid: its own log and those of its steps, as far as their pods are still there."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ades.engine.kubernetes import places
from ades.engine.kubernetes.api import ApiError
from ades.engine.kubernetes.seen import pods_of
from ades.runner.events import LogStored
from ades.runner.logs import JOB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.engine.kubernetes.api import Api
    from ades.engine.kubernetes.seen import PodSeen
    from ades.objects import ObjectStore
    from ades.runner.document import JobDocument

TEXT: Final = "text/plain; charset=utf-8"
LONGEST: Final = 16 * 1024**2
"""Bytes that are kept of one log."""
_PODS: Final = 100
_BYTES: Final = 64 * 1024**2
"""So much is kept of one job."""


def keep(
    api: Api, objects: ObjectStore, document: JobDocument, namespace: str, runner: PodSeen | None
) -> list[LogStored]:
    """Bring it to where logs are looked for; what the cluster does not give is not waited for."""
    pods = _steps(api, document, namespace)
    if runner is not None:
        pods.insert(0, runner)
    texts: dict[str, bytes] = {}
    for pod, text in _read(api, pods):
        # What has run twice has one log, as with a runner that lives.
        name = JOB if pod.step is None else pod.step
        texts[name] = texts.get(name, b"") + text
    stored = []
    for name, text in texts.items():
        key = f"{document.logs_prefix}/{name}.log"
        stored.append(LogStored(name, key, objects.put(key, text, TEXT).size))
    return stored


def _steps(api: Api, document: JobDocument, namespace: str) -> list[PodSeen]:
    """The pods of the steps of this attempt, in the order in which they were made."""
    found: list[PodSeen] = []
    with suppress(ApiError):
        found = pods_of(api, namespace, document.job)
    return [pod for pod in found if pod.step is not None and pod.attempt == document.attempt][:_PODS]


def _read(api: Api, pods: list[PodSeen]) -> Iterator[tuple[PodSeen, bytes]]:
    left = _BYTES
    for pod in pods:
        with suppress(ApiError):
            path = places.log(pod.namespace, pod.name)
            text = api.text(path, container=pod.container, limitBytes=str(min(left, LONGEST)))
            left -= len(text)
            yield pod, text
        if left <= 0:
            return
