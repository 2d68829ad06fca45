"""Results as bytes: values, documents, multipart bodies and archives. Files are passed on in pieces, never held whole."""

from __future__ import annotations

import base64
import mimetypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import orjson

from ades.errors import ResultNotAvailable
from ades.model import Result, ResultKind
from ades.service.archive import pieces_of, zipped
from ades.service.representation import JSON_TYPE, Entry, Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ades.model import JSON
    from ades.objects import ObjectStore

    Href = Callable[..., str]
    """href(output) or href(output, index): the address of an output or of one of its values."""

BOX: Final = frozenset({"bbox", "crs"})


@dataclass(frozen=True, slots=True)
class Shaper:
    """Shapes the results of one job for one address of the API."""

    objects: ObjectStore
    href: Href
    locate: Callable[[str], str | None]
    """The address of a file of the job by its key; None for what is not one."""
    stac: Callable[[Result], JSON]
    """The document of a result that is a folder: a STAC collection or catalogue with addresses that can be read."""

    # -- one value -------------------------------------------------------------------------------------------------

    def value(self, output: Output, media_type: str) -> bytes:
        """The plain value of an output that is not one file."""
        if output.many:
            return dumps([self._plain(row) for row in output.rows])
        value = self._plain(output.rows[0])
        if media_type == JSON_TYPE or media_type.endswith("+json"):
            return dumps(value)
        return value.encode() if isinstance(value, str) else dumps(value)

    def one(self, row: Result) -> JSON:
        """The plain value of one element."""
        return self._plain(row)

    def _plain(self, row: Result) -> JSON:
        if row.kind is ResultKind.VALUE:
            return self._located(row.value)
        if row.kind is ResultKind.FILE:
            return self._link(row)
        return self.stac(row)

    def _located(self, value: JSON) -> JSON:
        """A value whose files, which it names by their keys, have become links."""
        if isinstance(value, list):
            return [self._located(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.keys() == {"key", "type"} and (href := self.locate(str(value["key"]))):
            return {"href": href, "type": value["type"]}
        return {name: self._located(item) for name, item in value.items()}

    # -- the document ----------------------------------------------------------------------------------------------

    def document(self, entries: Iterable[Entry]) -> dict[str, JSON]:
        """The map from output to value or link."""
        return {entry.output.id: self._entry(entry) for entry in entries}

    def _entry(self, entry: Entry) -> JSON:
        output = entry.output
        if entry.by_reference and output.is_value:
            return {"href": self.href(output.id), "type": output.media_types[0]}
        shaped = [self._link(row) if entry.by_reference else self._inline(row, many=output.many) for row in output.rows]
        return shaped if output.many else shaped[0]

    def _link(self, row: Result) -> dict[str, JSON]:
        href = self.href(row.output, row.index) if row.many else self.href(row.output)
        link: dict[str, JSON] = {"href": href, "type": row.media_type}
        if row.kind is ResultKind.FILE and row.key:
            link["title"] = row.key.rsplit("/", 1)[-1]
        if row.size is not None:
            link["length"] = row.size
        return link

    def _inline(self, row: Result, *, many: bool) -> JSON:
        if row.kind is ResultKind.VALUE:
            value = self._located(row.value)
            bare = many or not isinstance(value, dict) or set(value) <= BOX
            return value if bare else {"value": value, "mediaType": row.media_type}
        if row.kind is ResultKind.FILE:
            return _qualified(self._read(row), row.media_type)
        return {"value": self.stac(row), "mediaType": JSON_TYPE}

    def _read(self, row: Result) -> bytes:
        try:
            with self.objects.open(str(row.key)) as source:
                return source.read()
        except FileNotFoundError:
            raise gone(row) from None

    # -- several in one body ---------------------------------------------------------------------------------------

    def multipart(self, entries: Iterable[Entry]) -> tuple[str, Iterator[bytes]]:
        """multipart/related (RFC 2387): its media type with the boundary, and the body in pieces."""
        boundary = uuid4().hex
        return f'multipart/related; boundary="{boundary}"', self._parts(boundary, list(entries))

    def _parts(self, boundary: str, entries: list[Entry]) -> Iterator[bytes]:
        for entry in entries:
            output = entry.output
            media_type = output.media_types[0]
            yield f"--{boundary}\r\nContent-ID: {output.id}\r\nContent-Type: {media_type}\r\n".encode()
            if entry.by_reference:
                yield f"Content-Location: {self.href(output.id)}\r\n\r\n".encode()
            else:
                yield b"\r\n"
                yield from self.pieces(output, media_type)
            yield b"\r\n"
        yield f"--{boundary}--\r\n".encode()

    def pieces(self, output: Output, media_type: str) -> Iterator[bytes]:
        """The plain value in pieces, file or not."""
        if not output.many and output.rows[0].kind is ResultKind.FILE:
            yield from pieces_of(self.objects, str(output.rows[0].key))
        else:
            yield self.value(output, media_type)

    def archive(self, outputs: Iterable[Output]) -> Iterator[bytes]:
        """A zip that is made while it is sent: files and folders under the names of their outputs."""
        return zipped(file for output in outputs for row in output.rows for file in self._files(output, row))

    def _files(self, output: Output, row: Result) -> Iterator[tuple[str, Iterable[bytes]]]:
        """The files that an output is in an archive, by name."""
        folder = f"{output.id}/{row.index}" if output.many else output.id
        if row.kind is ResultKind.VALUE:
            text = row.value if isinstance(row.value, str) and not output.many else None
            content = dumps(row.value) if text is None else text.encode()
            yield f"{folder}{'.json' if text is None else _extension(output.media_types[0])}", [content]
        elif row.kind is ResultKind.FILE:
            name = str(row.key).rsplit("/", 1)[-1]
            yield f"{folder}/{name}", pieces_of(self.objects, str(row.key))
        else:
            for info in self.objects.list(str(row.key)):
                yield folder + info.key.removeprefix(str(row.key)), pieces_of(self.objects, info.key)


def gone(row: Result) -> ResultNotAvailable:
    """What is said when the row is there and the file is not."""
    return ResultNotAvailable(f"The file of output {row.output} is no longer there.")


def dumps(value: JSON) -> bytes:
    """JSON as bytes."""
    return orjson.dumps(value)


def _qualified(content: bytes, media_type: str) -> dict[str, Any]:
    """The content of a file as a qualified value: JSON as JSON, text as text, all else as base64."""
    main = media_type.split(";", 1)[0].lower()
    try:
        if main == JSON_TYPE or main.endswith("+json"):
            return {"value": orjson.loads(content), "mediaType": media_type}
        if main.startswith("text/"):
            return {"value": content.decode(), "mediaType": media_type}
    except ValueError:
        pass  # a file that is not what its type says travels as it is
    return {"value": base64.b64encode(content).decode(), "mediaType": media_type, "encoding": "base64"}


def _extension(media_type: str) -> str:
    return mimetypes.guess_extension(media_type.split(";", 1)[0]) or ".txt"
