"""What a decision costs, in CPU time of this process."""

import sys
import time

import policy_cases

from ades.policy.cache import Cached
from ades.policy.embedded import EmbeddedPolicy


def milliseconds(policy, rounds):
    """For one decision: the best of some rounds, because other work on the machine only ever adds."""
    questions = [case.question for case in policy_cases.CASES]
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        for question in questions:
            policy.check(question)
        best = min(best, (time.process_time() - started) / len(questions) * 1000)
    return best


def test_embedded_decision():
    """A decision inside the server costs at most 0.3 ms."""
    found = milliseconds(EmbeddedPolicy(size=1), 10)
    sys.stdout.write(f"policy decision, embedded: {found:.3f} ms CPU\n")

    assert found <= 0.3


def test_remembered_decision():
    """A remembered decision costs at most 0.05 ms."""
    found = milliseconds(Cached(EmbeddedPolicy(size=1), 60), 10)
    sys.stdout.write(f"policy decision, remembered: {found:.3f} ms CPU\n")

    assert found <= 0.05
