"""The input of the policy: what it is told about a question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ades.model import Access
from ades.policy.rooms import calling, executing

if TYPE_CHECKING:
    from ades.policy import Question


_EMPTY: Final[dict[str, Any]] = {"open": False, "user_service": False, "roles": [], "owned": []}


def essence(question: Question) -> dict[str, Any]:
    """The part of the input that the policy file of this package reads: no addresses, no ids, no older names."""
    actor, process = question.actor, question.process
    deploying = question.job.get("deploying") or question.workspace
    document: dict[str, Any] = {
        "action": str(question.action),
        "user": actor.name,
        "anonymous": actor.anonymous,
        "token_workspace": actor.workspace,
        "workspaces": sorted(actor.workspaces),
        "scopes": None if actor.scopes is None else sorted(actor.scopes),
        "workspace": question.workspace,
        "deploying_workspace": deploying,
    }
    # Each entry costs time to hand over, and these are seldom there.
    document |= {"open": True} if actor.open else {}
    document |= {"user_service": True} if actor.service else {}
    document |= {"roles": sorted(actor.roles)} if actor.roles else {}
    document |= {"owned": sorted(actor.owned)} if actor.owned else {}
    if question.job:
        document["calling_workspace"] = question.job.get("calling")
    elif process:
        document["calling_workspace"] = calling(actor, deploying, wish=question.wish) if deploying else None
    if process:
        document["process"] = {"access": process.get("access"), "shared_with": list(process.get("shared_with", ()))}
    if question.job:
        document["job"] = {key: value for key, value in question.job.items() if key != "id"}
    return document


def document(question: Question) -> dict[str, Any]:
    """The whole input, with the names that EODH's policies of 2024 know (`username`, `is_public` …)."""
    whole = _EMPTY | essence(question)
    whole["method"], whole["path"], whole["username"] = question.method, question.path, question.actor.name
    if question.process:
        _add_process(whole, question.process)
    elif question.action == "deploy-process":
        whole["deploying_user"] = question.workspace
    if question.job:
        whole["job"]["id"] = question.job.get("id")
        whole["executing_workspace"] = question.job.get("executing")
        whole["executing_user"] = question.job.get("owner")
    return whole


def _add_process(whole: dict[str, Any], process: dict[str, Any]) -> None:
    access, shared = process.get("access"), process.get("shared_with", ())
    deploying, caller = whole["deploying_workspace"], whole["calling_workspace"]
    whole["process"]["id"] = process.get("id")
    whole["executing_workspace"] = executing(Access(access), deploying, caller) if access and caller else None
    whole["is_public"] = access in {Access.PUBLIC, Access.USER_SERVICE}
    whole["allowed_users"] = [name.partition(":")[2] for name in shared]
