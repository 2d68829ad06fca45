"""What belongs into the namespace of a workspace; the same as `deploy/argocd/workspace` says for those who make it by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ades.engine.kubernetes import names, places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.engine.kubernetes.placement import Placement
    from ades.settings import Settings

Manifest = dict[str, Any]

RUNNER_RULES: Final = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "delete", "list", "watch", "patch"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
]
"""What a runner may do: make the pods of its steps, read their logs, and note its progress on its own pod."""

BOUNDS: Final = "ades"
"""The name of the quota and of the limit range."""
_PART_OF: Final = "app.kubernetes.io/part-of"
_LEVEL: Final = "restricted"
_RBAC: Final = "rbac.authorization.k8s.io"
_STEP_WITH_NETWORK: Final = {"ades/network": "allowed"}


def objects(namespace: str, placement: Placement, settings: Settings) -> Iterator[tuple[str, Manifest]]:
    """All of it, each with the path where it is made, in the order in which it is needed."""
    labels = {names.MANAGED_BY: "ades", names.INSTANCE: settings.kubernetes_instance}

    def made(group: str, kind: str, name: str, metadata: Manifest | None = None, **content: Any) -> Manifest:
        meta = {"name": name, "labels": labels, **(metadata or {})}
        return {"apiVersion": group, "kind": kind, "metadata": meta, **content}

    modes = {f"pod-security.kubernetes.io/{mode}": _LEVEL for mode in ("enforce", "audit", "warn")}
    marked = {"labels": {**labels, _PART_OF: "ades", **modes}}
    yield places.core("", "namespaces"), made("v1", "Namespace", namespace, marked)

    account = placement.service_account
    noted = {"annotations": placement.service_account_annotations} if placement.service_account_annotations else {}
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    role = {"apiGroup": _RBAC, "kind": "Role", "name": account}
    yield places.core(namespace, "serviceaccounts"), made("v1", "ServiceAccount", account, noted)
    yield places.roles(namespace, "roles"), made(f"{_RBAC}/v1", "Role", account, rules=RUNNER_RULES)
    binding = made(f"{_RBAC}/v1", "RoleBinding", account, roleRef=role, subjects=[subject])
    yield places.roles(namespace, "rolebindings"), binding

    quota = made("v1", "ResourceQuota", BOUNDS, spec={"hard": dict(placement.quota)})
    yield places.core(namespace, "resourcequotas"), quota
    yield places.core(namespace, "limitranges"), made("v1", "LimitRange", BOUNDS, spec=_defaults(placement))
    for name, policy in _policies(placement).items():
        made_policy = made("networking.k8s.io/v1", "NetworkPolicy", name, spec=policy)
        yield places.policies(namespace), made_policy
    if placement.scratch == "shared":
        claim = made("v1", "PersistentVolumeClaim", placement.scratch_claim, spec=_shared(placement))
        yield places.core(namespace, "persistentvolumeclaims"), claim


def _defaults(placement: Placement) -> Manifest:
    given = {"defaultRequest": dict(placement.default_requests), "default": dict(placement.default_limits)}
    said = {name: amounts for name, amounts in given.items() if amounts}
    return {"limits": [{"type": "Container", **said}] if said else []}


def _policies(placement: Placement) -> dict[str, Manifest]:
    """Nobody reaches in; steps reach nothing, or the public network if their tool asks for it; runners everything."""
    names_of_hosts = {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]}
    public = {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": list(placement.closed_networks)}}]}
    if not placement.closed_networks:
        del public["to"][0]["ipBlock"]["except"]
    runner = {names.COMPONENT: names.CONTAINER}
    return {
        "ades-nothing": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
        "ades-steps": {
            "podSelector": {"matchLabels": _STEP_WITH_NETWORK},
            "policyTypes": ["Egress"],
            "egress": [names_of_hosts, public],
        },
        "ades-runner": {"podSelector": {"matchLabels": runner}, "policyTypes": ["Egress"], "egress": [{}]},
    }


def _shared(placement: Placement) -> Manifest:
    spec: Manifest = {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": placement.scratch_size}},
    }
    return {**spec, "storageClassName": placement.scratch_class} if placement.scratch_class else spec
