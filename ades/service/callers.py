"""What callers may be called, which workspaces they name, and which of their roles mean something here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.model import ADMINISTRATOR, WORKSPACE_NAME

if TYPE_CHECKING:
    from ades.settings import Settings

_LONGEST_NAME: Final = 255
OWN_PREFIX: Final = "token:"
"""Names of machines begin so; nobody from outside may be called so."""


def proper_name(name: object) -> bool:
    """A name that a user from outside may have."""
    return (
        isinstance(name, str)
        and 0 < len(name) <= _LONGEST_NAME
        and name.isprintable()
        and not name.startswith(OWN_PREFIX)
    )


def workspace_names(words: list[str]) -> frozenset[str]:
    """Those of the words that can be names of workspaces."""
    return frozenset(word for word in words if WORKSPACE_NAME.fullmatch(word))


def own_roles(words: list[str], settings: Settings) -> frozenset[str]:
    """Roles of a token, and the server's own role only for those whom the settings call administrators."""
    roles = frozenset(words) - {ADMINISTRATOR}
    return roles | {ADMINISTRATOR} if set(settings.admin_roles) & set(words) else roles
