"""Under which address a client has reached us, behind proxies that are believed and others that are not."""

import pytest

from ades.errors import BadRequest, Misconfigured
from ades.http.address import Addresses
from ades.settings import Settings

TRUSTED = "10.0.0.0/8 ::1"


def addresses(**changes):
    return Addresses(Settings(**{"trusted_proxies": TRUSTED} | changes))


def environ(remote="10.1.2.3", **headers):
    names = {f"HTTP_{key.upper()}": value for key, value in headers.items()}
    return {"wsgi.url_scheme": "http", "HTTP_HOST": "inside:8080", "REMOTE_ADDR": remote} | names


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "http://inside:8080"),
        ({"x_forwarded_proto": "https"}, "https://inside:8080"),
        ({"x_forwarded_proto": "https", "x_forwarded_host": "ades.example"}, "https://ades.example"),
        ({"x_forwarded_host": "ades.example", "x_forwarded_port": "8443"}, "http://ades.example:8443"),
        (
            {"x_forwarded_proto": "https", "x_forwarded_host": "ades.example", "x_forwarded_port": "443"},
            "https://ades.example",
        ),
        ({"x_forwarded_host": "ades.example:444", "x_forwarded_port": "8443"}, "http://ades.example:444"),
        ({"x_forwarded_host": "ades.example", "x_forwarded_prefix": "/eo/ades/"}, "http://ades.example/eo/ades"),
        ({"forwarded": "for=1.2.3.4;proto=https;host=ades.example"}, "https://ades.example"),
        ({"forwarded": 'For="[2001:db8::1]:4711"; Proto=https; Host="ades.example:444"'}, "https://ades.example:444"),
        ({"x_forwarded_host": "[2001:db8::1]:81"}, "http://[2001:db8::1]:81"),
    ],
)
def test_a_trusted_proxy_is_believed(headers, expected):
    assert expected == addresses().root(environ(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"x_forwarded_proto": "https", "x_forwarded_host": "evil.example", "x_forwarded_prefix": "/evil"},
        {"forwarded": "for=1.2.3.4;proto=https;host=evil.example"},
    ],
)
@pytest.mark.parametrize("remote", ["192.0.2.1", "", "unix", "2001:db8::1"])
def test_a_stranger_is_not_believed(headers, remote):
    assert "http://inside:8080" == addresses().root(environ(remote, **headers))
    assert "http://inside:8080" == addresses(trusted_proxies="").root(environ("10.1.2.3", **headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"x_forwarded_host": "evil.example/path"},
        {"x_forwarded_host": 'evil"><script>'},
        {"x_forwarded_proto": "javascript"},
        {"x_forwarded_prefix": "//evil.example"},
        {"x_forwarded_prefix": "/a/../b?c"},
        {"x_forwarded_port": "80/evil"},
        {"forwarded": ";;==,,"},
    ],
)
def test_nonsense_of_a_trusted_proxy_is_ignored(headers):
    assert "http://inside:8080" in addresses().root(environ(**headers))


def test_of_a_list_only_what_trusted_proxies_added_counts():
    """The client wrote the first entry itself; the proxy appended what it saw."""
    spoofed = environ(
        x_forwarded_for="6.6.6.6, 192.0.2.7",
        x_forwarded_host="evil.example, ades.example",
        x_forwarded_proto="http, https",
    )
    assert "https://ades.example" == addresses().root(spoofed)
    assert "192.0.2.7" == addresses().client(spoofed)

    spoofed = environ(forwarded="for=6.6.6.6;host=evil.example, for=192.0.2.7;host=ades.example;proto=https")
    assert "https://ades.example" == addresses().root(spoofed)


def test_of_two_trusted_proxies_the_outer_one_knows_the_address():
    chained = environ(
        x_forwarded_for="192.0.2.7, 10.9.9.9",
        x_forwarded_host="ades.example, middle.internal",
        x_forwarded_proto="https, http",
    )
    assert "https://ades.example" == addresses().root(chained)
    assert "192.0.2.7" == addresses().client(chained)


def test_the_public_address_of_the_settings_goes_before_everything():
    public = addresses(public_url="https://ades.example/eo/")

    assert "https://ades.example/eo" == public.root(environ(x_forwarded_host="other.example"))


@pytest.mark.parametrize("host", ["a b", "<script>", "evil.example/path", "a@b", "x:port", 'a"b'])
def test_a_host_that_is_none_is_refused(host):
    with pytest.raises(BadRequest):
        addresses().root(environ() | {"HTTP_HOST": host})


def test_without_a_host_header_the_server_knows_its_own_name():
    old = environ() | {"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8080"}
    del old["HTTP_HOST"]

    assert "http://127.0.0.1:8080" == addresses().root(old)


def test_a_proxy_that_is_no_address_is_refused_at_the_start():
    with pytest.raises(Misconfigured, match="ADES_TRUSTED_PROXIES"):
        addresses(trusted_proxies="nginx")
