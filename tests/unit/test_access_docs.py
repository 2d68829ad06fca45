"""docs/access.md names every action, scope, quota and claim that there is."""

from pathlib import Path

from ades.policy.actions import SCOPES, Action
from ades.policy.document import document
from ades.service.quotas import Quotas
from ades.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "access.md").read_text(encoding="utf-8")


def test_page_is_complete():
    """Whoever reads the page misses no word that he could need."""
    import policy_cases

    from ades.policy import Question

    claims = [value.default for name, value in Settings.model_fields.items() if name.startswith("claim_")]
    asked = Question(policy_cases.ANN, "read-job", "owner", policy_cases.process("public"), policy_cases.JOB)
    words = [*Action, *SCOPES, *Quotas.model_fields, *claims, *document(asked)]

    assert [] == [word for word in words if f"`{word}`" not in PAGE]
