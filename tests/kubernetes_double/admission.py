"""What the API server checks before it takes an object: rights, names, quotas, defaults."""

from __future__ import annotations

import copy
import re
from decimal import Decimal
from typing import TYPE_CHECKING

from kubernetes_double import pod_security
from kubernetes_double.objects import KINDS, ApiError, Object, Objects

if TYPE_CHECKING:
    from kubernetes_double.server import Request

ADMIN = "admin"
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_UNITS = {"": 1, "m": Decimal("0.001"), "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def quantity(text: str | float) -> Decimal:
    """A Kubernetes quantity as a number: `250m`, `1Gi`."""
    match = re.fullmatch(r"([0-9.]+(?:[eE][-+]?[0-9]+)?)([A-Za-z]*)", str(text))
    if match is None or match[2] not in _UNITS:
        raise ApiError(422, "Invalid", f"quantities must match the regular expression: {text!r}")
    return Decimal(match[1]) * _UNITS[match[2]]


def may(objects: Objects, user: str, group: str, resource: str, verb: str, where: str, what: str | None = None) -> bool:
    """Whether a Role or ClusterRole of the account allows it."""
    if user == ADMIN:
        return True
    _, _, namespace, name = user.split(":")
    return any(
        {group, "*"} & set(rule.get("apiGroups", []))
        and {resource, "*"} & set(rule.get("resources", []))
        and {verb, "*"} & set(rule.get("verbs", []))
        and (not rule.get("resourceNames") or what in rule["resourceNames"])
        for rules in _rules_of(objects, namespace, name, where)
        for rule in rules
    )


def authorize(objects: Objects, user: str, request: Request) -> None:
    """Refuse with 403 what no Role or ClusterRole of the account allows."""
    group = KINDS[request.kind].group
    if may(objects, user, group, request.resource, request.verb, request.namespace, request.name):
        return
    where = f' in the namespace "{request.namespace}"' if request.namespace else " at the cluster scope"
    raise ApiError(
        403,
        "Forbidden",
        f'{request.resource} is forbidden: User "{user}" cannot {request.verb} resource "{request.resource}" '
        f'in API group "{group}"{where}',
    )


def _rules_of(objects: Objects, namespace: str, name: str, where: str) -> list[list[Object]]:
    def bound(binding: Object) -> bool:
        home = binding["metadata"].get("namespace", "")
        return any(
            subject.get("name") == name and subject.get("namespace", home) == namespace
            for subject in binding.get("subjects") or []
            if subject.get("kind") == "ServiceAccount"
        )

    def rules(binding: Object, home: str) -> list[Object]:
        reference = binding["roleRef"]
        kind, place = ("clusterroles", "") if reference["kind"] == "ClusterRole" else ("roles", home)
        try:
            found: list[Object] = objects.get(kind, place, reference["name"]).get("rules") or []
        except ApiError:
            return []
        return found

    local = [rules(b, where) for b in objects.find("rolebindings", where) if bound(b)] if where else []
    return local + [rules(b, "") for b in objects.find("clusterrolebindings") if bound(b)]


def checked(objects: Objects, kind: str, namespace: str, body: Object) -> Object:
    """The object as it is stored: defaults filled in, or an ApiError that says what does not fit."""
    body = copy.deepcopy(body)
    meta = body.setdefault("metadata", {})
    _check_names(kind, meta)
    if kind == "pods":
        _check_pod(objects, namespace, body)
    if kind == "jobs":
        template = body["spec"]["template"].setdefault("metadata", {})
        _check_labels("jobs", meta.get("name", ""), template.get("labels"))
        body["status"] = {}
    return body


def _check_names(kind: str, meta: Object) -> None:
    name = meta.get("name")
    if name is not None and not _SUBDOMAIN.fullmatch(name):
        raise _invalid(kind, name, f'metadata.name: Invalid value: "{name}": a lowercase RFC 1123 subdomain must …')
    _check_labels(kind, name or meta.get("generateName", ""), meta.get("labels"))


def _check_labels(kind: str, name: str, labels: Object | None) -> None:
    for value in (labels or {}).values():
        if not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value):
            raise _invalid(kind, name, f'metadata.labels: Invalid value: "{value}": must be no more than 63 characters')


def _invalid(kind: str, name: str, what: str) -> ApiError:
    return ApiError(422, "Invalid", f'{KINDS[kind].name} "{name}" is invalid: {what}')


def _check_pod(objects: Objects, namespace: str, pod: Object) -> None:
    name, spec = pod["metadata"].get("name", ""), pod["spec"]
    for container in [*(spec.get("initContainers") or []), *spec["containers"]]:
        if not _LABEL.fullmatch(container["name"]):
            what = f'Invalid value: "{container["name"]}": must be no more than 63 characters'
            raise _invalid("pods", name, f"spec.containers[0].name: {what}")
    account = spec.setdefault("serviceAccountName", spec.get("serviceAccount") or "default")
    try:
        objects.get("serviceaccounts", namespace, account)
    except ApiError:
        raise ApiError(
            403,
            "Forbidden",
            f'pods "{name}" is forbidden: error looking up service account {namespace}/{account}: '
            f'serviceaccount "{account}" not found',
        ) from None
    _fill_defaults(objects, namespace, spec)
    if words := pod_security.refusal(objects.get("namespaces", "", namespace), pod):
        raise ApiError(403, "Forbidden", f'pods "{name}" is forbidden: {words}')
    _check_quota(objects, namespace, pod)
    pod["status"] = {"phase": "Pending", "conditions": [], "qosClass": "Burstable"}
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)


def _fill_defaults(objects: Objects, namespace: str, spec: Object) -> None:
    for limit_range in objects.find("limitranges", namespace):
        for limit in limit_range["spec"].get("limits", []):
            if limit.get("type") != "Container":
                continue
            for container in spec["containers"]:
                resources = container.setdefault("resources", {})
                resources["limits"] = (limit.get("default") or {}) | (resources.get("limits") or {})
                resources["requests"] = (limit.get("defaultRequest") or {}) | (resources.get("requests") or {})


def _used(pod: Object) -> dict[str, Decimal]:
    totals = {"pods": Decimal(1)}
    for container in pod["spec"]["containers"]:
        for word in ("requests", "limits"):
            for what, amount in ((container.get("resources") or {}).get(word) or {}).items():
                key = f"{word}.{what}"
                totals[key] = totals.get(key, Decimal(0)) + quantity(amount)
    return totals


def _check_quota(objects: Objects, namespace: str, pod: Object) -> None:
    wanted = _used(pod)
    pods = [p for p in objects.find("pods", namespace) if p["status"].get("phase") not in {"Succeeded", "Failed"}]
    for quota in objects.find("resourcequotas", namespace):
        for what, limit in quota["spec"]["hard"].items():
            key = what if "." in what or what == "pods" else f"requests.{what}"
            used = sum((_used(other).get(key, Decimal(0)) for other in pods), Decimal(0))
            if key in wanted and used + wanted[key] > quantity(limit):
                raise ApiError(
                    403,
                    "Forbidden",
                    f'pods "{pod["metadata"].get("name", "")}" is forbidden: exceeded quota: '
                    f"{quota['metadata']['name']}, requested: {what}={wanted[key]}, used: {what}={used}, "
                    f"limited: {what}={limit}",
                )
