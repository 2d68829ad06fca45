"""Event streams of a server as an operator starts it: each holds a thread, and none for longer than somebody listens."""

import socket
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from served import serving

PATH = "/demo/ogc-api/events"
THREADS = 8
STREAMS = 4


def opened(url):
    """A stream that has begun, and the status that it began with."""
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=10)
    connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
    return connection, int(connection.recv(4096).split(b" ")[1])


@pytest.mark.long
def test_closed_streams_give_their_threads_back(tmp_path):
    """Within six seconds, without a word from who has left; until then others are told to come back, and served."""
    with (
        serving(tmp_path, worker="false", threads=str(THREADS), streams=str(STREAMS)) as server,
        ExitStack() as closing,
    ):
        streams = [opened(server.address()) for _ in range(STREAMS)]
        assert [200] * STREAMS == [status for _, status in streams]
        status, headers, _ = server.get(PATH)
        assert (503, "5") == (status, headers["retry-after"])
        assert 200 == server.get("/demo/ogc-api/jobs")[0]
        for connection, _ in streams:
            connection.close()
        left, again = time.monotonic(), 0
        while again < STREAMS:
            connection, status = opened(server.address())
            closing.callback(connection.close)
            again += status == 200
            assert time.monotonic() - left < 6, f"{again} of {STREAMS} threads are back"
            time.sleep(0.1)
