"""Paths of the API, and in which namespace the jobs of a workspace run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ades.settings import Settings


def namespace_of(settings: Settings, workspace: str, own: str | None = None) -> str:
    """The namespace of a workspace: the one that it names, or what the setting makes of its name."""
    return own or settings.kubernetes_namespace.replace("{workspace}", workspace)


def jobs(namespace: str = "", name: str = "") -> str:
    """Jobs of a namespace or of all, or one of them."""
    return _path("/apis/batch/v1", namespace, "jobs", name)


def pods(namespace: str = "", name: str = "") -> str:
    """Pods of a namespace or of all, or one of them."""
    return _path("/api/v1", namespace, "pods", name)


def log(namespace: str, name: str) -> str:
    """The log of a pod."""
    return f"{pods(namespace, name)}/log"


def core(namespace: str, kind: str, name: str = "") -> str:
    """Something else of the core group: secrets, events and the like."""
    return _path("/api/v1", namespace, kind, name)


def roles(namespace: str, kind: str, name: str = "") -> str:
    """Roles and their bindings."""
    return _path("/apis/rbac.authorization.k8s.io/v1", namespace, kind, name)


def policies(namespace: str) -> str:
    """Network policies of a namespace."""
    return _path("/apis/networking.k8s.io/v1", namespace, "networkpolicies", "")


def _path(group: str, namespace: str, kind: str, name: str) -> str:
    parts = [group, *(["namespaces", namespace] if namespace else []), kind, *([name] if name else [])]
    return "/".join(parts)
