"""Files that come down: written beside their place first, taken up again where they broke."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ades.client._http import Rejected, Unreachable
from ades.client._transport import FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ades.client._http import Http

_STALLS: Final = 8
"""So many times in a row a download may come no further."""
_PARTIAL: Final = 206
_NO_MORE: Final = 416


def save(http: Http, url: str, path: Path, *, progress: Callable[[int, int], None] | None = None) -> Path:
    """Write what lies at an address into a file, which appears when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    download, stalls = _Download(http, url, part, progress), 0
    while not download.go_on():
        stalls = stalls + 1 if download.done <= download.before else 0
        if stalls >= _STALLS:
            raise Unreachable(f"{url} breaks off again and again after {download.done} bytes.")
        time.sleep(min(5, 0.2 * 2**stalls))
    part.replace(path)
    return path


@dataclass(slots=True)
class _Download:
    http: Http
    url: str
    part: Path
    progress: Callable[[int, int], None] | None
    mark: str | None = None
    """By which the server knows whether the file is still the same; without one it is begun anew."""
    done: int = 0
    before: int = 0

    def go_on(self) -> bool:
        """Read on from where it broke; whether it is whole now."""
        self.before = self.done
        resumed = {"Range": f"bytes={self.done}-", "If-Range": self.mark} if self.done and self.mark else {}
        try:
            answer = self.http.send("GET", self.url, headers={"Accept": "*/*", **resumed}, stream=True)
        except Rejected as error:
            if error.status == _NO_MORE and resumed:
                return True
            raise
        with answer:
            going_on = answer.status_code == _PARTIAL
            etag = answer.headers.get("ETag")
            self.mark = etag if etag and not etag.startswith("W/") else None
            self.done = self.done if going_on else 0
            total = self.done + int(answer.headers.get("Content-Length") or 0)
            with self.part.open("ab" if going_on else "wb") as file:
                try:
                    for piece in answer.pieces(1 << 18):
                        file.write(piece)
                        self.done += len(piece)
                        if self.progress:
                            self.progress(self.done, total)
                except FAULTS:
                    return False
        return True
