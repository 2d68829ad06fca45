"""How long things are kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self


@dataclass(frozen=True, slots=True)
class Keep:
    """How long what a job leaves is kept after its end."""

    days: float | None = None
    """None: for ever."""
    results: bool = True
    """False: the results go soon after the end; the job and its logs stay."""

    @classmethod
    def read(cls, value: object) -> Self:
        """`forever`, a number of days, or `none` for no results. Raises ValueError that says so."""
        if value == "forever":
            return cls()
        if value == "none":
            return cls(NO_RESULTS_AFTER / 86400, results=False)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number and not (isinstance(value, str) and _DAYS.fullmatch(value)):
            value = 0
        days = float(value)  # type: ignore[arg-type]
        if not 0 < days <= LONGEST_KEEP:
            raise ValueError("should be `forever`, a number of days, or `none` to keep no results")
        return cls(days)

    def __str__(self) -> str:
        return "none" if not self.results else "forever" if self.days is None else f"{self.days:g}"


_DAYS: Final = re.compile(r"[0-9]{1,5}(\.[0-9]{1,6})?")
NO_RESULTS_AFTER: Final = 3600.0
"""Seconds in which results that are not kept can still be read by who waits for them."""
LONGEST_KEEP: Final = 36500
"""Days; who wants more says `forever`."""
