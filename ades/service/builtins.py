"""Processes that are part of the server: those in `processes/`, and those that the configuration file names.

The description of a shipped process is a JSON document beside its module, so that listing it imports nothing. A
process of the configuration file is any processor in pygeoapi's form; it describes itself, and is asked to in a
process of its own, which imports whatever it likes and is gone again.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import orjson
import yaml

from ades import shipped
from ades.errors import ImmutableProcess, Misconfigured
from ades.model import JSON, Access, Package, Process

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

MEDIA_TYPE: Final = "application/json"
_CONTROL: Final = ["sync-execute", "async-execute", "dismiss"]
_TRANSMISSION: Final = ["value", "reference"]
_NOT_OURS: Final = frozenset({"id", "version", "mutable", "links"})
_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_ASK_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Builtin:
    """One process that cannot be deployed, replaced or undeployed."""

    id: str
    version: str
    package: Package

    def in_workspace(self, workspace: str) -> Process:
        """The process as it stands in a workspace: every workspace has it."""
        return Process(
            workspace=workspace,
            id=self.id,
            version=self.version,
            revision=1,
            digest=self.package.digest,
            description=self.package.description,
            mutable=False,
            access=Access.PUBLIC,
        )


class Builtins:
    """All of them, in the order in which they are listed."""

    def __init__(self, found: Iterable[Builtin]) -> None:
        self._found = {builtin.id: builtin for builtin in found}
        self._packages = {builtin.package.digest: builtin.package for builtin in self._found.values()}

    def __iter__(self) -> Iterator[Builtin]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    def get(self, id: str) -> Builtin | None:  # noqa: A002 - the standard's word
        """The one of this id."""
        return self._found.get(id)

    def package(self, digest: str) -> Package | None:
        """The package of this digest."""
        return self._packages.get(digest)

    def refuse_change(self, id: str) -> None:  # noqa: A002
        """Raise if this id is taken by a process that cannot be changed."""
        if id in self._found:
            raise ImmutableProcess(f"The process {id} is part of the server and cannot be changed.", field="id")


def load(config: Path | None = None) -> Builtins:
    """The shipped processes, and those of the configuration file, which win where the id is the same."""
    return Builtins([*_shipped(), *(_configured(config) if config else ())])


def _shipped() -> Iterator[Builtin]:
    for document in sorted(shipped.folder("processes").glob("*.json")):
        yield builtin(orjson.loads(document.read_bytes()), {"name": document.stem})


def builtin(metadata: Mapping[str, JSON], processor: dict[str, JSON]) -> Builtin:
    """A process from the metadata of a processor; `processor` is pygeoapi's definition of it.

    A `name` without a dot is a module in `processes/` or one of pygeoapi's own processors.
    """
    description = _description(metadata)
    body = orjson.dumps({"metadata": description, "processor": processor})
    return Builtin(
        id=str(metadata["id"]),
        version=str(metadata.get("version", "1.0.0")),
        package=Package(
            digest=sha256(body).hexdigest(),
            media_type=MEDIA_TYPE,
            body=body,
            entry=str(metadata["id"]),
            description=description,
            validator={},  # the description says it all
            executable={"kind": "native", "processor": processor},
        ),
    )


def _description(metadata: Mapping[str, JSON]) -> dict[str, JSON]:
    """The description as the standard wants it: one language, all mandatory parts, nothing that depends on a place."""
    found = {key: _one_language(value) for key, value in metadata.items() if key not in _NOT_OURS}
    found.setdefault("title", metadata["id"])
    found["jobControlOptions"] = list(dict.fromkeys([*found.get("jobControlOptions", _CONTROL), "dismiss"]))
    found.setdefault("outputTransmission", _TRANSMISSION)
    found.setdefault("keywords", [])
    found.setdefault("metadata", [])
    found["inputs"] = {name: _port(port) for name, port in (metadata.get("inputs") or {}).items()}
    found["outputs"] = {name: _port(port) for name, port in (metadata.get("outputs") or {}).items()}
    first = ("title", "description", "jobControlOptions", "outputTransmission", "keywords", "metadata")
    return {key: found[key] for key in first if key in found} | found


def _port(port: dict[str, JSON]) -> dict[str, JSON]:
    return {"schema": {}} | {key: _one_language(value) for key, value in port.items()}


def _one_language(value: JSON) -> JSON:
    """A text that may come in several languages; English is understood most widely."""
    if isinstance(value, dict) and value and all(re.fullmatch(r"[a-z]{2}(-[A-Z]{2})?", str(key)) for key in value):
        return value.get("en", value.get("en-US", next(iter(value.values()))))
    return value


# -- the configuration file -----------------------------------------------------------------------------------------


def _configured(config: Path) -> Iterator[Builtin]:
    resources = _resources(config)
    processors = {
        name: entry.get("processor", {}) for name, entry in resources.items() if entry.get("type") == "process"
    }
    for name, processor in processors.items():
        if not isinstance(processor, dict) or not isinstance(processor.get("name"), str):
            raise Misconfigured(f"{config}: the process {name} has no processor with a name.", field="config")
    if not processors:
        return
    for name, metadata in _ask(config, processors).items():
        yield builtin(metadata | {"id": name}, processors[name])


def _resources(config: Path) -> dict[str, Any]:
    try:
        text = config.read_text(encoding="utf-8")
        document = yaml.safe_load(_VARIABLE.sub(lambda match: os.environ.get(match[1], match[2] or ""), text))
    except (OSError, yaml.YAMLError) as error:
        raise Misconfigured(f"The configuration file {config} cannot be read: {error}", field="config") from error
    resources = document.get("resources", {}) if isinstance(document, dict) else None
    if not isinstance(resources, dict) or not all(isinstance(entry, dict) for entry in resources.values()):
        raise Misconfigured(f"{config}: `resources` should be a mapping from ids to resources.", field="config")
    return resources


def _ask(config: Path, processors: Mapping[str, JSON]) -> dict[str, dict[str, JSON]]:
    """What the processors say of themselves, asked in a process of its own."""
    command = [sys.executable, "-m", "ades.runner.processor"]
    try:
        asked = subprocess.run(  # noqa: S603 - our own module
            command, input=json.dumps(processors), capture_output=True, text=True, timeout=_ASK_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Misconfigured(
            f"{config}: the processes took more than {_ASK_SECONDS} s to describe themselves."
        ) from error
    if asked.returncode:
        reason = (asked.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Misconfigured(f"{config}: the processes cannot be described: {reason}", field="config")
    described: dict[str, dict[str, JSON]] = json.loads(asked.stdout)
    return described
