"""A command line tool in the image that its package names, run by whoever may use a container engine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cwltool.docker import DockerCommandLineJob

from ades.model import Reason
from ades.runner.container import Mount, Wanted
from ades.runner.cwl.command import CommandJob
from ades.runner.cwl.places import Context
from ades.runner.cwl.running import Running
from ades.runner.cwl.tools import Tool, image_of

if TYPE_CHECKING:
    from ades.runner.command import Ran
    from ades.runner.container import Yard
    from ades.runner.failures import RunFailed

_REFUSED: Final = 125
"""What engines say when they could not start anything."""
_NOT_EXECUTABLE: Final = 126
_NOT_FOUND: Final = 127
_KILLED: Final = 137


class YardContext(Context):
    """A context that knows who runs containers."""

    yard: Yard
    replaced: set[str]
    """Images in place of which commands of this machine run; why, is said once for each."""


class ContainerTool(Tool):
    """A tool that runs in a container when its package names an image, and as a command when it names none.

    An image that is only a hint may be missing where the command itself is on this machine.
    """

    _looked = False
    _lacking: str | None = None

    def make_job_runner(self, runtimeContext: Context) -> Any:  # noqa: N803 - cwltool's
        """The class of the jobs."""
        wish, _ = self.get_requirement("DockerRequirement")
        return ContainerJob if wish is not None and runtimeContext.use_container else CommandJob

    def job(self, job_order: Any, output_callbacks: Any, runtimeContext: YardContext) -> Any:  # noqa: N803
        """The jobs: one, told how its image is wished for."""
        if lacking := self._done_without(runtimeContext):
            runtimeContext = runtimeContext.copy()  # noqa: N806 - cwltool's
            runtimeContext.use_container = False
        for job in super().job(job_order, output_callbacks, runtimeContext):
            job.wish, _ = self.get_requirement("DockerRequirement")
            job.lacking = lacking
            yield job

    def _done_without(self, context: YardContext) -> str | None:
        """Why the image that the package hints at cannot be used, if its command is here without it."""
        wish, required = self.get_requirement("DockerRequirement")
        image = image_of(self)
        if self._looked or wish is None or required or image is None:
            return self._lacking
        command = self._command()
        if command is not None and shutil.which(command) and (why := context.yard.lacks(image)):
            because = f"an image: {why}" if image not in context.replaced else f"the image {image} too."
            context.report.note(f"The command {command} of this machine runs in place of {because}")
            context.replaced.add(image)
            self._lacking = why
        self._looked = True
        return self._lacking

    def _command(self) -> str | None:
        """The program that the tool begins with, where that is written down."""
        base = self.tool.get("baseCommand") or self.tool.get("arguments") or []
        first = base if isinstance(base, str) else next(iter(base), None)
        return first if isinstance(first, str) and "$" not in first else None


class ContainerJob(Running, DockerCommandLineJob):
    """One run of one tool in a container."""

    wish: dict[str, Any]

    def _work(self, context: YardContext, tmpdir_lock: Any) -> Any:  # noqa: ARG002 - cwltool's
        """Say what is to be mounted, run, and collect. The container sees its inputs and its own folders."""
        Path(self.tmpdir).mkdir(parents=True, exist_ok=True)
        self._setup(context)
        mounts: list[Any] = []
        self.append_volume(mounts, os.path.realpath(self.outdir), self.builder.outdir, writable=True)
        self.append_volume(mounts, os.path.realpath(self.tmpdir), self.CONTAINER_TMPDIR, writable=True)
        for mapper in filter(None, (self.pathmapper, self.generatemapper)):
            self.add_volumes(mapper, mounts, any_path_okay=True, tmpdir_prefix=context.tmpdir_prefix)
        self._mounts = tuple(mounts)
        self._execute([], self.environment, context)
        return self._outputs

    @staticmethod
    def append_volume(
        runtime: list[Any],
        source: str,
        target: str,
        writable: bool = False,  # noqa: FBT001, FBT002 - cwltool's
        skip_mkdirs: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        """What cwltool calls for each file and folder that the container is to see."""
        if not skip_mkdirs and not os.path.exists(source):  # noqa: PTH110 - cwltool speaks in strings
            Path(source).mkdir(parents=True)
        runtime.append(Mount(source, target, writable))

    def _start(self, env: Any, context: YardContext) -> Ran:
        return context.yard(
            Wanted(
                step=self._name,
                image=self._image(),
                argv=tuple(map(str, self.command_line)),
                workdir=self.builder.outdir,
                mounts=self._mounts,
                env={str(name): str(value) for name, value in env.items()},
                network=bool(self.networkaccess),
                stdin=self._stdin(),
                stdout=self._captured(self.stdout),
                stderr=self._captured(self.stderr),
                seconds=self._seconds(context),
                memory=self._allowed(context)[0],
            ),
            self._on_progress,
        )

    def _image(self) -> str:
        image = self.wish.get("dockerPull") or self.wish.get("dockerImageId")
        made = {"dockerFile", "dockerImport", "dockerLoad"} & self.wish.keys()
        if made and not self.wish.get("dockerPull"):
            raise self._failed(
                Reason.PACKAGE,
                f"its image would have to be made first ({', '.join(sorted(made))}), and this server makes none. Push "
                "the image to a registry and name it with dockerPull",
            )
        if not image:
            raise self._failed(Reason.PACKAGE, "its DockerRequirement names no image (dockerPull)")
        return str(image)

    def _allowed(self, context: Context) -> tuple[int | None, str]:
        own, by = super()._allowed(context)
        job = context.limits.memory
        return (own, by) if job is None or (own is not None and own <= job) else (job, "the limit of the job")

    def _unsuccessful(self, code: int) -> RunFailed:
        tool = self.command_line[0] if self.command_line else "the image's own command"
        last = self._report.logs.tail(self._name, lines=1)
        said = f" ({last})" if last else ""
        if code == _REFUSED:
            return self._failed(Reason.INTERNAL, f"the container engine could not start {self.image}{said}")
        if code == _NOT_FOUND:
            return self._failed(Reason.TOOL_MISSING, f"a command is not in the image {self.image}{said}")
        if code == _NOT_EXECUTABLE:
            return self._failed(Reason.TOOL_MISSING, f"{tool} cannot be executed in the image {self.image}{said}")
        if code == _KILLED:
            return self._failed(Reason.KILLED, f"{tool} was ended from outside by signal SIGKILL")
        return self._failed(Reason.EXIT_CODE, f"{tool} ended with exit code {code}")
