"""On which terms a worker works, and the clock that it works by."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

WINDOW: Final = 0.1
"""Seconds within which the news of a job are written together."""
LOOK: Final = 5.0
"""Seconds after which the queue is looked at although nobody has rung."""
CHECK: Final = 0.2
"""Seconds between two looks at whether a job was taken away from us."""
BURIAL: Final = 2.0
"""Seconds after which the runners of a dead worker are dead too."""
AGAIN: Final = 1.0
"""Seconds after which what did not work is tried again."""
CLEAN_UP: Final = 15.0
"""Seconds beyond the grace that a stop may take."""

STOPPING: Final = "The worker is stopping; the job waits in the queue again."
NO_ROOM: Final = "There was no room to run the job just now; it waits in the queue again."
LET_GO: Final = "The worker could not reach the database in time and let go of the job; it waits in the queue again."


def clock() -> float:
    """Seconds that never jump.

    They go on while the process is stopped and, where the system counts that, while the machine sleeps.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed with the operator."""

    lease: timedelta = timedelta(seconds=30)
    attempts: int = 2
    """How often a job is begun before the loss of its worker is its end."""
    running_limit: int | None = None
    """Jobs of one workspace that may run at once, on all workers together."""
    outliving: bool = False
    """Jobs run on without their worker, and whoever works next goes on with them; one worker at a time does."""
    grace: float = 10
    """Seconds that running jobs get to finish when the worker is stopped."""

    @property
    def renewal(self) -> float:
        """Seconds between two renewals."""
        return self.lease.total_seconds() / 4

    @property
    def margin(self) -> float:
        """How long before the end of a lease that could not be renewed its runner is killed."""
        return self.lease.total_seconds() / 4
