"""A Kubernetes engine on the double of a cluster, and jobs whose runners do what a test says."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self
from uuid import UUID, uuid4

from jobs_of_tests import PACKAGE
from kubernetes_double import Cluster, MemoryKubelet, Script, admission

from ades.engine.kubernetes.engine import KubernetesEngine
from ades.engine.kubernetes.placement import Placement
from ades.model import Job, JobStatus, Result, ResultKind, Step, StepState
from ades.objects.local import LocalStore
from ades.runner.document import JobDocument
from ades.runner.events import Ended, Event, Message, Outcome, Progress, ResultStored, StepChanged
from ades.runner.record import Record
from ades.settings import Settings
from ades.store import new_job_id

FOREVER = 3600.0
NAMESPACE = "ws-alice"
POWERLESS = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def until(true, seconds: float = 15, what: str = "it"):
    """Wait until something is true, and give it back."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, f"{what} never came to that"
        time.sleep(0.01)
    return found


def document(job: UUID | None = None, **changes) -> JobDocument:
    job = job or uuid4()
    given = {
        "job": job, "attempt": 1, "process": "warp", "deploying": "alice", "calling": "alice", "executing": "alice",
        "executable": {"kind": "cwl", "document": {}, "entry": None}, "inputs": {}, "outputs": {},
        "results_prefix": f"alice/processing-results/warp/{job}", "logs_prefix": f"alice/jobs/{job}",
    }  # fmt: skip
    return JobDocument(**(given | changes))


def submitted(store, **changes) -> UUID:
    """A job in the queue: of the process `warp`, or of another one."""
    now = datetime.now(UTC)
    given = {
        "id": new_job_id(), "deploying": "alice", "calling": "alice", "executing": "alice", "owner": "alice",
        "process_id": "warp", "revision": 1, "digest": PACKAGE.digest, "status": JobStatus.ACCEPTED,
        "request": {"inputs": {}}, "created": now, "updated": now,
    }  # fmt: skip
    return store.jobs.submit(Job(**(given | changes))).id


@dataclass
class Told:
    """All that the engine has told of a job."""

    document: JobDocument
    events: list[Event] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def job(self) -> UUID:
        return self.document.job

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    def wait(self, seconds: float = 30) -> Ended:
        assert self.done.wait(seconds), f"the job has not ended within {seconds} s; it told {self.events}"
        (ended,) = self.of(Ended)
        assert self.events[-1] is ended
        return ended

    @property
    def steps(self) -> dict[str, Step]:
        return {event.step.name: event.step for event in self.of(StepChanged)}

    @property
    def messages(self) -> list[str]:
        return [event.text for event in self.of(Message)]

    @property
    def percents(self) -> list[int]:
        return [event.percent for event in self.of(Progress)]


class Site:
    """A cluster with the namespace of the workspace `alice`, and engines on it."""

    def __init__(self, folder: Path, kubelet=None, **settings) -> None:
        self.folder = folder
        self.kubelet = kubelet or MemoryKubelet({"job-*": Script(FOREVER)})
        self.cluster: Cluster
        self.objects = LocalStore(folder / "objects")
        self.settings = Settings(**{"data": folder, "engine": "kubernetes", "kubernetes_image": "runner:1"} | settings)
        self.registries: dict[str, str] = {}
        """Credentials of workspaces for registries of images."""
        self.told: dict[UUID, Told] = {}
        self.engines: list[KubernetesEngine] = []

    def __enter__(self) -> Self:
        self.cluster = Cluster(self.folder / "cluster", self.kubelet).__enter__()
        config = self.cluster.kubeconfig(self.folder / "kubeconfig")
        self.settings = self.settings.model_copy(update={"kubernetes_config": config})
        self.namespace(NAMESPACE)
        return self

    def __exit__(self, *error) -> None:
        for engine in self.engines:
            engine.close()
        self.cluster.__exit__(*error)

    def namespace(self, name: str) -> None:
        self.cluster.namespace(name, "restricted")
        self.cluster.objects.create("serviceaccounts", name, {"metadata": {"name": "ades-runner"}})

    def engine(self, on_event=None, storage=None, **settings) -> KubernetesEngine:
        changed = self.settings.model_copy(update=settings)
        placement = Placement.of(changed)
        home = lambda workspace: (f"ws-{workspace}", placement)  # noqa: E731
        engine = KubernetesEngine(
            changed,
            on_event or self.hear,
            self.objects,
            home,
            storage,
            self.registries.get,
        )
        self.engines.append(engine)
        return engine

    def hear(self, job: UUID, attempt: int, event: Event) -> None:
        told = self.told[job]
        assert attempt == told.document.attempt
        told.events.append(event)
        if isinstance(event, Ended):
            told.done.set()

    def start(self, engine: KubernetesEngine, given: JobDocument | None = None, **changes) -> Told:
        given = given or document(**changes)
        told = self.told[given.job] = Told(given)
        engine.start(given)
        return told

    # -- what runners do --------------------------------------------------------------------------------------------

    def finishes(self, *events: Event, seconds: float = 0.05, **script) -> Script:
        """A runner that does its work and leaves a record."""
        return Script(seconds, then=lambda pod: self.record(pod, *events), **script)

    def record(self, pod, *events: Event) -> None:
        env = {each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}
        job, attempt = UUID(env["ADES_JOB"]), int(env["ADES_ATTEMPT"])
        result = ResultStored(Result(job, "out", 0, ResultKind.VALUE, "application/json", value=7))
        given = events or (result, Ended(Outcome.SUCCESSFUL))
        key = env["ADES_JOB_DOCUMENT"].removesuffix("document.json") + "job.json"
        self.objects.put(key, Record(job, attempt, given).to_json())

    def step(self, told: Told, name: str, **container) -> dict:
        """Make the pod of a step as the runner does."""
        with self.objects.open(f"{told.document.logs_prefix}/document.json") as source:
            pods = JobDocument.from_json(source.read()).pods
        job = self.job(told)
        owner = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": job["metadata"]["name"],
            "uid": job["metadata"]["uid"],
        }
        body = {
            "metadata": {
                "generateName": f"{name}-pod-",
                "labels": pods.labels,
                "annotations": {"ades/step": name},
                "ownerReferences": [owner],
            },
            "spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": False,
                "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{"name": name, "image": f"{name}:1", "securityContext": POWERLESS, **container}],
            },
        }
        namespace = job["metadata"]["namespace"]
        return self.cluster.objects.create(
            "pods", namespace, admission.checked(self.cluster.objects, "pods", namespace, body)
        )

    # -- what is there ----------------------------------------------------------------------------------------------

    def find(self, kind: str, told: Told | None = None) -> list[dict]:
        found = self.cluster.objects.find(kind)
        return [
            item
            for item in found
            if "ades/job" in (labels := item["metadata"].get("labels") or {})
            and (told is None or labels["ades/job"] == str(told.job))
        ]

    def job(self, told: Told) -> dict:
        (job,) = self.find("jobs", told)
        return job

    def runner(self, told: Told, phase: str = "Running") -> dict:
        """The runner's pod, when it has come to a phase."""

        def there():
            pods = [pod for pod in self.find("pods", told) if "job-name" in pod["metadata"]["labels"]]
            return next((pod for pod in pods if pod["status"]["phase"] == phase), None)

        return until(there, what="the runner's pod")

    def empty(self) -> bool:
        """Nothing of any job is left in the cluster."""
        return not any(self.find(kind) for kind in ("jobs", "pods", "secrets", "persistentvolumeclaims"))

    def calls(self) -> int:
        """Calls that are not watches or lists."""
        return sum(count for call, count in self.cluster.calls.items() if not call.startswith(("watch", "list")))


def finished(told: Told, name: str, **changes) -> StepChanged:
    """A step as a runner records it."""
    return StepChanged(Step(told.job, name, told.document.attempt, 0, StepState.SUCCESSFUL, **changes))
