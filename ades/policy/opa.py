"""The policy in an Open Policy Agent server: it decides, and when it does not answer, nothing is allowed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import requests
from opa_client.errors import QueryExecuteError
from opa_client.opa import OpaClient

from ades.errors import Misconfigured, Unavailable
from ades.policy.answer import understood
from ades.policy.document import document
from ades.telemetry import log

if TYPE_CHECKING:
    from ades.policy import Decision, Question
    from ades.settings import Settings

_AT_ONCE: Final = 50
"""Questions in one request; OPA compiles the request anew each time."""

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_log = log(part="policy")


class OpaPolicy:
    """Asks `POST <url>/v1/data/<rule>`."""

    def __init__(self, settings: Settings) -> None:
        address = urlsplit(settings.policy)
        if address.path.strip("/"):
            raise Misconfigured(
                f"ADES_POLICY is the address of the OPA server alone, without {address.path!r}; "
                "which rule it decides by is ADES_POLICY_RULE.",
                field="policy",
            )
        self._package, _, self._name = settings.policy_rule.strip("/").rpartition("/")
        # Many at once are asked in a query, in which only plain words can be written.
        self._in_query = all(map(_WORD.fullmatch, settings.policy_rule.split("/")))
        self._address = settings.policy
        secure = address.scheme == "https"
        # Its `ssl` is both the scheme and what requests takes as `verify`.
        self._client = OpaClient(
            host=f"[{address.hostname}]" if ":" in (address.hostname or "") else address.hostname or "",
            port=address.port or (443 if secure else 80),
            ssl=str(settings.policy_ca) if secure and settings.policy_ca else secure,
            token=settings.policy_token.get_secret_value() if settings.policy_token else None,
            timeout=settings.policy_timeout,
            retries=0,
        )

    def key(self, question: Question) -> dict[str, Any]:
        """Everything: nobody here knows what the server's policy reads."""
        return document(question)

    def check(self, question: Question) -> Decision:
        """Decide one question."""
        answer = self._ask(lambda: self._client.query_rule(document(question), self._package, self._name))
        return understood(answer.get("result") if isinstance(answer, dict) else None)

    def check_many(self, questions: list[Question]) -> list[Decision]:
        """Decide several, many in one request."""
        if len(questions) == 1 or not self._in_query:
            return [self.check(question) for question in questions]
        parts = (questions[start : start + _AT_ONCE] for start in range(0, len(questions), _AT_ONCE))
        return [decision for part in parts for decision in self._check_part(part)]

    def _check_part(self, questions: list[Question]) -> list[Decision]:
        told = [document(question) for question in questions]
        try:
            answers = self._ask(lambda: self._client.bulk_query_rule(told, self._package.replace("/", "."), self._name))
        except QueryExecuteError:  # undefined for one is undefined for all in one query
            return [self.check(question) for question in questions]
        return [understood(answer) for answer in answers]

    def _ask(self, request: Any) -> Any:
        try:
            return request()
        except requests.RequestException as error:
            _log.error("The policy server does not answer", address=self._address, error=str(error))
            raise Unavailable(
                "The policy server does not answer, so nothing is allowed; try again a little later."
            ) from error
