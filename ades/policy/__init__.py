"""Who may do what. One Rego file decides, in the embedded evaluator or in an Open Policy Agent server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ades.model import Actor


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy says, and why. The reasons are for logs and administrators, never for strangers."""

    allowed: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """May this actor do this, to that? `action` is one of the words in docs/reference.md, e.g. `execute-process`."""

    actor: Actor
    action: str
    workspace: str | None
    """The workspace in the address."""
    process: dict[str, Any] = field(default_factory=dict)
    """id, access, shared_with of the process that is meant."""
    job: dict[str, Any] = field(default_factory=dict)
    """id, calling, executing, deploying, owner of the job that is meant."""
    method: str = "GET"
    path: str = "/"


class Policy(Protocol):
    """The seam. Raises `Unavailable` when nobody can decide; undefined is refused."""

    def check(self, question: Question) -> Decision:
        """Decide one question."""
        ...

    def check_many(self, questions: list[Question]) -> list[Decision]:
        """Decide several at once, as a list of processes or jobs needs it."""
        ...
