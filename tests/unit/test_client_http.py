"""How the client asks: patiently, with its token for one server alone, and with clear errors."""

import threading
import time
from email.utils import formatdate
from itertools import pairwise

import pytest
from web import Server

from ades.client import Client, ClientError, NotFound, Refused, Rejected, ServerTrouble, Unreachable
from ades.client._saving import save


@pytest.fixture
def web():
    """Makes servers that say whatever a test wants."""
    made = []

    def make(**options) -> Server:
        made.append(Server(**options))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def naps(monkeypatch):
    """The waits of the client, which are noted and not waited for."""
    found = []
    monkeypatch.setattr("ades.client._http.time.sleep", found.append)
    return found


def in_turn(server, path, *answers):
    """Each request to a path gets the next of these answers; None breaks the connection."""
    left = list(answers)

    def answer(_head, sock):
        now = left.pop(0) if len(left) > 1 else left[0]
        if now is None:
            return False
        sock.sendall(now)
        return True

    server.answers[path] = answer


def said(status, body=b"{}", **headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@pytest.mark.parametrize("trouble", ["503 Busy", "502 Bad Gateway", "504 Too Late", "429 Slow down", None])
def test_a_busy_or_vanished_server_is_asked_again_later_and_later(web, naps, trouble):
    """Each wait is about twice the one before."""
    server = web()
    bad = said(trouble) if trouble else None
    in_turn(server, "/job", bad, bad, bad, said("200 OK", b'{"a": 1}'))
    assert {"a": 1} == Client(server.url).http.json(f"{server.url}/job")
    assert [True] * 2 == [1.5 < after / before < 2.5 for before, after in pairwise(naps)]


def test_an_answer_that_breaks_off_is_asked_for_again(web, naps):
    """Half a document is none."""
    server = web()
    half = said("200 OK", b'{"a": 1}')[:-3]
    left = [half]
    whole = said("200 OK", b'{"a": 1}')
    server.answers["/job"] = lambda _, sock: sock.sendall(left.pop() if left else whole) or bool(left)
    assert {"a": 1} == Client(server.url).http.json(f"{server.url}/job")
    assert 1 == len(naps)


def test_nobody_is_asked_for_ever(web, naps):
    """After five times the trouble is told, with what the server said."""
    server = web()
    server.give("/job", b'{"detail": "The database is away."}', "503 Busy")
    with pytest.raises(ServerTrouble, match=r"The database is away\."):
        Client(server.url).http.json(f"{server.url}/job")
    assert (5, 4) == (len(server.heads), len(naps))


@pytest.mark.parametrize("when", ["7", "date"])
def test_a_server_that_says_when_is_believed(web, naps, when):
    """As seconds or as a time of day, and whatever the method: it has not begun to work on it."""
    server = web()
    told = formatdate(time.time() + 8, usegmt=True) if when == "date" else when
    in_turn(server, "/x", said("429 Slow down", Retry_After=told), said("200 OK"))
    Client(server.url).http.send("POST", f"{server.url}/x", json={})
    assert 1 == len(naps)
    assert 5 < naps[0] < 9


def test_a_server_that_wants_us_back_tomorrow_is_not_waited_for(web, naps):
    """Its answer is the answer."""
    server = web()
    server.give("/x", b"{}", "503 Busy", Retry_After="86400")
    with pytest.raises(ServerTrouble):
        Client(server.url).http.json(f"{server.url}/x")
    assert [] == naps


def test_what_might_have_been_done_is_not_asked_for_twice(web, naps):
    """A POST whose answer got lost is told to be lost."""
    server = web()
    in_turn(server, "/x", None, said("200 OK"))
    with pytest.raises(Unreachable):
        Client(server.url).http.send("POST", f"{server.url}/x", json={})
    assert ([], 1) == (naps, len(server.heads))


def test_a_connection_that_the_server_has_closed_is_not_used_again(web, naps):
    """Servers close idle connections when they like; nobody notices."""
    server = web()
    server.answers["/x"] = lambda _, sock: sock.sendall(said("200 OK")) and False
    client = Client(server.url)
    for _ in range(3):
        client.http.send("POST", f"{server.url}/x", json={})
        threading.Event().wait(0.1)
    assert (3, []) == (server.connections, naps)


def test_a_connection_is_kept(web):
    """A hundred requests do not need a hundred connections."""
    server = web()
    server.give("/x", b"{}")
    client = Client(server.url)
    for _ in range(5):
        client.http.json(f"{server.url}/x")
    assert 1 == server.connections


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("400 Bad", Rejected),
        ("401 Who", Refused),
        ("403 No", Refused),
        ("404 Gone", NotFound),
        ("500 Oh", ServerTrouble),
    ],
)
def test_problems_become_exceptions(web, status, kind):
    """With the sentence of the server, the status and the whole document."""
    server = web()
    server.give("/x", b'{"detail": "Say please.", "field": "manners"}', status)
    with pytest.raises(kind, match=r"^Say please\.$") as caught:
        Client(server.url).http.json(f"{server.url}/x")
    assert (int(status[:3]), "manners") == (caught.value.status, caught.value.problem["field"])


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:9", "nothing listens there"),
        ("http://nowhere.invalid", "nobody knows a host of this name"),
    ],
    ids=["nothing", "no-host"],
)
def test_a_wrong_address_is_said_at_once(naps, url, message):
    """Who has never been there need not be waited for."""
    with pytest.raises(Unreachable, match=message):
        Client(url).http.json(url)
    assert [] == naps


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:8080", ""], ids=["ftp", "no-scheme", "empty"])
def test_what_is_no_address_is_said(url):
    """Before anybody is asked."""
    with pytest.raises(ClientError, match="This is no address of a server"):
        Client(url).http.json(url)


def test_a_page_is_no_api(web):
    """The usual mistake: the address of a web site."""
    server = web()
    server.give("/processes", b"<html>", Content_Type="text/html")
    with pytest.raises(Exception, match=r"text/html instead of JSON\. Is this the address of an API\?"):
        list(Client(server.url).processes())


def test_an_early_refusal_of_a_large_body_is_heard(web, tmp_path):
    """The server answers and hangs up while we are still sending; its answer counts, not the broken pipe."""
    server = web()

    def refuse(sock):
        sock.recv(1024)
        sock.sendall(said("413 Too Large", b'{"detail": "Too large."}', Connection="close"))
        time.sleep(0.2)
        raise OSError

    server._wrap = refuse
    (tmp_path / "big").write_bytes(bytes(12 * 1024 * 1024))
    with pytest.raises(Rejected, match="Too large"):
        Client(server.url).workspace("demo").upload(tmp_path / "big")


# -- where the token goes -------------------------------------------------------------------------------------------


def authorised(server):
    return ["authorization: bearer secret" in head.lower() for head in server.heads]


def test_the_token_stays_with_the_server_that_was_named(web):
    """Neither a link nor a redirect leads it elsewhere."""
    server, stranger = web(), web()
    stranger.give("/x", b"{}")
    server.give("/x", b"", "302 Found", Location=f"{stranger.url}/x")
    client = Client(server.url, "secret")
    client.http.json(f"{server.url}/x")
    client.http.json(f"{stranger.url}/x")
    assert ([True], [False, False]) == (authorised(server), authorised(stranger))


def test_a_post_is_not_silently_turned_into_a_get(web):
    """An address that has moved is named, so that it can be put right."""
    server = web()
    server.give("/processes", b"", "301 Moved", Location="https://ades.example/processes")
    with pytest.raises(Rejected, match=r"has moved to https://ades\.example/processes"):
        Client(server.url).deploy("cwlVersion: v1.2\n")


def test_a_server_that_calls_itself_by_another_name_is_reached_where_it_is(web, tmp_path):
    """Behind a tunnel or a proxy: its links lead to us, with the token, all the way to a file."""
    server = web()
    public = "https://ades.example/eo"

    def give(path, document, **headers):
        import json

        kind = {"Content_Type": "application/json"}
        server.give(f"/demo/ogc-api{path}", json.dumps(document).encode(), **kind, **headers)

    api = f"{public}/demo/ogc-api"
    give("", {"links": [{"rel": "self", "href": api}]})
    execute = {"rel": "http://www.opengis.net/def/rel/ogc/1.0/execute", "href": f"{api}/processes/p/execution"}
    give("/processes/p", {"id": "p", "links": [execute]})
    give("/processes/p/execution", {"jobID": "1", "status": "running"}, status="201 Made", Location=f"{api}/jobs/1")
    give("/jobs/1", {"jobID": "1", "status": "successful", "links": [{"rel": "self", "href": f"{api}/jobs/1"}]})
    give("/jobs/1/results", {"out": {"href": f"{api}/jobs/1/results/out.tif", "type": "image/tiff"}})
    server.give("/demo/ogc-api/jobs/1/results/out.tif", b"bytes")
    job = Client(server.url, "secret").workspace("demo").process("p").execute({}).wait()
    (written,) = job.download(tmp_path)
    assert b"bytes" == written.read_bytes()
    assert all(authorised(server))


def test_a_lie_about_the_name_leads_nowhere_else(web):
    """A document that calls a stranger its own address gains nothing: what it names is asked from the server itself."""
    server, stranger = web(), web()
    server.give("/", b'{"links": [{"rel": "self", "href": "%s/"}]}' % stranger.url.encode())
    server.give("/x", b"{}")
    client = Client(server.url, "secret")
    assert f"{server.url}/x" == client.near(f"{stranger.url}/x")
    assert "http://else.example/x" == client.near("http://else.example/x")


# -- proxies --------------------------------------------------------------------------------------------------------


def test_the_proxy_of_the_environment_is_used(web, monkeypatch):
    """With its credentials, and not for this machine."""
    proxy, server = web(), web()
    monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//me:pass@"))
    monkeypatch.setenv("no_proxy", "")
    proxy.give("http://ades.example/x", b'{"by": "proxy"}')
    server.give("/x", b'{"by": "itself"}')
    assert {"by": "proxy"} == Client("http://ades.example").http.json("http://ades.example/x")
    assert {"by": "itself"} == Client(server.url).http.json(f"{server.url}/x")
    assert "proxy-authorization: basic bwu6cgfzcw==" in proxy.heads[0].lower()


# -- downloads ------------------------------------------------------------------------------------------------------

CONTENT = bytes(range(256)) * 40


def breaking(server, mark):
    """A file of which each request gets a tenth before the connection breaks."""

    def answer(head, sock):
        asked = next((line for line in head.split("\r\n") if line.lower().startswith("range:")), "bytes=0-")
        start = int(asked.rpartition("=")[2].rstrip("-"))
        going_on = start and mark in head
        start = start if going_on else 0
        rest = CONTENT[start:]
        first = "HTTP/1.1 206 Part" if going_on else "HTTP/1.1 200 OK"
        sock.sendall(f"{first}\r\nETag: {mark}\r\nContent-Length: {len(rest)}\r\n\r\n".encode() + rest[:1024])
        return len(rest) <= 1024

    server.answers["/file"] = answer


def test_a_download_goes_on_where_it_broke(web, tmp_path, monkeypatch):
    """Ten pieces, each asked for once; nothing is seen of it before it is whole."""
    monkeypatch.setattr("ades.client._saving.time.sleep", lambda _: None)
    server, told = web(), []
    breaking(server, '"one"')
    save(Client(server.url).http, f"{server.url}/file", tmp_path / "got", progress=lambda *now: told.append(now))
    assert CONTENT == (tmp_path / "got").read_bytes()
    assert (10, (len(CONTENT), len(CONTENT))) == (len(server.heads), told[-1])
    assert ["got"] == [path.name for path in tmp_path.iterdir()]


def test_a_download_that_comes_no_further_is_given_up(web, tmp_path, monkeypatch):
    """A weak mark does not say that it is the same file: each try begins anew, and they have an end."""
    monkeypatch.setattr("ades.client._saving.time.sleep", lambda _: None)
    server = web()
    breaking(server, 'W/"one"')
    with pytest.raises(Unreachable, match="breaks off again and again"):
        save(Client(server.url).http, f"{server.url}/file", tmp_path / "got")
    assert not (tmp_path / "got").exists()
    assert len(server.heads) < 12
