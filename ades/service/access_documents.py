"""Access documents in a folder or bucket, as EODH's platform writes them: looked at again and again, and followed.

    deployed/<workspace>/<process>.access_policy.json    {"id": …, "public": true, "user_service": false}
    workflows/<workspace>/<process>.access-policy.json   {"public": false, "allowed_access": {"users": […]}}

Where there is no document, or none that can be understood, a process is private.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import orjson

from ades.errors import AdesError, NoSuchProcess
from ades.model import Page
from ades.service.access import PRIVATE, Sharing, normalised
from ades.telemetry import log

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from ades.model import Process
    from ades.objects import ObjectInfo, ObjectStore
    from ades.store import Store

_FORMS: Final = (("workflows/", ".access-policy.json"), ("deployed/", ".access_policy.json"))
"""Prefix and ending; what the last form says wins."""
_LARGEST: Final = 1024**2
_LEASE: Final = "access-documents"

_log = log(part="access")


class AccessDocuments:
    """Follows the documents."""

    def __init__(self, store: Store, documents: ObjectStore, seconds: float) -> None:
        self._store = store
        self._documents = documents
        self._seconds = seconds
        self._me = uuid4().hex
        self._read: dict[str, tuple[str, Sharing]] = {}
        """By key: the etag, and what the document said."""

    def follow(self, stop: threading.Event) -> None:
        """Look every some seconds until told to stop. Of several processes one looks."""
        while not stop.is_set():
            try:
                if self._store.leases.acquire(_LEASE, self._me, timedelta(seconds=3 * self._seconds)):
                    self.turn()
            except Exception as error:  # noqa: BLE001 - the border of a loop's turn
                _log.error("The access documents could not be read", error=str(error))
            stop.wait(self._seconds)

    def turn(self) -> int:
        """Look once; how many processes have changed."""
        said = self._said()
        return sum(
            self._apply(process, said.get((process.workspace, process.id), PRIVATE)) for process in self._processes()
        )

    def _said(self) -> dict[tuple[str, str], Sharing]:
        """What the documents say, by workspace and process; those that have not changed are not read again."""
        said: dict[tuple[str, str], Sharing] = {}
        present: dict[str, tuple[str, Sharing]] = {}
        for prefix, ending in _FORMS:
            for info in self._documents.list(prefix.rstrip("/")):
                workspace, _, name = info.key.removeprefix(prefix).partition("/")
                if not name.endswith(ending):
                    continue
                known = self._read.get(info.key)
                sharing = known[1] if known is not None and known[0] == info.etag else self._open(info)
                present[info.key] = (info.etag, sharing)
                said[workspace, name.removesuffix(ending)] = sharing
        self._read = present
        return said

    def _open(self, info: ObjectInfo) -> Sharing:
        try:
            with self._documents.open(info.key, 0, _LARGEST) as file:
                return normalised(orjson.loads(file.read()))
        except (orjson.JSONDecodeError, FileNotFoundError) as error:
            _log.warning(
                "An access document cannot be understood; the process is private", key=info.key, why=str(error)
            )
            return PRIVATE

    def _processes(self) -> Iterator[Process]:
        for workspace in self._store.workspaces.list():
            cursor, more = None, True
            while more:
                found, cursor = self._store.processes.list(workspace.name, Page(500, cursor))
                yield from found
                more = cursor is not None

    def _apply(self, process: Process, wanted: Sharing) -> bool:
        if (process.access, process.shared_with) == (wanted.access, wanted.shared_with):
            return False
        try:
            self._store.processes.set_access(process.workspace, process.id, wanted.access, wanted.shared_with)
        except NoSuchProcess:
            return False
        except AdesError as error:
            _log.error("An access document could not be followed", process=process.id, why=error.detail)
            return False
        _log.info(
            "Access changed", workspace=process.workspace, process=process.id, old=process.access, new=wanted.access
        )
        return True
