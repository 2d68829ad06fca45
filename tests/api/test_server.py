"""A real server, and clients that do not keep to the rules."""

import json
import re
import socket
from urllib.parse import urlsplit

import psutil
import pytest
from served import parsed, serving

from ades.errors import Unavailable
from tests.api.conftest import PROBLEMS, ROOT


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("server"), threads="4") as started:
        yield started


def test_it_answers_where_it_says_it_is(server):
    status, headers, body = server.get(ROOT)

    assert 200 == status
    assert "application/json" == headers["content-type"]
    assert str(len(body)) == headers["content-length"]
    assert f"{server.address()}{ROOT}" == json.loads(body)["links"][0]["href"]


def test_head_has_the_length_and_nothing_else(server):
    _, get, body = server.get(ROOT)
    status, head, nothing = server.get(ROOT, method="HEAD")

    assert (200, b"") == (status, nothing)
    assert str(len(body)) == get["content-length"] == head["content-length"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a%2Fb", "about:blank"),
        ("%2e%2e%2f%2e%2e%2fetc%2fpasswd", "about:blank"),
        ("50%2525", PROBLEMS + "no-such-process"),
        ("%00", PROBLEMS + "no-such-process"),
        ("%ff%fe", PROBLEMS + "no-such-process"),
        ("%", PROBLEMS + "no-such-process"),
        ("%zz", PROBLEMS + "no-such-process"),
        ("%0d%0aX-Evil:%20yes", PROBLEMS + "no-such-process"),
        ("%F0%9F%92%A9", PROBLEMS + "no-such-process"),
        ("echo%00", PROBLEMS + "no-such-process"),
        ("x" * 20000, PROBLEMS + "no-such-process"),
    ],
)
def test_tricks_in_ids_are_not_found(server, name, kind):
    status, headers, body = server.get(f"{ROOT}/processes/{name}")

    assert 404 == status
    assert kind == json.loads(body)["type"]
    assert "x-evil" not in headers


@pytest.mark.parametrize(
    "query",
    ["limit=%ff", "limit=%00", "%00=1", "limit=1&%=%", "limit=٣", "limit=1e3", "limit=+1", "x" * 5000, "&&&=", "f=%00"],
)
def test_tricks_in_queries_are_refused(server, query):
    status, _, body = server.get(f"{ROOT}/processes?{query.encode().decode('latin-1')}")

    assert 400 == status
    if body:  # what is no valid request line is refused before it reaches us
        assert PROBLEMS + "invalid-query-parameter-value" == json.loads(body)["type"]


@pytest.mark.parametrize(
    "header",
    [
        "Accept: ;;;,,,q=",
        "Accept: " + "text/html;q=0.1," * 2000,
        "Accept: \xff\xfe",
        'If-None-Match: rubbish, "',
        "Authorization: Bearer \xff",
        "Authorization: " + "x" * 20000,
        "Cookie: " + "a=b;" * 5000,
        "X-Forwarded-Host: evil.example",
        "Forwarded: host=evil.example",
        "X-Forwarded-Prefix: /evil",
        "Content-Length: 5",
        "Range: bytes=5-1",
        "Prefer: ,,,;;;wait=-1",
    ],
)
def test_rubbish_in_headers_breaks_nothing(server, header):
    status, _, body = server.get(f"{ROOT}/processes", header)

    assert status in {200, 401, 406}
    assert b"evil" not in body


@pytest.mark.parametrize(
    "request_",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET  /  HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 700_000 + b"\r\n\r\n",
        b"GET /" + b"y" * 700_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\nConnection: close\r\n\r\n12345",
        b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a<b>\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: rubbish\r\nConnection: close\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(server, request_):
    answer = server.send(request_, timeout=3)

    assert not answer or 400 <= parsed(answer)[0] < 500


def test_a_client_that_goes_away_in_the_middle_disturbs_nobody(server):
    parts = urlsplit(server.address())
    for cut in (
        b"GET /demo/ogc-api HT",
        b"POST /demo/ogc-api/processes HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{",
    ):
        for _ in range(8):
            with socket.create_connection((parts.hostname, parts.port)) as connection:
                connection.sendall(cut)
    assert 200 == server.get(ROOT)[0]


def test_the_request_target_may_be_a_whole_address(server):
    """As clients send it through a proxy; the Host header counts."""
    status, _, body = server.get(f"http://elsewhere.example{ROOT}")

    assert 200 == status
    assert f"{server.address()}{ROOT}" == json.loads(body)["links"][0]["href"]


def test_http_1_0_without_host_is_answered(server):
    status, _, body = parsed(server.send(f"GET {ROOT} HTTP/1.0\r\n\r\n".encode()))

    assert 200 == status
    assert json.loads(body)["links"][0]["href"].endswith(ROOT)


def test_strangers_cannot_write_lines_into_the_log(server):
    server.get("/nowhere/%0a2026-01-01%20[error]%20forged%1b[31m")

    log = server.log.read_text()
    assert "/nowhere/%0A2026-01-01" in log
    assert not [line for line in log.splitlines() if line.startswith("2026-01-01")]
    assert "\x1b[31m" not in log


def test_the_log_names_the_request_as_the_answer_does(server):
    _, headers, _ = server.get(f"{ROOT}/processes/echo")

    lines = [line for line in server.log.read_text().splitlines() if headers["x-request-id"] in line]
    assert 1 == len(lines)
    assert "GET /demo/ogc-api/processes/echo answered with 200" in lines[0]


def test_probes_and_numbers(server):
    assert 200 == server.get("/healthz")[0]
    status, _, body = server.get("/readyz")
    assert 200 == status
    parts = json.loads(body)["parts"]
    assert parts.pop("sandbox") in {"ok", "warning"}  # not every machine lets jobs have one
    assert {"database": "ok", "storage": "ok"} == parts
    status, headers, body = server.get("/metrics")
    assert 200 == status
    assert headers["content-type"].startswith("text/plain; version=")
    assert re.search(
        rb'ades_requests_total\{method="GET",route="/\{workspace\}/ogc-api/processes/\{processID\}",status="200"\} \d',
        body,
    )
    assert b"nowhere" not in body


def test_readiness_tells_which_part_has_failed(client, services, monkeypatch):
    def dead():
        raise Unavailable("The database at db.internal does not answer.")

    monkeypatch.setattr(services.store, "ping", dead)
    answer = client.get("/readyz")

    assert 503 == answer.status_code
    assert "failed" == answer.json["status"]
    assert {"database": "failed", "storage": "ok"}.items() <= answer.json["parts"].items()
    assert 200 == client.get("/healthz").status_code


def test_several_processes_add_up_their_numbers(tmp_path):
    with serving(tmp_path, workers="2") as server:
        for _ in range(40):
            assert 200 == server.get("/healthz")[0]
        _, _, body = server.get("/metrics")
        children = psutil.Process(server.pid).children(recursive=True)

    assert len(children) >= 2
    counted = re.search(rb'ades_requests_total\{method="GET",route="/healthz",status="200"\} ([\d.]+)', body)
    assert counted is not None
    assert 40.0 == float(counted[1])


def test_a_taken_port_is_said_in_one_sentence(server, tmp_path):
    from ades.app import serve
    from ades.errors import Misconfigured
    from ades.settings import Settings

    port = urlsplit(server.address()).port
    announced = []
    with pytest.raises(Misconfigured, match=f"port {port}"):
        serve(Settings(data=tmp_path, port=port), announced.append)
    assert [] == announced
