"""What this server asks of a package beyond the grammar: reserved names, images, resources, files that came along."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from ades.errors import InvalidPackage, MalformedPackage
from ades.recipe.document import named
from ades.recipe.fitting import holds
from ades.recipe.flow import asked, said
from ades.recipe.reading import Node
from ades.recipe.shapes import is_expression

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.model import JSON
    from ades.recipe.reading import Reading

RESERVED_STEPS: Final = ("node_stage_in", "node_stage_out")
RESERVED_INPUTS: Final = frozenset(
    {
        "CALLING_WORKSPACE_ACCESS_TOKEN",
        "STAGE_AWS_ACCESS_KEY_ID",
        "STAGE_AWS_SECRET_ACCESS_KEY",
        "STAGE_AWS_SESSION_TOKEN",
    },
)
PROCESS_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}")
_NO_NAME: Final = re.compile(r"\.{0,2}|.*[/\\\x00-\x1f\x7f-\x9f].*", re.DOTALL)
"""What cannot be a part of an address and the name of a folder."""
_LONGEST_NAME: Final = 128

_REFERENCE: Final = re.compile(
    r"""\$\((?:inputs|self|runtime|null)(?:\.\w+|\[(?:\d+|'(?:[^']|\\')+'|"(?:[^"]|\\")+")\])*\)"""
)


def check_id(process_id: str) -> None:
    """A process id becomes part of addresses and of storage keys, so it is made of plain characters."""
    if not PROCESS_ID.fullmatch(process_id):
        raise InvalidPackage(
            f"`{process_id[:60]}` cannot be the id of a process. Use letters, digits, `_`, `-` and `.`, beginning with "
            "a letter, digit or `_`, 128 at most.",
            field="id",
        )


def check(entry: Node, processes: list[Node], reading: Reading) -> None:
    """Refuse what is reserved, and warn of what is doubtful. `processes` are the entry and all that it runs."""
    _reserved(entry, processes)
    _expressions(processes, reading)
    _tools(entry, processes, reading)
    if not any("Directory" in str(port["type"]) for port in entry["outputs"]):
        reading.warn("No output is a Directory, so the results are not published as a STAC catalogue.")
    for process in processes:
        for port in process["inputs"]:
            _default_files(port, reading, outermost=process is entry)
            _default_value(port, reading)
        for step in process.get("steps", ()):
            for port in step["in"]:
                _default_files(port, reading, outermost=False)


def _reserved(entry: Node, processes: list[Node]) -> None:
    for process in processes:
        for step in process.get("steps", ()):
            if step["id"].startswith(RESERVED_STEPS):
                raise MalformedPackage(
                    f"The step `{step['id']}` has a reserved name: steps that begin with `node_stage_in` or "
                    "`node_stage_out` are made by the server. Give it another name.",
                    field=step["id"],
                )
    for port in entry["inputs"]:
        if port["id"] in RESERVED_INPUTS:
            raise MalformedPackage(
                f"The input `{port['id']}` has a reserved name: credentials never travel as inputs. Take it out.",
                field=port["id"],
            )
    for port in entry["outputs"]:
        if _NO_NAME.fullmatch(port["id"]) or len(port["id"]) > _LONGEST_NAME:
            raise MalformedPackage(
                f"The output {port['id'][:60]!r} cannot have this id: it becomes part of addresses and of the names of "
                "its files. Give it one without `/`, `\\` and control characters, that is not `.` or `..`, of "
                f"{_LONGEST_NAME} characters at most.",
                field=port["id"][:60],
            )


# -- doubts ---------------------------------------------------------------------------------------------------------


def _tools(entry: Node, processes: list[Node], reading: Reading) -> None:
    above = {id(process): asked(process) for process in processes}
    by_id = {f"#{process['id']}": process for process in processes if process.get("id")}
    covered: dict[int, frozenset[str]] = {id(entry): above[id(entry)]}
    for process in processes:
        for step in process.get("steps", ()):
            run = step["run"]
            other = id(run if isinstance(run, Node) else by_id[run])
            covered[other] = covered.get(other, above[other]) | covered.get(id(process), frozenset()) | asked(step)
    named = {id(step["run"]): f"The tool of the step `{step['id']}`" for p in processes for step in p.get("steps", ())}
    for process in processes:
        if process["class"] == "CommandLineTool":
            name = f"The tool `{process['id']}`" if process.get("id") else named.get(id(process), "The tool")
            _tool(process, name, covered.get(id(process), above[id(process)]), reading)


def _tool(tool: Node, name: str, has: frozenset[str], reading: Reading) -> None:
    if "ResourceRequirement" not in has:
        reading.warn(f"{name} does not say what it needs (ResourceRequirement); it gets the default share.")
    if "DockerRequirement" not in has:
        reading.warn(f"{name} names no image (DockerRequirement); its command must be on the machine.")
    for item in (*tool.get("requirements", ()), *tool.get("hints", ())):
        if item["class"] == "DockerRequirement":
            _image(str(item.get("dockerPull") or item.get("dockerImageId") or ""), reading)


def _image(image: str, reading: Reading) -> None:
    if not image or "@sha256:" in image:
        return
    tag = image.rpartition("/")[2].partition(":")[2]
    if not tag:
        reading.warn(f"The image `{image}` has no tag, so that it may be another one tomorrow.")
    elif tag == "latest":
        reading.warn(f"The image `{image}` may be another one tomorrow. Name a version instead of `latest`.")


def _expressions(processes: list[Node], reading: Reading) -> None:
    if any("InlineJavascriptRequirement" in asked(process) for process in processes):
        return  # a workflow that asks for JavaScript gives it to its steps
    for process in processes:
        for text in _evaluated(process):
            if "$(" in _REFERENCE.sub("", text.replace("\\$(", "")):
                reading.warn(
                    f"The expression `{' '.join(text.split())[:60]}` of `{process.get('id') or process['class']}` is more "
                    "than a reference, so it needs InlineJavascriptRequirement. If it is meant for a shell, write `\\$(`.",
                )


_EVALUATED: Final = frozenset(
    {"valueFrom", "outputEval", "glob", "expression", "entry", "entryname", "envValue", "stdin", "stdout", "stderr",
     "arguments", "when", "position", "secondaryFiles", "format"}
)  # fmt: skip


def _evaluated(value: JSON) -> Iterator[str]:
    """The texts in which expressions are evaluated."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in _EVALUATED:
                yield from (text for text in _strings(item) if "$(" in text)
            elif key not in {"default", "run", "doc"}:
                yield from _evaluated(item)
    elif isinstance(value, list):
        for item in value:
            yield from _evaluated(item)


def _strings(value: JSON) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        yield from _evaluated(value)


def _default_value(port: Node, reading: Reading) -> None:
    """A default that is not of the type of its input would make each job fail that relies on it."""
    value = port.get("default")
    if value is None or is_expression(value) or holds(port["type"], value):
        return
    advice = ""
    if isinstance(value, (int, float)) and holds(port["type"], str(value)):
        advice = f' Put it in quotes: "{str(value).lower()}".'
    reading.problem(
        port.at, f"The default of `{port['id']}` is {named(value)}, but its type is {said(port['type'])}.{advice}"
    )


# -- files as defaults ----------------------------------------------------------------------------------------------


def _default_files(port: JSON, reading: Reading, *, outermost: bool) -> None:
    """A default file must have an address or its contents; one that did not come along is no default.

    Addresses are staged in for the inputs of the process itself; within it nothing is fetched any more.
    """
    if "default" not in port:
        return
    base = _base(port)
    if not outermost and (far := [item for item in _files(port["default"]) if _settled(item, base) and _far(item)]):
        reading.problem(
            port.at,
            f"The default of `{port['id']}` lies at {far[0]['location']}, but only inputs of the process itself are "
            "fetched. Make it the default of an input of the outermost workflow, and link that.",
        )
        return
    missing = [item for item in _files(port["default"]) if not _settled(item, base)]
    if missing:
        del port["default"]
        named = ", ".join(f"`{item.get('location') or item.get('path') or item.get('class')}`" for item in missing)
        reading.warn(f"The default of `{port['id']}` is a file that did not come along ({named}), so it has none.")


def _base(port: JSON) -> str | None:
    at = port.at if isinstance(port, Node) else None
    while isinstance(at, tuple):
        at = at[0]
    return at.address if at else None


def _files(value: JSON) -> Iterator[dict[str, JSON]]:
    if isinstance(value, dict):
        if value.get("class") in ("File", "Directory"):
            yield value
        for key in ("listing", "secondaryFiles") if "class" in value else value:
            yield from _files(value.get(key))
    elif isinstance(value, list):
        for item in value:
            yield from _files(item)


def _far(item: dict[str, JSON]) -> bool:
    return "location" in item


def _settled(item: dict[str, JSON], base: str | None) -> bool:
    """Whether the file can be had later on. Writes a relative name as the address that it has."""
    place = item.get("location") or item.get("path")
    if place is None:
        return "contents" in item or "listing" in item
    if not urlsplit(str(place)).scheme and base:
        place = urljoin(base, str(place))
    item.pop("path", None)
    item["location"] = place
    return urlsplit(str(place)).scheme in {"http", "https", "s3"}
