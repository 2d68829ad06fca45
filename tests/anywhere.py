"""Jobs in any cluster of which only its API is known: the one of KUBECONFIG, or else the double.

What a real cluster needs is said by environment variables, which tests/README.md lists.
Each test works in a namespace `ws-ades-tests-…` of its own, which the server makes and the test removes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from clusters import Told, document, until

from ades.engine.kubernetes import places
from ades.engine.kubernetes.api import Api, ApiError
from ades.engine.kubernetes.engine import KubernetesEngine
from ades.engine.kubernetes.placement import Placement
from ades.objects import open_store
from ades.runner.events import Ended, ResultStored
from ades.settings import Settings

NOWHERE = "registry.invalid/nothing:1"
"""An image that no cluster can pull."""
_S3 = ("endpoint", "region", "access_key", "secret_key")


@dataclass(frozen=True)
class Target:
    """A cluster, and what jobs need there."""

    config: Path
    image: str
    """Empty: no runner, so no job can be run."""
    tools: str
    storage: dict[str, Any]
    """The settings of an object store that pods reach."""
    scratch: dict[str, str]
    patience: float
    """Seconds after which something has not come true."""

    @classmethod
    def given(cls) -> Target | None:
        """The one that the environment names."""
        given = os.environ
        if not given.get("KUBECONFIG"):
            return None
        where = {f"s3_{name}": given.get(f"ADES_TESTS_S3_{name.upper()}", "") for name in _S3}
        storage = {
            "objects": given.get("ADES_TESTS_OBJECTS", ""),
            **{name: word for name, word in where.items() if word},
        }
        if "s3_endpoint" in storage:
            storage["s3_addressing"] = "path"
        scratch = {"kubernetes_scratch": given.get("ADES_TESTS_SCRATCH", "rwo-node")}
        scratch["kubernetes_scratch_class"] = given.get("ADES_TESTS_STORAGE_CLASS", "")
        image = given.get("ADES_TESTS_IMAGE", "") if storage["objects"] else ""
        return cls(Path(given["KUBECONFIG"]), image, given.get("ADES_TESTS_TOOLS", "debian:12"), storage, scratch, 300)

    @property
    def environment(self) -> dict[str, str]:
        """The environment that names it."""
        s3 = {f"ADES_TESTS_S3_{name.upper()}": self.storage.get(f"s3_{name}", "") for name in _S3}
        return {
            "KUBECONFIG": str(self.config),
            "ADES_TESTS_IMAGE": self.image,
            "ADES_TESTS_TOOLS": self.tools,
            "ADES_TESTS_OBJECTS": self.storage["objects"],
            **{name: word for name, word in s3.items() if word},
        }


class Anywhere:
    """A workspace in the cluster that nobody else has, and engines for it."""

    def __init__(self, target: Target, folder: Path, **settings: Any) -> None:
        self.target = target
        self.workspace = f"ades-tests-{uuid4().hex[:8]}"
        self.namespace = f"ws-{self.workspace}"
        given = {
            "data": folder,
            "engine": "kubernetes",
            "kubernetes_config": target.config,
            "kubernetes_instance": self.workspace,
            "kubernetes_provision": True,
            "kubernetes_image": target.image or "busybox",
            "kubernetes_default_image": target.tools,
            "kubernetes_scratch_size": "1Gi",
            "kubernetes_grace": 1,
            **target.scratch,
            **{name: word for name, word in target.storage.items() if word},
        }
        self.settings = Settings(**(given | settings))
        self.objects = open_store(self.settings)
        self.api = Api(target.config)
        self._engines: list[KubernetesEngine] = []
        self._told: dict[UUID, Told] = {}

    def close(self) -> None:
        for engine in self._engines:
            engine.close()
        try:
            self.api.delete(
                places.core("", "namespaces", self.namespace), {"kind": "DeleteOptions", "apiVersion": "v1"}
            )
        except ApiError as error:
            if error.code != 404:
                raise
        for info in list(self.objects.list(self.workspace)):
            self.objects.delete(info.key)
        self.api.close()

    # -- jobs -------------------------------------------------------------------------------------------------------

    def engine(self, **settings: Any) -> KubernetesEngine:
        changed = self.settings.model_copy(update=settings)
        placement = Placement.of(changed)
        home = lambda workspace: (f"ws-{workspace}", placement)  # noqa: E731
        engine = KubernetesEngine(changed, self._hear, self.objects, home)
        self._engines.append(engine)
        return engine

    def _hear(self, job: UUID, attempt: int, event: Any) -> None:
        told = self._told[job]
        assert attempt == told.document.attempt
        told.events.append(event)
        if isinstance(event, Ended):
            told.done.set()

    def start(self, package: dict | None = None, inputs: dict | None = None, engine=None, **more: Any) -> Told:
        """Start a package of CWL, an executable, or nothing that would ever run."""
        job = more.pop("job", None) or uuid4()
        prefixes = {
            "results_prefix": f"{self.workspace}/processing-results/thing/{job}",
            "logs_prefix": f"{self.workspace}/jobs/{job}",
        }
        people = dict.fromkeys(("deploying", "calling", "executing"), self.workspace)
        if package is not None:
            more["executable"] = package if "kind" in package else {"kind": "cwl", "document": package, "entry": None}
        return self.go_on(engine or self.engine(), document(job, inputs=inputs or {}, **prefixes, **people, **more))

    def go_on(self, engine: KubernetesEngine, given: Any) -> Told:
        """Start a job from its document, maybe not for the first time."""
        told = self._told[given.job] = Told(given)
        engine.start(given)
        return told

    def run(self, package: dict, inputs: dict | None = None, **more: Any) -> Told:
        """Run a package to its end."""
        told = self.start(package, inputs, **more)
        told.wait(self.target.patience)
        return told

    def until(self, true, what: str = "it"):
        return until(true, self.target.patience, what)

    def result(self, told: Told, output: str) -> str:
        """The text of a result."""
        (result,) = [event.result for event in told.of(ResultStored) if event.result.output == output]
        return self.text(result.key)

    def log(self, told: Told, name: str = "job") -> str:
        return self.text(f"{told.document.logs_prefix}/{name}.log")

    def text(self, key: str) -> str:
        with self.objects.open(key) as source:
            return source.read().decode(errors="replace")

    # -- what is there ----------------------------------------------------------------------------------------------

    def job(self, told: Told) -> dict:
        """The Job; nothing when there is none."""
        try:
            return self.api.get(places.jobs(self.namespace, f"job-{told.job}"))
        except ApiError as error:
            if error.code != 404:
                raise
            return {}

    def pods(self, told: Told, *, steps: bool) -> list[dict]:
        """The pods of its steps, or that of its runner."""
        found = self.api.get(places.pods(self.namespace), labelSelector=f"ades/job={told.job}")["items"]
        return [pod for pod in found if ("job-name" not in pod["metadata"]["labels"]) is steps]

    def left(self, told: Told) -> list[str]:
        """What the cluster still has of a job."""
        query = {"labelSelector": f"ades/job={told.job}"}
        paths = [places.jobs(self.namespace), places.pods(self.namespace)]
        paths += [places.core(self.namespace, kind) for kind in ("secrets", "persistentvolumeclaims")]
        return [item["metadata"]["name"] for path in paths for item in self.api.get(path, **query)["items"]]

    def delete(self, path: str) -> None:
        """As somebody does with kubectl."""
        self.api.delete(path, {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"})
