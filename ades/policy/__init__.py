"""Who may do what. One Rego file decides, in the embedded evaluator or in an Open Policy Agent server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ades.policy.actions import Action

if TYPE_CHECKING:
    from ades.model import Actor, Job, Process
    from ades.settings import Settings

__all__ = ["Action", "Decision", "Policy", "Question", "about_job", "about_process", "open_policy"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy says, and why. The reasons are for logs and administrators, never for strangers."""

    allowed: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """May this actor do this, to that? `action` is one of the words of `Action`, e.g. `execute-process`."""

    actor: Actor
    action: str
    workspace: str | None
    """The workspace in the address."""
    process: dict[str, Any] = field(default_factory=dict)
    """id, access, shared_with of the process that is meant."""
    job: dict[str, Any] = field(default_factory=dict)
    """id, calling, executing, deploying, owner, finished of the job that is meant."""
    method: str = "GET"
    path: str = "/"
    wish: str | None = None
    """Which of the workspaces of the token the caller wants the call to be made for."""


class Policy(Protocol):
    """The seam. Raises `Unavailable` when nobody can decide; undefined is refused."""

    def check(self, question: Question) -> Decision:
        """Decide one question."""
        ...

    def check_many(self, questions: list[Question]) -> list[Decision]:
        """Decide several at once, as a list of processes or jobs needs it."""
        ...


def about_process(process: Process) -> dict[str, Any]:
    """What a question says of a process."""
    return {"id": process.id, "access": process.access.value, "shared_with": list(process.shared_with)}


def about_job(job: Job) -> dict[str, Any]:
    """What a question says of a job."""
    return {
        "id": str(job.id),
        "calling": job.calling,
        "executing": job.executing,
        "deploying": job.deploying,
        "owner": job.owner,
        "finished": job.status.finished,
    }


def open_policy(settings: Settings) -> Policy:
    """The evaluator that the settings name, with its cache."""
    from ades.policy.cache import Cached, Keyed

    if settings.policy.startswith(("http://", "https://")):
        from ades.policy.opa import OpaPolicy

        policy: Keyed = OpaPolicy(settings)
    else:
        from ades.policy.embedded import EmbeddedPolicy

        policy = EmbeddedPolicy(settings.policy_file, settings.policy_rule)
    return Cached(policy, settings.policy_cache) if settings.policy_cache else policy
