"""Which addresses are read and which are refused, before and after the look-up."""

import pytest

from ades.errors import FetchFailed, FetchRefused, Misconfigured
from ades.fetch import Guard, shown

PRIVATE = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254"),
    *("168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.192"),
    *("192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1"),
    *("239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::ffff:0:127.0.0.1", "64:ff9b::10.0.0.1"),
    *("64:ff9b:1::8.8.8.8", "100::1", "2001::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::1"),
    *("3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1"),
]
PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1", "223.255.255.1"),
    *("2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"),
]


def bracketed(address):
    return f"[{address}]" if ":" in address else address


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused(address, make_fetcher, names, dialled):
    """Written as they are and behind a name; nothing is ever connected to."""
    names["data.example"] = [[address]]
    for host in (bracketed(address), "data.example"):
        with pytest.raises(FetchRefused, match="not public"):
            make_fetcher().get(f"http://{host}/latest/meta-data", limit=1000)
    assert [] == dialled


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_read(address, make_fetcher, names, dialled):
    """Connected to exactly the address that was looked up."""
    names["data.example"] = [[address]]
    with pytest.raises(FetchFailed, match="Connection refused"):
        make_fetcher().get("http://data.example/", limit=1000)
    assert [address] == dialled


def test_one_private_answer_among_public_ones(make_fetcher, names, dialled):
    """A host is refused as a whole if any of its addresses is private."""
    names["data.example"] = [["8.8.8.8", "127.0.0.1"]]
    with pytest.raises(FetchRefused):
        make_fetcher().get("http://data.example/", limit=1000)
    assert [] == dialled


def test_a_name_that_changes_its_answer(make_fetcher, names, dialled, server):
    """Rebinding: what was checked is what is connected to; a second answer is never asked for."""
    server.give("/", b"secret")
    names["data.example"] = [["8.8.8.8"], ["127.0.0.1"]]
    with pytest.raises(FetchFailed, match="Connection refused"):
        make_fetcher().get(f"http://data.example:{server.port}/", limit=1000)
    assert ["8.8.8.8"] == dialled
    with pytest.raises(FetchRefused):
        make_fetcher().get(f"http://data.example:{server.port}/", limit=1000)
    assert [] == server.heads


@pytest.mark.parametrize(
    "host",
    [
        *("2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0", "1.2.3.4.5"),
        *(
            "127.0.0.1.",
            "127.0.0.0x1",
            "127.000.000.001",
            "256.1.1.1",
            "\uff10\uff11\uff17\uff17.0.0.1",
            "127。0。0。1",
            "①②⑦.0.0.1",
        ),
    ],
)
def test_unusual_spellings_of_addresses(host, make_fetcher, dialled):
    """Decimal, octal, hexadecimal, short, full-width: refused, whatever a resolver would make of them."""
    with pytest.raises(FetchRefused):
        make_fetcher().get(f"http://{host}/", limit=1000)
    assert [] == dialled


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "data.example",
            "//data.example/",
            "http:data.example",
            "http:///x",
            "http://",
            "https:/x",
            "http://:80/",
        ),
        *(
            "ftp://data.example/",
            "file:///etc/passwd",
            "gopher://data.example/",
            "data:text/plain,x",
            "s3://bucket/key",
        ),
        *("javascript:1", "HTTP+unix://data.example", "http://user@data.example/", "http://user:word@data.example/"),
        *("http://@data.example/", "http://data.example@127.0.0.1/", "http://data.example\\@127.0.0.1/"),
        *("http:\\\\data.example/", "http://data.example\\.evil/", "http://data.example/\r\nHost: x", "http://a b/"),
        *("http://data.example\t/", " http://data.example/", "http://data.example/\0", "http://data.example\u0085/"),
        *("http://data.example:0/", "http://data.example:99999/", "http://data.example:x/", "http://data.example:-1/"),
        *("http://[::1", "http://[::1%25eth0]/", "http://[fe80::1%eth0]/", "http://[1.2.3.4]/", "http://[x]/"),
        *("http://data..example/", "http://.example/", "http://-a.example/", "http://da%74a.example/"),
        *("http://data.example%2f@127.0.0.1/", "http://" + "a" * 64 + ".example/", "http://data.example/" + "x" * 9000),
        *("http://a.example,b.example/", "http://a;b.example/", "http://\udcff.example/", "http://data.example.../"),
    ],
)
def test_odd_addresses_are_refused(url, make_fetcher, dialled):
    """What can be read in two ways, or is none of ours, is not read at all."""
    with pytest.raises(FetchRefused):
        make_fetcher().check(url)
    assert [] == dialled


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://Data.Example.:80", "http://data.example/"),
        ("https://data.example:443/a b/ü?q=ä b&x=%20#fragment", "https://data.example/a%20b/%C3%BC?q=%C3%A4%20b&x=%20"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://data.example:8443?x", "https://data.example:8443/?x"),
        ("https://[2606:4700:0::1111]:8443/x", "https://[2606:4700::1111]:8443/x"),
        ("https://a_b.example/x;v=1/(1)/@x:y", "https://a_b.example/x;v=1/(1)/@x:y"),
    ],
)
def test_an_address_has_one_spelling(url, expected, make_fetcher):
    """Upper case, default ports, blanks and letters of the world come into the form that is sent."""
    assert expected == make_fetcher().check(url)


@pytest.mark.parametrize(
    ("allow", "url", "address", "allowed"),
    [
        ("minio", "http://minio:9000/", "10.0.0.1", True),
        ("minio:9000", "http://minio:9000/", "10.0.0.1", True),
        ("minio:9000", "http://minio:9001/", "10.0.0.1", False),
        ("minio", "http://other/", "10.0.0.1", False),
        ("*.svc.local", "http://a.b.svc.local/", "10.0.0.1", True),
        ("*.svc.local", "http://svc.local/", "10.0.0.1", False),
        ("*.svc.local", "http://evilsvc.local/", "10.0.0.1", False),
        ("10.0.0.0/8", "http://other/", "10.9.9.9", True),
        ("10.0.0.0/8", "http://other/", "11.9.9.9", True),
        ("10.0.0.0/8", "http://other/", "192.168.0.1", False),
        ("10.0.0.1", "http://10.0.0.1/", "10.0.0.1", True),
        ("10.0.0.1:81", "http://10.0.0.1/", "10.0.0.1", False),
        ("10.0.0.0/8", "http://other/", "::ffff:10.1.1.1", True),
        ("fd00::/8", "http://[fd00::1]/", "fd00::1", True),
        ("[fd00::1]:80", "http://[fd00::1]/", "fd00::1", True),
        ("127.0.0.1", "http://other/", "169.254.169.254", False),
    ],
)
def test_the_operator_allows(allow, url, address, allowed, names):
    """Hosts, suffixes, networks and single ports may be opened, and nothing beside them."""
    guard = Guard(("http",), (allow,))
    names |= {host: [[address]] for host in ("minio", "other", "a.b.svc.local", "svc.local", "evilsvc.local")}
    if allowed:
        assert address == guard.resolve(guard.target(url))[0][1][0]
    else:
        with pytest.raises(FetchRefused):
            guard.resolve(guard.target(url))


@pytest.mark.parametrize("word", ["*", "*.", "http://minio", "a b", "10.0.0.0/99", "host:name", "[::1"])
def test_a_wrong_allow_list_is_told(word):
    """At the start, with the word that is wrong."""
    with pytest.raises(Misconfigured, match="ADES_FETCH_ALLOW"):
        Guard(("http",), (word,))


def test_schemes_can_be_taken_away(make_fetcher):
    """An operator who wants encryption gets it."""
    with pytest.raises(FetchRefused, match="addresses here begin with https"):
        make_fetcher(schemes=("https",)).check("http://data.example/")


def test_what_messages_show():
    """Neither signatures nor passwords nor control characters get into messages."""
    assert "https://a.example/x" == shown("https://u:p@a.example/x?X-Amz-Signature=secret#f")
    assert "http://a\ufffdb" == shown("http://a\nb")
    assert 201 == len(shown("http://" + "a" * 500))
