"""Mail to people who subscribed with their mailbox, through the operator's mail server."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from ades.errors import FetchFailed, FetchInterrupted, Misconfigured
from ades.service.letters import DELIVERY, address, name
from ades.service.subscribers import mail_server, mailbox

if TYPE_CHECKING:
    from ades.model import Job
    from ades.settings import Settings
    from ades.store import Delivery

_NEVER: Final = range(500, 600)
"""What the server will say again if it is asked again."""


class Mailer:
    """Sends mail."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def send(self, job: Job, delivery: Delivery) -> None:
        """Hand a mail to the server; raises `FetchFailed` when it does not take it."""
        message = self._written(job, delivery)
        try:
            with self._connected() as server:
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            kind = FetchFailed if code in _NEVER else FetchInterrupted
            raise kind(
                f"The mail server refuses the mailbox: {code} {said!r}.", answer=410 if code in _NEVER else code
            ) from error
        except (smtplib.SMTPException, OSError) as error:
            raise FetchInterrupted(f"The mail server did not take the mail ({type(error).__name__}).") from error

    def greeted(self) -> str:
        """Who answers, and takes the password if there is one; raises OSError."""
        with self._connected() as server:
            return f"{server.sock.getpeername()[0]} takes mail from {self._settings.smtp_from}"

    def _written(self, job: Job, delivery: Delivery) -> EmailMessage:
        status, said = delivery.payload["status"], " ".join(str(delivery.payload["message"]).split())
        message = EmailMessage()
        message["From"] = self._settings.smtp_from
        message["To"] = mailbox(delivery.url)
        message["Subject"] = f"{job.process_id}: {status}"
        message["Date"] = formatdate(delivery.created.timestamp())
        message["Message-ID"] = f"<{name(delivery)}@{self._settings.smtp_from.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message[DELIVERY] = name(delivery)
        lines = [said, "", f"Process   {job.process_id}", f"Job       {address(job)}"]
        if delivery.occasion == "success":
            lines.append(f"Results   {address(job)}/results")
        lines += ["", "You get this because the request for this job named your mailbox."]
        message.set_content("\n".join(lines))
        return message

    def _connected(self) -> Any:
        if self._settings.smtp is None:
            raise Misconfigured("ADES_SMTP is not set, so that no mail can be sent.", field="smtp")
        parts = mail_server(self._settings.smtp.get_secret_value())
        host, timeout = str(parts.hostname), self._settings.callback_timeout
        context = ssl.create_default_context()
        if parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=timeout, context=context)
        else:
            server = smtplib.SMTP(host, parts.port or 587, timeout=timeout)
        try:
            self._log_in(server, context, parts.username, parts.password, plain=parts.scheme == "smtp")
        except BaseException:
            server.close()
            raise
        return server

    def _log_in(
        self, server: smtplib.SMTP, context: ssl.SSLContext, user: str | None, password: str | None, *, plain: bool
    ) -> None:
        """Encrypt where the server can, and never send a password without."""
        server.ehlo()
        if plain and server.has_extn("starttls"):
            server.starttls(context=context)
            server.ehlo()
            plain = False
        if user is not None:
            if plain:
                raise Misconfigured("ADES_SMTP holds a password, and the server offers no encryption.", field="smtp")
            server.login(unquote(user), unquote(password or ""))
