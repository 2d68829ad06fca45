"""What the state of a pod means: for how long it may stay like that, and what to say to whom.

The runner looks after the pods of its steps by itself and knows better words; the same table holds for the runner's own
pod, and for steps whose runner does nothing about them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ades.engine.kubernetes.placement import amount
from ades.model import Failure, Reason
from ades.runner.events import Ended, Outcome

if TYPE_CHECKING:
    from ades.engine.kubernetes.placement import Placement
    from ades.engine.kubernetes.seen import JobSeen, PodSeen

_NEVER_STARTS: Final = {"InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError"}
_ABOUT_IMAGES: Final = {"InvalidImageName", "ErrImageNeverPull"}
_NO_PULL: Final = {"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"}
_LOST: Final = {
    "Evicted": "was evicted from its node",
    "EvictionByEvictionAPI": "was evicted from its node",
    "TerminationByKubelet": "was evicted from its node",
    "Preempted": "had to make room for a pod of higher priority",
    "Preempting": "had to make room for a pod of higher priority",
    "PreemptionByScheduler": "had to make room for a pod of higher priority",
    "NodeLost": "was lost with its node",
    "NodeAffinity": "was turned away by its node",
    "Shutdown": "was lost when its node was shut down",
    "Terminated": "was lost when its node was shut down",
    "DeletionByTaintManager": "was lost with its node",
    "DeletionByPodGC": "was lost with its node",
    "OutOfmemory": "was turned away by its node",
    "OutOfcpu": "was turned away by its node",
    "UnexpectedAdmissionError": "was turned away by its node",
}
KILLED: Final = 137


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something is wrong with a pod, and for how long that may stay so."""

    reason: Reason
    message: str
    within: float
    """Seconds; 0: it is final."""
    lost: bool = False
    """Not the fault of the job; another try may go well."""


def trouble(pod: PodSeen, placement: Placement) -> Trouble | None:
    """What is wrong with a pod; None when all is well, or when it has simply failed."""
    if pod.phase == "Pending":
        return _lost(pod) or _waiting(pod, placement)
    return _lost(pod) or _memory(pod)


def _waiting(pod: PodSeen, placement: Placement) -> Trouble | None:
    who = name_of(pod)
    if pod.unschedulable:
        message = f"{who} needs {needs(pod)}, and no node fits: {pod.said}"
        return Trouble(Reason.UNSCHEDULABLE, message, placement.schedule_deadline)
    if pod.waiting in _NO_PULL:
        message = f"The image {pod.image} of {who} cannot be pulled: {pod.said or pod.waiting}"
        return Trouble(Reason.IMAGE_UNAVAILABLE, message, placement.pull_deadline)
    if pod.waiting in _NEVER_STARTS:
        reason = Reason.IMAGE_UNAVAILABLE if pod.waiting in _ABOUT_IMAGES else Reason.INTERNAL
        message = f"{who} cannot start ({pod.waiting}): {pod.said or 'the cluster does not say why.'}"
        return Trouble(reason, message, placement.start_deadline)
    return None


def _lost(pod: PodSeen) -> Trouble | None:
    word = next((word for word in (pod.reason, pod.disrupted) if word in _LOST), None)
    if word is None or pod.phase == "Succeeded":
        return None
    said = f": {pod.message}" if pod.message and pod.reason == word else "."
    message = f"{name_of(pod)} {_LOST[word]} {pod.node or ''}".rstrip() + said
    return Trouble(Reason.EVICTED, message, 0, lost=True)


def _memory(pod: PodSeen) -> Trouble | None:
    """Killed for its memory: as the kubelet says, or as the exit code of a pod that nobody has deleted does."""
    if pod.reason != "OOMKilled" and (pod.exit_code != KILLED or pod.deleting):
        return None
    limit = (pod.limits or {}).get("memory") or (pod.requests or {}).get("memory")
    advice = "raise ramMin or ramMax of its ResourceRequirement" if pod.step else "raise ADES_KUBERNETES_MEMORY"
    at = f"at its memory limit of {size(limit)}" if limit else "for want of memory"
    return Trouble(Reason.OUT_OF_MEMORY, f"{name_of(pod)} was killed {at}; {advice}.", 0)


def name_of(pod: PodSeen) -> str:
    """What to call a pod."""
    return f"The step {pod.step}" if pod.step else "The runner of the job"


def needs(pod: PodSeen) -> str:
    """What a pod asks for."""
    wanted = pod.requests or {}
    found = [f"{amount(wanted['cpu']):g} CPU"] if "cpu" in wanted else []
    found += [size(wanted["memory"])] if "memory" in wanted else []
    return " and ".join(found) or "a node"


def size(text: str) -> str:
    """Memory for people."""
    return f"{amount(text) / 1024**2:,.0f} MiB"


def ended(job: JobSeen | None, runner: PodSeen | None, placement: Placement, *, begun: bool) -> Ended:
    """How a run has ended that has left no record. `begun`: one of its steps may have done something."""
    if job is not None and job.reason == "DeadlineExceeded":
        message = "The job was ended because it ran longer than it may (wall time)."
        return Ended(Outcome.FAILED, Failure(Reason.TIME_LIMIT, message))
    found = None if runner is None else trouble(runner, placement)
    if found is not None and not (runner and runner.phase == "Pending"):
        return final(found, placement)
    what = "was deleted" if job is None or runner is None or not runner.over else "has died without a word"
    code = f" (exit code {runner.exit_code})" if runner is not None and runner.exit_code else ""
    message = f"The runner of the job {what}{code}; its log may say why."
    return Ended(Outcome.FAILED if begun else Outcome.LOST, Failure(Reason.WORKER_LOST, message))


def final(found: Trouble, placement: Placement, step: str | None = None) -> Ended:
    """The end that a trouble is."""
    outcome = Outcome.LOST if found.lost and placement.retries_lost and step is None else Outcome.FAILED
    return Ended(outcome, Failure(found.reason, found.message, step=step))
