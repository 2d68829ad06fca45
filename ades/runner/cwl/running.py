"""A command line tool that is staged by cwltool and run by us, wherever that is: its limits, its outputs, its end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cwltool.errors import WorkflowException
from cwltool.job import relink_initialworkdir
from cwltool.utils import bytes2str_in_dicts

from ades.model import Reason
from ades.runner.cwl.told import Told
from ades.runner.failures import RunFailed
from ades.runner.memory import out_of_memory
from ades.runner.outputs import check_names

if TYPE_CHECKING:
    from ades.model import JSON
    from ades.runner.command import Ran
    from ades.runner.cwl.places import Context

_CUT = {"reason": Reason.LOG_LIMIT, "message": "The log has reached its limit; what came after was dropped."}


class Running(Told):
    """Mixed into a job of cwltool, before the job itself."""

    builder: Any
    collect_outputs: Any
    environment: Any
    generatemapper: Any
    inplace_update: bool
    networkaccess: bool
    outdir: str
    stdin: str | None
    stdout: str | None
    stderr: str | None
    _ran: Ran | None = None
    _outputs: Any = None

    def _start(self, env: Any, context: Context) -> Ran:
        """Run it and wait for its end."""
        raise NotImplementedError

    def _unsuccessful(self, code: int) -> RunFailed:
        """What it means that it ended with this code."""
        raise NotImplementedError

    def _execute(self, runtime: Any, env: Any, runtimeContext: Context, monitor_function: Any = None) -> None:  # noqa: N803, ARG002 - cwltool's
        """What cwltool calls when the inputs are in place."""
        self._report.note(f"{self._name}: {self._spoken()}")
        self._ran = ran = self._start(env, runtimeContext)
        self._check_limits(ran, runtimeContext)
        if not self._is_success(ran.exit_code):
            raise self._unsuccessful(ran.exit_code)
        if self.generatemapper is not None:
            relink_initialworkdir(
                self.generatemapper, self.outdir, self.builder.outdir, inplace_update=self.inplace_update
            )
        self._outputs = self._collected(ran.exit_code)

    def _collected(self, code: int) -> Any:
        try:
            outputs = bytes2str_in_dicts(self.collect_outputs(self.outdir, code))
        except WorkflowException as error:
            if "surrogates not allowed" in str(error):
                check_names({"class": "Directory", "path": self.outdir}, self._name)
            raise
        check_names(outputs, self._name)
        return outputs

    def _stdin(self) -> str | None:
        if self.stdin is None:
            return None
        mapped = self.pathmapper.reversemap(self.stdin)
        if mapped is None:
            raise RunFailed.because(Reason.PACKAGE, f"Step {self._name} reads {self.stdin}, which is no input of it.")
        path: str = mapped[1]
        return path

    def _captured(self, name: str | None) -> str | None:
        if name is None:
            return None
        path = Path(self.outdir, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return str(path)

    # -- its limits

    def _wishes(self) -> dict[str, JSON]:
        if not self.stated:
            return {}
        had = self.builder.resources
        wishes: dict[str, JSON] = {"requests": {"memory": f"{had['ram']}Mi", "cpu": had["cores"]}}
        return wishes | ({"limits": {"memory": f"{had['ramMax']}Mi"}} if "ramMax" in self.stated else {})

    def _allowed(self, context: Context) -> tuple[int | None, str]:
        """Bytes that it may hold, and who says so."""
        if "ramMax" in self.stated:
            own, most = int(self.builder.resources["ramMax"]) * 1024**2, context.most.tool_memory
            return (own, "its package (ramMax)") if most is None or own <= most else (most, "the maximum for a tool")
        given = context.limits.tool_memory
        if given is not None and "ramMin" in self.stated:
            given = max(given, int(self.builder.resources["ram"]) * 1024**2)
        return given, "the server, for tools without a ramMax,"

    def _check_limits(self, ran: Ran, context: Context) -> None:
        if ran.timed_out:
            raise self._failed(Reason.TIME_LIMIT, self._too_long(context))
        if ran.too_big is not None:
            allowed, by = self._allowed(context)
            asked = int(self.builder.resources["ram"]) if "ramMin" in self.stated else None
            raise RunFailed(
                out_of_memory(f"Step {self._name}", held=ran.too_big, allowed=allowed or 0, by=by, asked=asked)
            )

    # -- what went wrong

    def _used(self) -> dict[str, object]:
        if self._ran is None:
            return {}
        used: dict[str, object] = {} if not self._ran.log_cut else {"details": {**self._wishes(), "log": _CUT}}
        return used | {
            "exit_code": self._ran.exit_code,
            "peak_memory": self._ran.peak_memory,
            "cpu_seconds": round(self._ran.cpu_seconds, 3),
        }
