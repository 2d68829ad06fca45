"""One job in the hands of the engine, and what the engine sees of the cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from ades.engine.kubernetes.placement import Placement
    from ades.engine.kubernetes.seen import JobSeen, PodSeen
    from ades.engine.kubernetes.steps import Steps
    from ades.runner.document import JobDocument


class Phase(StrEnum):
    """What the engine does about a run."""

    WAITING = "waiting"
    """For the first look at the cluster, or for an older Job of the same name to go."""
    LAUNCHING = "launching"
    RUNNING = "running"
    ENDING = "ending"
    """Its record is read and its Job removed; then the end is told."""
    LEAVING = "leaving"
    """It was dismissed, and something of it is still there."""


@dataclass(slots=True)
class Run:
    """One job."""

    document: JobDocument
    namespace: str
    placement: Placement
    steps: Steps
    phase: Phase = Phase.WAITING
    dismissed: bool = False
    tries: int = 0
    """How often in a row the cluster or the object store did not do what was wanted."""
    due: float | None = None
    """When to look at it although nothing has happened."""
    since: dict[str, float] = field(default_factory=dict)
    """When each trouble was first seen, by pod and reason."""
    asked: dict[str, float] = field(default_factory=dict)
    """When the events of a pod were read."""
    runner: PodSeen | None = None
    """The runner's pod as it was seen last, also when it is gone."""
    progress: str = ""
    said: str = ""
    removed: bool = False
    """It was told to go."""
    leave_by: float = 0
    found: JobSeen | None = None

    @property
    def job(self) -> UUID:
        """The id of the job."""
        return self.document.job

    @property
    def attempt(self) -> int:
        """Which attempt it is."""
        return self.document.attempt


class Sight:
    """The Jobs and pods that are in the cluster, as the watches show them."""

    def __init__(self) -> None:
        self._jobs: dict[UUID, JobSeen] = {}
        self._pods: dict[UUID, dict[str, PodSeen]] = {}
        self._gone: dict[UUID, PodSeen] = {}

    def jobs(self) -> frozenset[UUID]:
        """All jobs of which there is a Job that means something."""
        return frozenset(job for job, seen in self._jobs.items() if not seen.recorded)

    def job(self, job: UUID) -> JobSeen | None:
        """The Job of a job."""
        return self._jobs.get(job)

    def pods(self, job: UUID) -> list[PodSeen]:
        """The pods of a job."""
        return list(self._pods.get(job, {}).values())

    def put_job(self, seen: JobSeen) -> bool:
        """Take in a Job; False when a newer state of it is known."""
        known = self._jobs.get(seen.job)
        if known is not None and known.version > seen.version > 0:
            return False
        self._jobs[seen.job] = seen
        return True

    def drop_job(self, seen: JobSeen) -> bool:
        """A Job is gone; False when it is another one that has taken its name."""
        known = self._jobs.get(seen.job)
        if known is None or known.uid != seen.uid:
            return False
        del self._jobs[seen.job]
        self._gone.pop(seen.job, None)
        return True

    def last_runner(self, job: UUID) -> PodSeen | None:
        """The runner's pod that is gone, as it was last: it may have been gone before anybody asked."""
        return self._gone.get(job)

    def put_pod(self, seen: PodSeen) -> None:
        """Take in a pod."""
        pods = self._pods.setdefault(seen.job, {})
        known = pods.get(seen.uid)
        if known is None or seen.version >= known.version:
            pods[seen.uid] = seen

    def drop_pod(self, seen: PodSeen) -> None:
        """A pod is gone."""
        pods = self._pods.get(seen.job, {})
        pods.pop(seen.uid, None)
        if seen.step is None and seen.job in self._jobs:
            self._gone[seen.job] = seen
        if not pods:
            self._pods.pop(seen.job, None)

    def list_jobs(self, namespace: str, found: Iterable[JobSeen], version: int) -> set[UUID]:
        """Take in all Jobs of a namespace (or of all); the jobs that are concerned."""
        listed = {seen.job: seen for seen in found}
        gone = {
            job
            for job, seen in self._jobs.items()
            if job not in listed and namespace in {"", seen.namespace} and not seen.version > version > 0
        }
        for job in gone:
            self.drop_job(self._jobs[job])
        return gone | {job for job, seen in listed.items() if self.put_job(seen)}

    def list_pods(self, namespace: str, found: Iterable[PodSeen], version: int) -> set[UUID]:
        """Take in all pods of a namespace (or of all); the jobs that are concerned."""
        listed = {seen.uid: seen for seen in found}
        known = [seen for pods in self._pods.values() for seen in pods.values()]
        gone = [
            seen
            for seen in known
            if seen.uid not in listed and namespace in {"", seen.namespace} and not seen.version > version > 0
        ]
        for seen in gone:
            self.drop_pod(seen)
        for seen in listed.values():
            self.put_pod(seen)
        return {seen.job for seen in gone} | {seen.job for seen in listed.values()}
