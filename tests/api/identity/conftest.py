"""A server that asks an issuer who calls."""

import oidc_server
import pytest

PROCESSES = "/alice/ogc-api/processes"

ROOMS = {"workspaces": ["alice"], "workspace": "alice"}


@pytest.fixture(scope="module")
def issuer():
    found = oidc_server.Issuer()
    yield found
    found.close()


@pytest.fixture
def app(make_app, issuer):
    """A server with the workspaces alice and bob that asks for tokens of the issuer."""
    issuer.rotate("first")
    issuer.asked.clear()
    issuer.broken, issuer.says = False, {}
    made = make_app(oidc_issuer=issuer.url, oidc_keys_rest=0)
    for name in ("alice", "bob"):
        made.extensions["ades"].store.workspaces.create(name)
    return made


@pytest.fixture
def get(app):
    """Asks with a token."""
    client = app.test_client()

    def ask(token=None, path=PROCESSES, **headers):
        sent = headers if token is None else {"Authorization": f"Bearer {token}"} | headers
        return client.get(path, headers=sent)

    return ask


@pytest.fixture
def whoami(app):
    """The actor that a request is understood as."""
    identify = app.extensions["ades"].identify

    def ask(token=None, environ=None, **headers):
        sent = headers if token is None else {"Authorization": f"Bearer {token}"} | headers
        with app.test_request_context("/", headers=sent, environ_base=environ) as context:
            return identify(context.request)

    return ask
