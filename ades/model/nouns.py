"""What the nouns have in common."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

JSON = Any
"""What JSON can say. The shape of strangers' documents is checked by schemas, not by types."""


class Evolving:
    """A frozen dataclass that can be copied with changes."""

    def evolve(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[type-var]
