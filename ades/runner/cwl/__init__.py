"""Runs a package of CWL with cwltool as a library, and tells how it goes."""

from __future__ import annotations

import functools
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
from cwltool.context import LoadingContext
from cwltool.load_tool import default_loader, make_tool, resolve_and_validate_document
from cwltool.process import SCHEMA_CACHE, get_schema
from cwltool.process import _names as process_names
from schema_salad.sourceline import cmap

from ades.runner import javascript
from ades.runner.cwl import lines, names, tools
from ades.runner.cwl.executor import Executor
from ades.runner.cwl.explain import explain, plain
from ades.runner.cwl.outside import OwnFiles, allowed
from ades.runner.cwl.places import Context, Place, safe
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cwltool.process import Process

    from ades.model import JSON, Failure
    from ades.runner.document import JobDocument
    from ades.runner.report import Report

_cwltool_logger = logging.getLogger("cwltool")
_URI: Final = "file:///package.cwl"
_VERSIONS: Final = ("v1.0", "v1.1", "v1.2")


@dataclass(frozen=True, slots=True)
class Way:
    """How the tools of a package are run: as processes of this machine, unless somebody knows another way."""

    tool: Callable[..., Process] = tools.Tool
    """Makes the process of each command line tool."""
    context: Callable[[dict[str, Any]], Context] = Context
    """Makes what is handed down from process to process, from what is set here."""
    executor: Callable[[JobDocument], Executor] | None = None
    """Makes what runs the tools side by side. None: as far as this machine reaches."""


_HERE: Final = Way()


def warm() -> None:
    """Load everything that is the same for all packages."""
    for version in _VERSIONS:
        get_schema(version)
    quiet()


def only(version: str | None) -> None:
    """Load the schema of one version instead of two, where the process runs a single package and then ends.

    cwltool takes what a File, a Directory and an Any are from version 1.0 whatever the package says; each version has
    them, and to load one takes a third of a second.
    """
    if version in _VERSIONS:
        SCHEMA_CACHE.setdefault("v1.0", get_schema(version))


def quiet() -> None:
    """What cwltool has to say goes nowhere but into the log of a job."""
    for name in ("cwltool", "cwl_utils", "salad"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.addHandler(logging.NullHandler())
        logger.propagate = False


def forget() -> None:
    """Let go of what cwltool remembers of packages that have been run in this process: the names of their steps."""
    process_names.clear()


def wants_network(executable: dict[str, JSON]) -> bool:
    """Whether any tool of the package may use the network. CWL v1.0 has no word for it and allows it to all."""
    document = executable["document"]
    return document.get("cwlVersion") == "v1.0" or b"NetworkAccess" in orjson.dumps(document)


def run(
    document: JobDocument,
    order: dict[str, JSON],
    folder: Path,
    report: Report,
    *,
    isolate_network: Callable[[], None] | None = None,
    way: Way | None = None,
    environment: Mapping[str, str] | None = None,
) -> dict[str, JSON]:
    """Run the package with these inputs; the outputs as CWL has them. Files lie below `<folder>/out`."""
    way = way or _HERE
    options = document.options
    javascript.use(options.javascript, options.javascript_seconds, options.javascript_memory)
    errors = _Errors(report)
    _cwltool_logger.addHandler(errors)
    _cwltool_logger.setLevel(logging.INFO)
    try:
        process = load(document.executable, way)
        tools.plan(process, report)
        context = _context(document, folder, report, way)
        context.make_fs_access = functools.partial(OwnFiles, allowed=allowed(folder, order))
        context.isolate_network = isolate_network
        context.environment = environment or {}
        executor = (way.executor or _executor)(document)
        outputs, status = executor(process, order, context, _cwltool_logger)
    except Exception as error:
        raise _first(report, explain(error)) from error
    finally:
        _cwltool_logger.removeHandler(errors)
    if status != "success" or outputs is None:
        raise _first(report, explain(errors.last or "it ended without a reason"))
    return dict(outputs)


def load(executable: dict[str, JSON], way: Way = _HERE) -> Process:
    """The process that a package means, ready to run."""
    names.lend()
    lines.share()
    loading = LoadingContext(
        {
            "construct_tool_object": functools.partial(tools.make_tool, tool=way.tool),
            # All of this was checked when the package was deployed.
            "disable_js_validation": True,
            "do_validate": False,
            "skip_schemas": True,
            "strict": False,
        }
    )
    loading.loader = default_loader()
    document = executable["document"]
    entry = executable.get("entry") or document.get("id") or "main"
    if "$graph" not in document:
        document = {**document, "id": f"#{_tail(entry)}"}
    content = cmap(document, fn=_URI)
    loading.loader.idx[_URI] = content
    loading, uri = resolve_and_validate_document(loading, content, f"{_URI}#{_tail(entry)}")
    return make_tool(uri, loading)


def _tail(name: str) -> str:
    return str(name).rpartition("#")[2]


def _context(document: JobDocument, folder: Path, report: Report, way: Way) -> Context:
    work = folder / "work"
    context = way.context(
        {
            "basedir": str(folder),
            "outdir": str(folder / "out"),
            "tmpdir_prefix": f"{work}/t",
            "tmp_outdir_prefix": f"{work}/o",
            "use_container": False,
            "rm_tmpdir": False,
            # Nobody else needs cwltool's checksums, and to read each file once more takes its time.
            "compute_checksum": b"checksum" in orjson.dumps(document.executable),
            "eval_timeout": document.options.javascript_seconds,
        }
    )
    context.report = report
    entry = document.executable.get("entry") or document.executable["document"].get("id") or document.process
    context.place = Place(safe(_tail(entry).rpartition("/")[2] or document.process), report.whole)
    context.name = context.place.row
    context.limits = document.limits
    context.most = document.most
    context.stated = {}
    context.log_limit = document.limits.log
    return context


def _executor(document: JobDocument) -> Executor:
    cores = document.limits.cores or len(os.sched_getaffinity(0))
    memory = document.limits.memory or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Executor(document.limits, cores, memory)


def _first(report: Report, otherwise: Failure) -> RunFailed:
    """What is told as the reason: the first thing that went wrong, since the rest follows from it."""
    return RunFailed(report.failure or otherwise)


class _Errors(logging.Handler):
    """What cwltool logs goes into the log of the job; its last complaint may be the only reason that there is."""

    def __init__(self, report: Report) -> None:
        super().__init__(logging.INFO)
        self._report = report
        self.last: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        text = plain(record.getMessage(), lines=20)
        if record.levelno >= logging.WARNING:
            self._report.note(text)
        if record.levelno >= logging.ERROR:
            self.last = text
