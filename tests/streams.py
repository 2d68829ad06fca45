"""Reading event streams as a browser reads them."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass
class Heard:
    """One event."""

    id: str
    kind: str
    data: Any

    @property
    def word(self):
        """What it says in one word."""
        return self.data.get("status") or self.data.get("name") or self.data.get("progress") or self.data["lines"]


def heard(chunks):
    """The events in the pieces of a stream, as they come; None for a comment."""
    rest = b""
    for chunk in chunks:
        *blocks, rest = (rest + chunk).split(b"\n\n")
        for block in blocks:
            fields = dict(line.partition(": ")[::2] for line in block.decode().split("\n"))
            if "event" in fields:
                yield Heard(fields["id"], fields["event"], json.loads(fields["data"]))
            elif "" in fields:
                yield None
    assert rest == b""
