"""The files of a workspace: listed, sent in pieces that survive a broken connection, fetched and removed."""

from __future__ import annotations

import io
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urljoin

from ades.client._http import ClientError, Unreachable, find_link
from ades.client._saving import save

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from ades.client._http import Http

PIECE: Final = 16 * 1024**2
"""Larger files travel in pieces of this size."""
_MORE: Final = 308
_STALLS: Final = 8
"""So many times in a row an upload may come no further."""


def media_type(path: Path) -> str:
    """What a file is, by its name."""
    import mimetypes

    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


class Files:
    """The files of a workspace of an ADES server."""

    def __init__(self, http: Http, url: str, near: Callable[[str], str]) -> None:
        self._http = http
        self._near = near
        self.url = url

    def list(self, path: str = "") -> Iterator[dict[str, Any]]:
        """The files below a folder, page by page, with `path`, `size`, `modified` and `href`."""
        url: str | None = self._address(path) if path else self.url
        while url:
            document = self._http.json(url)
            if "files" not in document:
                raise ClientError(f"{path} is a file, not a folder.")
            yield from document["files"]
            following = find_link(document, "next")
            url = self._near(urljoin(url, following)) if following else None

    def put(
        self, source: str | Path, path: str | None = None, *, progress: Callable[[int, int], None] | None = None
    ) -> str:
        """Send a file or a folder; its address is a valid input. `progress` hears of bytes sent, and of how many."""
        local = Path(source)
        if local.exists() and not local.is_file() and not local.is_dir():
            raise ClientError(
                f"{local} is neither a file nor a folder, but a pipe or a device. Write it to a file first."
            )
        target = path or f"uploads/{uuid.uuid4().hex[:12]}/{_name(local)}"
        try:
            if not local.is_dir():
                return self._send(local, self._address(target), progress)
            for file in sorted(entry for entry in local.rglob("*") if entry.is_file()):
                self._send(file, self._address(f"{target}/{file.relative_to(local).as_posix()}"), progress)
        except OSError as error:
            raise ClientError(f"{local} cannot be read: {error.strerror or error}.") from error
        return self._address(target) + "/" + ("catalog.json" if (local / "catalog.json").exists() else "")

    def get(self, path: str, target: str | Path, *, progress: Callable[[int, int], None] | None = None) -> Path:
        """Fetch a file; one that broke off goes on where it was."""
        return save(self._http, self._address(path), Path(target), progress=progress)

    def remove(self, path: str, *, recursive: bool = False) -> None:
        """Delete a file, or with `recursive` a folder."""
        self._http.send("DELETE", self._address(path), params={"recursive": "true"} if recursive else None)

    def _address(self, path: str) -> str:
        return f"{self.url}/{quote(path.strip('/'))}"

    def _send(self, source: Path, url: str, progress: Callable[[int, int], None] | None) -> str:
        total = source.stat().st_size
        with source.open("rb") as body:
            if total > PIECE:
                self._send_pieces(body, url, total, media_type(source), progress)
            else:
                headers = {"Content-Type": media_type(source), "Content-Length": str(total)}
                self._http.send("PUT", url, data=body if total else b"", headers=headers)
        if progress:
            progress(total, total)
        return url

    def _send_pieces(
        self, body: BinaryIO, url: str, total: int, kind: str, progress: Callable[[int, int], None] | None
    ) -> None:
        """Ask how far it is, and send what follows, until the server says that it has all."""
        reached, stalls = self._reached(url, total), 0
        while reached < total:
            body.seek(reached)
            piece = body.read(PIECE)
            told = {"Content-Range": f"bytes {reached}-{reached + len(piece) - 1}/{total}", "Content-Type": kind}
            try:
                answer = self._http.send("PUT", url, data=io.BytesIO(piece), headers=told | _length(piece))
            except Unreachable:
                now = self._reached(url, total)
            else:
                if answer.status_code != _MORE:
                    return
                now = _end(answer.headers.get("Range"))
            stalls = 0 if now > reached else stalls + 1
            if stalls > _STALLS:
                raise ClientError(f"The upload to {url} comes no further than {reached} of {total} bytes.")
            reached = now
            if progress:
                progress(reached, total)

    def _reached(self, url: str, total: int) -> int:
        answer = self._http.send("PUT", url, data=b"", headers={"Content-Range": f"bytes */{total}"} | _length(b""))
        return _end(answer.headers.get("Range")) if answer.status_code == _MORE else total


def _name(local: Path) -> str:
    """What a file or folder is called, also if it was given as `.`; addresses hold no control characters."""
    called = Path(os.path.abspath(local)).name or "files"  # noqa: PTH100 - links keep their names
    return "".join(char if char.isprintable() else "_" for char in called)


def _length(piece: bytes) -> dict[str, str]:
    return {"Content-Length": str(len(piece))}


def _end(header: str | None) -> int:
    """From `bytes=0-99` that 100 bytes are there."""
    last = (header or "").rpartition("-")[2]
    return int(last) + 1 if last.isdecimal() else 0
