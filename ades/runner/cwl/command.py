"""A command line tool while it runs: staged by cwltool, run and explained by us."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from cwltool.job import CommandLineJob

from ades.model import Reason
from ades.runner import command
from ades.runner.cwl.running import Running
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from ades.runner.cwl.places import Context

_NOT_FOUND = 127
"""What a shell says when it does not know a command."""
_SIGNALLED = 128


class CommandJob(Running, CommandLineJob):
    """One run of one tool, as a process of this machine."""

    lacking: str | None = None
    """Why the image that the package hints at is not used."""

    def _work(self, context: Context, tmpdir_lock: Any) -> Any:
        CommandLineJob.run(self, context, tmpdir_lock)
        return self._outputs

    def _start(self, env: Any, context: Context) -> command.Ran:
        if not self.command_line:
            raise RunFailed.because(
                Reason.PACKAGE, f"Step {self._name} has an empty command line: the tool needs a baseCommand."
            )
        try:
            return command.run(
                command.Command(
                    argv=tuple(map(str, self.command_line)),
                    cwd=self.outdir,
                    env={**env, **context.environment},
                    log=self._report.logs.append_to(self._name),
                    stdin=self._stdin(),
                    stdout=self._captured(self.stdout),
                    stderr=self._captured(self.stderr),
                    seconds=self._seconds(context),
                    memory=self._allowed(context)[0],
                    log_limit=context.log_limit,
                    enter=None if self.networkaccess else context.isolate_network,
                ),
                self._on_progress,
            )
        except (FileNotFoundError, PermissionError) as error:
            raise self._cannot_start(error) from error
        except OSError as error:
            if error.strerror == "Exec format error":
                raise self._cannot_start(error) from error
            raise

    def _unsuccessful(self, code: int) -> RunFailed:
        tool = self.command_line[0]
        if code < 0:
            name = signal.Signals(-code).name
            return self._failed(Reason.KILLED, f"{tool} was ended from outside by signal {name}")
        if code == _NOT_FOUND:
            last = self._report.logs.tail(self._name, lines=1)
            said = f" ({last})" if last else ""
            return self._failed(Reason.TOOL_MISSING, f"a command is not on this machine{said}{self._image_hint()}")
        because = f"{tool} ended with exit code {code}"
        if code > _SIGNALLED and code - _SIGNALLED in set(signal.Signals):
            because += f", as when one of its processes is ended by {signal.Signals(code - _SIGNALLED).name}"
        return self._failed(Reason.EXIT_CODE, because)

    def _cannot_start(self, error: OSError) -> RunFailed:
        tool = self.command_line[0]
        if isinstance(error, FileNotFoundError) and error.filename in {None, tool}:
            return self._failed(Reason.TOOL_MISSING, f"the command {tool} is not on this machine{self._image_hint()}")
        return self._failed(
            Reason.TOOL_MISSING, f"{tool} cannot be executed here: {error.strerror}{self._image_hint()}"
        )

    def _image_hint(self) -> str:
        if self.image is None:
            return "; install it, or name the image that brings it in the package (DockerRequirement)"
        why = "nothing here runs images" if self.lacking is None else self.lacking
        return f"; the package expects it in the image {self.image}, and {why}"
