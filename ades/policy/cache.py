"""Decisions that are remembered for some seconds."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from ades.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.policy import Decision, Question

_MOST: Final = 10_000
"""Entries; a decision with its key takes about a kilobyte."""


class Keyed(Policy, Protocol):
    """A policy that says what its decisions depend on."""

    def key(self, question: Question) -> dict[str, Any]:
        """Everything of the question that a decision can depend on."""
        ...


class Cached:
    """A policy in front of another. What could not be decided is not remembered."""

    def __init__(self, policy: Keyed, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[bytes, tuple[float, Decision]] = {}

    def check(self, question: Question) -> Decision:
        """Decide one question, or remember the decision."""
        return self.check_many([question])[0]

    def check_many(self, questions: list[Question]) -> list[Decision]:
        """Decide several; each different one is asked once."""
        now = self._clock()
        keys = [self._key(question) for question in questions]
        found = {key: entry[1] for key in keys if (entry := self._known.get(key)) and entry[0] > now}
        missing = {key: question for key, question in zip(keys, questions, strict=True) if key not in found}
        if missing:
            decided = dict(zip(missing, self._policy.check_many(list(missing.values())), strict=True))
            self._remember(decided, now)
            found |= decided
        return [found[key] for key in keys]

    def _key(self, question: Question) -> bytes:
        return orjson.dumps(self._policy.key(question))

    def _remember(self, decided: dict[bytes, Decision], now: float) -> None:
        with self._lock:
            if len(self._known) + len(decided) > _MOST:
                self._known = {key: entry for key, entry in self._known.items() if entry[0] > now}
            if len(self._known) + len(decided) > _MOST:
                self._known = {}
            for key, decision in list(decided.items())[:_MOST]:
                self._known[key] = (now + self._seconds, decision)
