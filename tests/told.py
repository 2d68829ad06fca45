"""What jobs tell, to be read in the same words wherever they ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ades.runner.events import LogStored, ResultStored, StepChanged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ades.model import Result, Step
    from ades.runner.events import Event


class Told:
    """What a job told and left behind, wherever it ran."""

    events: Sequence[Event]

    def read(self, key: str) -> str:
        """What lies in the store."""
        raise NotImplementedError

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def steps(self) -> dict[str, Step]:
        """The last state of each step."""
        return {event.step.name: event.step for event in self.of(StepChanged)}

    @property
    def results(self) -> list[Result]:
        return [event.result for event in self.of(ResultStored)]

    def value(self, output: str):
        (result,) = [result for result in self.results if result.output == output]
        return result.value

    def text(self, output: str, index: int = 0) -> str:
        (result,) = [result for result in self.results if (result.output, result.index) == (output, index)]
        return self.read(result.key)

    def log(self, name: str) -> str:
        (log,) = [event for event in self.of(LogStored) if event.name == name]
        return self.read(log.key)
