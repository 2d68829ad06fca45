"""Stage-in and stage-out by the operator's own CWL, in place of what the runner does by itself.

They run outside of the sandbox, before the package and behind it, with the rights of the runner: their environment holds
the way to the store and its credentials, and what the package says has ended or has not begun. Files and values are
brought and published by the runner as ever.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from ades.errors import AdesError
from ades.model import Reason, Result, ResultKind
from ades.objects import address_of, key_of
from ades.recipe import wrap
from ades.runner.document import Limits
from ades.runner.events import Progress
from ades.runner.failures import RunFailed
from ades.runner.logs import Logs
from ades.runner.order import Content, Reference, job_order
from ades.runner.report import Report
from ades.runner.stage_in import Staging, names
from ades.runner.stage_out.published import published

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic import SecretStr

    from ades.model import JSON
    from ades.objects import ObjectStore
    from ades.runner.document import JobDocument
    from ades.runner.events import Event
    from ades.settings import Settings

_PASSED_ON: Final = (
    "data", "objects", "objects_patience", "fetch_allow", "fetch_schemes", "stage_in_limit", "stage_in_timeout", "stage_in_parallel",
    "stage_in_items", "s3_inputs", "s3_endpoint", "s3_region", "s3_addressing", "s3_access_key", "s3_secret_key",
    "s3_session_token", "s3_credentials_file", "s3_encryption", "s3_encryption_key",
)  # fmt: skip
"""Settings that `ades stage-in` and `ades stage-out` need to find the store again."""
_AWS: Final = {
    "s3_endpoint": "AWS_ENDPOINT_URL",
    "s3_region": "AWS_REGION",
    "s3_access_key": "AWS_ACCESS_KEY_ID",
    "s3_secret_key": "AWS_SECRET_ACCESS_KEY",
    "s3_session_token": "AWS_SESSION_TOKEN",
}


def environment(settings: Settings, folder: Path) -> dict[str, str]:
    """What the steps are told, and nobody else."""
    told = {f"ADES_{name.upper()}": _text(getattr(settings, name)) for name in _PASSED_ON}
    told |= {variable: _text(getattr(settings, name)) for name, variable in _AWS.items()}
    told["ADES_INPUT_FOLDERS"] = " ".join([*settings.input_folders, str(folder)])
    told["ADES_DATA"] = str(settings.data.absolute())
    return {name: value for name, value in told.items() if value}


def _text(value: Path | str | float | tuple[str, ...] | SecretStr | None) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return " ".join(value)
    secret: Callable[[], str] | None = getattr(value, "get_secret_value", None)
    return secret() if secret else str(value)


# -- in -------------------------------------------------------------------------------------------------------------


class _References:
    """A stager that leaves folders where they are, and remembers what was meant."""

    def __init__(self, inner: Staging, folder: Path, wanted: frozenset[str]) -> None:
        self._inner = inner
        self._folder = folder
        self._wanted = wanted
        self.meant: dict[Path, str] = {}

    def file(self, source: Reference | Content, name: str) -> Path:
        """One file, brought by the runner itself."""
        return self._inner.file(source, name)

    def read(self, source: Reference, name: str) -> bytes:
        """The content of an address."""
        return self._inner.read(source, name)

    def directory(self, source: Reference | Content, name: str) -> Path:
        """Where a folder will be; until then the path stands for the reference."""
        if name not in self._wanted:
            return self._inner.directory(source, name)
        stands_for = self._folder / uuid4().hex
        self.meant[stands_for] = source.href if isinstance(source, Reference) else self._written(source, name)
        return stands_for

    def _written(self, source: Content, name: str) -> str:
        """What came with the request lies in a file, so that it has an address."""
        path = (
            self._folder / "sent" / uuid4().hex / (names.safe(name) + (names.extension(source.media_type) or ".json"))
        )
        path.parent.mkdir(parents=True)
        path.write_bytes(source.data)
        return path.as_uri()


def bring(
    document: JobDocument, folder: Path, settings: Settings, store: ObjectStore, emit: Callable[[Event], None]
) -> dict[str, JSON]:
    """The inputs as the package takes them; their folders are brought by the operator's stage-in. Raises RunFailed."""
    given = document.staging
    if given is None or given.stage_in is None:
        raise ValueError("The document names no stage-in.")
    tool = wrap.stage_in_tool(given.stage_in)
    ports = wrap.folders(document.executable, "inputs")
    inner = Staging(document, folder / "in", settings, store, emit)
    place = folder / "in" / "staging"
    place.mkdir(parents=True)
    stager = _References(inner, place, frozenset(port.name for port in ports))
    try:
        order = job_order(document.executable, document.inputs, stager)
        inner.finish()
    finally:
        inner.close()
    references = {port.name: _meant(order.get(port.name), stager.meant) for port in ports}
    wanted = [port for port in ports if references[port.name] is not None or not port.optional]
    if not wanted:
        return order
    facts = _facts(document, settings) | dict(given.parameters)
    workflow = _wrapped(lambda: wrap.before(wanted, tool, facts))
    ran = _run(document, workflow, references, place, folder, environment(settings, place), emit)
    return order | {name: _bare(value) for name, value in ran.items()}


def _meant(value: JSON, meant: Mapping[Path, str]) -> JSON:
    if isinstance(value, list):
        return [_meant(item, meant) for item in value]
    if isinstance(value, dict):
        return meant[Path(str(value["location"]).removeprefix("file://"))]
    return None


def _bare(value: JSON) -> JSON:
    """A folder as a job order names it."""
    if isinstance(value, list):
        return [_bare(item) for item in value]
    if isinstance(value, dict) and value.get("class") == "Directory":
        return {key: value[key] for key in ("class", "location", "basename") if key in value}
    return value


# -- out ------------------------------------------------------------------------------------------------------------


def publish(
    document: JobDocument,
    outputs: dict[str, JSON],
    folder: Path,
    settings: Settings,
    store: ObjectStore,
    emit: Callable[[Event], None],
) -> dict[str, list[Result]]:
    """Have the operator's stage-out publish all folders; the results of each output. Raises RunFailed."""
    given = document.staging
    if given is None or given.stage_out is None:
        raise ValueError("The document names no stage-out.")
    tool = wrap.stage_out_tool(given.stage_out)
    ports = [
        port
        for port in wrap.folders(document.executable, "outputs")
        if document.wants(port.name) and outputs.get(port.name) not in (None, [])
    ]
    if not ports:
        return {}
    several = sum(_holds_files(value) for name, value in outputs.items() if document.wants(name)) > 1
    common = _facts(document, settings)
    facts = {
        port.name: common | _of_output(document, settings, port.name, several=several) | given.parameters
        for port in ports
    }
    order = {port.name: _bare(outputs[port.name]) for port in ports}
    for port in ports:
        if port.shape is wrap.Shape.MANY:
            count = range(len(outputs[port.name]))
            order[port.name + wrap.PLACES] = [_place(document, settings, f"{port.name}/{index}") for index in count]
    workflow = _wrapped(lambda: wrap.behind(ports, tool, facts))
    place = folder / "in" / "published"
    place.mkdir(parents=True, exist_ok=True)
    ran = _run(document, workflow, order, place, folder, environment(settings, place), emit)
    return {port.name: list(_results(document, settings, store, port.name, ran.get(port.name))) for port in ports}


def _holds_files(value: JSON) -> bool:
    if isinstance(value, list):
        return any(map(_holds_files, value))
    return isinstance(value, dict) and (
        value.get("class") in {"File", "Directory"} or any(map(_holds_files, value.values()))
    )


def _place(document: JobDocument, settings: Settings, below: str) -> dict[str, JSON]:
    key = f"{document.results_prefix}/{below}"
    address = address_of(settings, key)
    return {"place": address, "sub_path": _sub_path(address)}


def _sub_path(address: str) -> str:
    return address.partition("://")[2].partition("/")[2]


def _of_output(document: JobDocument, settings: Settings, name: str, *, several: bool) -> dict[str, JSON]:
    where = _place(document, settings, name)
    collection = f"col_{document.job}" + (f"_{name}" if several else "")
    return {"output": name, "collection": collection, **wrap.named(where["place"], where["sub_path"])}


def _facts(document: JobDocument, settings: Settings) -> dict[str, JSON]:
    """What staging is told by the names of its inputs."""
    bucket = settings.objects.removeprefix("s3://").partition("/")[0] if settings.objects.startswith("s3://") else ""
    told: dict[str, JSON] = {}
    for value, called in (
        (document.calling, ("workspace", "calling_workspace")),
        (document.executing, ("executing_workspace",)),
        (document.process, ("process", "process_id", "workflow", "workflow_id")),
        (str(document.job), ("job", "job_id", "run_id")),
        (bucket, ("bucket", "s3_bucket")),
        (settings.s3_endpoint, ("endpoint", "s3_endpoint")),
        (settings.s3_region, ("region", "s3_region")),
    ):
        told |= dict.fromkeys(called, value) if value else {}
    return told


def _results(document: JobDocument, settings: Settings, store: ObjectStore, name: str, found: JSON) -> Iterable[Result]:
    """What the stage-out says about an output; a catalogue among the job's own results is looked into."""
    addresses = found if isinstance(found, list) else [found]
    for index, address in enumerate(addresses):
        if not isinstance(address, str) or not address.strip():
            raise RunFailed.because(
                Reason.STAGE_OUT, f"The stage-out gave no address of a catalogue for the output {name}."
            )
        many = isinstance(found, list)
        key = key_of(settings, address.strip())
        if key is None or not key.startswith(f"{document.results_prefix}/"):
            value = {"href": address.strip(), "type": "application/json"}
            yield Result(document.job, name, index, ResultKind.VALUE, "application/json", value=value, many=many)
        else:
            yield replace(published(store, document.job, name, key, partial(key_of, settings)), index=index, many=many)


# -- running --------------------------------------------------------------------------------------------------------


def _wrapped(make: Callable[[], dict[str, JSON]]) -> dict[str, JSON]:
    try:
        return make()
    except AdesError as error:
        raise RunFailed.because(Reason.PACKAGE, error.detail) from error


def _run(
    document: JobDocument,
    workflow: dict[str, JSON],
    order: dict[str, JSON],
    place: Path,
    folder: Path,
    told: dict[str, str],
    emit: Callable[[Event], None],
) -> dict[str, JSON]:
    """Run a workflow of ours below `place`; its steps are steps of the job, its progress is not."""
    from ades.runner import cwl

    for name in ("work", "out"):
        (place / name).mkdir()
    logs = Logs(folder)
    report = Report(
        document.job, document.attempt, logs, lambda event: None if isinstance(event, Progress) else emit(event)
    )
    staging = replace(
        document, executable=workflow, limits=replace(document.limits, cores=None, memory=None), most=Limits()
    )
    try:
        return cwl.run(staging, order, place, report, environment=told)
    except RunFailed as error:
        report.fail(None, error.failure)
        raise
    finally:
        report.close()
        logs.close()
