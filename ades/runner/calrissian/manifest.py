"""What the pod of a step looks like: Calrissian's, and over it what clusters ask for."""

from __future__ import annotations

import copy
import hashlib
import os
import re
from dataclasses import dataclass
from secrets import choice
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ades.runner.document import Pods

CONTAINER: Final = "step"
"""The name of the container with the tool, so that it is found among those that others inject."""
STEP: Final = "ades/step"
"""The annotation that names the step."""
NETWORK: Final = "ades/network"
"""The label of pods whose tool may use the network (NetworkAccess), for the network policies of the namespace."""

_NAME: Final = 63
_TAG: Final = 8


@dataclass(frozen=True, slots=True)
class Home:
    """Where the runner itself is, as its steps need to know it."""

    job: str
    """The id of the job."""
    owner: dict[str, Any] | None
    """What the steps' pods belong to, so that they go when it goes: the Job."""
    node: str | None
    account: str
    """The service account of the runner, which no step may have."""


def pod_name(step: str) -> str:
    """A name that is not taken and not too long, in which the step can be recognised."""
    tag = "".join(choice(ascii_lowercase) for _ in range(_TAG))
    room = _NAME - len(f"-pod-{tag}")
    safe = re.sub(r"[^a-z0-9-]+", "-", step.lower()).strip("-") or "step"
    if len(safe) > room:
        digest = hashlib.sha256(step.encode()).hexdigest()[:8]
        safe = f"{safe[: room - len(digest) - 1].strip('-')}-{digest}"
    return f"{safe}-pod-{tag}"


def completed(
    pod: dict[str, Any], step: str, pods: Pods, home: Home, *, network: bool = False, megabytes: int | None = None
) -> dict[str, Any]:
    """The pod that Calrissian has built, with everything that Calrissian has no words for.

    `network` says whether its tool may use the network, `megabytes` the memory that it gets instead of what it asked for.
    Raises ValueError where the settings would give a step the rights of the runner.
    """
    if pods.service_account and pods.service_account == home.account:
        raise ValueError(f"steps may not run as {home.account}, which is the account of the runner")
    pod = copy.deepcopy(pod)
    _complete_metadata(pod["metadata"], step, pods, home)
    pod["metadata"]["labels"][NETWORK] = "allowed" if network else "denied"
    _complete_spec(pod["spec"], pods, home)
    (container,) = pod["spec"]["containers"]
    _complete_container(container, pods, megabytes)
    return pod


def _complete_metadata(meta: dict[str, Any], step: str, pods: Pods, home: Home) -> None:
    meta["name"] = pod_name(step)
    meta["labels"] = {**pods.labels, "app.kubernetes.io/managed-by": "ades", "ades/job": home.job}
    meta["annotations"] = {**pods.annotations, STEP: step}
    if home.owner is not None:
        meta["ownerReferences"] = [home.owner]


def _complete_spec(spec: dict[str, Any], pods: Pods, home: Home) -> None:
    spec.pop("initContainers", None)  # the runner makes the folders itself
    spec.pop("serviceAccountName", None)
    spec["automountServiceAccountToken"] = False
    spec["enableServiceLinks"] = False
    spec["terminationGracePeriodSeconds"] = pods.grace
    spec["securityContext"] = _pod_security() | pods.pod_security_context
    spec["nodeSelector"] = dict(pods.node_selector)
    wanted = {
        "serviceAccountName": pods.service_account,
        "priorityClassName": pods.priority_class,
        "runtimeClassName": pods.runtime_class,
        "tolerations": list(pods.tolerations),
        "imagePullSecrets": [{"name": name} for name in pods.image_pull_secrets],
    }
    spec |= {name: value for name, value in wanted.items() if value}
    if pods.pin_to_node and home.node:
        spec["affinity"] = _only_on(home.node)


def _complete_container(container: dict[str, Any], pods: Pods, megabytes: int | None) -> None:
    container["name"] = CONTAINER
    known = {entry["name"] for entry in container["env"]}
    container["env"] += [dict(entry) for entry in pods.env if entry["name"] not in known]
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container["securityContext"] = security | pods.security_context
    resources = container["resources"]
    requests = resources.setdefault("requests", {})
    if megabytes is not None:
        requests["memory"] = f"{megabytes}Mi"
    # What a step asks for is also its limit: then one step cannot starve the others, and its end says why.
    resources["limits"] = {**requests, **(resources.get("limits") or {})}


def _pod_security() -> dict[str, Any]:
    """As the runner: the files that both read and write belong to one user."""
    user, group = os.getuid(), os.getgid()
    context: dict[str, Any] = {"runAsUser": user, "runAsGroup": group, "seccompProfile": {"type": "RuntimeDefault"}}
    return context | {"runAsNonRoot": True} if user else context


def _only_on(node: str) -> dict[str, Any]:
    """By the name of the node: its hostname label may be another one."""
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
