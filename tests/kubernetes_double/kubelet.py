"""What every kubelet does: it takes new pods, lets faults strike, and writes what becomes of them."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, BinaryIO

from kubernetes_double.admission import quantity
from kubernetes_double.faults import PodFault
from kubernetes_double.objects import ApiError, Object, now

if TYPE_CHECKING:
    from kubernetes_double.cluster import Cluster

NODE = "double-node"
LABELS = {"kubernetes.io/os": "linux", "kubernetes.io/hostname": NODE}
CORES = 1000
"""As many as no test asks for that is not about nodes which are too small."""
_WAITING = {
    "image-pull": ("ErrImagePull", 'failed to pull and unpack image "{image}": not found'),
    "image-name": ("InvalidImageName", 'Failed to apply default image tag "{image}": invalid reference format'),
    "image-never": ("ErrImageNeverPull", 'Container image "{image}" is not present with pull policy of Never'),
    "config-error": ("CreateContainerConfigError", 'secret "missing" not found'),
}
_ENDS = {
    "oom": ("OOMKilled", 137, ""),
    "evicted": ("Evicted", 137, "The node was low on resource: memory."),
    "preempted": ("Preempting", 143, "Preempted in order to admit critical pod"),
    "exit": ("Error", 0, ""),
}


class Kubelet(ABC):
    """What both have in common: which pods there are, which fault strikes, and how a status is written."""

    cluster: Cluster

    def join(self, cluster: Cluster) -> None:
        """Begin to look after the pods of a cluster."""
        self.cluster = cluster
        threading.Thread(target=self._loop, daemon=True).start()

    def _loop(self) -> None:
        objects, version = self.cluster.objects, 0
        while not self.cluster.closing:
            try:
                changes, version = objects.after(version, "pods")
            except ApiError:
                changes, version = [], objects.version
            for change in changes:
                if change.what == "ADDED":
                    self._arrive(change.after)
            with objects.changed:
                if objects.version <= version:
                    objects.changed.wait(0.2)

    def _arrive(self, pod: Object) -> None:
        fault = next((fault for fault in self.cluster.pod_faults if fault.strikes(pod)), None)
        if fault is None and any(_host(one).endswith(".invalid") for one in pod["spec"]["containers"]):
            fault = PodFault(pod["metadata"]["name"], "image-pull")
        if fault is not None and fault.kind == "unschedulable":
            self._unschedulable(pod, "1 Insufficient memory")
            return
        if why := _unfit(pod["spec"]):
            self._unschedulable(pod, why)
            return
        scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": now()}
        self.write(pod, {"conditions": [scheduled], "startTime": now()}, node=NODE)
        if fault is not None and fault.kind in _WAITING:
            self._wait_for_ever(pod, fault)
        elif fault is not None and fault.kind == "evicted-before-start":
            self.write(pod, {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: disk."})
        else:
            self.begin(pod, fault)

    def _unschedulable(self, pod: Object, why: str) -> None:
        message = f"0/1 nodes are available: {why}."
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        self.write(pod, {"conditions": [condition]})
        self.cluster.event(pod, "FailedScheduling", message)

    def _wait_for_ever(self, pod: Object, fault: PodFault) -> None:
        reason, text = _WAITING[fault.kind]
        containers = pod["spec"]["containers"]
        message = text.format(image=containers[0].get("image", ""))
        self.cluster.event(pod, "Failed", message)
        waiting = {"waiting": {"reason": reason, "message": message}}
        self.write(pod, {"containerStatuses": [_container(c, waiting) for c in containers]})
        if fault.kind == "image-pull":
            backing_off = f'Back-off pulling image "{containers[0].get("image", "")}"'
            self.cluster.event(pod, "BackOff", backing_off)
            waiting = {"waiting": {"reason": "ImagePullBackOff", "message": f"{backing_off}: {message}"}}
            self.write(pod, {"containerStatuses": [_container(c, waiting) for c in containers]})

    # -- to be said by the kinds ------------------------------------------------------------------------------------

    @abstractmethod
    def begin(self, pod: Object, fault: PodFault | None) -> None:
        """Start a pod."""

    @abstractmethod
    def stop(self, pod: Object, seconds: float) -> None:
        """Stop a pod that is being deleted, with this much grace, and remove it when it has stopped."""

    @abstractmethod
    def log(self, pod: Object, container: str | None) -> BinaryIO | None:
        """What a container has said, as a stream that grows; None before it has started."""

    @abstractmethod
    def close(self) -> None:
        """Stop everything."""

    # -- status -----------------------------------------------------------------------------------------------------

    def write(self, pod: Object, status: Object, node: str | None = None) -> None:
        """Write a part of a pod's status; a pod that has gone is no error."""
        meta = pod["metadata"]

        def change(item: Object) -> None:
            if item["metadata"]["uid"] != meta["uid"]:
                raise ApiError(404, "NotFound", "another pod of that name")
            item.setdefault("status", {}).update(status)
            if node:
                item["spec"]["nodeName"] = node

        try:
            self.cluster.objects.update("pods", meta["namespace"], meta["name"], change)
        except ApiError as error:
            if error.code != 404:
                raise

    def started(self, pod: Object, container: Object) -> None:
        """One container runs."""
        running = {"running": {"startedAt": now()}}
        self.write(pod, {"phase": "Running", "containerStatuses": _statuses(pod, container, running)})

    def ended(self, pod: Object, container: Object, code: int, fault: PodFault | None, message: str = "") -> None:
        """The container of a pod has ended, and so has the pod."""
        reason = "Completed" if code == 0 else "Error"
        extra: Object = {}
        if fault is not None and fault.kind in _ENDS:
            reason, code, why = _ENDS[fault.kind][0], _ENDS[fault.kind][1] or fault.code, _ENDS[fault.kind][2]
            extra = {"reason": reason, "message": why} if why else {}
        times = {"startedAt": self._began(pod) or now(), "finishedAt": now()}
        end: Object = {"terminated": {"exitCode": code, "reason": reason, **times}}
        if message:
            end["terminated"]["message"] = message
        # What somebody has injected runs on, and so does the pod.
        phase = "Running" if len(pod["spec"]["containers"]) > 1 else "Succeeded" if code == 0 else "Failed"
        self.write(pod, {"phase": phase, "containerStatuses": _statuses(pod, container, end), **extra})
        if fault is not None and fault.kind == "preempted":
            self.remove(pod)

    def _began(self, pod: Object) -> str | None:
        """When the container of a pod was started."""
        try:
            present = self.cluster.objects.get("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
        except ApiError:
            return None
        state = (present["status"].get("containerStatuses") or [{}])[0].get("state") or {}
        began: str | None = state.get("running", {}).get("startedAt")
        return began

    def remove(self, pod: Object) -> None:
        """Take a pod out of the API, if it is still the same."""
        meta = pod["metadata"]
        objects = self.cluster.objects
        try:
            with objects.changed:
                if objects.get("pods", meta["namespace"], meta["name"])["metadata"]["uid"] == meta["uid"]:
                    objects.remove("pods", meta["namespace"], meta["name"])
        except ApiError as error:
            if error.code != 404:
                raise

    def lose_node(self, pod: Object) -> None:
        """The node of a pod no longer answers: the pod stays, marked for deletion, and nobody stops it."""
        disrupted = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}
        ready = {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}
        self.write(pod, {"reason": "NodeLost", "conditions": [disrupted, ready]})
        meta = pod["metadata"]
        self.cluster.objects.update(
            "pods", meta["namespace"], meta["name"], lambda item: item["metadata"].update(deletionTimestamp=now())
        )


def _unfit(spec: Object) -> str | None:
    """Why a pod has no place on our one node."""
    if any(LABELS.get(name) != value for name, value in (spec.get("nodeSelector") or {}).items()):
        return "1 node(s) didn't match Pod's node affinity/selector"
    asked = [((one.get("resources") or {}).get("requests") or {}).get("cpu", 0) for one in spec["containers"]]
    return "1 Insufficient cpu" if sum(map(quantity, asked)) > CORES else None


def _host(container: Object) -> str:
    """The registry of an image."""
    return str(container.get("image", "")).partition("/")[0].partition(":")[0]


def _statuses(pod: Object, container: Object, state: Object) -> list[Object]:
    """Of all containers, sorted by name as the API does; those beside the one that counts just run."""
    others = [one for one in pod["spec"]["containers"] if one["name"] != container["name"]]
    running = {"running": {"startedAt": now()}}
    told = [_container(container, state), *(_container(one, running) for one in others)]
    return sorted(told, key=lambda status: str(status["name"]))


def _container(container: Object, state: Object) -> Object:
    ready = "running" in state
    facts = {"name": container["name"], "image": container.get("image", ""), "imageID": "", "restartCount": 0}
    return {**facts, "ready": ready, "started": ready, "state": state}
