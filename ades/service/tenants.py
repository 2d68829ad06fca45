"""What belongs to having several workspaces, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ades.secrets import Vault
from ades.service.access import Sharings
from ades.service.quotas import Barriers
from ades.service.registries import Registries
from ades.service.tokens import Tokens
from ades.service.workspaces import Workspaces

if TYPE_CHECKING:
    from ades.objects import ObjectStore
    from ades.service.builtins import Builtins
    from ades.settings import Settings
    from ades.store import Store


@dataclass(frozen=True, slots=True)
class Tenants:
    """Everything that belongs to workspaces: who they are, what they may, and what they keep secret."""

    workspaces: Workspaces
    barriers: Barriers
    sharings: Sharings
    tokens: Tokens
    vault: Vault
    registries: Registries


def tenants(settings: Settings, store: Store, objects: ObjectStore, builtins: Builtins) -> Tenants:
    """The parts of one server."""
    barriers, vault = Barriers(settings, store, objects), Vault(settings, store.secrets)
    registries = Registries(settings, store, vault)
    return Tenants(
        workspaces=Workspaces(store, objects, barriers, registries.forget),
        barriers=barriers,
        sharings=Sharings(settings, store, builtins),
        tokens=Tokens(store),
        vault=vault,
        registries=registries,
    )
