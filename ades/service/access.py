"""Who may see and execute a process: read from a request, from a package, or from EODH's access documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ades.errors import BadRequest, Conflict, ImmutableProcess, NoSuchProcess
from ades.model import WORKSPACE_NAME, Access
from ades.service.callers import proper_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ades.model import JSON, Process, Workspace
    from ades.recipe import Document
    from ades.service.builtins import Builtins
    from ades.settings import Settings
    from ades.store import Store

NAMESPACE: Final = "urn:ades:"
"""What a CWL package binds a prefix to, in order to say `<prefix>:access: public`."""
_ROLES: Final = {f"{NAMESPACE}access": "access", f"{NAMESPACE}sharedWith": "sharedWith"}
_MOST_SHARED: Final = 1000


@dataclass(frozen=True, slots=True)
class Sharing:
    """Who may see and execute a process."""

    access: Access
    shared_with: tuple[str, ...] = ()
    """For `shared`: `workspace:<name>` and `user:<name>`."""


PRIVATE: Final = Sharing(Access.PRIVATE)


def read(access: object, shared_with: object = None) -> Sharing:
    """What somebody has asked for; raises `BadRequest` with what is wrong."""
    if access is None:
        access = Access.SHARED if shared_with else None
    if not isinstance(access, str) or access not in set(Access):
        raise BadRequest(f"`access` is one of {', '.join(Access)}.", field="access")
    kind, names = Access(access), _names(shared_with)
    if kind is Access.SHARED and not names:
        raise BadRequest(
            "`sharedWith` says with whom: `workspace:<name>` and `user:<name>`, at least one.", field="sharedWith"
        )
    if names and kind is not Access.SHARED:
        raise BadRequest(f"`sharedWith` goes with access `shared`, not with `{kind}`.", field="sharedWith")
    return Sharing(kind, names)


def _names(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or len(value) > _MOST_SHARED:
        raise BadRequest(f"`sharedWith` is a list of at most {_MOST_SHARED} names.", field="sharedWith")
    for name in value:
        if not (isinstance(name, str) and _is_name(name)):
            raise BadRequest(
                f"`sharedWith` holds {str(name)[:80]!r}; each entry is `workspace:<name>` or `user:<name>`.",
                field="sharedWith",
            )
    return tuple(dict.fromkeys(value))


def _is_name(word: str) -> bool:
    kind, _, name = word.partition(":")
    return bool(WORKSPACE_NAME.fullmatch(name)) if kind == "workspace" else kind == "user" and proper_name(name)


# -- packages -------------------------------------------------------------------------------------------------------


def declared(document: Document, cwl: JSON = None) -> Sharing | None:
    """What a package says itself: in CWL as extension fields, in an application package among its metadata.

    `cwl` is what the package names by its address; what the package itself says goes before it.
    """
    sources = [source for source in (cwl, document.value) if isinstance(source, dict)]
    found = {name: value for source in sources for name, value in _declared(source).items()}
    return read(found.get("access"), found.get("sharedWith")) if found else None


def _declared(document: dict[str, Any]) -> dict[str, Any]:
    description = document.get("processDescription")
    if isinstance(description, dict):
        process = description.get("process", description)
        return _from_metadata(process.get("metadata") if isinstance(process, dict) else None)
    bound = document.get("$namespaces")
    prefixes = [f"{name}:" for name, uri in bound.items() if uri == NAMESPACE] if isinstance(bound, dict) else []
    graph = document.get("$graph")
    places = [document, *(graph if isinstance(graph, list) else [])]
    words = {prefix + word: word for prefix in [*prefixes, NAMESPACE] for word in ("access", "sharedWith")}
    return {
        words[name]: value
        for place in places
        if isinstance(place, dict)
        for name, value in place.items()
        if name in words
    }


def _from_metadata(metadata: object) -> dict[str, Any]:
    entries = [entry for entry in metadata if isinstance(entry, dict)] if isinstance(metadata, list) else []
    return {_ROLES[entry["role"]]: entry.get("value") for entry in entries if entry.get("role") in _ROLES}


# -- EODH's documents -----------------------------------------------------------------------------------------------


def of_workflows(document: JSON) -> dict[str, Sharing]:
    """What `access-policy.json` of a workspace says of its workflows, by their ids."""
    workflows = document.get("workflows") if isinstance(document, dict) else None
    if not isinstance(workflows, dict):
        raise BadRequest('The document has no `workflows`, as {"workflows": {"<id>": {"access": "public"}}}.')
    return {str(name): _of_workflow(entry) for name, entry in workflows.items()}


def _of_workflow(entry: JSON) -> Sharing:
    """A user service is one whatever else stands there; what cannot be understood is private."""
    said = entry if isinstance(entry, dict) else {}
    if said.get("type") == "user-service":
        return Sharing(Access.USER_SERVICE)
    return Sharing(Access.PUBLIC) if said.get("access") == "public" else PRIVATE


def normalised(document: JSON) -> Sharing:
    """What a document in the access bucket says: the present form, or that of 2024 with `allowed_access`."""
    said = document if isinstance(document, dict) else {}
    if said.get("user_service") is True:
        return Sharing(Access.USER_SERVICE)
    if said.get("public") is True:
        return Sharing(Access.PUBLIC)
    allowed = said.get("allowed_access")
    users = allowed.get("users") if isinstance(allowed, dict) else None
    names = [f"user:{name}" for name in users if proper_name(name)] if isinstance(users, list) else []
    return Sharing(Access.SHARED, tuple(names)) if names else PRIVATE


# -- changing -------------------------------------------------------------------------------------------------------


class Sharings:
    """Sets who may see and execute processes."""

    def __init__(self, settings: Settings, store: Store, builtins: Builtins) -> None:
        self._documents = settings.access_documents
        self._store = store
        self._builtins = builtins

    def at_deploy(self, workspace: Workspace, document: Document, asked: Sharing | None, cwl: JSON = None) -> Sharing:
        """Of a new process: what the request says, else the package, else the CWL it names, else the workspace."""
        from ades.service.quotas import Quotas

        if asked is not None:
            self._refuse()
            return asked
        if self._documents:
            return PRIVATE
        return declared(document, cwl) or Sharing(Quotas.of(workspace).access or Access.PRIVATE)

    def change(self, process: Process, wanted: Sharing) -> Process:
        """Change one process."""
        self._refuse()
        if not process.mutable:
            raise ImmutableProcess(f"The process {process.id} is part of the server; everybody may execute it.")
        return self._store.processes.set_access(process.workspace, process.id, wanted.access, wanted.shared_with)

    def change_all(self, workspace: str, wanted: dict[str, Sharing]) -> dict[str, Access]:
        """Change the processes of a workspace that are named; others in the document do not matter."""
        self._refuse()
        done: dict[str, Access] = {}
        for name, sharing in wanted.items():
            if self._builtins.get(name) is not None:
                continue
            try:
                process = self._store.processes.set_access(workspace, name, sharing.access, sharing.shared_with)
            except NoSuchProcess:
                continue
            done[name] = process.access
        return done

    def _refuse(self) -> None:
        if self._documents:
            raise Conflict("Who may see processes is decided by the access documents of this server, and not here.")


def of_query(access: str | None, shared_with: Iterable[str] | None) -> Sharing | None:
    """What the query of a deployment says, if anything."""
    return None if access is None and not shared_with else read(access, tuple(shared_with or ()) or None)
