"""Who may be told of a job: web addresses, and mailboxes where the operator has named a mail server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from ades.errors import BadRequest, FetchRefused, Misconfigured
from ades.store import Subscriber

if TYPE_CHECKING:
    from ades.fetch import Fetcher
    from ades.service.request import Execution
    from ades.settings import Settings

OCCASIONS: Final = {"successUri": "success", "failedUri": "failed", "inProgressUri": "progress"}
"""The standard's names, and ours."""
MAIL: Final = "mailto:"
_MAILBOX: Final = re.compile(r"[A-Za-z0-9.!#$&'*+/=^_{|}~-]{1,64}@([A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*)")


class Subscribers:
    """Checks those that a request names."""

    def __init__(self, settings: Settings, fetcher: Fetcher) -> None:
        self._mail = settings.smtp is not None and bool(mail_server(settings.smtp.get_secret_value()))
        self._domains = tuple(domain.lower() for domain in settings.smtp_domains)
        self._fetcher = fetcher

    def of(self, execution: Execution) -> list[Subscriber]:
        """The subscribers of a request; raises for one that may not be told anything."""
        return [self._one(name, uri, execution.told_as) for name, uri in execution.subscriber.items()]

    def _one(self, name: str, uri: str, form: str) -> Subscriber:
        field = f"subscriber/{name}"
        if uri.lower().startswith(MAIL):
            self._check_mailbox(uri, field)
            return Subscriber(OCCASIONS[name], MAIL + mailbox(uri), target=MAIL, form=form)
        try:
            self._fetcher.reach(uri)
        except FetchRefused as error:
            raise FetchRefused(error.detail, field=field) from error
        return Subscriber(OCCASIONS[name], uri, target=urlsplit(uri).netloc.lower(), form=form)

    def _check_mailbox(self, uri: str, field: str) -> None:
        found = _MAILBOX.fullmatch(mailbox(uri))
        if not self._mail:
            raise BadRequest(
                f"{field} is a mailbox, and this server sends no mail; give an http or https address.", field=field
            )
        if found is None:
            raise BadRequest(
                f"{field} should look like mailto:ann@example.org, one address and nothing else.", field=field
            )
        if self._domains and found[1].lower() not in self._domains:
            raise BadRequest(
                f"{field}: this server sends mail to {', '.join(self._domains)} only, not to {found[1][:80]}.",
                field=field,
            )


def mail_server(address: str) -> SplitResult:
    """The parts of the mail server's address; raises for what is none."""
    parts = urlsplit(address)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise Misconfigured("ADES_SMTP should look like smtp://user:password@host:587 or smtps://host.", field="smtp")
    return parts


def mailbox(uri: str) -> str:
    """The address of a `mailto:` address."""
    return uri[len(MAIL) :]
