"""The processes of CWL as cwltool runs them, with our account of it: which step, which task, how far."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from cwltool.command_line_tool import AbstractOperation, CommandLineTool, ExpressionJob, ExpressionTool
from cwltool.errors import WorkflowException
from cwltool.process import Process, shortname
from cwltool.workflow import Workflow, WorkflowStep
from cwltool.workflow_job import WorkflowJob, WorkflowJobStep

from ades.model import Reason
from ades.runner.cwl.command import CommandJob
from ades.runner.cwl.explain import explain
from ades.runner.cwl.places import Context, Place, position, safe
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ades.runner.report import Report


def make_tool(document: Any, loading: Any, *, tool: Callable[..., Process] | None = None) -> Process:
    """What cwltool calls for each process of a document. Command line tools become what `tool` makes of them."""
    kinds: dict[str, Callable[..., Process]] = {
        "CommandLineTool": tool or Tool,
        "ExpressionTool": Expression,
        "Workflow": Flow,
        "Operation": AbstractOperation,
    }
    kind = kinds.get(document.get("class"))
    if kind is None:
        raise RunFailed.because(
            Reason.PACKAGE, f"The package holds a process of class {document.get('class')!r}, which is not known here."
        )
    return kind(document, loading)


def image_of(process: Process) -> str | None:
    """The container image that a tool names."""
    wish, _ = process.get_requirement("DockerRequirement")
    return None if wish is None else wish.get("dockerPull") or wish.get("dockerImageId")


class Tool(CommandLineTool):
    """A command line tool that is run by our own `CommandJob`."""

    def make_job_runner(self, runtimeContext: Context) -> type[CommandJob]:  # noqa: ARG002, N803 - cwltool's
        """The class of the jobs."""
        return CommandJob

    def job(self, job_order: Any, output_callbacks: Any, runtimeContext: Context) -> Iterator[Any]:  # noqa: N803
        """The jobs: one, told where it stands."""
        for job in super().job(job_order, output_callbacks, runtimeContext):
            job.place = runtimeContext.place
            job.image = image_of(self)
            job.stated = self._stated()
            job.promised = [shortname(port["id"]) for port in self.tool["outputs"]]
            yield job

    def evalResources(self, builder: Any, runtimeContext: Context) -> Any:  # noqa: N802, N803 - cwltool's
        """What it gets. cwltool's defaults are no wishes of the package."""
        informed: Context = runtimeContext.copy()
        informed.stated = self._stated()
        return super().evalResources(builder, informed)

    def _stated(self) -> dict[str, Any]:
        return self.get_requirement("ResourceRequirement")[0] or {}


class Evaluation(ExpressionJob):
    """The evaluation of an expression tool, as a step with a state and times."""

    output_callback: Any

    def __init__(self, base: ExpressionJob, place: Place) -> None:
        self.__dict__.update(base.__dict__)
        self.place = place

    def run(self, runtimeContext: Context, tmpdir_lock: Any = None) -> None:  # noqa: ARG002, N803
        """Evaluate it. What it raises is told as the failure of the step."""
        report = runtimeContext.report
        name = report.begin(self.place.row, tool="expression", scatter=self.place.scatter)
        deliver, self.output_callback = self.output_callback, None
        try:
            outputs, status = self._evaluate(), "success"
        except Exception as error:  # noqa: BLE001 - the border of a step
            report.fail(name, explain(error, name))
            outputs, status = {}, "permanentFail"
        else:
            report.succeed(name)
            report.advance(self.place.part)
        if deliver:
            deliver(outputs, status)

    def _evaluate(self) -> Any:
        from cwltool.utils import normalizeFilesDirs

        normalizeFilesDirs(self.builder.job)
        outputs = self.builder.do_eval(self.script)
        normalizeFilesDirs(outputs)
        return outputs


class Expression(ExpressionTool):
    """An expression tool."""

    def job(self, job_order: Any, output_callbacks: Any, runtimeContext: Context) -> Iterator[Any]:  # noqa: N803
        """The jobs: one, told where it stands."""
        for job in super().job(job_order, output_callbacks, runtimeContext):
            yield Evaluation(job, runtimeContext.place)


class FlowJob(WorkflowJob):
    """A workflow while it runs."""

    def __init__(self, workflow: Flow, context: Context) -> None:
        super().__init__(workflow, context)
        self._report = context.report
        self._part = context.place.part.expect(len(self.steps))

    def try_make_job(self, step: WorkflowJobStep, final: Any, context: Context) -> Iterator[Any]:
        """Start a step as soon as its inputs are there. What goes wrong meanwhile is told."""
        try:
            yield from super().try_make_job(step, final, context)
        except WorkflowException as error:
            self._report.fail(None, explain(error, step.step.title))
            raise

    def receive_output(self, step: WorkflowJobStep, ports: Any, final: Any, outputs: Any, status: str) -> None:
        """A step is through."""
        if status == "skipped":
            for name in step.step.rows():
                self._report.skip(name)
        if status in {"success", "skipped"}:
            self._report.advance(self._part.child(step.step))
        super().receive_output(step, ports, final, outputs, status)


class Flow(Workflow):
    """A workflow whose steps know which workflow they are part of."""

    def make_workflow_step(self, document: Any, pos: int, loading: Any, provenance: Any = None) -> FlowStep:
        """What cwltool calls for each step."""
        return FlowStep(document, pos, loading, provenance)

    def job(self, job_order: Any, output_callbacks: Any, runtimeContext: Context) -> Iterator[Any]:  # noqa: N803
        """The workflow itself, then what its steps have to do."""
        builder = self._init_job(job_order, runtimeContext)
        job = FlowJob(self, runtimeContext)
        yield job
        inner = runtimeContext.copy()
        inner.part_of = f"workflow {job.name}"
        inner.toplevel = False
        yield from job.job(builder.job, output_callbacks, inner)

    def in_order(self) -> list[FlowStep]:
        """The steps in the order of the document; cwltool shuffles them."""
        order = {step["id"]: place for place, step in enumerate(self.tool["steps"])}
        return sorted(self.steps, key=lambda step: order.get(step.id, len(order)))


class FlowStep(WorkflowStep):
    """A step of a workflow."""

    row: str | None = None
    """The name of its row, unless it is a workflow itself."""

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.row or safe(shortname(self.id))

    def rows(self) -> list[str]:
        """The names of the rows that were planned for it."""
        if isinstance(self.embedded_tool, Flow):
            return [name for step in self.embedded_tool.in_order() for name in step.rows()]
        return [self.title]

    def job(self, job_order: Any, output_callbacks: Any, runtimeContext: Context) -> Iterator[Any]:  # noqa: N803
        """What it has to do, told where it stands."""
        around = runtimeContext.place
        part = around.part.child(self)
        task = around.scatter
        spot = position(output_callbacks)
        if spot is not None:
            index, total = spot
            task = index + total * (around.scatter or 0)
            part = part.expect(total).child(index)
        report = runtimeContext.report
        finished = functools.partial(_finished, report, part, output_callbacks)
        try:
            yield from super().job(job_order, finished, runtimeContext.at(Place(self.title, part, task)))
        except WorkflowException as error:
            report.fail(None, explain(error, self.title))
            raise


def _finished(report: Report, part: Any, deliver: Any, outputs: Any, status: str) -> None:
    if status in {"success", "skipped"}:
        report.advance(part)
    deliver(outputs, status)


def plan(process: Process, report: Report, around: str = "") -> None:
    """Tell all steps that are known before the run, and name them: those of sub-workflows after those around them."""
    if not isinstance(process, Flow):
        return
    inner = []
    for step in process.in_order():
        name = safe(shortname(step.id))
        if isinstance(step.embedded_tool, Flow):
            inner.append((step.embedded_tool, f"{around}{name}."))
        else:
            name = name if report.is_free(name) else f"{around}{name}"
            step.row = report.plan(name, image=image_of(step.embedded_tool))
    for flow, place in inner:
        plan(flow, report, place)
