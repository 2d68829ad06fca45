"""What must be in a workspace's namespace before a job can run there: made by the server, or only looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ades.engine.kubernetes import names, places
from ades.engine.kubernetes.api import CONFLICT, FORBIDDEN, NOT_FOUND, ApiError
from ades.engine.kubernetes.belongings import objects

if TYPE_CHECKING:
    from ades.engine.kubernetes.api import Api
    from ades.engine.kubernetes.placement import Placement
    from ades.settings import Settings

Manifest = dict[str, Any]

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
DOCTOR_RIGHTS: Final = (
    ("", "serviceaccounts", "get"),
    ("", "persistentvolumeclaims", "get"),
    ("", "resourcequotas", "list"),
    ("", "limitranges", "list"),
    ("networking.k8s.io", "networkpolicies", "list"),
)
"""What it should be allowed to look at there, so that it can say what is missing."""
PROVISION_RIGHTS: Final = tuple(
    (group, resource, verb)
    for group, resource in (
        ("", "namespaces"),
        ("", "serviceaccounts"),
        ("", "resourcequotas"),
        ("", "limitranges"),
        ("rbac.authorization.k8s.io", "roles"),
        ("rbac.authorization.k8s.io", "rolebindings"),
        ("networking.k8s.io", "networkpolicies"),
    )
    for verb in ("create", "get", "patch")
)
"""What it must be allowed to do in the whole cluster in order to make namespaces by itself."""
_WATCHED: Final = (("batch", "jobs"), ("", "pods"))
_BOUNDS: Final = ("resourcequotas", "limitranges", "networkpolicies")
_UNCHANGING: Final = frozenset({"apiVersion", "kind", "metadata", "roleRef"})


class Provision:
    """Prepares namespaces."""

    def __init__(self, api: Api, settings: Settings) -> None:
        self._api = api
        self._settings = settings
        self._provided: dict[str, list[tuple[str, Manifest]]] = {}

    def provide(self, namespace: str, placement: Placement, *, anew: bool = False) -> None:
        """Make what is missing, and bring what this server has made up to date. Raises ApiError.

        While nothing has changed since the last time the cluster is not asked, unless everything shall be made `anew`.
        """
        wanted = list(objects(namespace, placement, self._settings))
        if self._provided.get(namespace) == wanted and not anew:
            return
        for path, manifest in wanted:
            try:
                self._api.create(path, manifest)
            except ApiError as error:
                if error.code != CONFLICT:
                    raise
                self._bring_up_to_date(f"{path}/{manifest['metadata']['name']}", manifest)
        self._provided[namespace] = wanted

    def _bring_up_to_date(self, where: str, wanted: Manifest) -> None:
        """Change what is there, if this server has made it and it may be changed at all."""
        if wanted["kind"] == "PersistentVolumeClaim":
            return
        found = self._api.get(where)
        own = wanted["metadata"]["labels"]
        labels = found["metadata"].get("labels") or {}
        if any(labels.get(name) != own[name] for name in (names.MANAGED_BY, names.INSTANCE)):
            return
        change = difference(found, {name: value for name, value in wanted.items() if name not in _UNCHANGING})
        for field in ("labels", "annotations"):
            present = found["metadata"].get(field) or {}
            new = {name: v for name, v in wanted["metadata"].get(field, {}).items() if present.get(name) != v}
            if new:
                change.setdefault("metadata", {})[field] = new
        if change:
            self._api.merge(where, change)

    def unable(self) -> list[str]:
        """The rights that the server lacks to make namespaces, if it shall."""
        if not self._settings.kubernetes_provision:
            return []
        lacks = [
            f"{verb} {resource}"
            for group, resource, verb in PROVISION_RIGHTS
            if not self._may("", group, resource, verb)
        ]
        return [f"the right to {one} in the whole cluster (for ADES_KUBERNETES_PROVISION)" for one in lacks]

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
        return found or ([] if self._settings.kubernetes_provision else self._wanting(namespace, placement))

    def unbounded(self, namespace: str, placement: Placement) -> list[str]:
        """What a namespace lacks that keeps the jobs of a workspace within bounds, though they run without."""
        if self._settings.kubernetes_provision:
            return []  # it is made with the next job
        wanted = {path.rpartition("/")[2]: path for path, _ in objects(namespace, placement, self._settings)}
        if not placement.quota:
            del wanted["resourcequotas"]
        return [f"{kind} in {namespace}" for kind in _BOUNDS if kind in wanted and self._is_empty(wanted[kind])]

    def _is_empty(self, path: str) -> bool:
        """Whether nothing is there, whatever its name, as far as the server may look."""
        try:
            return not self._api.get(path)["items"]
        except ApiError as error:
            if error.code not in {FORBIDDEN, NOT_FOUND}:
                raise
            return False

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


def difference(found: Manifest, wanted: Manifest) -> Manifest:
    """What to merge into `found` so that each field that is wanted says what it should, and no more than that."""
    change: Manifest = {}
    for name, value in wanted.items():
        present = found.get(name)
        if isinstance(value, dict) and isinstance(present, dict):
            inner = {**difference(present, value), **dict.fromkeys(present.keys() - value.keys())}
            if inner:
                change[name] = inner
        elif present != value:
            change[name] = value
    return change
