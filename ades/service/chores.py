"""What a worker does beside running jobs, as one of several that could: a lease says whose turn it is."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from ades import telemetry
from ades.errors import AdesError
from ades.service.sweep import Sweeper

if TYPE_CHECKING:
    from ades.objects import ObjectStore
    from ades.settings import Settings
    from ades.store import Store

SWEEP: Final = "sweep"
SWEEP_FILES: Final = "sweep-files"
SETTLE: Final = 30.0
"""Seconds after the start of a worker before it looks for the first time."""
LOOK: Final = 60.0
"""Most seconds between two looks at whether something is due."""


class Chores:
    """A thread that sweeps as often as the settings say, and never twice at the same time."""

    def __init__(self, store: Store, objects: ObjectStore, settings: Settings, *, settle: float = SETTLE) -> None:
        self._store = store
        self._sweeper = Sweeper(store, objects, settings)
        self._settings = settings
        self._settle = settle
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ades-chores", daemon=True)
        self._log = telemetry.log()

    def start(self) -> None:
        """Begin, if there is anything to do."""
        if self._settings.sweep_every:
            self._thread.start()

    def stop(self) -> None:
        """Begin nothing new. What is being deleted may be left half done: the next sweep finds it."""
        self._stopping.set()

    def turn(self) -> None:
        """Sweep, if nobody has done so lately."""
        if not self._mine(SWEEP, self._settings.sweep_every):
            return
        files = bool(self._settings.sweep_files_every) and self._mine(SWEEP_FILES, self._settings.sweep_files_every)
        for _ in self._sweeper.sweep(files=files):
            if self._stopping.is_set():
                return

    def _mine(self, name: str, seconds: float) -> bool:
        """The lease is as long as the pause, and nobody gives it back: so the next turn comes when it is time."""
        return self._store.leases.acquire(name, uuid4().hex, timedelta(seconds=seconds))

    def _run(self) -> None:
        pause = min(self._settle, self._settings.sweep_every)
        while not self._stopping.wait(pause):
            pause = min(LOOK, self._settings.sweep_every)
            try:
                self.turn()
            except AdesError as error:
                self._log.warning("The sweep could not go on; the next one does", reason=error.detail)
            except Exception:  # noqa: BLE001 - the border of a loop's turn
                self._log.exception("A sweep failed; the next one goes on")
