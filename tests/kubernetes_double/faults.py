"""What can be made to go wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubernetes_double.objects import Object
    from kubernetes_double.server import Request

PodTrouble = Literal[
    "image-pull",
    "image-name",
    "image-never",
    "config-error",
    "unschedulable",
    "oom",
    "evicted",
    "evicted-before-start",
    "preempted",
    "node-lost",
    "deleted",
    "slow",
    "exit",
]


@dataclass
class PodFault:
    """Something that happens to the pods whose name matches."""

    pods: str
    kind: PodTrouble
    times: int = 1_000_000
    """How many pods it happens to."""
    seconds: float = 0
    """For `slow`: how long the pod waits before it starts. For `oom`, `deleted` …: how long it runs before."""
    code: int = 1
    """For `exit`: the exit code."""
    hit: list[str] = field(default_factory=list)

    def strikes(self, pod: Object) -> bool:
        """Whether this pod is struck; counts it."""
        name = pod["metadata"]["name"]
        if name in self.hit:
            return True
        if len(self.hit) >= self.times or not fnmatchcase(name, self.pods):
            return False
        self.hit.append(name)
        return True


@dataclass
class ApiFault:
    """An answer that the API gives instead of doing what was asked."""

    verb: str
    resource: str
    code: int = 500
    reason: str = "InternalError"
    message: str = "something broke"
    times: int = 1
    action: Callable[[Request], None] | None = None
    """Called instead of answering with the code, for example to kill the caller; then the call goes on."""

    def strikes(self, request: Request) -> bool:
        """Whether this call is struck; counts it."""
        if (
            self.times <= 0
            or not fnmatchcase(request.verb, self.verb)
            or not fnmatchcase(request.resource, self.resource)
        ):
            return False
        self.times -= 1
        return True
