"""Credentials of running jobs: minted for each, put anew where its runner reads them before they end, gone with it."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from ades import telemetry
from ades.objects import job_credentials

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from ades.objects import Credentials
    from ades.runner.document import JobDocument
    from ades.settings import Settings

AGAIN: Final = 2.0
"""Seconds until the next try when the token service does not answer."""
LOOK: Final = 30.0
"""Most seconds between two looks at what ends."""


@dataclass(frozen=True, slots=True)
class _Held:
    """What a job holds."""

    document: JobDocument
    settings: Settings
    file: Path
    renew: datetime
    """When it gets new ones: after half of their life."""


class Keys:
    """Looks after the credentials of the jobs of one engine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._held: dict[UUID, _Held] = {}
        self._changed = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._log = telemetry.log()

    def give(self, document: JobDocument, settings: Settings) -> Settings:
        """The settings for the runner of a job: the server's, or such that know nothing but the job's own keys."""
        if settings.s3_credentials != "sts" or not settings.objects.startswith("s3://"):
            return settings
        file = self._folder / f"{document.job}.json"
        held = _Held(document, settings, file, self._mint(document, settings, file))
        with self._lock:
            self._held[document.job] = held
            if self._thread is None:
                self._thread = threading.Thread(target=self._renew, name="ades-keys", daemon=True)
                self._thread.start()
        self._changed.set()
        own = {"s3_access_key": "", "s3_secret_key": None, "s3_session_token": None, "s3_credentials": "static"}
        return settings.model_copy(update=own | {"s3_credentials_file": file})

    def forget(self, job: UUID) -> None:
        """The job has ended."""
        with self._lock:
            held = self._held.pop(job, None)
        if held is not None:
            held.file.unlink(missing_ok=True)

    def close(self) -> None:
        """Renew nothing more, and leave nothing behind."""
        self._closed = True
        self._changed.set()
        for job in list(self._held):
            self.forget(job)

    def _mint(self, document: JobDocument, settings: Settings, file: Path) -> datetime:
        """Put new credentials where the runner finds them; when they should be renewed."""
        now = datetime.now(UTC)
        write = [document.results_prefix, document.logs_prefix]
        found = job_credentials(settings, f"ades-{document.job.hex}", write, [document.calling])
        if found is None:
            return now + timedelta(days=1)
        _write(file, found)
        return now + ((found.expires or now + timedelta(days=1)) - now) / 2

    def _renew(self) -> None:
        while not self._closed:
            now = datetime.now(UTC)
            with self._lock:
                due = [held for held in self._held.values() if held.renew <= now]
                next_due = min((held.renew for held in self._held.values()), default=now + timedelta(seconds=LOOK))
            for held in due:
                self._renew_one(held)
            if not due:
                self._changed.wait(min(LOOK, max(0.05, (next_due - now).total_seconds())))
                self._changed.clear()

    def _renew_one(self, held: _Held) -> None:
        try:
            renew = self._mint(held.document, held.settings, held.file)
        except Exception as error:  # noqa: BLE001 - the border of a loop's turn
            self._log.warning("A job gets no new credentials for now", job=str(held.document.job), reason=str(error))
            renew = datetime.now(UTC) + timedelta(seconds=AGAIN)
        with self._lock:
            if held.document.job in self._held:
                self._held[held.document.job] = _Held(held.document, held.settings, held.file, renew)
                return
        held.file.unlink(missing_ok=True)  # it has ended meanwhile


def _write(file: Path, credentials: Credentials) -> None:
    """Whole or not at all, and for nobody else to read."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = file.with_suffix(".fresh")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(credentials.to_json())
    fresh.replace(file)
