"""Clients that send slowly, or stop in the middle, to a server as an operator starts it."""

import json
import socket
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from served import serving

PATH = "/demo/ogc-api/processes/echo/execution"
BODY = json.dumps({"inputs": {"message": "hi"}})
THREADS = 8


def head(server, length):
    host = urlsplit(server.address()).netloc
    lines = [f"POST {PATH} HTTP/1.1", f"Host: {host}", "Content-Type: application/json", "Prefer: respond-async"]
    return "\r\n".join([*lines, f"Content-Length: {length}", "Connection: close", "", ""]).encode()


def stuck(server):
    """A request whose body never comes to its end."""
    parts = urlsplit(server.address())
    connection = socket.create_connection((parts.hostname, parts.port), timeout=30)
    connection.sendall(head(server, 1000) + b'{"inputs": ')
    return connection


def posted(server):
    """The status of a request that comes whole."""
    answer = server.send(head(server, len(BODY)) + BODY.encode(), timeout=30)
    return int(answer.split(b" ")[1]), answer


def until(status, server, seconds=60):
    end = time.monotonic() + seconds
    while (found := posted(server))[0] != status:
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found[1]


@pytest.mark.parametrize("requests", [THREADS, 4 * THREADS])
def test_bodies_that_do_not_come_leave_threads_to_others(tmp_path, requests):
    """Who reads is answered, who sends is told to come back; when the slow ones have gone everything is as before."""
    with serving(tmp_path, worker="false", threads=str(THREADS)) as server, ExitStack() as closing:
        assert 201 == posted(server)[0]
        slow = [closing.enter_context(stuck(server)) for _ in range(requests)]
        refused = until(503, server)
        assert b"retry-after: 5" in refused.lower()
        assert b"send this one again a little later" in refused
        for path in ("/healthz", "/demo/ogc-api/jobs"):
            assert 200 == server.get(path)[0]
        for connection in slow:
            connection.close()
        until(201, server)
