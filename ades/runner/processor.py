"""Native processes: classes in the form of pygeoapi's `BaseProcessor`, run unchanged.

Run as a program it reads definitions of processors as JSON and tells what they say of themselves, so that the server
need not import them.
"""

from __future__ import annotations

import base64
import importlib
import importlib.util
import inspect
import json
import mimetypes
import os
import sys
import threading
import traceback
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from ades import shipped
from ades.model import Failure, Reason
from ades.runner.command import Log
from ades.runner.failures import RunFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec
    from pathlib import Path

    from ades.model import JSON
    from ades.runner.document import JobDocument
    from ades.runner.report import Report

_JSON: Final = "application/json"
_CONTENT: Final = frozenset({"value", "mediaType", "encoding", "schema", "format"})


class _Postponed(ModuleType):
    """The package `pygeoapi` without what its `__init__` imports, until somebody asks for it.

    Most processors need nothing of pygeoapi but their base class, which takes a millisecond; all of it takes seconds.
    """

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        self.__spec__ = spec
        self.__file__ = spec.origin
        self.__path__ = self._places = list(spec.submodule_search_locations or [])

    def postpone(self) -> None:
        """From now on whoever asks for anything else, also for another module inside, gets the whole package."""
        del self.__path__

    def __getattr__(self, name: str) -> Any:
        spec = self.__spec__
        if "__path__" not in self.__dict__ and spec is not None and spec.loader is not None:
            self.__path__ = self._places
            spec.loader.exec_module(self)
            if name in self.__dict__:
                return self.__dict__[name]
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


def warm() -> None:
    """Load what nearly all processors need."""
    if "pygeoapi" in sys.modules:
        return
    spec = importlib.util.find_spec("pygeoapi")
    if spec is None:
        raise RunFailed.because(Reason.INTERNAL, "pygeoapi is not installed, and native processes need it.")
    sys.modules["pygeoapi"] = package = _Postponed(spec)
    importlib.import_module("pygeoapi.process.base")
    package.postpone()


def load(definition: dict[str, JSON]) -> Any:
    """The processor of a definition: a module in `processes/`, a class by its dotted name, or one of pygeoapi's own."""
    warm()
    name = str(definition["name"])
    if "." in name:
        module, _, kind = name.rpartition(".")
        return getattr(importlib.import_module(module), kind)(definition)
    path = shipped.folder("processes") / f"{name}.py"
    if path.is_file():
        return _class_of(_module_at(path))(definition)
    plugin = importlib.import_module("pygeoapi.plugin")
    return plugin.load_plugin("process", definition)


def _module_at(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"processes.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _class_of(module: ModuleType) -> type[Any]:
    base = importlib.import_module("pygeoapi.process.base").BaseProcessor
    for _, kind in inspect.getmembers(module, inspect.isclass):
        if issubclass(kind, base) and kind.__module__ == module.__name__:
            return kind
    raise ImportError(f"{module.__name__} holds no subclass of BaseProcessor")


# -- running --------------------------------------------------------------------------------------------------------


def run(document: JobDocument, folder: Path, report: Report) -> dict[str, JSON]:
    """Run the processor of a job; its outputs, with files in CWL's form."""
    definition = document.executable["processor"]
    with (
        report.step(document.process, tool=str(definition["name"])) as name,
        _prints(report, name, document.limits.log),
    ):
        try:
            processor = load(definition)
            processor.set_job_id(str(document.job))
            media_type, produced = _execute(processor, document)
        except Exception as error:
            report.log(name, traceback.format_exc())
            raise RunFailed(_failure(error, document.process)) from error
        return {
            output: _as_output(output, value, media_type, folder)
            for output, value in _by_name(document.outputs, media_type, produced).items()
        }


def _execute(processor: Any, document: JobDocument) -> tuple[str, Any]:
    data = dict(document.inputs)
    if not getattr(processor, "supports_outputs", False):
        answer = processor.execute(data)
    else:
        wanted: dict[str, Any] | None = None
        if document.wanted is not None:
            wanted = {name: {} for name in document.wanted}
        answer = processor.execute(data, outputs=wanted)
    media_type, produced = answer
    return str(media_type or _JSON), produced


def _failure(error: Exception, process: str) -> Failure:
    said = str(error) or type(error).__name__
    theirs = getattr(error, "http_status_code", None) or 500
    if type(error).__name__ == "ProcessorExecuteError" or 400 <= int(theirs) < 500:  # noqa: PLR2004 - the caller's fault
        return Failure(Reason.INVALID_INPUT, f"The process {process} could not work with its inputs: {said}")
    return Failure(Reason.INTERNAL, f"The process {process} failed: {type(error).__name__}: {said}")


@contextmanager
def _prints(report: Report, name: str, limit: int | None) -> Iterator[None]:
    """What the processor prints goes into the log of its step, as with any other tool."""
    reading, writing = os.pipe()
    kept = os.dup(1), os.dup(2)
    log = Log(report.logs.append_to(name), limit, lambda percent, text: report.tell(report.whole, percent, text))

    def pour() -> None:
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            while chunk := pipe.read(65536):
                log.write(chunk)

    thread = threading.Thread(target=pour, daemon=True)
    thread.start()
    os.dup2(writing, 1)
    os.dup2(writing, 2)
    os.close(writing)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, copy in enumerate(kept, start=1):
            os.dup2(copy, number)
            os.close(copy)
        thread.join(timeout=1)
        log.close()


# -- outputs --------------------------------------------------------------------------------------------------------


def _by_name(described: dict[str, JSON], media_type: str, produced: Any) -> dict[str, Any]:
    """What was produced, by the names of the outputs. Processors answer in one of three forms."""
    names = list(described)
    if media_type == _JSON and isinstance(produced, dict):
        if produced.get("id") in described and "value" in produced:
            return {produced["id"]: produced["value"]}
        if not produced or produced.keys() <= described.keys():
            return dict(produced)
    return {names[0] if names else "result": produced}


def _as_output(name: str, value: Any, media_type: str, folder: Path) -> JSON:
    if isinstance(value, dict) and {"value", "mediaType"} <= value.keys() <= _CONTENT:
        return _content(name, value, folder)
    if isinstance(value, (bytes, bytearray, memoryview)):
        kind = "application/octet-stream" if media_type == _JSON else media_type
        return _file(name, bytes(value), kind, folder)
    if isinstance(value, str) and media_type != _JSON and not media_type.endswith("+json"):
        return _file(name, value.encode(), media_type, folder)
    if isinstance(value, str) and media_type.endswith("+json"):
        return json.loads(value)
    return value


def _content(name: str, value: dict[str, Any], folder: Path) -> JSON:
    inner, kind = value["value"], str(value["mediaType"])
    if not isinstance(inner, str):
        return inner
    if value.get("encoding") in {"base64", "binary"}:
        return _file(name, base64.b64decode(inner), kind, folder)
    return _file(name, inner.encode(), kind, folder)


def _file(name: str, content: bytes, media_type: str, folder: Path) -> JSON:
    path = folder / "out" / (name + (mimetypes.guess_extension(media_type.partition(";")[0].strip()) or ""))
    path.write_bytes(content)
    return {"class": "File", "location": path.as_uri(), "basename": path.name, "mediaType": media_type}


# -- describing -----------------------------------------------------------------------------------------------------


def main() -> None:
    """Definitions in, by name; metadata out, by the same names."""
    definitions = json.load(sys.stdin)
    # What a processor prints while it is imported is not for those who read our answer.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with answer:
        json.dump({name: load(definition).metadata for name, definition in definitions.items()}, answer)


if __name__ == "__main__":
    main()
