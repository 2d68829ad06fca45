"""How far a job is: finished steps over known steps, where a step of many parts counts as its parts do."""

from __future__ import annotations

from typing import Self


class Part:
    """A part of the work: the whole job, a sub-workflow, a step, one task of a scatter."""

    def __init__(self, parent: Part | None = None, planned: int = 1) -> None:
        self._parent = parent
        self.planned = planned
        """How many parts it has, as far as is known."""
        self._children: dict[object, Part] = {}
        self.fraction = 0.0

    def child(self, key: object, planned: int = 1) -> Part:
        """The part of this name, made when it is asked for first."""
        if key not in self._children:
            self._children[key] = Part(self, planned)
        return self._children[key]

    def expect(self, planned: int) -> Self:
        """Now it is known how many parts there will be."""
        self.planned = max(1, planned)
        return self

    def reach(self, fraction: float) -> None:
        """It is as far as this; going back is not believed."""
        gained = min(1.0, fraction) - self.fraction
        if gained <= 0:
            return
        self.fraction += gained
        if self._parent is not None:
            self._parent.reach(self._parent.fraction + gained / self._parent.planned)

    def finish(self) -> None:
        """Nothing of it is left to do."""
        self.reach(1.0)
