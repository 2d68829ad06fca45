"""Inputs as they are typed on a command line, made into what the description of the process asks for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import yaml

_READERS: dict[str, Any] = {"integer": int, "number": float}
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def gather(ports: Mapping[str, Any], words: Iterable[str], files: Iterable[Path]) -> dict[str, Any]:
    """All inputs: those of the files first, those of the command line on top."""
    inputs: dict[str, Any] = {}
    for file in files:
        inputs |= _document(file)
    given: dict[str, list[str]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{word}: an input is written NAME=VALUE.")
        if ports and name not in ports:
            raise click.UsageError(f"There is no input {name}. There are: {', '.join(ports)}.")
        given.setdefault(name, []).append(value)
    return inputs | {
        name: _value(name, values, ports.get(name, {}).get("schema") or {}) for name, values in given.items()
    }


def _document(file: Path) -> dict[str, Any]:
    """The inputs in a YAML or JSON file; an execution request is accepted too."""
    import yaml

    try:
        content = yaml.safe_load(file.read_bytes())
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise click.UsageError(f"{file} is neither YAML nor JSON: {_where(error)}.") from error
    if not isinstance(content, dict):
        raise click.UsageError(f"{file} holds no inputs; it must be a mapping of names to values.")
    inputs = content.get("inputs")
    return inputs if isinstance(inputs, dict) else content


def _where(error: yaml.YAMLError) -> str:
    """What does not fit, in one line."""
    mark, said = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or not said:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {said}"


def _value(name: str, values: list[str], schema: dict[str, Any]) -> Any:
    if schema.get("type") == "array" and not (len(values) == 1 and values[0].startswith("[")):
        return [_one(name, value, schema.get("items") or {}) for value in values]
    read = [_one(name, value, schema) for value in values]
    return read[0] if len(read) == 1 else read


def _one(name: str, text: str, schema: dict[str, Any]) -> Any:
    """One value, read as its schema says; `@file` and the name of a file that is there become uploads."""
    if text.startswith("@"):
        return _file(name, Path(text[1:]))
    kinds = {branch.get("type") for branch in (schema, *schema.get("oneOf", ()), *schema.get("anyOf", ()))} - {None}
    if "string" in kinds:
        takes_files = "object" in kinds or schema.get("format") in {"uri", "binary"}
        if takes_files and Path(text).exists():
            return Path(text)
        if _only_addresses(schema) and not _ADDRESS.match(text):
            raise click.UsageError(f"{name}={text}: there is no such file, and this is no address.")
        return text
    try:
        return _read(text, kinds)
    except (ValueError, KeyError):
        wanted = " or ".join(sorted(kinds)) or "JSON"
        raise click.UsageError(f"{name}={text}: this must be {wanted}.") from None


def _only_addresses(schema: dict[str, Any]) -> bool:
    """Whether a text can be nothing but the address of a file."""
    branches = (schema, *schema.get("oneOf", ()), *schema.get("anyOf", ()))
    return all(branch.get("format") == "uri" for branch in branches if branch.get("type") == "string")


def _read(text: str, kinds: set[Any]) -> Any:
    for kind, reader in _READERS.items():
        if kind in kinds:
            return reader(text)
    if "boolean" in kinds:
        return _TRUTH[text.lower()]
    if kinds:
        return json.loads(text)
    try:
        return json.loads(text)
    except ValueError:
        return text


def _file(name: str, path: Path) -> Path:
    if not path.exists():
        raise click.UsageError(f"{name}=@{path}: there is no such file.")
    return path
