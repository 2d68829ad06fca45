"""What the control plane does: Jobs make pods, owners take their dependents along, finished Jobs expire."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kubernetes_double import admission
from kubernetes_double.objects import ApiError, Object, now

if TYPE_CHECKING:
    from kubernetes_double.cluster import Cluster


_RETRY = 0.5


class Controllers:
    """One thread that looks at Jobs and owners whenever something has changed."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._objects = cluster.objects
        self._orphaned: set[str] = set()
        self._refused: dict[str, float] = {}
        self.ahead = 0.0
        """Seconds by which the clock of the controllers runs ahead, for tests of TTL and deadlines."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        with self._objects.changed:
            self._objects.changed.notify_all()
        self._thread.join(5)

    def orphan(self, uid: str) -> None:
        """Let the dependents of this owner live on."""
        self._orphaned.add(uid)

    def _loop(self) -> None:
        seen = -1
        while not self._stop.is_set():
            with self._objects.changed:
                if self._objects.version == seen:
                    self._objects.changed.wait(0.2)
                seen = self._objects.version
            pods = self._pods_of_jobs()
            for job in self._objects.view("jobs"):
                try:
                    self._job(job, pods.get(job["metadata"]["uid"], []))
                except ApiError:
                    continue  # it has changed or gone meanwhile; the next turn sees it as it is
            self._collect()

    def _pods_of_jobs(self) -> dict[str, list[Object]]:
        """The pods that Jobs have made, by the uid of the Job."""
        found: dict[str, list[Object]] = {}
        for pod in self._objects.view("pods"):
            if "job-name" in (pod["metadata"].get("labels") or {}):
                for owner in pod["metadata"].get("ownerReferences") or []:
                    found.setdefault(owner["uid"], []).append(pod)
        return found

    # -- garbage ----------------------------------------------------------------------------------------------------

    def _collect(self) -> None:
        """Remove what names an owner that is gone."""
        kinds = ("pods", "secrets", "configmaps", "persistentvolumeclaims")
        owners = {job["metadata"]["uid"] for job in self._objects.view("jobs")}
        owners |= {pod["metadata"]["uid"] for pod in self._objects.view("pods")} | self._orphaned
        for kind in kinds:
            for item in self._objects.view(kind):
                named = [owner["uid"] for owner in item["metadata"].get("ownerReferences") or []]
                if named and not any(uid in owners for uid in named) and "deletionTimestamp" not in item["metadata"]:
                    self._gone(kind, item)

    def _gone(self, kind: str, item: Object) -> None:
        try:
            self._cluster.delete(kind, item)
        except ApiError as error:
            if error.code != 404:
                raise

    # -- jobs -------------------------------------------------------------------------------------------------------

    def _job(self, job: Object, pods: list[Object]) -> None:
        spec, status = job["spec"], job["status"]
        finished = _condition(job)
        if finished:
            self._expire(job, finished)
            return
        if spec.get("suspend"):
            return
        if "startTime" not in status:
            self._status(job, startTime=now())
            job = self._objects.get("jobs", job["metadata"]["namespace"], job["metadata"]["name"])
        deadline = spec.get("activeDeadlineSeconds")
        if deadline is not None and _age(job["status"]["startTime"]) + self.ahead > deadline:
            self._end(job, "Failed", "DeadlineExceeded", "Job was active longer than specified deadline", pods)
            return
        self._drive(job, pods)

    def _drive(self, job: Object, pods: list[Object]) -> None:
        phases = [pod["status"].get("phase") for pod in pods]
        failed = phases.count("Failed") + int(job["status"].get("lost", 0))
        if "Succeeded" in phases:
            self._status(job, active=0, succeeded=1, completionTime=now())
            self._end(job, "Complete", "CompletionsReached", "Reached expected number of succeeded pods", [])
        elif failed > job["spec"].get("backoffLimit", 6):
            self._end(job, "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit", [])
        elif not any(phase in {"Pending", "Running"} for phase in phases):
            if job["status"].get("made", 0) > len(pods):
                # A pod of the job was deleted under it: that counts as a failure.
                self._status(job, lost=job["status"]["made"] - len(pods))
                if job["status"]["made"] - len(pods) > job["spec"].get("backoffLimit", 6):
                    return
            if self._make_pod(job):
                self._status(job, active=1, made=job["status"].get("made", 0) + 1)

    def _make_pod(self, job: Object) -> bool:
        """Whether it was made; what is refused is tried again a little later, as the real controller does."""
        meta, template = job["metadata"], job["spec"]["template"]
        if time.monotonic() < self._refused.get(meta["uid"], 0):
            return False
        named = {"job-name": meta["name"], "batch.kubernetes.io/job-name": meta["name"], "controller-uid": meta["uid"]}
        named["batch.kubernetes.io/controller-uid"] = meta["uid"]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"], "controller": True}
        body: Object = {
            "metadata": {
                **template.get("metadata", {}),
                "name": f"{meta['name']}-{uuid.uuid4().hex[:5]}",
                "labels": {**(template.get("metadata", {}).get("labels") or {}), **named},
                "ownerReferences": [owner],
            },
            "spec": template["spec"],
        }
        try:
            checked = admission.checked(self._objects, "pods", meta["namespace"], body)
            self._objects.create("pods", meta["namespace"], checked)
        except ApiError as error:
            self._refused[meta["uid"]] = time.monotonic() + _RETRY
            self._cluster.event(job, "FailedCreate", f"Error creating: {error.message}")
            return False
        return True

    def _status(self, job: Object, **changes: Any) -> None:
        meta = job["metadata"]
        self._objects.update("jobs", meta["namespace"], meta["name"], lambda item: item["status"].update(changes))

    def _end(self, job: Object, kind: str, reason: str, message: str, pods: list[Object]) -> None:
        for pod in pods:
            self._gone("pods", pod)
        condition = {"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now()}
        self._status(job, conditions=[condition], active=0, **({"failed": 1} if kind == "Failed" else {}))

    def _expire(self, job: Object, finished: Object) -> None:
        ttl = job["spec"].get("ttlSecondsAfterFinished")
        if ttl is not None and _age(finished["lastTransitionTime"]) + self.ahead > ttl:
            self._cluster.delete("jobs", job, policy="Background")


def _condition(job: Object) -> Object | None:
    conditions: list[Object] = job["status"].get("conditions") or []
    return next((c for c in conditions if c["type"] in {"Complete", "Failed"} and c["status"] == "True"), None)


def _age(moment: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
