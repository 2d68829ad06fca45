"""How the cluster is: whether it answers, and whether each workspace has what its jobs need there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.errors import Unavailable
from ades.service.health import Check, State
from ades.service.homes import homes

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.engine.kubernetes.api import Api
    from ades.settings import Settings
    from ades.store import Store

MOST: Final = 20
"""Workspaces that are looked at; each costs a dozen questions."""


def answers(api: Api) -> str:
    """The cluster answers."""
    from ades.engine.kubernetes.api import ApiError

    try:
        return f"Kubernetes {api.get('/version')['gitVersion']}"
    except ApiError as error:
        raise Unavailable(str(error)) from error


def reachable(settings: Settings) -> Callable[[], str]:
    """What asks the cluster whether it answers, over one connection."""
    from ades.engine.kubernetes.api import Api

    api = Api(settings.kubernetes_config)
    return lambda: answers(api)


def check(settings: Settings, store: Store) -> Check:
    """Everything that keeps jobs from running in the cluster, in words."""
    from ades.engine.kubernetes.api import Api, ApiError

    api = Api(settings.kubernetes_config)
    try:
        found = answers(api)
        wrong, loose = _wanting(settings, store, api)
        wrong = _configured(settings) + wrong
    except ApiError as error:
        raise Unavailable(str(error)) from error
    finally:
        api.close()
    if wrong:
        return Check("cluster", State.FAILED, f"{found}; {'; '.join(wrong)}")
    if loose:
        return Check("cluster", State.WARNING, f"{found}; jobs run, but without bounds: {'; '.join(loose)}")
    return Check("cluster", State.OK, f"{found}; every workspace has what its jobs need")


def _configured(settings: Settings) -> list[str]:
    wrong = []
    if not settings.kubernetes_image:
        wrong.append("no image for runners: set ADES_KUBERNETES_IMAGE")
    if not settings.objects.startswith("s3://"):
        wrong.append("pods cannot reach a folder of this machine: set ADES_OBJECTS=s3://bucket")
    return wrong


def _wanting(settings: Settings, store: Store, api: Api) -> tuple[list[str], list[str]]:
    """What keeps jobs from running, and what does not but should be there."""
    from ades.engine.kubernetes.provision import Provision

    provision, home = Provision(api, settings), homes(settings, store)
    wrong = [f"the server lacks {', '.join(unable)}"] if (unable := provision.unable()) else []
    loose = []
    for workspace in store.workspaces.list()[:MOST]:
        placed = home(workspace.name)
        if missing := provision.missing(*placed):
            wrong.append(f"{workspace.name} lacks {', '.join(missing)}")
        elif missing := provision.unbounded(*placed):
            loose.append(f"{workspace.name} lacks {', '.join(missing)}")
    return wrong, loose
