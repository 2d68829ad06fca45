"""How long something may take: what is promised, and what a machine that is busy with other tests gets."""

import os

BUSY = 10
"""How many times longer something may take beside others."""


def within(promised: float) -> float:
    """Seconds after which a test fails. The promise itself is held to where a test runs alone on an idle machine."""
    alone = "PYTEST_XDIST_WORKER" not in os.environ and os.getloadavg()[0] < (os.cpu_count() or 1)
    return promised if alone else promised * BUSY
