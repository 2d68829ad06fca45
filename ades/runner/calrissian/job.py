"""One step as a pod: staged and described by Calrissian, started, watched and explained by us."""

from __future__ import annotations

import copy
import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from calrissian.job import CalrissianCommandLineJob, total_size
from calrissian.k8s import CompletionResult
from calrissian.report import Reporter, TimedResourceReport
from cwltool.utils import bytes2str_in_dicts

from ades.model import Reason
from ades.runner.calrissian.logs import Follower
from ades.runner.calrissian.manifest import CONTAINER, completed
from ades.runner.cwl.told import Told
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from ades.runner.calrissian.sight import Ending, Sight
    from ades.runner.calrissian.tools import PodContext

_NOT_FOUND: Final = 127
_MEBIBYTE: Final = 1024**2


class PodJob(Told, CalrissianCommandLineJob):
    """One run of one tool, as a pod."""

    pathmapper: Any
    stdin: str | None
    stdout: str | None
    stderr: str | None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        # Calrissian's own constructor asks the API who it is, once more for each step.
        super(CalrissianCommandLineJob, self).__init__(*arguments, **named)
        self._details: dict[str, Any] = {}
        self._ending: Ending | None = None

    def _work(self, context: PodContext, tmpdir_lock: Any) -> Any:
        if not self.command_line:
            raise RunFailed.because(
                Reason.PACKAGE, f"Step {self._name} has an empty command line: the tool needs a baseCommand."
            )
        self.check_requirements(context)
        with tmpdir_lock or nullcontext():
            self.make_tmpdir()
        self.populate_env_vars(context)
        self.setup_kubernetes(context)
        sight = self._try(context)
        if sight.ending is None:
            raise self._failed(Reason.EVICTED, f"its pod did not go on: {sight.lost}")
        self._ending = sight.ending
        outputs: Any = {}
        if self._is_success(sight.ending.code):
            outputs = bytes2str_in_dicts(self.collect_outputs(self.outdir, sight.ending.code))
        self._report_use(sight.ending, outputs)
        if not self._is_success(sight.ending.code):
            raise self._unsuccessful(sight.ending)
        return outputs

    # -- attempts

    def _try(self, context: PodContext) -> Sight:
        """Run it, and again where that is wanted and may help."""
        retries = context.yard.pods.retries
        inputs = copy.deepcopy(self.pathmapper)
        megabytes, lost, grown = None, 0, 0
        while True:
            sight = self._run_pod(context, megabytes)
            if sight.lost is not None and lost < retries.lost:
                lost += 1
                why = sight.lost
            elif sight.ending and sight.ending.out_of_memory and grown < retries.memory and self._more(context):
                grown += 1
                megabytes = self.builder.resources["ram"] = self._more(context)
                why = f"it needed more memory, and gets {megabytes} MiB"
            else:
                return sight
            self._details["attempts"] = 1 + lost + grown
            self._report.note(f"{self._name} is started again: {why}.")
            # Something of the last attempt may still be running on a node that does not answer.
            self.outdir = context.create_outdir()
            self.pathmapper = copy.deepcopy(inputs)

    def _more(self, context: PodContext) -> int | None:
        """The memory of the next attempt in MiB; None when it may not have more."""
        pods = context.yard.pods
        most = min(pods.retries.memory_maximum or pods.max_ram, pods.max_ram) // _MEBIBYTE
        had = self.builder.resources["ram"]
        more = min(int(had * pods.retries.memory_factor), most)
        return more if more > had else None

    def _run_pod(self, context: PodContext, megabytes: int | None) -> Sight:
        yard = context.yard
        self.volume_builder = yard.volumes()
        self._setup(context)
        try:
            pod = completed(
                self._built(context),
                self._name,
                yard.pods,
                yard.home,
                network=bool(self.networkaccess),
                megabytes=megabytes,
            )
        except ValueError as error:
            raise RunFailed.because(
                Reason.INTERNAL, f"Step {self._name} cannot run: {error}. The operator can change that."
            ) from error
        for captured in filter(None, (self.stdout, self.stderr)):
            Path(self.outdir, captured).parent.mkdir(parents=True, exist_ok=True)
        resources = pod["spec"]["containers"][0]["resources"]
        self._details |= {"pod": pod["metadata"]["name"], **resources}
        self._report.note(f"{self._name}: {self._spoken()}")
        follower, seconds = self._follower(context, pod["metadata"]["name"]), self._seconds(context)
        sight = yard.run(self._name, pod, follower, seconds, self._too_long(context))
        self._details["node"] = sight.node
        return sight

    def _built(self, context: PodContext) -> dict[str, Any]:
        """The pod as Calrissian builds it; names of files reach its shell as they are."""
        plain = self.stdin, self.stdout, self.stderr
        try:
            self.stdin, self.stdout, self.stderr = (name and shlex.quote(name) for name in plain)
            pod: dict[str, Any] = self.create_kubernetes_runtime(context)
        finally:
            self.stdin, self.stdout, self.stderr = plain
        return pod

    def _get_container_image(self) -> str:
        return str(self.image)

    def _follower(self, context: PodContext, pod: str) -> Follower:
        log = self._report.logs.append_to(self._name)
        say = context.yard.say
        return Follower(
            context.yard.cluster,
            pod,
            CONTAINER,
            log,
            context.log_limit,
            self._on_progress,
            lambda line: say(f"[{self._name}] {line}"),
        )

    # -- how it ended

    def _used(self) -> dict[str, object]:
        code = {} if self._ending is None else {"exit_code": self._ending.code}
        return {**code, "details": self._details}

    def _report_use(self, ending: Ending, outputs: Any) -> None:
        """What it had asked for, for as long as it ran: Calrissian's account of use."""
        if ending.started is None or ending.finished is None:
            return
        had = self._details["requests"]
        result = CompletionResult(ending.code, had["cpu"], had["memory"], ending.started, ending.finished, [])
        Reporter.add_report(TimedResourceReport.create(self._name, result, total_size(outputs)))

    def _unsuccessful(self, ending: Ending) -> RunFailed:
        tool = self.command_line[0]
        if ending.out_of_memory:
            limit = self._details["limits"]["memory"]
            said = "" if ending.reason == "OOMKilled" else f" (exit code {ending.code})"
            return self._failed(
                Reason.OUT_OF_MEMORY,
                f"it was killed at its memory limit of {limit}{said}; raise ramMax in the ResourceRequirement of its tool",
            )
        last = self._report.logs.tail(self._name, lines=1)
        if ending.code == _NOT_FOUND:
            return self._failed(
                Reason.TOOL_MISSING, f"a command is not in the image {self.image}" + (f" ({last})" if last else "")
            )
        if ending.reason in {"StartError", "ContainerCannotRun"}:
            return self._failed(Reason.TOOL_MISSING, f"the image {self.image} cannot run it: {ending.message}")
        return self._failed(Reason.EXIT_CODE, f"{tool} ended with exit code {ending.code}")
