"""Users as rows: entered when they are first seen; what an administrator has written on a row counts too."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from ades.errors import Unauthorized

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.model import Actor, User
    from ades.store import Store

_LOOK_EVERY: Final = 10
"""Seconds after which a row is read anew: so long may somebody still call who was shut out."""
_NOTE_EVERY: Final = 300
"""Seconds between two notes that somebody was seen."""
_MOST: Final = 10_000


class People:
    """The rows of those who call."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._rows: dict[str, tuple[float, float, User]] = {}
        """By name: when it was read, when it was noted that the user was here, and the row."""

    def known(self, actor: Actor) -> Actor:
        """The actor with what the row adds: workspaces and roles. Raises `Unauthorized` if the row shuts him out."""
        user = self._row(actor.name)
        if user.disabled:
            raise Unauthorized("The token is not valid here.")
        if actor.service or not (user.workspaces or user.roles):
            return actor
        return actor.evolve(workspaces=actor.workspaces | user.workspaces, roles=actor.roles | user.roles)

    def _row(self, name: str) -> User:
        now = self._clock()
        entry = self._rows.get(name)
        if entry is not None and now - entry[0] < _LOOK_EVERY:
            return entry[2]
        if entry is None or now - entry[1] >= _NOTE_EVERY:
            noted, user = now, self._store.users.saw(name)
        else:
            noted, user = entry[1], self._store.users.get(name)
        with self._lock:
            if len(self._rows) >= _MOST:
                self._rows.clear()
            self._rows[name] = (now, noted, user)
        return user
