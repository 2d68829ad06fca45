"""A pod that clears what a killed runner has left on the volume that the jobs of a workspace share.

Nobody else can: the server mounts no volumes, and a runner sees the folder of its own job only. The pod has no rights in
the cluster; it sees the folders of the jobs, removes the one that it is told, and is forgotten a little later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ades.engine.kubernetes import names, places
from ades.engine.kubernetes.api import CONFLICT, ApiError
from ades.engine.kubernetes.manifests import DROP_ALL, FOLDERS, folder, pod_basics

if TYPE_CHECKING:
    from ades.engine.kubernetes.api import Api
    from ades.engine.kubernetes.placement import Placement
    from ades.runner.document import JobDocument

_SCRIPT: Final = 'sleep "$1"; chmod -R u+rwX -- "$2"; rm -rf -- "$2"'
"""What is left of the job has its grace before. A tool may have taken the rights to its folders from itself."""
_WITHIN: Final = 3600
"""Seconds after which it is given up: a large folder takes its time."""
_FORGOTTEN: Final = 300
_TRIES: Final = 3


def clear(api: Api, document: JobDocument, namespace: str, placement: Placement, instance: str) -> None:
    """Have the folder of a job removed, if it may have left one. Raises ApiError."""
    if placement.scratch != "shared":
        return
    try:
        api.create(places.jobs(namespace), manifest(document, placement, instance))
    except ApiError as error:
        if error.code != CONFLICT:  # else it has been asked for before
            raise


def manifest(document: JobDocument, placement: Placement, instance: str) -> dict[str, Any]:
    """The Job that does it. It is no job of a process: it has not the labels of one."""
    own = folder(document)
    labels = {**placement.labels, names.MANAGED_BY: "ades", names.INSTANCE: instance, names.COMPONENT: "clearing"}
    container = {
        "name": "clear",
        "image": placement.image,
        "command": ["sh", "-c", _SCRIPT, "clear", str(placement.grace), f"/{FOLDERS}/{own}"],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": DROP_ALL,
        "volumeMounts": [{"name": "scratch", "mountPath": f"/{FOLDERS}", "subPath": FOLDERS}],
    }
    claim = {"name": "scratch", "persistentVolumeClaim": {"claimName": placement.scratch_claim}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"clear-{own}", "labels": labels},
        "spec": {
            "backoffLimit": _TRIES,
            "activeDeadlineSeconds": placement.grace + _WITHIN,
            "ttlSecondsAfterFinished": _FORGOTTEN,
            "template": {
                "metadata": {"labels": labels, "annotations": dict(placement.annotations)},
                "spec": {
                    **pod_basics(placement),
                    "automountServiceAccountToken": False,
                    "containers": [container],
                    "volumes": [claim],
                },
            },
        },
    }
