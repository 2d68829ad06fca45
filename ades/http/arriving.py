"""Bodies as they arrive. Who sends slowly holds a thread, and there are seats for that too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.service.seats import Bodies


class Arriving:
    """What a client sends; a seat is held from the first read to the last one."""

    def __init__(self, stream: Any, length: int | None, bodies: Bodies) -> None:
        self._stream = stream
        self._left = length
        self._bodies = bodies
        self._leave: Callable[[], None] | None = None

    def read(self, size: int = -1) -> bytes:
        """The next bytes, as soon as they are there. Raises Crowded when too many others are waiting for theirs."""
        if self._leave is None:
            self._leave = self._bodies.take()
        data: bytes = self._stream.read(size)
        if self._left is not None:
            self._left -= len(data)
        if not data or size < 0 or self._left == 0:
            self.close()
        return data

    def close(self) -> None:
        """Give the seat back; nothing more will be read."""
        if self._leave is not None:
            self._leave()
            self._leave = None
