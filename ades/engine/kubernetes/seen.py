"""What we keep of the Jobs and pods that a watch shows: a few words of each, since there may be thousands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from ades.engine.kubernetes import names, places

if TYPE_CHECKING:
    from uuid import UUID

    from ades.engine.kubernetes.api import Api

Raw = dict[str, Any]


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A Job."""

    job: UUID
    attempt: int
    namespace: str
    name: str
    uid: str
    version: int
    suspended: bool
    deleting: bool
    recorded: bool
    ended: str | None = None
    """Complete or Failed."""
    reason: str = ""
    message: str = ""

    @classmethod
    def read(cls, raw: Raw) -> Self | None:
        """A Job of ours; None for one that is not."""
        meta, labels = raw["metadata"], raw["metadata"].get("labels") or {}
        known = names.job_of(labels)
        if known is None:
            return None
        end = _true(raw.get("status") or {}, "Complete", "Failed") or {}
        return cls(
            *known,
            namespace=meta["namespace"],
            name=meta["name"],
            uid=meta["uid"],
            version=version(raw),
            suspended=bool((raw.get("spec") or {}).get("suspend")),
            deleting="deletionTimestamp" in meta,
            recorded=names.RECORDED in labels,
            ended=end.get("type"),
            reason=end.get("reason", ""),
            message=end.get("message", ""),
        )


@dataclass(frozen=True, slots=True)
class PodSeen:
    """A pod of a job: its runner, or one of its steps."""

    job: UUID
    attempt: int
    namespace: str
    name: str
    uid: str
    version: int
    created: datetime | None
    step: str | None
    """The step whose pod it is; None for the runner."""
    phase: str
    deleting: bool
    container: str = ""
    """The name of the container that counts; others were injected."""
    node: str | None = None
    image: str | None = None
    requests: Raw | None = None
    limits: Raw | None = None
    started: datetime | None = None
    finished: datetime | None = None
    exit_code: int | None = None
    reason: str = ""
    """Why its container has ended, or it as a whole: OOMKilled, Evicted, NodeLost …"""
    message: str = ""
    waiting: str = ""
    """Why its container has not begun: ImagePullBackOff …"""
    said: str = ""
    """What the kubelet or the scheduler has to say about that."""
    unschedulable: bool = False
    disrupted: str = ""
    progress: str = ""

    @classmethod
    def read(cls, raw: Raw) -> Self | None:
        """A pod of ours; None for one that is not."""
        meta, labels = raw["metadata"], raw["metadata"].get("labels") or {}
        known = names.job_of(labels)
        if known is None:
            return None
        notes, spec, status = meta.get("annotations") or {}, raw.get("spec") or {}, raw.get("status") or {}
        container = _ours(spec.get("containers") or [{}])
        resources = container.get("resources") or {}
        return cls(
            *known,
            namespace=meta["namespace"],
            name=meta["name"],
            uid=meta["uid"],
            version=version(raw),
            created=moment(meta.get("creationTimestamp")),
            step=notes.get(names.STEP),
            phase=status.get("phase", "Pending"),
            deleting="deletionTimestamp" in meta,
            container=container.get("name", ""),
            node=spec.get("nodeName"),
            image=container.get("image"),
            requests=resources.get("requests"),
            limits=resources.get("limits"),
            progress=notes.get(names.PROGRESS, ""),
            **_state(status),
        )

    @property
    def over(self) -> bool:
        """Its containers run no more."""
        return self.phase in {"Succeeded", "Failed"}


def pods_of(api: Api, namespace: str, job: UUID) -> list[PodSeen]:
    """The pods of a job that the cluster has now, the oldest first. Raises ApiError."""
    found = api.get(places.pods(namespace), labelSelector=f"{names.JOB}={job}")["items"]
    return sorted((pod for raw in found if (pod := PodSeen.read(raw)) is not None), key=_age)


def _age(pod: PodSeen) -> tuple[int, float, int]:
    return (pod.attempt, pod.created.timestamp() if pod.created else 0.0, pod.version)


def _ours(containers: list[Raw]) -> Raw:
    return next((one for one in containers if one.get("name") in names.CONTAINERS), containers[0])


def version(raw: Raw) -> int:
    """How new an object is; only compared, and 0 where it cannot be."""
    text = raw["metadata"].get("resourceVersion", "")
    return int(text) if text.isdigit() else 0


def moment(text: str | None) -> datetime | None:
    """A time of Kubernetes."""
    return None if text is None else datetime.fromisoformat(text)


def _state(status: Raw) -> Raw:
    """What a status says of the first container and of the pod as a whole."""
    state = ((status.get("containerStatuses") or [{}])[0]).get("state") or {}
    ended, running, waiting = state.get("terminated") or {}, state.get("running") or {}, state.get("waiting") or {}
    scheduled = _condition(status, "PodScheduled") or {}
    unschedulable = scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
    return {
        "started": moment(ended.get("startedAt") or running.get("startedAt")),
        "finished": moment(ended.get("finishedAt")),
        "exit_code": ended.get("exitCode"),
        "reason": status.get("reason") or ended.get("reason") or "",
        "message": status.get("message") or ended.get("message") or "",
        "waiting": waiting.get("reason", ""),
        "said": scheduled.get("message", "") if unschedulable else waiting.get("message", ""),
        "unschedulable": unschedulable,
        "disrupted": (_true(status, "DisruptionTarget") or {}).get("reason", ""),
    }


def _condition(status: Raw, kind: str) -> Raw | None:
    conditions: list[Raw] = status.get("conditions") or []
    return next((each for each in conditions if each.get("type") == kind), None)


def _true(status: Raw, *kinds: str) -> Raw | None:
    conditions: list[Raw] = status.get("conditions") or []
    return next((each for each in conditions if each.get("type") in kinds and each.get("status") == "True"), None)
