"""What must be in a workspace's namespace before a job can run there: made by the server, or only looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ades.engine.kubernetes import names, places
from ades.engine.kubernetes.api import CONFLICT, FORBIDDEN, NOT_FOUND, ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.engine.kubernetes.api import Api
    from ades.engine.kubernetes.placement import Placement
    from ades.settings import Settings

Manifest = dict[str, Any]

RUNNER_RULES: Final = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "delete", "list", "watch", "patch"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
]
"""What a runner may do: make the pods of its steps, read their logs, and note its progress on its own pod."""

SERVER_RIGHTS: Final = (
    ("batch", "jobs", "create"),
    ("batch", "jobs", "get"),
    ("batch", "jobs", "patch"),
    ("batch", "jobs", "delete"),
    ("", "pods", "delete"),
    ("", "pods", "deletecollection"),
    ("", "pods/log", "get"),
    ("", "secrets", "create"),
    ("", "secrets", "patch"),
    ("", "secrets", "delete"),
    ("", "persistentvolumeclaims", "create"),
    ("", "events", "list"),
)
"""What the server must be allowed to do in each workspace's namespace."""
_WATCHED: Final = (("batch", "jobs"), ("", "pods"))


class Provision:
    """Prepares namespaces."""

    def __init__(self, api: Api, settings: Settings) -> None:
        self._api = api
        self._settings = settings

    def provide(self, namespace: str, placement: Placement) -> None:
        """Make what is missing; what is there stays as it is. Raises ApiError."""
        for path, manifest in objects(namespace, placement, self._settings):
            try:
                self._api.create(path, manifest)
            except ApiError as error:
                if error.code != CONFLICT:
                    raise

    def missing(self, namespace: str, placement: Placement) -> list[str]:
        """What keeps jobs from running in a namespace, in words. Asks, and changes nothing."""
        found = [
            f"the right to {verb} {resource} in {namespace}"
            for group, resource, verb in SERVER_RIGHTS
            if not self._may(namespace, group, resource, verb)
        ]
        scope = "" if self._settings.kubernetes_watch == "cluster" else namespace
        where = f"in {scope}" if scope else "in the whole cluster (or set ADES_KUBERNETES_WATCH=namespaces)"
        for group, resource in _WATCHED:
            found += [
                f"the right to {verb} {resource} {where}"
                for verb in ("list", "watch")
                if not self._may(scope, group, resource, verb)
            ]
        return found or self._wanting(namespace, placement)

    def _wanting(self, namespace: str, placement: Placement) -> list[str]:
        """Objects that are not there, as far as the server may look."""
        wanted = [("namespaces", "", namespace), ("serviceaccounts", namespace, placement.service_account)]
        if placement.scratch == "shared":
            wanted.append(("persistentvolumeclaims", namespace, placement.scratch_claim))
        found = []
        for kind, where, name in wanted:
            try:
                self._api.get(places.core(where, kind, name))
            except ApiError as error:
                if error.code == NOT_FOUND:
                    found.append(f"{kind} {name}" + (f" in {where}" if where else ""))
                elif error.code != FORBIDDEN:
                    raise
        return found

    def _may(self, namespace: str, group: str, resource: str, verb: str) -> bool:
        kind, _, part = resource.partition("/")
        attributes = {"namespace": namespace, "group": group, "resource": kind, "subresource": part, "verb": verb}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {name: value for name, value in attributes.items() if value}},
        }
        answer = self._api.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        return bool(answer.get("status", {}).get("allowed"))


def objects(namespace: str, placement: Placement, settings: Settings) -> Iterator[tuple[str, Manifest]]:
    """All that belongs into a namespace, each with the path where it is made, in the order in which it is needed."""
    labels = {names.MANAGED_BY: "ades", names.INSTANCE: settings.kubernetes_instance}
    account = placement.service_account
    level = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("warn", "audit")}
    security = {**level, "pod-security.kubernetes.io/enforce": "baseline"}

    def named(name: str, **more: Any) -> Manifest:
        return {"name": name, "labels": labels, **more}

    yield (
        places.core("", "namespaces"),
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": {**labels, **security}}},
    )
    yield (
        places.core(namespace, "serviceaccounts"),
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": named(account, annotations=placement.service_account_annotations),
        },
    )
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    yield (
        places.roles(namespace, "roles"),
        {**rbac, "kind": "Role", "metadata": named(account), "rules": RUNNER_RULES},
    )
    yield (
        places.roles(namespace, "rolebindings"),
        {
            **rbac,
            "kind": "RoleBinding",
            "metadata": named(account),
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        },
    )
    if placement.scratch == "shared":
        yield places.core(namespace, "persistentvolumeclaims"), _shared(placement, named(placement.scratch_claim))


def _shared(placement: Placement, metadata: Manifest) -> Manifest:
    spec: Manifest = {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": placement.scratch_size}},
    }
    if placement.scratch_class:
        spec["storageClassName"] = placement.scratch_class
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
