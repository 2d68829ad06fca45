"""What a job tells of its files: names within the job, not where the server keeps them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from pathlib import Path

_BEGIN: Final = rb"(?<![\w./-])"
"""Nothing that the path would be only the end of."""


@dataclass(frozen=True, slots=True)
class Words:
    """Takes places of the server out of what is told."""

    places: tuple[tuple[re.Pattern[bytes], bytes], ...] = ()

    @classmethod
    def of(cls, folder: Path) -> Words:
        """For a job with this folder, which lies two levels below the data folder."""
        own, data = _quoted(folder), _quoted(folder.parent.parent)
        return cls(
            (
                # Some messages have lost the slash at the beginning.
                (re.compile(_BEGIN + b"/?" + own[1:] + b"/"), b""),
                (re.compile(_BEGIN + b"/?" + own[1:] + rb"\b"), b"."),
                (re.compile(_BEGIN + data + b"/"), b""),
            )
        )

    def plain(self, line: bytes) -> bytes:
        """The line of an event without them: `/data/jobs/…/work/x` becomes `work/x`."""
        for place, instead in self.places:
            line = place.sub(instead, line)
        return line


def _quoted(path: Path) -> bytes:
    return re.escape(orjson.dumps(str(path))[1:-1])
