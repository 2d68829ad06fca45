"""What the fetcher does with answers: redirects, limits, packed content, ranges, caching, and broken servers."""

import datetime as dt
import gzip
import ipaddress
import os
import ssl
import time
import tracemalloc
import zlib

import pytest
from moments import within

from ades.errors import ContentTooLarge, FetchFailed, FetchInterrupted, FetchRefused
from ades.fetch import connection

OK = b"HTTP/1.1 200 OK\r\n"


def header(head, name):
    found = [line.split(": ", 1)[1] for line in head.split("\r\n") if line.lower().startswith(f"{name.lower()}: ")]
    return found[0] if found else None


def test_a_body_with_what_was_said_of_it(fetcher, server):
    """Body, media type, charset, etag, and where it was found."""
    server.give("/a?b=c", b"hello", Content_Type="Text/Plain; charset=latin-1", ETag='"1"', Last_Modified="today")
    got = fetcher.get(f"{server.url}/a?b=c", limit=5)
    assert (b"hello", "text/plain", "latin-1", '"1"', "today") == (
        got.body,
        got.media_type,
        got.charset,
        got.etag,
        got.last_modified,
    )
    assert (f"{server.url}/a?b=c", 200, False) == (got.url, got.status, got.not_modified)
    assert f"127.0.0.1:{server.port}" == header(server.heads[0], "Host")


def test_what_has_not_changed_is_not_read_again(fetcher, server):
    """The etag goes along, and 304 comes back as such; unasked for it is no answer."""
    server.give("/a", status="304 Not Modified", ETag='"1"')
    assert fetcher.get(f"{server.url}/a", limit=5, etag='"1"').not_modified
    assert '"1"' == header(server.heads[0], "If-None-Match")
    with pytest.raises(FetchFailed, match="304"):
        fetcher.get(f"{server.url}/a", limit=5)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(fetcher, server, status):
    """Relative ones too."""
    server.give("/x/a", status=f"{status} Moved", Location="../b?c")
    server.give("/b?c", b"hello")
    assert (b"hello", f"{server.url}/b?c") == (
        (got := fetcher.get(f"{server.url}/x/a", limit=5)).body,
        got.url,
    )


@pytest.mark.parametrize(
    "location",
    [
        *("http://127.0.0.1:1/", "http://localhost:1/", "//inside.example/", "http://2130706433/", "http://[::1]/"),
        *("file:///etc/passwd", "http://user@public.example/", "http://public.example/\\@127.0.0.1"),
    ],
)
def test_each_redirect_is_checked(make_fetcher, server, names, dialled, location):
    """An allowed host leads to nowhere that is not allowed itself."""
    names |= {"public.example": [["127.0.0.1"]], "inside.example": [["10.0.0.1"]], "localhost": [["127.0.0.1"]]}
    server.give("/", status="302 Found", Location=location)
    with pytest.raises(FetchRefused):
        make_fetcher("public.example").get(f"http://public.example:{server.port}/", limit=5)
    assert ["127.0.0.1"] == dialled


def test_redirects_end(fetcher, server):
    """A circle is noticed, and so is a redirect to nowhere."""
    server.give("/", status="302 Found", Location="/")
    with pytest.raises(FetchFailed, match="one redirect too many"):
        fetcher.get(server.url, limit=5)
    assert 6 == len(server.heads)
    server.give("/", status="302 Found")
    with pytest.raises(FetchFailed, match="does not say where"):
        fetcher.get(server.url, limit=5)


def test_secrets_stay_with_their_host(make_fetcher, make_server):
    """Tokens and keys do not follow a redirect to another host, nor to another port of the same."""
    first, second = make_server(), make_server()
    first.give("/same", status="302 Found", Location="/other")
    first.give("/other", status="302 Found", Location=f"{second.url}/there")
    second.give("/there", b"x")
    headers = {"Authorization": "Bearer secret", "X-API-Key": "secret", "Accept": "text/plain"}
    make_fetcher("127.0.0.1").get(f"{first.url}/same", limit=5, headers=headers)
    assert all("secret" in head for head in first.heads)
    assert "secret" not in second.heads[0]
    assert "text/plain" == header(second.heads[0], "Accept")


def test_the_environment_plays_no_part(fetcher, server, monkeypatch, tmp_path):
    """Neither proxies nor netrc nor cookies of an earlier answer."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NETRC", str(netrc))
    server.give("/", b"x", Set_Cookie="a=b")
    fetcher.get(server.url, limit=5)
    fetcher.get(server.url, limit=5)
    assert all(header(head, name) is None for head in server.heads for name in ("Authorization", "Cookie"))


@pytest.mark.parametrize(
    "name", ["Host", "content-length", "Transfer-Encoding", "A b", "A\r\nB", "", "Accept-Encoding"]
)
def test_some_headers_are_not_the_callers(fetcher, server, name):
    """No second host, no second request."""
    with pytest.raises(FetchRefused):
        fetcher.get(server.url, limit=5, headers={name: "x"})
    with pytest.raises(FetchRefused):
        fetcher.get(server.url, limit=5, headers={"X": "a\r\nB: c"})
    assert [] == server.heads


@pytest.mark.parametrize(
    ("status", "again"),
    [
        *((status, False) for status in (400, 401, 403, 404, 410)),
        *((status, True) for status in (408, 429, 500, 503, 599)),
    ],
)
def test_what_the_server_refuses(fetcher, server, status, again):
    """The status is told, and whether trying again may help."""
    server.give("/a?token=secret", b"<html>secret</html>", status=f"{status} Whatever")
    with pytest.raises(FetchFailed, match=f"/a answers {status}") as caught:
        fetcher.get(f"{server.url}/a?token=secret", limit=5)
    assert again == isinstance(caught.value, FetchInterrupted)
    assert status == caught.value.extra["answer"]
    assert "secret" not in str(caught.value)


def test_a_body_has_a_limit(fetcher, server):
    """Told beforehand by its length, or found while reading; exactly the limit is allowed."""
    server.give("/a", b"x" * 1000)
    assert 1000 == len(fetcher.get(f"{server.url}/a", limit=1000).body)
    with pytest.raises(ContentTooLarge, match="has 1000 bytes; at most 999"):
        fetcher.get(f"{server.url}/a", limit=999)


def endless(head, piece, pause=0.0):
    def answer(_, sock):
        sock.sendall(OK + head)
        while True:
            sock.sendall(piece)
            time.sleep(pause)

    return answer


@pytest.mark.parametrize("chunked", [True, False])
def test_an_endless_body_ends(fetcher, server, chunked):
    """Without a length, reading stops at the limit."""
    piece = b"x" * 65536
    server.answers["/"] = (
        endless(b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + piece + b"\r\n")
        if chunked
        else endless(b"\r\n", piece)
    )
    with pytest.raises(ContentTooLarge, match="more than the 1000000 bytes"):
        fetcher.get(server.url, limit=1_000_000)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate"])
def test_packed_content_is_unpacked(fetcher, server, encoding):
    """Also in two members, and deflate without its header."""
    body = os.urandom(300_000) + b"x" * 300_000
    for packed in (
        [gzip.compress(body), gzip.compress(body[:5]) + gzip.compress(body[5:])]
        if "gzip" in encoding
        else [zlib.compress(body), zlib.compress(body)[2:-4]]
    ):
        server.give("/", packed, Content_Encoding=encoding)
        assert body == fetcher.get(server.url, limit=600_000).body


def test_a_bomb_does_not_explode(fetcher, server):
    """The limit holds after unpacking, and little memory is used until then."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    server.give(
        "/", b"".join(pack.compress(bytes(1 << 20)) for _ in range(300)) + pack.flush(), Content_Encoding="gzip"
    )
    tracemalloc.start()
    with pytest.raises(ContentTooLarge):
        fetcher.get(server.url, limit=10_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 25_000_000


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "compress", "zstd"])
def test_what_was_not_asked_for(fetcher, server, encoding):
    """Other packings, and packings of packings, are refused."""
    server.give("/", b"x", Content_Encoding=encoding)
    with pytest.raises(FetchFailed, match="not asked for"):
        fetcher.get(server.url, limit=5)


@pytest.mark.parametrize("packed", [b"no gzip at all", gzip.compress(b"x" * 100)[:-10]], ids=["none", "cut"])
def test_broken_packings(fetcher, server, packed):
    """Told as what they are."""
    server.give("/", packed, Content_Encoding="gzip")
    with pytest.raises(FetchFailed, match="packed"):
        fetcher.get(server.url, limit=500)


@pytest.mark.parametrize(
    "answer",
    [
        lambda _, sock: time.sleep(5),
        endless(b"", b"X", 0.05),
        endless(b"X: ", b"X: y\r\n", 0.05),
        endless(b"Content-Length: 1000\r\n\r\n", b"x", 0.05),
        endless(b"Transfer-Encoding: chunked\r\n\r\n1;", b"x", 0.05),
        endless(b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 0.05),
    ],
    ids=["silent", "status", "headers", "body", "chunk-size", "chunks"],
)
def test_a_slow_server_ends_at_the_deadline(make_fetcher, server, answer):
    """The time limit is for the whole exchange, however lively the server drips."""
    server.answers["/"] = answer
    start = time.monotonic()
    with pytest.raises(FetchInterrupted, match=r"took longer than 0\.5 s"):
        make_fetcher("127.0.0.1", timeout=0.5).get(server.url, limit=10_000)
    assert 0.4 < time.monotonic() - start < within(2)


def test_redirects_share_the_deadline(make_fetcher, server):
    """Five slow hops do not take five times as long."""

    def slow(_, sock):
        time.sleep(0.3)
        sock.sendall(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /\r\n\r\n")
        return True

    server.answers["/"] = slow
    with pytest.raises(FetchInterrupted, match="took longer"):
        make_fetcher("127.0.0.1", timeout=0.5).get(server.url, limit=10_000)
    assert len(server.heads) < 5


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        OK + b"Content-Length: 10\r\n\r\nx",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab",
        OK + b"X: y\r\n" * 200 + b"\r\n",
        OK + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
)
def test_broken_answers(fetcher, server, answer):
    """Whatever comes, it ends in a sentence that names the address, and trying again may help."""

    def say(_, sock):
        sock.sendall(answer)

    server.answers["/"] = say
    with pytest.raises(FetchInterrupted, match=f"127.0.0.1:{server.port}/"):
        fetcher.get(server.url, limit=500)


def test_a_host_that_is_not_there(make_fetcher, names):
    """Unknown names and closed ports are told apart."""
    with pytest.raises(FetchFailed, match="host that is not known") as caught:
        make_fetcher().get("http://nowhere.example/", limit=5)
    assert not isinstance(caught.value, FetchInterrupted)
    with pytest.raises(FetchInterrupted, match="Connection refused"):
        make_fetcher("127.0.0.1").get("http://127.0.0.1:1/", limit=5)


def test_connections_are_used_again(fetcher, server):
    """One connection serves many requests; one that was closed meanwhile does no harm."""
    server.give("/a", b"x")
    for _ in range(3):
        fetcher.get(f"{server.url}/a", limit=5)
    assert 1 == server.connections

    def once(_, sock):
        sock.sendall(OK + b"Content-Length: 1\r\n\r\nx")

    server.answers["/b"] = once
    for _ in range(3):
        assert b"x" == fetcher.get(f"{server.url}/b", limit=5).body
        time.sleep(0.05)
    assert 3 == server.connections


def test_answers_never_mix(fetcher, server):
    """A connection with something left in it is not used again."""

    def smuggle(_, sock):
        sock.sendall(OK + b"Content-Length: 1\r\n\r\nx" + OK + b"Content-Length: 4\r\n\r\nevil")
        return True

    server.answers["/a"] = smuggle
    server.give("/b", b"good")
    assert b"x" == fetcher.get(f"{server.url}/a", limit=5).body
    assert b"good" == fetcher.get(f"{server.url}/b", limit=5).body


def test_a_post(fetcher, server):
    """Body and headers arrive; a redirect is not followed."""
    server.give("/a", b"thanks", status="202 Accepted")
    assert 202 == fetcher.post(f"{server.url}/a", b'{"x": 1}', {"Content-Type": "application/json"}).status
    assert (b'{"x": 1}', "application/json") == (server.bodies[0], header(server.heads[0], "Content-Type"))
    server.give("/a", status="307 Moved", Location="/b")
    with pytest.raises(FetchFailed, match="redirect, which is not followed"):
        fetcher.post(f"{server.url}/a", b"{}")
    assert 2 == len(server.heads)


def test_a_download_in_pieces(fetcher, server):
    """Size, type and etag are known before the first byte, and it is asked for as it is."""
    server.give("/a", b"0123456789", Content_Type="image/tiff", ETag='"1"')
    with fetcher.stream(f"{server.url}/a") as download:
        assert (10, "image/tiff", '"1"', 0, True) == (
            download.size,
            download.media_type,
            download.etag,
            download.start,
            download.resumable,
        )
        assert b"0123456789" == b"".join(download)
    assert "identity" == header(server.heads[0], "Accept-Encoding")


def test_a_download_goes_on(fetcher, server):
    """From where it broke; or from the beginning where the content has changed."""
    server.give("/a", b"456789", status="206 Partial", Content_Range="bytes 4-9/10", ETag='"1"')
    with fetcher.stream(f"{server.url}/a", start=4, etag='"1"', limit=10) as download:
        assert (4, 10, b"456789") == (download.start, download.size, b"".join(download))
    assert ("bytes=4-", '"1"') == (header(server.heads[0], "Range"), header(server.heads[0], "If-Range"))
    server.give("/a", b"other", ETag='"2"')
    with fetcher.stream(f"{server.url}/a", start=4, etag='"1"') as download:
        assert (0, 5, b"other") == (download.start, download.size, b"".join(download))
    server.give("/a", b"0123", status="206 Partial", Content_Range="bytes 0-3/10")
    with pytest.raises(FetchFailed, match="another range"), fetcher.stream(f"{server.url}/a", start=4):
        pass


def test_a_download_that_breaks_off(fetcher, server):
    """What came is given, then the break is told; a limit counts what had come before."""

    def half(_, sock):
        sock.sendall(OK + b"Content-Length: 10\r\n\r\n01234")

    server.answers["/a"] = half
    got = []
    with (
        pytest.raises(FetchInterrupted, match="broke off after 5 of 10"),
        fetcher.stream(f"{server.url}/a") as download,
    ):
        got.extend(piece for piece in download)
    assert b"01234" == b"".join(got)
    server.give("/a", b"456789", status="206 Partial", Content_Range="bytes 4-9/10")
    with pytest.raises(ContentTooLarge), fetcher.stream(f"{server.url}/a", start=4, limit=9) as download:
        list(download)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate for data.example, and the file that makes it trusted."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "data.example")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("data.example"), x509.IPAddress(ipaddress.ip_address("127.0.0.9"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return folder


@pytest.fixture
def tls_server(make_server, authority, monkeypatch):
    """Serves with that certificate and notes the names that were asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "cert.pem", authority / "key.pem")
    asked = []
    context.sni_callback = lambda sock, name, _: asked.append(name)
    server = make_server(wrap=lambda sock: context.wrap_socket(sock, server_side=True))
    server.asked = asked
    server.give("/", b"hello")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "cert.pem"))
    connection._tls.cache_clear()
    yield server
    connection._tls.cache_clear()


def test_tls_goes_by_the_name(make_fetcher, tls_server, names):
    """Connected to the checked address; Host, SNI and certificate are those of the name."""
    names["data.example"] = [["127.0.0.1"]]
    fetcher = make_fetcher("127.0.0.0/8")
    assert b"hello" == fetcher.get(f"https://data.example:{tls_server.port}/", limit=5).body
    assert b"hello" == fetcher.get(f"https://data.example:{tls_server.port}/", limit=5).body
    assert (["data.example"], 1) == (tls_server.asked, tls_server.connections)
    assert f"data.example:{tls_server.port}" == header(tls_server.heads[0], "Host")


def test_a_certificate_of_another_name(make_fetcher, tls_server, names):
    """Refused, and it is no use to try again."""
    names["other.example"] = [["127.0.0.1"]]
    for host in ("other.example", "127.0.0.1"):
        with pytest.raises(FetchFailed, match="no valid certificate") as caught:
            make_fetcher("127.0.0.0/8").get(f"https://{host}:{tls_server.port}/", limit=5)
        assert not isinstance(caught.value, FetchInterrupted)


def test_no_way_from_https_to_http(make_fetcher, tls_server, server, names):
    """A redirect must not take the encryption away."""
    names["data.example"] = [["127.0.0.1"]]
    tls_server.give("/", status="302 Found", Location=f"{server.url}/")
    with pytest.raises(FetchRefused, match="not encrypted"):
        make_fetcher("127.0.0.0/8").get(f"https://data.example:{tls_server.port}/", limit=5)


def test_plain_http_on_a_tls_port(make_fetcher, server, names):
    """Speaking TLS to what does not is told."""
    names["data.example"] = [["127.0.0.1"]]
    server.answers["/"] = b"x"
    with pytest.raises(FetchFailed, match=r"https://data\.example"):
        make_fetcher("127.0.0.0/8", timeout=2).get(f"https://data.example:{server.port}/", limit=5)
