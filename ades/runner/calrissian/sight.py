"""What the status of a pod means for the step in it. Knows the API's words, but not the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from ades.model import Failure, Reason

if TYPE_CHECKING:
    from ades.runner.document import Pods

Wait = Literal["image", "start", "schedule"]
"""What a pod that does not run waits for."""

_IMAGE: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError"})
_START: Final = frozenset(
    {
        "InvalidImageName",
        "ErrImageNeverPull",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "CrashLoopBackOff",
    }
)
_LOST: Final = {
    "Evicted": "it was evicted",
    "Preempting": "it was preempted by a more important pod",
    "Preempted": "it was preempted by a more important pod",
    "PreemptionByScheduler": "it was preempted by a more important pod",
    "NodeLost": "its node was lost",
    "DeletionByTaintManager": "its node was lost",
    "DeletionByPodGC": "its node is gone",
    "EvictionByEvictionAPI": "its node was being emptied",
    "TerminationByKubelet": "its node was shutting down or short of resources",
    "Shutdown": "its node was shutting down",
    "Terminated": "its node was shutting down",
}
_KILLED: Final = 137
"""Exit code of what SIGKILL ended: almost always the kernel at a memory limit, since nobody else sends it."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How the container of a step ended."""

    code: int
    reason: str
    message: str
    started: datetime | None
    finished: datetime | None

    @property
    def out_of_memory(self) -> bool:
        """It needed more memory than it had."""
        return self.reason == "OOMKilled" or self.code == _KILLED


@dataclass(frozen=True, slots=True)
class Sight:
    """What is to be seen of a pod at one moment."""

    node: str | None = None
    running: datetime | None = None
    """Since when the container runs."""
    ending: Ending | None = None
    lost: str | None = None
    """Why the pod will not go on, through no fault of the step's own."""
    waits_for: Wait | None = None
    """What keeps it from starting, when it is something that may last for ever."""
    words: str = ""
    """What scheduler or kubelet say about that."""

    @property
    def over(self) -> bool:
        """Nothing more will become of it."""
        return self.ending is not None or self.lost is not None


GONE: Final = Sight(lost="it was deleted from outside")


def see(pod: dict[str, Any], container: str) -> Sight:
    """Look at the container of this name in a pod, as the API shows it; other containers were injected."""
    status = pod.get("status") or {}
    node = (pod.get("spec") or {}).get("nodeName")
    mine: dict[str, Any] = next(
        (one for one in status.get("containerStatuses") or [] if one.get("name") == container), {}
    )
    state = mine.get("state") or {}
    ending = _ending(state.get("terminated"))
    lost = _lost(pod, ending)
    if lost is not None:
        return Sight(node, lost=lost)
    if ending is not None:
        return Sight(node, ending=ending)
    if running := state.get("running"):
        return Sight(node, running=time_of(running.get("startedAt")) or datetime.now(UTC))
    waits_for, words = _waiting(status)
    return Sight(node, waits_for=waits_for, words=words)


def overdue(sight: Sight, seconds: float, pods: Pods) -> Failure | None:
    """Whether a pod has waited too long for what it waits for, and then how that is told."""
    if sight.waits_for == "image" and seconds >= pods.pull_deadline:
        return Failure(Reason.IMAGE_UNAVAILABLE, f"its image cannot be pulled: {sight.words}")
    if sight.waits_for == "start" and seconds >= pods.start_deadline:
        reason = Reason.IMAGE_UNAVAILABLE if "mage" in sight.words.partition(":")[0] else Reason.INTERNAL
        return Failure(reason, f"its container cannot be started: {sight.words}")
    if sight.waits_for == "schedule" and seconds >= pods.schedule_deadline:
        return Failure(Reason.UNSCHEDULABLE, f"no node fits: {sight.words}")
    return None


def time_of(text: str | None) -> datetime | None:
    """A time as the API writes it."""
    return None if text is None else datetime.fromisoformat(text)


def _ending(terminated: dict[str, Any] | None) -> Ending | None:
    if not terminated:
        return None
    return Ending(
        int(terminated.get("exitCode", 0)),
        str(terminated.get("reason") or ""),
        str(terminated.get("message") or ""),
        time_of(terminated.get("startedAt")),
        time_of(terminated.get("finishedAt")),
    )


def _lost(pod: dict[str, Any], ending: Ending | None) -> str | None:
    """Why the pod was taken away, if it was; a step that had done its work by then has done it."""
    if ending is not None and ending.code == 0:
        return None
    status = pod.get("status") or {}
    disrupted = [
        one
        for one in status.get("conditions") or []
        if one.get("type") == "DisruptionTarget" and one.get("status") == "True"
    ]
    for word, text in [(status.get("reason"), status.get("message"))] + [
        (one.get("reason"), one.get("message")) for one in disrupted
    ]:
        if word in _LOST:
            return _LOST[word] + (f" ({text.strip()})" if text else "")
    if status.get("phase") == "Failed" and ending is None:
        return f"it failed before its container ran ({_words(status.get('reason'), status.get('message'))})"
    if pod["metadata"].get("deletionTimestamp") and ending is None:
        return GONE.lost
    return None


def _waiting(status: dict[str, Any]) -> tuple[Wait | None, str]:
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for one in containers:
        waiting = (one.get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason")
        if reason in _IMAGE:
            return "image", _words(reason, waiting.get("message"))
        if reason in _START:
            return "start", _words(reason, waiting.get("message"))
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return "schedule", str(condition.get("message") or condition.get("reason") or "it was not said why")
    return None, ""


def _words(reason: str | None, message: str | None) -> str:
    return ": ".join(filter(None, (reason, message))) or "it was not said why"
