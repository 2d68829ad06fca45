"""How the server is: each part looked at by using it. `ades doctor` and `/readyz` both ask here."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ades.errors import AdesError, Misconfigured, Unavailable
from ades.settings import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.settings import Settings
    from ades.store import Store

SPARE_DISK = 1024**3
"""Less room than this in the data folder is worth a warning."""


class State(StrEnum):
    """How a part is."""

    OK = "ok"
    WARNING = "warning"
    """Works, but somebody should know."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """What was found at one part."""

    part: str
    state: State
    message: str


def look(part: str, probe: Callable[[], Check | str]) -> Check:
    """Run a probe; its trouble becomes a failed check in one sentence."""
    try:
        found = probe()
    except (AdesError, OSError) as error:
        return Check(part, State.FAILED, str(error))
    return found if isinstance(found, Check) else Check(part, State.OK, found)


def check_data(settings: Settings) -> Check:
    """The data folder can be written and has room."""
    folder = settings.data.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"ades")
    free = shutil.disk_usage(folder).free
    room = f"{folder}, {free / 1024**3:.1f} GiB free"
    return Check("data", State.OK if free > SPARE_DISK else State.WARNING, room)


def check_database(store: Store) -> str:
    """The database answers and its tables are of this version."""
    store.ping()
    return f"{store.name}, tables of version {store.version()}"


def check_identity(settings: Settings) -> Check:
    """Strangers are kept out, or nobody can come from outside."""
    ways = [f"tokens of {settings.oidc_issuer}"] if settings.oidc_issuer else []
    ways += [f"what the gateway {' '.join(settings.gateway_proxies)} says"] if settings.gateway_proxies else []
    if settings.identities:
        return Check("identity", State.OK, ", ".join([*ways, "own tokens"]))
    if settings.host in LOOPBACK:
        return Check("identity", State.OK, "open: everybody on this machine may do everything")
    return Check("identity", State.WARNING, f"open to everybody who reaches {settings.host} (--insecure)")


def check_containers(settings: Settings) -> Check:
    """What runs the images that packages name; tried, not guessed."""
    from ades.engine.local.engines import find

    found = find(settings.containers)
    if found.name:
        limits = "" if found.limited else "; it cannot limit memory, which is looked at instead"
        return Check("containers", State.OK if found.limited else State.WARNING, f"{found.why}{limits}")
    if settings.containers == "auto":
        return Check("containers", State.OK, f"none, tools run as commands of this machine: {found.why}")
    return Check("containers", State.OK if settings.containers == "none" else State.FAILED, found.why)


def check_limits() -> str:
    """How the memory of jobs is kept within its limits."""
    from ades.engine.local.cgroup import Group

    group = Group.make(f"doctor-{os.getpid()}", SPARE_DISK)
    if group is None:
        return "memory is looked at ten times a second, since no control group can be made here"
    group.remove()
    return f"memory is kept by control groups below {group.path.parent}; this was tried"


def check_sandbox(settings: Settings) -> Check:
    """Jobs on this machine are kept apart; tried, not guessed."""
    from ades.engine.local import Isolation, probe, why_not

    found = probe()
    if why_not(settings, workspaces=1) is not None:
        return Check("sandbox", State.FAILED, f"Jobs are refused. {found.why}")
    if settings.local_isolation == "none":
        return Check("sandbox", State.WARNING, "switched off (ADES_LOCAL_ISOLATION=none)")
    return Check("sandbox", State.OK if found.isolation is Isolation.NAMESPACES else State.WARNING, found.why)


def examine(settings: Settings) -> list[Check]:
    """Look at every part that this configuration uses."""
    return [
        look("data", lambda: check_data(settings)),
        look("database", lambda: _open_database(settings)),
        look("objects", lambda: check_objects(settings)),
        look("identity", lambda: check_identity(settings)),
        *_outside(settings),
        *_where_jobs_run(settings),
    ]


def _outside(settings: Settings) -> list[Check]:
    """The other servers and places that are configured, and only those."""
    from ades.service import builtins, stagings

    checks = []
    if settings.config:
        checks.append(look("config", lambda: f"{len(builtins.load(settings.config))} processes of the server"))
    if settings.oidc_issuer:
        checks.append(look("issuer", lambda: _check_issuer(settings)))
    if settings.policy != "embedded":
        checks.append(look("policy", lambda: _check_policy(settings)))
    checks += [
        look(f"release store {name}", lambda place=place: _try_store(settings, place))  # type: ignore[misc]
        for name, place in settings.released_to.items()
    ]
    if settings.smtp:
        checks.append(look("mail", lambda: _check_mail(settings)))
    if settings.stage_in_cwl or settings.stage_out_cwl:
        checks.append(look("staging", lambda: stagings.check(settings)))
    return checks


def _check_issuer(settings: Settings) -> str:
    from ades.service.issuer import IssuerKeys

    try:
        IssuerKeys(settings).get(None)
    except AdesError as error:
        raise Unavailable(f"The keys of {settings.oidc_issuer} cannot be read; nobody can be let in.") from error
    return f"the keys of {settings.oidc_issuer} were read"


def _check_policy(settings: Settings) -> str:
    from ades.model import Actor
    from ades.policy import Action, Question, open_policy

    try:
        open_policy(settings).check(Question(Actor("ades-doctor", anonymous=True), Action.READ_SERVICE, workspace=None))
    except AdesError as error:
        raise Misconfigured(f"{settings.policy}: {error.detail}") from error
    return f"{settings.policy} decides by {settings.policy_rule}"


def _check_mail(settings: Settings) -> str:
    from ades.service.mail import Mailer

    try:
        return Mailer(settings).greeted()
    except OSError as error:
        raise Unavailable(f"The mail server of ADES_SMTP does not take mail: {error}") from error


def _where_jobs_run(settings: Settings) -> list[Check]:
    if settings.engine == "kubernetes":
        return [look("cluster", lambda: _check_cluster(settings))]
    return [
        look("containers", lambda: check_containers(settings)),
        look("sandbox", lambda: check_sandbox(settings)),
        look("limits", check_limits),
    ]


def _check_cluster(settings: Settings) -> Check:
    from ades.service import cluster
    from ades.store import Store

    with Store.open(settings.database_url) as store:
        return cluster.check(settings, store)


def _open_database(settings: Settings) -> str:
    from ades.store import Store

    with Store.open(settings.database_url) as store:
        return check_database(store)


def check_objects(settings: Settings) -> str:
    """An object can be written, read and deleted."""
    return _try_store(settings, settings.objects)


def _try_store(settings: Settings, place: str) -> str:
    from ades.objects import open_store

    store = open_store(settings.model_copy(update={"objects": place}))
    key = f"ades/doctor/{os.getpid()}"
    store.put(key, b"ades")
    try:
        with store.open(key) as body:
            body.read()
    finally:
        store.delete(key)
    return place or f"the folder {settings.data.absolute() / 'objects'}"
