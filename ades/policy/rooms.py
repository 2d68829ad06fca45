"""Three workspaces meet in a job: which one called, and in which one it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ades.model import ADMINISTRATOR, Access

if TYPE_CHECKING:
    from ades.model import Actor


def acting(actor: Actor) -> frozenset[str]:
    """The workspaces that the actor acts for. A token made for one of them acts for that one alone."""
    return actor.workspaces if actor.workspace is None else frozenset({actor.workspace})


def calling(actor: Actor, deploying: str, *, wish: str | None = None, access: Access | None = None) -> str | None:
    """The workspace that the call is made for; None when it cannot be told.

    It comes from the token. A wish only chooses among the workspaces that the token has anyway. Whoever may execute a
    private process does so for its own workspace.
    """
    if actor.open or access is Access.PRIVATE:
        return deploying
    choices = acting(actor)
    if wish in choices:
        return wish
    if deploying in choices:
        return deploying
    if len(choices) == 1:
        return next(iter(choices))
    if actor.name in choices:
        return actor.name
    return deploying if ADMINISTRATOR in actor.roles else None


def executing(access: Access, deploying: str, calling: str) -> str:
    """The workspace in which it runs and which is charged."""
    return deploying if access in {Access.PRIVATE, Access.USER_SERVICE} else calling
