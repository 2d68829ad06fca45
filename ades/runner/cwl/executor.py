"""Runs the steps of a workflow side by side, as far as the cores and the memory of the job reach."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

import orjson
from cwltool.executors import JobExecutor
from cwltool.job import JobBase

from ades.model import Reason
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from ades.runner.document import Limits

_AHEAD = 16
"""Jobs that may wait for room; a scatter of thousands is unrolled only as far as this."""


class Executor(JobExecutor):
    """One thread for each tool that runs; everything else happens in the thread that asks."""

    def __init__(self, limits: Limits, cores: float, memory: float) -> None:
        super().__init__()
        self._limits = limits
        self._cores = self._free_cores = cores
        self._memory = self._free_memory = memory / 1024**2
        self._waiting: list[JobBase] = []
        self._running = 0

    def output_callback(self, out: Any, process_status: str) -> None:
        """The outputs of the whole package. A file in two of them becomes two entries: cwltool stumbles over one."""
        super().output_callback(orjson.loads(orjson.dumps(out)), process_status)

    def select_resources(self, request: dict[str, Any], context: Any) -> dict[str, Any]:
        """What a tool gets: what it needs at least. More than the job may use fails; more than there is does not."""
        self._check("coresMin", request["coresMin"], self._limits.cores, "cores")
        memory = self.memory(context)
        if context.stated.keys() & {"ramMin", "ramMax"}:
            self._check("ramMin", request["ramMin"], memory, "MiB of memory")
        return {
            "cores": request["coresMin"],
            "ram": math.ceil(request["ramMin"]),
            "ramMax": math.ceil(request.get("ramMax", request["ramMin"])),
            "tmpdirSize": math.ceil(request["tmpdirMin"]),
            "outdirSize": math.ceil(request["outdirMin"]),
        }

    def memory(self, context: Any) -> float | None:
        """MiB that one tool may have: as much as the job, and no more than the maximum for a tool."""
        sizes = [size for size in (self._limits.memory, context.most.tool_memory) if size is not None]
        return min(sizes) / 1024**2 if sizes else None

    def _check(self, name: str, wanted: float, limit: float | None, unit: str) -> None:
        if limit is not None and wanted > limit:
            raise RunFailed.because(
                Reason.UNSCHEDULABLE,
                f"The package asks for {wanted:g} {unit} ({name}), and this job may use {limit:g}.",
            )

    def run_jobs(self, process: Any, job_order_object: Any, logger: Any, runtime_context: Any) -> None:
        """Take one job after the other from the workflow, until it has no more."""
        runtime_context.select_resources = self.select_resources
        changed = runtime_context.workflow_eval_lock
        with changed:
            for job in process.job(job_order_object, self.output_callback, runtime_context):
                if isinstance(job, JobBase):
                    self._waiting.append(job)
                elif job is not None:
                    job.run(runtime_context)
                self._start_waiting(runtime_context)
                if job is None and not self._running:
                    logger.error("Workflow cannot make any more progress.")
                    break
                if job is None or len(self._waiting) >= _AHEAD:
                    changed.wait()
                    self._start_waiting(runtime_context)
            while self._running or self._waiting:
                changed.wait()
                self._start_waiting(runtime_context)

    def _start_waiting(self, context: Any) -> None:
        kept = []
        for job in self._waiting:
            cores, memory = self._needs(job)
            if cores <= self._free_cores and memory <= self._free_memory:
                self._free_cores -= cores
                self._free_memory -= memory
                self._running += 1
                threading.Thread(target=self._run, args=(job, context), daemon=True).start()
            else:
                kept.append(job)
        self._waiting = kept

    def _needs(self, job: JobBase) -> tuple[float, float]:
        # What asks for more than there is gets the whole machine.
        needs = job.builder.resources
        return min(needs["cores"], self._cores), min(needs["ram"], self._memory)

    def _run(self, job: JobBase, context: Any) -> None:
        try:
            job.run(context)
        finally:
            with context.workflow_eval_lock:
                cores, memory = self._needs(job)
                self._free_cores += cores
                self._free_memory += memory
                self._running -= 1
                context.workflow_eval_lock.notify_all()
