"""Where the steps of a job run as pods: what they have in common, and the way of one of them from begin to end."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from calrissian.job import KubernetesVolumeBuilder

from ades.model import Reason
from ades.runner.calrissian.cluster import Refused
from ades.runner.calrissian.manifest import CONTAINER, Home
from ades.runner.calrissian.sight import Sight, overdue
from ades.runner.calrissian.watch import Watch
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.runner.calrissian.cluster import Cluster
    from ades.runner.calrissian.logs import Follower
    from ades.runner.document import JobDocument, Pods

SCRATCH: Final = "/scratch"
"""Where the volume is mounted that the runner shares with the steps."""

_IDLE: Final = 60.0
_WAITS: Final = {
    "image": "waits for its image",
    "start": "cannot start yet",
    "schedule": "waits for a node",
}


class Yard:
    """The pods of one job."""

    def __init__(self, document: JobDocument, pods: Pods, cluster: Cluster, owner: str | None) -> None:
        self.pods = pods
        self.cluster = cluster
        self._own = own = cluster.own_pod()
        self.home = Home(
            str(document.job),
            _owner(own, document, owner),
            own["spec"].get("nodeName"),
            own["spec"].get("serviceAccountName", ""),
        )
        self._watch = Watch(cluster, f"ades/job={document.job}", CONTAINER)
        self.say: Callable[[str], None] = print
        """Says something where whoever looks at the runner sees it."""
        self._closing = False

    def volumes(self) -> Any:
        """What Calrissian makes the mounts of a step from: the volume that the runner shares with it, and no other."""
        builder = KubernetesVolumeBuilder()
        spec = self._own["spec"]
        mount: dict[str, Any] = next(
            (one for box in spec["containers"] for one in box.get("volumeMounts") or [] if one["mountPath"] == SCRATCH),
            {},
        )
        for volume in spec.get("volumes") or []:
            if volume["name"] == mount.get("name") and volume.get("persistentVolumeClaim"):
                claim = volume["persistentVolumeClaim"]["claimName"]
                builder.add_persistent_volume_entry(SCRATCH, mount.get("subPath"), claim, read_only=False)
                return builder
        raise RunFailed.because(
            Reason.INTERNAL, f"The pod {self.cluster.name} has no volume claim at {SCRATCH} to share with its steps."
        )

    def run(self, step: str, pod: dict[str, Any], follower: Follower, seconds: float | None, too_long: str) -> Sight:
        """Make the pod of a step, wait for its end, and take it away. Raises RunFailed when it waits too long."""
        name = pod["metadata"]["name"]
        self.say(f"{step}: pod {name}\n{json.dumps(pod, indent=1)}")
        self._watch.expect(name)
        sight = Sight()
        try:
            if self._closing:
                raise RunFailed.because(Reason.DISMISSED, f"Step {step} was not started: the job is being ended.")
            self.cluster.create(pod)
            self._watch.made(name)
            sight = self._until_over(step, name, follower, seconds, too_long)
        except Refused as error:
            raise _refused(step, error) from error
        finally:
            follower.finish(readable=sight.ending is not None)
            # Nobody on a lost node would confirm the end of a pod: it is taken out of the API at once.
            self._take_away(name, 0 if sight.lost else self.pods.grace)
        return sight

    def close(self) -> None:
        """End everything at once: no more pods, and those that are there go."""
        self._closing = self._watch.closed = True
        for name in self._watch.expected():
            self._take_away(name, self.pods.grace)

    def _take_away(self, name: str, grace: int) -> None:
        try:
            self.cluster.delete(name, grace)
        except Refused as error:
            self.say(f"The pod {name} could not be deleted ({error.words}); it goes when the job goes.")
        self._watch.forget(name)

    def _until_over(self, step: str, name: str, follower: Follower, limit: float | None, too_long: str) -> Sight:
        seen: Sight | None = None
        since: dict[str, float] = {}
        while True:
            seen = sight = self._watch.wait(name, seen, self._patience(seen, since, limit))
            now = time.monotonic()
            if sight.over:
                return sight
            if sight.running:
                follower.start()
                ran = now - since.setdefault("running", now)
                if limit and ran >= limit:
                    raise RunFailed.because(Reason.TIME_LIMIT, f"Step {step} failed: {too_long}.")
            elif sight.waits_for:
                if sight.waits_for not in since:
                    self.say(f"{step}: {_WAITS[sight.waits_for]}: {sight.words}")
                waited = now - since.setdefault(sight.waits_for, now)
                if complaint := overdue(sight, waited, self.pods):
                    raise RunFailed.because(complaint.reason, f"Step {step} failed: {complaint.message}.")

    def _patience(self, sight: Sight | None, since: dict[str, float], limit: float | None) -> float:
        """Until when nothing can happen by itself."""
        ends = []
        if sight is not None and sight.running and limit:
            ends.append(since["running"] + limit)
        if sight is not None and sight.waits_for:
            deadlines = {
                "image": self.pods.pull_deadline,
                "start": self.pods.start_deadline,
                "schedule": self.pods.schedule_deadline,
            }
            ends.append(since[sight.waits_for] + deadlines[sight.waits_for])
        return min([_IDLE, *(max(0.0, end - time.monotonic()) + 0.01 for end in ends)])


def _owner(own: dict[str, Any], document: JobDocument, uid: str | None) -> dict[str, Any] | None:
    """The Job, as the pods of the steps name it: not as their controller, which would count them as its own."""
    owners = [one for one in own["metadata"].get("ownerReferences") or [] if one["kind"] == "Job"]
    named = next((one for one in owners if uid in (None, one["uid"])), None)
    name = named["name"] if named else f"job-{document.job}"
    uid = uid or (named and named["uid"])
    if uid is None:
        return None
    return {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid, "controller": False}


def _refused(step: str, error: Refused) -> RunFailed:
    if error.for_quota:
        return RunFailed.because(
            Reason.UNSCHEDULABLE, f"Step {step} failed: there is no room for it in the workspace's quota: {error.words}"
        )
    return RunFailed.because(Reason.INTERNAL, f"Step {step} failed: the cluster refused its pod: {error.words}")
