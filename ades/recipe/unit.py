"""OGC application packages: which CWL their execution unit means, and what their description adds.

A unit is a link to CWL, CWL said inline (as JSON, or as text in a qualified value), or a container image, which becomes
a CommandLineTool of one image. Older drafts wrap the unit in a list or in `{"unit": …}`.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urldefrag

from ades.errors import BadRequest, InvalidPackage, MalformedPackage
from ades.recipe import text
from ades.recipe.container import tool_for_image
from ades.recipe.document import Document, Kind, named
from ades.recipe.reading import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.model import JSON

_MAX_WRAPPINGS: Final = 4


@dataclass(frozen=True, slots=True)
class Unit:
    """The CWL of a package, and what else the package says."""

    value: JSON
    source: Source
    entry: str | None = None
    """The id that a link names in its fragment."""
    name: str | None = None
    """From the last part of a link, for a process that has no id of its own."""
    description: dict[str, JSON] = field(default_factory=dict)
    """The `processDescription`, without its wrapper."""
    warnings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Addresses that were read."""


def unit_of(document: Document, fetch: Callable[[str], bytes] | None) -> Unit:
    """The unit of any document; a CWL document is its own."""
    if document.kind is Kind.CWL:
        return Unit(document.value, Source(document.text, document.address), name=_file_name(document.address))
    description = _description(document.value)
    return _Unfolding(document, description, fetch).unfold(document.value["executionUnit"], ("executionUnit",), 0)


def _description(value: dict[str, JSON]) -> dict[str, JSON]:
    found = value.get("processDescription")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InvalidPackage(f"`processDescription` must be an object, but this is {named(found)}.")
    if isinstance(found.get("process"), dict):
        around = {key: found[key] for key in ("jobControlOptions", "outputTransmission") if key in found}
        found = around | {"version": found.get("processVersion")} | found["process"]
    if "description" not in found and "abstract" in found:
        found = found | {"description": found["abstract"]}
    return found | {which: _ports(found[which], which) for which in ("inputs", "outputs") if which in found}


def _ports(found: JSON, which: str) -> dict[str, JSON]:
    """Inputs or outputs by id; older drafts list them."""
    if isinstance(found, list) and all(isinstance(port, dict) and isinstance(port.get("id"), str) for port in found):
        return {port["id"]: {key: value for key, value in port.items() if key != "id"} for port in found}
    if not isinstance(found, dict):
        raise InvalidPackage(f"`processDescription.{which}` maps ids to descriptions; this is {named(found)}.")
    return found


@dataclass(frozen=True, slots=True)
class _Unfolding:
    document: Document
    description: dict[str, JSON]
    fetch: Callable[[str], bytes] | None

    def unfold(  # noqa: C901, PLR0911 - one line for each form
        self, unit: JSON, path: tuple[str | int, ...], depth: int
    ) -> Unit:
        if depth > _MAX_WRAPPINGS:
            raise InvalidPackage("The execution unit is wrapped too many times.")
        match unit:
            case str():
                return self.link(unit)
            case list():
                return self.first(unit, path, depth)
            case {"unit": inner}:
                return self.unfold(inner, (*path, "unit"), depth + 1)
            case {"executionUnit": inner}:
                return self.unfold(inner, (*path, "executionUnit"), depth + 1)
            case {"href": str() as href}:
                self.check_type(unit.get("type"))
                return self.link(href)
            case {"image": _}:
                return self.container(unit)
            case {"type": "docker" | "oci", "value": dict() as inner}:
                return self.container(unit | inner)
            case {"value": inner}:
                self.check_type(unit.get("mediaType", unit.get("type")))
                return self.qualified(inner, unit.get("encoding"), (*path, "value"), depth)
            case {"cwlVersion": _} | {"$graph": _} | {"class": _}:
                return self.inline(unit, path)
        raise InvalidPackage(
            "The execution unit is none that is understood here. It may be `{href, type}`, `{value, mediaType}` or "
            f"`{{type: docker, image}}`; this is {_sketch(unit)}.",
        )

    def first(self, units: list[JSON], path: tuple[str | int, ...], depth: int) -> Unit:
        """The first of several units that can be used here."""
        refused: InvalidPackage | None = None
        for index, unit in enumerate(units):
            try:
                return self.unfold(unit, (*path, index), depth + 1)
            except InvalidPackage as error:
                refused = refused or error
        raise refused or InvalidPackage("`executionUnit` is an empty list, so there is nothing to execute.")

    def check_type(self, media_type: JSON) -> None:
        word = str(media_type or "").partition(";")[0].strip().lower()
        if word and not any(part in word for part in ("cwl", "yaml", "json", "octet-stream", "text/plain")):
            raise InvalidPackage(
                f"An execution unit of type `{word}` is not understood here. Use `application/cwl`, or `docker` with an "
                "`image`.",
            )

    def inline(self, value: JSON, path: tuple[str | int, ...]) -> Unit:
        source = Source(self.document.text, self.document.address, path)
        return Unit(value, source, description=self.description)

    def qualified(self, value: JSON, encoding: JSON, path: tuple[str | int, ...], depth: int) -> Unit:
        if isinstance(value, str):
            written = _decoded(value) if encoding == "base64" else value
            return Unit(text.load(written), Source(written), description=self.description)
        return self.unfold(value, path, depth + 1)

    def link(self, href: str) -> Unit:
        address, fragment = urldefrag(href)
        if self.fetch is None:
            raise InvalidPackage(f"The execution unit lies at {address}, and other addresses are not read here.")
        written = text.decode(self.fetch(address))
        if not written.strip():
            raise BadRequest(f"There is nothing at {address}.")
        try:
            value = text.load(written)
        except MalformedPackage as error:
            raise MalformedPackage(f"{address}: {error.detail}", **error.extra) from error
        return Unit(
            value,
            Source(written, address),
            entry=unquote(fragment) or None,
            name=_file_name(address),
            description=self.description,
            files=(address,),
        )

    def container(self, unit: dict[str, JSON]) -> Unit:
        tool, warnings = tool_for_image(unit, self.description)
        source = Source(self.document.text, None, ("executionUnit",))
        return Unit(tool, source, description=self.description, warnings=tuple(warnings))


def _decoded(value: str) -> str:
    try:
        return text.decode(base64.b64decode(value, validate=True))
    except binascii.Error as error:
        raise MalformedPackage("The value of the execution unit is not base64, as its `encoding` says.") from error


def _file_name(address: str | None) -> str | None:
    if not address:
        return None
    last = unquote(urldefrag(address)[0].partition("?")[0].rpartition("/")[2])
    for ending in (".cwl", ".yaml", ".yml", ".json"):
        last = last.removesuffix(ending)
    return last or None


def _sketch(unit: JSON) -> str:
    return f"an object with {', '.join(list(unit)[:6]) or 'nothing'}" if isinstance(unit, dict) else named(unit)
