"""A run of one tool, told from its begin to its end, wherever it happens."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ades.model import Failure, Reason
from ades.runner.cwl.explain import explain
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ades.model import JSON
    from ades.runner.cwl.places import Context, Place
    from ades.runner.report import Report


class Told:
    """Mixed into a job of cwltool. What is special about a place is how the work is done, what it used, how it failed."""

    place: Place
    image: str | None = None
    promised: list[str]
    timelimit: int | None
    stated: dict[str, JSON]
    """The ResourceRequirement of its package."""
    command_line: list[str]
    output_callback: Any
    pathmapper: Any
    stagedir: str | None
    tmpdir: str
    successCodes: Iterable[int]  # noqa: N815 - cwltool's names
    temporaryFailCodes: Iterable[int]  # noqa: N815
    permanentFailCodes: Iterable[int]  # noqa: N815
    _name: str
    _report: Report

    def run(self, runtimeContext: Context, tmpdir_lock: Any = None) -> None:  # noqa: N803 - cwltool's name
        """Run it and hand its outputs on. Nothing is raised: what goes wrong is told and fails the step."""
        self._report = runtimeContext.report
        tool = Path(self.command_line[0]).name if self.command_line else ""
        self._name = self._report.begin(
            self.place.row, tool=tool, scatter=self.place.scatter, image=self.image, details=self._wishes()
        )
        outputs, status = {}, "permanentFail"
        try:
            self._check_time(runtimeContext)
            outputs = self._work(runtimeContext, tmpdir_lock)
            status = "success"
        except Exception as error:  # noqa: BLE001 - the border of a step
            self._fail(error)
        else:
            self._report.succeed(self._name, **self._used())
            self._report.advance(self.place.part)
        finally:
            with runtimeContext.workflow_eval_lock:
                self.output_callback(outputs, status)
            for folder in filter(None, (self.stagedir, self.tmpdir)):
                shutil.rmtree(folder, ignore_errors=True)

    def _work(self, context: Context, tmpdir_lock: Any) -> Any:
        """Do it; the outputs."""
        raise NotImplementedError

    def _wishes(self) -> dict[str, JSON]:
        """What is known of the step before it begins, and only here."""
        return {}

    def _used(self) -> dict[str, object]:
        """What it used, and how it ended."""
        raise NotImplementedError

    def _seconds(self, context: Context) -> float | None:
        """How long it may run: what the package says, where 0 means as long as possible, or else what the server does."""
        return context.limits.tool_seconds if self.timelimit is None else self.timelimit or context.most.tool_seconds

    def _too_long(self, context: Context) -> str:
        """What is said when it runs longer."""
        by = "the package allows (ToolTimeLimit)" if self.timelimit else "a tool may run at most"
        if self.timelimit is None:
            by = "the server allows to tools without a ToolTimeLimit; write into the package how long it may take"
        return f"it ran longer than the {self._seconds(context) or 0:g} seconds that {by}"

    def _check_time(self, context: Context) -> None:
        for most in (context.most.tool_seconds, context.most.seconds):
            if most is not None and (self.timelimit or 0) > most:
                raise self._failed(
                    Reason.TIME_LIMIT,
                    f"it asks for {self.timelimit} seconds (ToolTimeLimit), and the maximum is {most:g}; ask for less in "
                    "the package, or have the maximum raised",
                )

    def _spoken(self) -> str:
        """Its command for people: files by their names instead of by the places where they were put for it."""
        line = " ".join(map(str, self.command_line))
        places = {str(self.pathmapper.mapper(file).target) for file in self.pathmapper.files()}
        for place in sorted((place for place in places if place.count("/") > 1), key=len, reverse=True):
            line = line.replace(place, Path(place).name)
        return line

    def _on_progress(self, percent: int, text: str) -> None:
        self._report.tell(self.place.part, percent, text)

    def _is_success(self, code: int) -> bool:
        if code in self.successCodes:
            return True
        return code == 0 and code not in {*self.temporaryFailCodes, *self.permanentFailCodes}

    def _fail(self, error: Exception) -> None:
        failure = explain(error, self._name, f"step {self._name} ran")
        used = self._used()
        log = self._report.logs.tail(self._name)
        told = Failure(failure.reason, failure.message, self._name, _code(used), log)
        self._report.fail(self._name, told, **used)
        self._report.note(told.message)

    def _failed(self, reason: Reason, because: str) -> RunFailed:
        return RunFailed.because(reason, f"Step {self._name} failed: {because}.")


def _code(used: dict[str, object]) -> int | None:
    code = used.get("exit_code")
    return code if isinstance(code, int) else None
