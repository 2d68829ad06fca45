"""Runs jobs as the pods of a cluster: the real runner, the unmodified Calrissian, a double of the API."""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID, uuid4

import yaml
from kubernetes_double import Cluster, PodFault
from kubernetes_double.pod_security import Level
from s3_servers import KEY, SECRET, settings_for
from told import Told

from ades.objects import open_store
from ades.runner.document import JobDocument, Pods
from ades.runner.events import Ended, Event
from ades.runner.record import Record, document_key, record_key

NAMESPACE = "ws-alice"
ACCOUNT = "ades-runner"
IMAGE = "runner:1"
ROLE = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "delete", "list", "watch", "patch"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
]


class ClusterRun(Told):
    """One job in the cluster, and what it left behind."""

    def __init__(self, site: Site, document: JobDocument) -> None:
        self.site, self.document = site, document
        self.job: UUID = document.job
        self.name = f"job-{document.job}"
        self._record: Record | None = None

    def wait(self, seconds: float = 90) -> ClusterRun:
        end = time.monotonic() + seconds
        while not self.ended():
            assert time.monotonic() < end, f"the job has not ended within {seconds} s:\n{self.spoken()}"
            time.sleep(0.05)
        return self

    def ended(self) -> bool:
        conditions = self.object()["status"].get("conditions") or []
        return any(one["type"] in {"Complete", "Failed"} for one in conditions)

    def object(self):
        return self.site.cluster.objects.get("jobs", NAMESPACE, self.name)

    def pods(self, *, steps: bool = True) -> list:
        """The pods of the steps, or of the runner."""
        found = self.site.cluster.objects.find("pods", NAMESPACE)
        mine = [pod for pod in found if (pod["metadata"].get("labels") or {}).get("ades/job") == str(self.job)]
        return [pod for pod in mine if ("ades/step" in (pod["metadata"].get("annotations") or {})) is steps]

    def wait_for_pod(self, phase: str = "Running", seconds: float = 60):
        """The first pod of a step that is in this phase."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for pod in self.pods():
                if pod["status"].get("phase") == phase:
                    return pod
            assert not self.ended(), f"the job ended before:\n{self.spoken()}"
            time.sleep(0.02)
        raise AssertionError(f"no pod of a step came to be {phase}:\n{self.spoken()}")

    def spoken(self) -> str:
        """What the runner printed: `kubectl logs`."""
        logs = self.site.cluster.folder.glob("node/pods/*/runner.log")
        return "\n".join(text for text in (log.read_text(errors="replace") for log in logs) if str(self.job) in text)

    @property
    def record(self) -> Record:
        if self._record is None:
            with self.site.store.open(record_key(self.document)) as file:
                self._record = Record.from_json(file.read())
        return self._record

    @property
    def events(self) -> Sequence[Event]:
        return self.record.events

    @property
    def end(self) -> Ended:
        return self.record.end

    @property
    def failure(self):
        assert self.end.failure is not None, self.spoken()
        return self.end.failure

    def read(self, key: str) -> str:
        with self.site.store.open(key) as file:
            return file.read().decode()


class Site:
    """A cluster with a workspace and a store of objects."""

    def __init__(self, cluster: Cluster, endpoint: str, level: Level = "restricted") -> None:
        self.cluster = cluster
        self.settings = settings_for(endpoint)
        self.store = open_store(self.settings)
        self.env: dict[str, str] = {}
        """Further settings of the runners."""
        self.command = ["ades", "runner"]
        self.credentials: bytes | None = None
        """What lies in the Secret of each job."""
        self._prepare(cluster, level)

    def _prepare(self, cluster: Cluster, level: Level) -> None:
        cluster.namespace(NAMESPACE, level)
        objects = cluster.objects
        objects.create("serviceaccounts", NAMESPACE, {"metadata": {"name": ACCOUNT}})
        objects.create("roles", NAMESPACE, {"metadata": {"name": ACCOUNT}, "rules": ROLE})
        objects.create(
            "rolebindings",
            NAMESPACE,
            {
                "metadata": {"name": ACCOUNT},
                "roleRef": {"kind": "Role", "name": ACCOUNT},
                "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}],
            },
        )

    def fault(self, step: str, kind: str, **how) -> PodFault:
        """Something happens to the pods of a step."""
        return self.cluster.fault(PodFault(f"{step}-pod-*", kind, **how))

    def start(self, package: str | dict, inputs: dict | None = None, **document) -> ClusterRun:
        """Start a package of CWL as a Job."""
        content = yaml.safe_load(package) if isinstance(package, str) else package
        executable = content
        if "kind" not in content:
            executable = {"kind": "cwl", "document": content, "entry": document.pop("entry", None)}
        job = document.pop("job", None) or uuid4()
        defaults = {
            "attempt": 1,
            "process": "thing",
            "deploying": "alice",
            "calling": "alice",
            "executing": "alice",
            "outputs": {},
            "results_prefix": f"alice/processing-results/thing/{job}",
            "logs_prefix": f"alice/jobs/{job}",
            "pods": Pods(default_image="debian:12"),
        }
        made = JobDocument(job=job, executable=executable, inputs=inputs or {}, **(defaults | document))
        self.store.put(document_key(made), made.to_json())
        run = ClusterRun(self, made)
        objects = self.cluster.objects
        objects.create("persistentvolumeclaims", NAMESPACE, {"metadata": {"name": run.name}, "spec": {}})
        if self.credentials is not None:
            secret = {"metadata": {"name": run.name}, "stringData": {"credentials.json": self.credentials.decode()}}
            objects.create("secrets", NAMESPACE, secret)
        objects.create("jobs", NAMESPACE, {"metadata": {"name": run.name}, "spec": self._spec(run), "status": {}})
        return run

    def run(self, package: str | dict, inputs: dict | None = None, **document) -> ClusterRun:
        return self.start(package, inputs, **document).wait()

    def _spec(self, run: ClusterRun):
        settings = self.settings
        env = {
            "ADES_JOB": str(run.job),
            "ADES_ATTEMPT": "1",
            "ADES_JOB_DOCUMENT": document_key(run.document),
            "ADES_POD_NAMESPACE": NAMESPACE,
            "ADES_OBJECTS": settings.objects,
            "ADES_S3_ENDPOINT": settings.s3_endpoint,
            "ADES_S3_REGION": settings.s3_region,
            "ADES_S3_ADDRESSING": settings.s3_addressing,
            "ADES_S3_ACCESS_KEY": KEY,
            "ADES_S3_SECRET_KEY": SECRET,
            "ADES_DATA": "/tmp/ades",
            **self.env,
        }
        named = {"name": "CALRISSIAN_POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
        uid = {"name": "ADES_JOB_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['controller-uid']"}}}
        container = {
            "name": "runner",
            "image": IMAGE,
            "command": self.command,
            "env": [*({"name": name, "value": value} for name, value in env.items()), named, uid],
            "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        spec = {
            "restartPolicy": "Never",
            "serviceAccountName": ACCOUNT,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
            "volumes": [{"name": "scratch", "persistentVolumeClaim": {"claimName": run.name}}],
            "terminationGracePeriodSeconds": 5,
        }
        if self.credentials is not None:
            container["volumeMounts"].append({"name": "secret", "mountPath": "/ades/secret", "readOnly": True})
            spec["volumes"].append({"name": "secret", "secret": {"secretName": run.name}})
            container["env"].append({"name": "ADES_S3_CREDENTIALS_FILE", "value": "/ades/secret/credentials.json"})
        return {"backoffLimit": 0, "template": {"metadata": {"labels": {"ades/job": str(run.job)}}, "spec": spec}}
