"""The tools of a package as pods: what cwltool is told to make of them, and how many run at one time."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

from calrissian.report import Reporter, initialize_reporter

from ades.model import Reason
from ades.runner.calrissian.job import PodJob
from ades.runner.cwl import Way
from ades.runner.cwl.executor import Executor
from ades.runner.cwl.places import Context
from ades.runner.cwl.tools import Tool, image_of
from ades.runner.document import Limits
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.model import JSON
    from ades.runner.calrissian.yard import Yard
    from ades.runner.document import JobDocument

_MEGABYTE = 1000**2


class PodContext(Context):
    """What is handed down from process to process, with the yard and with what Calrissian looks for."""

    pod_labels = pod_env_vars = pod_nodeselectors = pod_serviceaccount = tool_logs_basepath = max_gpus = None
    """Calrissian's own ways to say what `manifest` says."""

    def __init__(self, yard: Yard, values: dict[str, Any]) -> None:
        super().__init__({**values, "use_container": True})
        self.yard = yard


class PodTool(Tool):
    """A command line tool that runs as a pod."""

    def __init__(self, default_image: str, document: Any, loading: Any) -> None:
        super().__init__(document, loading)
        if image_of(self) is None and default_image:
            self.requirements.insert(0, {"class": "DockerRequirement", "dockerPull": default_image})

    def make_job_runner(self, runtimeContext: Context) -> type[PodJob]:  # noqa: ARG002, N803 - cwltool's
        """The class of the jobs."""
        return PodJob

    def job(self, job_order: Any, output_callbacks: Any, runtimeContext: Context) -> Iterator[Any]:  # noqa: N803
        """The jobs: one, which needs an image."""
        if image_of(self) is None:
            raise RunFailed.because(
                Reason.PACKAGE,
                f"Step {runtimeContext.place.row} names no container image, and in a cluster each tool needs one: "
                "add a DockerRequirement with dockerPull to the package.",
            )
        yield from super().job(job_order, output_callbacks, runtimeContext)


class PodExecutor(Executor):
    """As many steps at one time as fit into what the job may ask for, however few processors the runner has."""

    def select_resources(self, request: dict[str, Any], context: Any) -> dict[str, Any]:
        """What a tool gets: what it wishes at most, since that is where its limits are."""
        least = super().select_resources(request, context)
        cores, memory = self._limits.cores or math.inf, self.memory(context) or math.inf
        return least | {
            "cores": min(request["coresMax"], cores),
            "ram": math.ceil(min(request["ramMax"], memory)),
        }


def way(yard: Yard) -> Way:
    """How cwltool runs the tools of this job."""
    pods = yard.pods
    initialize_reporter(pods.max_ram / _MEGABYTE, pods.max_cores)

    def executor(_document: JobDocument) -> PodExecutor:
        return PodExecutor(Limits(cores=pods.max_cores, memory=pods.max_ram), pods.max_cores, pods.max_ram)

    return Way(functools.partial(PodTool, pods.default_image), functools.partial(PodContext, yard), executor)


def usage() -> dict[str, JSON]:
    """What was asked for and how long, by Calrissian's report: hours of cores and of gigabytes."""
    report = Reporter.get_report()
    if report is None:
        return {}
    steps = {
        child.name: {"cpu_hours": child.cpu_hours() or 0, "ram_hours": (child.ram_megabyte_hours() or 0) / 1000}
        for child in report.children
    }
    return {
        "cpu_hours": report.total_cpu_hours(),
        "ram_hours": report.total_ram_megabyte_hours() / 1000,
        "steps": steps,
    }
