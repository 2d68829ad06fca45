"""What both evaluators of the policy promise."""

import random

import policy_cases
import pytest

from ades.model import ADMINISTRATOR, Access, Actor
from ades.policy import Action, Decision, Question
from ades.policy.actions import SCOPES
from ades.policy.embedded import EmbeddedPolicy
from ades.policy.opa import OpaPolicy
from ades.settings import Settings


@pytest.mark.parametrize("case", policy_cases.CASES, ids=lambda case: case.name)
def test_decision(policy, case):
    """Who may do what is the same, whoever evaluates the policy."""
    assert case.allowed == policy.check(case.question).allowed


def test_many_at_once(policy):
    """Several questions get the answers that each would get alone, in their order."""
    cases = policy_cases.CASES

    assert [case.allowed for case in cases] == [
        decision.allowed for decision in policy.check_many([case.question for case in cases])
    ]


def test_no_question(policy):
    """No question, no decision."""
    assert [] == policy.check_many([])


def test_reasons(policy):
    """A decision carries its reason."""
    ask = policy_cases.Question

    assert Decision(True, ("an administrator asks",)) == policy.check(
        ask(policy_cases.ADMIN, "remove-workspace", "owner")
    )
    assert Decision(False, ("nobody has said who asks",)) == policy.check(
        ask(policy_cases.ANONYMOUS, "list-jobs", "owner")
    )
    limited = policy_cases.OLGA.evolve(scopes=frozenset({"read"}))
    assert ("the token is not made for this",) == policy.check(ask(limited, "deploy-process", "owner")).reasons


@pytest.mark.parametrize(
    "name",
    ["owner\0", "owner\0x", 'owner"', "owner\\", "owner\n", "Owner", "ówner", "owner ", "", "\U0001f600", "owner}"],
)
def test_odd_names(policy, name):
    """A name that only looks like another one opens nothing, whatever characters it has."""
    odd = policy_cases.SAM.evolve(workspaces=frozenset({name}), workspace=name)

    assert not policy.check(Question(odd, "deploy-process", "owner")).allowed
    assert not policy.check(Question(odd.evolve(workspace=None), "deploy-process", "owner")).allowed
    if "\0" not in name:
        assert policy.check(Question(odd, "deploy-process", name)).allowed


def scrambled(dice):
    """A question put together by chance from few words, so that they often meet."""
    names = ["alice", "owner", "stranger"]

    def some(words):
        return frozenset(dice.sample(words, dice.randint(0, len(words))))

    actor = Actor(
        dice.choice([*names, "user"]),
        workspaces=some(names),
        workspace=dice.choice([None, *names]),
        owned=some(names),
        roles=dice.choice([frozenset(), frozenset(), frozenset({ADMINISTRATOR})]),
        scopes=dice.choice([None, None, some([*SCOPES, *Action])]),
        anonymous=dice.random() < 0.1,
        open=dice.random() < 0.1,
    )
    process = {"access": dice.choice(list(Access)), "shared_with": [f"workspace:{dice.choice(names)}", "user:user"]}
    job = {"finished": dice.random() < 0.5} | {
        key: dice.choice(names) for key in ("calling", "executing", "deploying", "owner")
    }
    return Question(
        actor,
        dice.choice(list(Action)),
        dice.choice([None, *names]),
        dice.choice([{}, process]),
        dice.choice([{}, job]),
        wish=dice.choice([None, *names]),
    )


def test_same_decisions(opa_url):
    """Whatever is asked, both evaluators decide the same for the same reason."""
    dice = random.Random(20)
    questions = [scrambled(dice) for _ in range(1_000)]
    opa = OpaPolicy(Settings(policy=opa_url, policy_timeout=30))

    assert opa.check_many(questions) == EmbeddedPolicy(size=1).check_many(questions)
