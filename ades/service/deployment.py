"""Deploy, replace, undeploy: the write side of the catalogue, and its history."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Final

import orjson

from ades.errors import BadRequest, ContentTooLarge, FetchFailed, ImmutableProcess, NoSuchProcess
from ades.model import Package
from ades.recipe import Compiled, Document, compile_package
from ades.recipe.wishes import wishes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ades.fetch import Fetched, Fetcher
    from ades.model import JSON, Access, Process
    from ades.recipe.wishes import Wish
    from ades.service.access import Sharing
    from ades.service.builtins import Builtins
    from ades.store import Store

_REMEMBERED: Final = 64
"""Documents of other servers that are kept with their etag."""
_LARGEST: Final = 1024**2
"""Larger documents are read anew each time."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """What came of a deployment."""

    process: Process
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What would come of a deployment."""

    compiled: Compiled
    warnings: tuple[str, ...]


class Deployments:
    """Changes what a workspace has deployed."""

    def __init__(
        self,
        store: Store,
        builtins: Builtins,
        fetcher: Fetcher,
        check: Callable[[Iterable[Wish]], object],
        *,
        limit: int,
    ) -> None:
        self._store = store
        self._builtins = builtins
        self._check = check
        self._remote = _Remote(fetcher, limit)

    def check(self, workspace: str, document: Document, *, entry: str | None = None) -> Checked:
        """Understand a package without deploying it."""
        compiled = self._compile(document, entry)
        self._builtins.refuse_change(compiled.id)
        try:
            known = self._store.processes.get(workspace, compiled.id)
        except NoSuchProcess:
            return Checked(compiled, compiled.warnings)
        taken = f"`{known.id}` is deployed already (revision {known.revision}): replace it with PUT."
        return Checked(compiled, (*compiled.warnings, taken))

    def deploy(
        self,
        workspace: str,
        document: Document,
        *,
        entry: str | None = None,
        access: Access | None = None,
        shared_with: Sequence[str] | None = None,
        decide: Callable[[JSON], Sharing] | None = None,
    ) -> Deployed:
        """Make a process of a package; of several at once with the same id exactly one.

        `decide` says who may see it once the CWL is there, which may lie at an address that the package names.
        """
        compiled = self._compile(document, entry)
        self._builtins.refuse_change(compiled.id)
        if decide is not None:
            sharing = decide(compiled.written)
            access, shared_with = sharing.access, sharing.shared_with
        process = self._store.processes.put(
            workspace,
            package_of(document, compiled),
            id=compiled.id,
            version=compiled.version,
            access=access,
            shared_with=shared_with,
        )
        return Deployed(process, compiled.warnings)

    def replace(self, workspace: str, id: str, document: Document, *, entry: str | None = None) -> Deployed:  # noqa: A002
        """Give a process a new revision. Jobs that exist keep theirs; who may see it stays as it was."""
        self._builtins.refuse_change(id)
        compiled = self._compile(document, entry, expected=id)
        if compiled.id != id:
            raise BadRequest(
                f"The package is `{compiled.id}`, but the address names `{id}`. Change one of them, or deploy the package "
                "as a new process with POST.",
                field="id",
            )
        process = self._store.processes.put(
            workspace, package_of(document, compiled), id=id, version=compiled.version, replace=True
        )
        return Deployed(process, compiled.warnings)

    def undeploy(self, workspace: str, id: str) -> None:  # noqa: A002
        """Take a process away. Its jobs keep their packages and results."""
        self._builtins.refuse_change(id)
        self._store.processes.remove(workspace, id)

    def package(self, process: Process) -> Package:
        """The document that a process was deployed with; built-in processes have none to show."""
        if not process.mutable:
            raise ImmutableProcess(f"The process {process.id} is part of the server and has no package.")
        return self._store.processes.package(process.digest)

    def revision(self, process: Process, number: int) -> Process:
        """A process as it was in an earlier revision."""
        if process.mutable:
            return self._store.processes.get(process.workspace, process.id, number)
        if number == process.revision:
            return process
        raise NoSuchProcess(f"The process {process.id} is part of the server and has one revision, 1.")

    def history(self, process: Process) -> list[Process]:
        """All revisions, newest first."""
        if not process.mutable:
            return [process]
        return self._store.processes.revisions(process.workspace, process.id)

    def _compile(self, document: Document, entry: str | None, *, expected: str | None = None) -> Compiled:
        compiled = compile_package(document, entry=entry, expected=expected, fetch=self._remote.body)
        self._check(wishes(compiled.executable))
        return compiled


def package_of(document: Document, compiled: Compiled) -> Package:
    """The package as it is stored: named by all that makes it what it is."""
    understood = orjson.dumps([compiled.description, compiled.validator, compiled.executable])
    digest = sha256(document.media_type.encode())
    for part in (compiled.entry.encode(), document.body, understood):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return Package(
        digest=digest.hexdigest(),
        media_type=document.media_type,
        body=document.body,
        entry=compiled.entry,
        description=compiled.description,
        validator=compiled.validator,
        executable=compiled.executable,
    )


class _Remote:
    """Reads what packages name elsewhere. What has an etag is asked for again only if it has changed."""

    def __init__(self, fetcher: Fetcher, limit: int) -> None:
        self._fetcher = fetcher
        self._limit = limit
        self._kept: OrderedDict[str, Fetched] = OrderedDict()
        self._lock = Lock()

    def body(self, address: str) -> bytes:
        """The document at an address."""
        with self._lock:
            known = self._kept.get(address)
        try:
            found = self._fetcher.get(address, limit=self._limit, etag=known.etag if known else None)
        except FetchFailed as error:
            raise type(error)(f"The package could not be read. {error.detail}", **error.extra) from error
        except ContentTooLarge as error:
            raise ContentTooLarge(f"The package is too large. {error.detail}") from error
        if found.not_modified and known is not None:
            return known.body
        self._keep(address, found)
        return found.body

    def _keep(self, address: str, found: Fetched) -> None:
        with self._lock:
            self._kept.pop(address, None)
            if found.etag and len(found.body) <= _LARGEST:
                self._kept[address] = found
            while len(self._kept) > _REMEMBERED:
                self._kept.popitem(last=False)
