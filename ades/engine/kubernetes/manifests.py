"""What is written into the cluster for one job: a Job, a Secret, and where asked for a volume."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from ades.engine.kubernetes import names
from ades.runner.record import document_key

if TYPE_CHECKING:
    from ades.engine.kubernetes.placement import Placement
    from ades.runner.document import JobDocument
    from ades.settings import Settings

Manifest = dict[str, Any]

USER: Final = 1000
"""As whom runners work, and the group that owns their volumes."""
SECRET: Final = "/ades/secret"  # noqa: S105 - a folder
SCRATCH: Final = "/scratch"
FOLDERS: Final = "jobs"
"""Where the folders of jobs lie on a volume that they share."""
CREDENTIALS: Final = "credentials.json"
_DATA: Final = "/tmp/ades"  # noqa: S108 - the pod's own /tmp

_PASSED: Final = ("objects", "s3_", "fetch_", "stage_in_")
"""Beginnings of the settings that staging needs."""
_KEPT_BACK: Final = frozenset(
    {
        *("s3_access_key", "s3_secret_key", "s3_session_token", "s3_credentials_file"),
        *("s3_credentials", "s3_credentials_seconds", "s3_role", "s3_sts_endpoint", "stage_in_cwl"),
    }
)
"""Settings that no pod of a job gets to see: credentials come in its Secret, packages in its document."""
DROP_ALL: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
_ACCESS: Final = {"rwo-node": "ReadWriteOnce", "per-job": "ReadWriteMany"}


def job(document: JobDocument, placement: Placement, settings: Settings, *, secret: bool) -> Manifest:
    """The Job, suspended: nothing runs before everything is there that it needs."""
    labels = names.labels(document, settings.kubernetes_instance)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": names.job_name(document.job),
            "labels": {**placement.labels, **labels},
            "annotations": {names.LOGS: document.logs_prefix, "ades/process-id": document.process},
        },
        "spec": {
            "suspend": True,
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "activeDeadlineSeconds": _wall(document, placement),
            "ttlSecondsAfterFinished": placement.ttl,
            "template": {
                "metadata": {
                    "labels": {**placement.labels, **labels, names.COMPONENT: names.CONTAINER},
                    "annotations": dict(placement.annotations),
                },
                "spec": _pod(document, placement, settings, secret=secret),
            },
        },
    }


def folder(document: JobDocument) -> str:
    """The folder of a job on a shared volume: each attempt has its own, so that the last one can be cleared meanwhile."""
    return f"{document.job}-{document.attempt}"


def secret(document: JobDocument, owner: Manifest, content: bytes, instance: str) -> Manifest:
    """The short-lived credentials of the runner, and nothing else."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _owned(document, owner, instance),
        "type": "Opaque",
        "stringData": {CREDENTIALS: content.decode()},
    }


def volume(document: JobDocument, owner: Manifest, placement: Placement, instance: str) -> Manifest | None:
    """The claim for a volume of the job's own; None where jobs share the workspace's."""
    if placement.scratch == "shared":
        return None
    spec: Manifest = {
        "accessModes": [_ACCESS[placement.scratch]],
        "resources": {"requests": {"storage": placement.scratch_size}},
    }
    if placement.scratch_class:
        spec["storageClassName"] = placement.scratch_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": _owned(document, owner, instance),
        "spec": spec,
    }


def _owned(document: JobDocument, owner: Manifest, instance: str) -> Manifest:
    reference = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }
    return {
        "name": names.job_name(document.job),
        "labels": names.labels(document, instance),
        "ownerReferences": [reference],
    }


def _wall(document: JobDocument, placement: Placement) -> int:
    wanted = document.limits.seconds
    return placement.wall_limit if wanted is None else max(1, min(placement.wall_limit, int(wanted)))


def _pod(document: JobDocument, placement: Placement, settings: Settings, *, secret: bool) -> Manifest:
    return {
        **pod_basics(placement),
        "serviceAccountName": placement.service_account,
        "containers": [_container(document, placement, settings, secret=secret)],
        "volumes": _volumes(document, placement, secret=secret),
    }


def pod_basics(placement: Placement) -> Manifest:
    """What is the same for all pods that the server makes: as whom they work, and where."""
    spec: Manifest = {
        "restartPolicy": "Never",
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": placement.grace,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    chosen = {
        "nodeSelector": placement.node_selector,
        "tolerations": list(placement.tolerations),
        "priorityClassName": placement.priority_class,
        "runtimeClassName": placement.runtime_class,
        "imagePullSecrets": [{"name": name} for name in placement.pull_secrets],
    }
    return spec | {name: value for name, value in chosen.items() if value}


def _container(document: JobDocument, placement: Placement, settings: Settings, *, secret: bool) -> Manifest:
    mounts: list[Manifest] = [{"name": "scratch", "mountPath": SCRATCH}, {"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108
    if placement.scratch == "shared":
        mounts[0]["subPath"] = f"{FOLDERS}/{folder(document)}"
    if secret:
        mounts.append({"name": "secret", "mountPath": SECRET, "readOnly": True})
    resources = {"cpu": placement.cpu, "memory": placement.memory}
    return {
        "name": names.CONTAINER,
        "image": placement.image,
        "command": ["ades", "runner"],
        "env": _environment(document, placement, settings, secret=secret),
        "resources": {"requests": resources, "limits": {"memory": placement.memory}},
        "securityContext": DROP_ALL,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }


def _volumes(document: JobDocument, placement: Placement, *, secret: bool) -> list[Manifest]:
    own = names.job_name(document.job)
    claim = placement.scratch_claim if placement.scratch == "shared" else own
    found: list[Manifest] = [
        {"name": "scratch", "persistentVolumeClaim": {"claimName": claim}},
        {"name": "tmp", "emptyDir": {}},
    ]
    if secret:
        found.append({"name": "secret", "secret": {"secretName": own}})
    return found


def _environment(document: JobDocument, placement: Placement, settings: Settings, *, secret: bool) -> list[Manifest]:
    plain = {
        "ADES_JOB": str(document.job),
        "ADES_ATTEMPT": str(document.attempt),
        "ADES_JOB_DOCUMENT": document_key(document),
        "ADES_DATA": _DATA,
        "HOME": "/tmp",  # noqa: S108 - the pod's own
        **staging(settings),
    }
    if secret:
        plain["ADES_S3_CREDENTIALS_FILE"] = f"{SECRET}/{CREDENTIALS}"
    told = {
        "CALRISSIAN_POD_NAME": "metadata.name",
        "ADES_POD_NAMESPACE": "metadata.namespace",
        "ADES_JOB_UID": "metadata.labels['batch.kubernetes.io/controller-uid']",
    }
    return [
        *({"name": name, "value": value} for name, value in plain.items()),
        *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in told.items()),
        *placement.runner_env,
    ]


def staging(settings: Settings) -> dict[str, str]:
    """The environment in which the runner's own settings are like the server's, without anything secret."""
    fields = type(settings).model_fields
    wanted = [name for name in fields if name == "javascript" or (name.startswith(_PASSED) and name not in _KEPT_BACK)]
    return {
        f"ADES_{name.upper()}": _word(getattr(settings, name))
        for name in wanted
        if getattr(settings, name) != fields[name].default
    }


def _word(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(str(word) for word in value)
    if isinstance(value, bool):
        return str(value).lower()
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)
