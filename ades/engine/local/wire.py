"""How engine, warm parent and keepers talk: JSON over local sockets, and open sockets handed along with it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST: Final = 65536
_CHUNK: Final = 262144


def packet_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends; each message arrives whole, with what was handed along."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def stream_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends for lines in both directions."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


def send(channel: socket.socket, message: dict[str, Any], hand: int | None = None) -> None:
    """Send a message and perhaps an open file."""
    socket.send_fds(channel, [orjson.dumps(message)], [] if hand is None else [hand])


def receive(channel: socket.socket) -> tuple[dict[str, Any], int | None] | None:
    """A message and what was handed along; None when the other end is gone."""
    try:
        text, hands, _flags, _address = socket.recv_fds(channel, _LARGEST, 1)
    except ConnectionError:
        return None
    if not text:
        return None
    return orjson.loads(text), (hands[0] if hands else None)


class Lines:
    """Cuts what arrives into lines."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that are complete now."""
        self._rest += chunk
        *complete, rest = self._rest.split(b"\n")
        self._rest = bytearray(rest)
        yield from map(bytes, complete)


def read_line(channel: socket.socket | int) -> tuple[bytes, bytes]:
    """The first line, and what has arrived after it; two times nothing when the other end is gone."""
    import os

    received = bytearray()
    while b"\n" not in received:
        chunk = os.read(channel, _CHUNK) if isinstance(channel, int) else channel.recv(_CHUNK)
        if not chunk:
            return b"", b""
        received += chunk
    line, _, rest = received.partition(b"\n")
    return bytes(line), bytes(rest)
