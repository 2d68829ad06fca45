"""What the cluster remembers: objects, one growing version, and the history that watches read."""

from __future__ import annotations

import bisect
import copy
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Object = dict[str, Any]
HISTORY = 20_000


class ApiError(Exception):
    """An answer of the API that is a Status."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        self.code, self.reason, self.message = code, reason, message
        super().__init__(message)

    def status(self) -> Object:
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }


@dataclass(frozen=True)
class Kind:
    """One resource of the API."""

    plural: str
    name: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


_RBAC = "rbac.authorization.k8s.io"
KINDS = {
    kind.plural: kind
    for kind in (
        Kind("namespaces", "Namespace", namespaced=False),
        Kind("nodes", "Node", namespaced=False),
        Kind("serviceaccounts", "ServiceAccount"),
        Kind("resourcequotas", "ResourceQuota"),
        Kind("limitranges", "LimitRange"),
        Kind("secrets", "Secret"),
        Kind("configmaps", "ConfigMap"),
        Kind("persistentvolumeclaims", "PersistentVolumeClaim"),
        Kind("pods", "Pod"),
        Kind("events", "Event"),
        Kind("jobs", "Job", "batch"),
        Kind("roles", "Role", _RBAC),
        Kind("rolebindings", "RoleBinding", _RBAC),
        Kind("clusterroles", "ClusterRole", _RBAC, namespaced=False),
        Kind("clusterrolebindings", "ClusterRoleBinding", _RBAC, namespaced=False),
        Kind("selfsubjectaccessreviews", "SelfSubjectAccessReview", "authorization.k8s.io", namespaced=False),
        Kind("networkpolicies", "NetworkPolicy", "networking.k8s.io"),
    )
}


@dataclass(frozen=True)
class Change:
    """One entry of the history."""

    version: int
    kind: str
    what: str
    before: Object | None
    after: Object


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Objects:
    """All objects, under one lock; every change wakes whoever waits."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self._items: dict[tuple[str, str, str], Object] = {}
        self._history: list[Change] = []
        self._version = 1
        self._oldest = 0

    # -- reading ----------------------------------------------------------------------------------------------------

    @property
    def version(self) -> int:
        return self._version

    def get(self, kind: str, namespace: str, name: str) -> Object:
        with self.changed:
            try:
                return copy.deepcopy(self._items[kind, namespace, name])
            except KeyError:
                raise ApiError(404, "NotFound", f'{kind} "{name}" not found') from None

    def find(self, kind: str, namespace: str | None = None) -> list[Object]:
        with self.changed:
            return [
                copy.deepcopy(item)
                for (its, where, _), item in sorted(self._items.items())
                if its == kind and namespace in (None, where)
            ]

    def view(self, kind: str) -> list[Object]:
        """All objects of a kind, not to be changed: what is stored is only ever replaced."""
        with self.changed:
            return [item for (its, _, _), item in self._items.items() if its == kind]

    def after(self, version: int, kind: str) -> tuple[list[Change], int]:
        """What has happened to a kind since a version, and up to which version; 410 when that has been forgotten."""
        with self.changed:
            if version < self._oldest:
                raise ApiError(410, "Expired", f"too old resource version: {version} ({self._oldest})")
            first = bisect.bisect_right(self._history, version, key=lambda change: change.version)
            return [change for change in self._history[first:] if change.kind == kind], self._version

    def forget(self) -> None:
        """Drop the history, so that every watch that goes on from a version gets 410 Gone."""
        with self.changed:
            self._history.clear()
            self._oldest = self._version = self._version + 1
            self.changed.notify_all()

    # -- writing ----------------------------------------------------------------------------------------------------

    def create(self, kind: str, namespace: str, body: Object) -> Object:
        with self.changed:
            item = copy.deepcopy(body)
            meta = item.setdefault("metadata", {})
            if "name" not in meta:
                meta["name"] = f"{meta.get('generateName', '')}{uuid.uuid4().hex[:5]}"
            key = (kind, namespace, meta["name"])
            if key in self._items:
                raise ApiError(409, "AlreadyExists", f'{kind} "{meta["name"]}" already exists')
            item |= {"kind": KINDS[kind].name, "apiVersion": KINDS[kind].api_version}
            meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": now(), "generation": 1}
            if KINDS[kind].namespaced:
                meta["namespace"] = namespace
            return self._put(key, "ADDED", None, item)

    def update(self, kind: str, namespace: str, name: str, change: Callable[[Object], None]) -> Object:
        """Change an object in place; a resourceVersion that the change brings along must be the present one."""
        with self.changed:
            before = self.get(kind, namespace, name)
            item = copy.deepcopy(before)
            change(item)
            wanted = item["metadata"].get("resourceVersion")
            if wanted not in (None, before["metadata"]["resourceVersion"]):
                raise ApiError(
                    409, "Conflict", f'Operation cannot be fulfilled on {kind} "{name}": it has been modified'
                )
            item["metadata"] |= {key: before["metadata"][key] for key in ("uid", "name", "creationTimestamp")}
            item["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
            if item == before:
                return before
            return self._put((kind, namespace, name), "MODIFIED", before, item)

    def remove(self, kind: str, namespace: str, name: str) -> Object:
        with self.changed:
            before = self.get(kind, namespace, name)
            del self._items[kind, namespace, name]
            return self._record(kind, "DELETED", before, copy.deepcopy(before))

    def _put(self, key: tuple[str, str, str], what: str, before: Object | None, item: Object) -> Object:
        self._items[key] = item
        return self._record(key[0], what, before, item)

    def _record(self, kind: str, what: str, before: Object | None, item: Object) -> Object:
        self._version += 1
        item["metadata"]["resourceVersion"] = str(self._version)
        self._history.append(Change(self._version, kind, what, before, copy.deepcopy(item)))
        if len(self._history) > HISTORY:
            del self._history[: HISTORY // 2]
            self._oldest = self._history[0].version
        self.changed.notify_all()
        return copy.deepcopy(item)
