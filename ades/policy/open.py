"""The policy of a server without identities: everybody may do everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.policy import Decision

if TYPE_CHECKING:
    from ades.policy import Question

_YES: Final = Decision(allowed=True, reasons=("the server is open: it runs without identities",))


class OpenPolicy:
    """Says yes."""

    def check(self, _question: Question) -> Decision:
        """Allow it."""
        return _YES

    def check_many(self, questions: list[Question]) -> list[Decision]:
        """Allow them."""
        return [_YES] * len(questions)
