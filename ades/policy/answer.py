"""What an evaluator has answered, understood: only a clear yes allows."""

from __future__ import annotations

from ades.policy import Decision


def understood(answer: object) -> Decision:
    """A boolean, or an object with `allow` and `reasons`; everything else, undefined too, is refused."""
    if isinstance(answer, dict):
        reasons = answer.get("reasons")
        told = tuple(str(reason) for reason in reasons) if isinstance(reasons, list) else ()
        return Decision(answer.get("allow") is True, told)
    if isinstance(answer, bool):
        return Decision(answer)
    return Decision(False, ("the policy has no answer to this",))
