"""Who calls: a gateway says it, or nobody need say it."""

import pytest

from ades.errors import Misconfigured
from ades.model import ADMINISTRATOR
from ades.settings import Settings

# -- a gateway ------------------------------------------------------------------------------------------------------


NAMED = {
    "X-Forwarded-User": "ann",
    "X-Forwarded-Workspaces": "alice, bob",
    "X-Forwarded-Workspace": "alice",
    "X-Forwarded-Groups": "user,hub_admin",
}


@pytest.fixture
def behind(make_app):
    """The actor of a request that came from this address with these headers."""
    made = make_app(gateway_proxies="10.0.0.0/8, 192.0.2.7")

    def ask(peer, **headers):
        environ = {"REMOTE_ADDR": peer}
        with made.test_request_context("/", headers=headers, environ_base=environ) as context:
            return made.extensions["ades"].identify(context.request)

    return ask


@pytest.mark.parametrize("peer", ["10.1.2.3", "192.0.2.7"])
def test_gateway(behind, peer):
    """A gateway's headers say who calls."""
    actor = behind(peer, **NAMED)

    assert actor.name == "ann"
    assert actor.workspaces == {"alice", "bob"}
    assert actor.workspace == "alice"
    assert actor.roles == {"user", "hub_admin", ADMINISTRATOR}


@pytest.mark.parametrize("peer", ["192.0.2.8", "127.0.0.1", "", "nonsense"])
def test_no_gateway(behind, peer):
    """The same headers from anybody else count for nothing, whatever he says of where he comes from."""
    assert behind(peer, **NAMED, **{"X-Forwarded-For": "10.1.2.3"}).anonymous


def test_gateway_without_a_user(behind):
    """A gateway that names nobody sends nobody."""
    assert behind("10.0.0.1").anonymous
    assert behind("10.0.0.1", **{"X-Forwarded-Workspaces": "alice"}).anonymous


@pytest.mark.parametrize(
    "wrong",
    [{"X-Forwarded-User": "ann,root"}, {"X-Forwarded-User": "token:ci"}, {"X-Forwarded-Workspace": "../alice"}],
)
def test_gateway_with_nonsense(behind, wrong):
    """Headers that do not come from a gateway alone are refused."""
    from ades.errors import Unauthorized

    with pytest.raises(Unauthorized):
        behind("10.0.0.1", **NAMED | wrong)


def test_gateway_network_is_checked(configure, make_app):
    """A gateway that is no address stops the start."""
    with pytest.raises(Misconfigured, match="neither an address"):
        make_app(gateway_proxies="gateway.local")


# -- an open server -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [None, "Bearer whatever", "Bearer ades_x", "Basic YTpi", "nonsense"])
def test_open_server(make_app, header):
    """A server without identities lets everybody in; a token that a client always sends is accepted and ignored."""
    client = make_app().test_client()
    headers = {"Authorization": header} if header else {}

    assert client.get("/demo/ogc-api/processes", headers=headers).status_code == 200


def test_not_open_elsewhere():
    """Where strangers can come, a server without identities does not start, unless that is said to be wanted."""
    with pytest.raises(Misconfigured):
        Settings(host="0.0.0.0")
    for fine in (
        {"insecure": True},
        {"tokens": True},
        {"oidc_issuer": "https://i.example"},
        {"gateway_proxies": "10.0.0.1"},
    ):
        assert Settings(host="0.0.0.0", **fine).host == "0.0.0.0"
