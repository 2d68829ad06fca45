"""Who calls: tokens of our own."""

import time
from datetime import timedelta

import pytest

from ades.errors import BadRequest, NoSuchResource, NoSuchWorkspace
from ades.model import ADMINISTRATOR, User
from ades.service.tokens import Tokens


@pytest.fixture
def tokens(app):
    return Tokens(app.extensions["ades"].store)


def test_own_token(get, whoami, tokens):
    """A token of our own acts for its workspace, and for no other."""
    issued = tokens.issue(by="root", title="ci", workspace="alice")

    assert issued.secret.startswith("ades_")
    assert get(issued.secret, path="/alice/ogc-api/processes/echo").status_code == 200
    actor = whoami(issued.secret)
    assert (actor.name, actor.workspace, actor.workspaces) == ("token:ci", "alice", {"alice"})
    assert actor.scopes is None
    assert actor.roles == frozenset()


def test_own_token_is_never_kept(tokens, app):
    """The database holds no part of a token that could be used."""
    issued = tokens.issue(by="root", title="ci", workspace="alice")
    database = (app.extensions["ades"].settings.data / "ades.db").read_bytes()
    log = app.extensions["ades"].settings.data / "ades.db-wal"
    kept = database + (log.read_bytes() if log.exists() else b"")

    assert issued.token.hash.encode() in kept
    assert issued.secret.removeprefix("ades_").encode() not in kept
    assert issued.secret not in repr(issued.token)


def test_limited_token(whoami, tokens):
    """A token can be limited to some words."""
    issued = tokens.issue(by="root", workspace="alice", scopes=["read", "execute-process"])

    assert whoami(issued.secret).scopes == {"read", "execute-process"}


def test_revoked_token(get, tokens):
    """A revoked token is worthless at once; the beginning of its number is enough to revoke it."""
    issued = tokens.issue(by="root", workspace="alice")
    assert get(issued.secret).status_code == 200

    assert tokens.revoke(str(issued.token.id)[:8]).id == issued.token.id
    assert get(issued.secret).status_code == 401


def test_expired_token(get, tokens):
    """A token ends when it was said to."""
    issued = tokens.issue(by="root", workspace="alice", lifetime=timedelta(seconds=1))
    assert get(issued.secret).status_code == 200
    time.sleep(1.1)

    assert get(issued.secret).status_code == 401


def test_token_of_a_user(get, whoami, tokens, app):
    """A token without a workspace speaks for its user, as long as he is let in."""
    users = app.extensions["ades"].store.users
    user = User("robot", users.saw("robot").created, workspaces=frozenset({"bob"}), roles=frozenset({ADMINISTRATOR}))
    users.put(user)
    issued = tokens.issue(by="root", owner="robot")

    actor = whoami(issued.secret)
    assert (actor.name, actor.workspace, actor.workspaces, actor.roles) == ("robot", None, {"bob"}, {ADMINISTRATOR})

    users.put(user.evolve(disabled=True))
    assert get(issued.secret).status_code == 401


def test_refusals(tokens):
    """A token for nothing, for what does not exist, with unknown words or without time is not made."""
    with pytest.raises(BadRequest):
        tokens.issue(by="root")
    with pytest.raises(NoSuchWorkspace):
        tokens.issue(by="root", workspace="nowhere")
    with pytest.raises(NoSuchResource):
        tokens.issue(by="root", owner="nobody")
    with pytest.raises(BadRequest, match="wheel"):
        tokens.issue(by="root", workspace="alice", scopes=["wheel"])
    with pytest.raises(BadRequest):
        tokens.issue(by="root", workspace="alice", lifetime=timedelta(0))


def test_revoking_the_wrong_one(tokens):
    """What is not clear is not revoked."""
    tokens.issue(by="root", workspace="alice")
    for name in ("", "zzz"):
        with pytest.raises(NoSuchResource):
            tokens.revoke(name)
    issued = tokens.issue(by="root", workspace="bob")
    with pytest.raises(NoSuchResource):
        tokens.revoke(str(issued.token.id), workspace="alice")

    assert [token.revoked for token in tokens.list()] == [None, None]


def test_use_is_noted(get, tokens):
    """When a token was used last can be seen."""
    issued = tokens.issue(by="root", workspace="alice")
    assert tokens.list("alice")[0].last_used is None
    get(issued.secret)

    assert tokens.list("alice")[0].last_used is not None


def test_own_tokens_alone(make_app):
    """Without an issuer, own tokens are enough."""
    made = make_app(tokens=True)
    client, tokens = made.test_client(), Tokens(made.extensions["ades"].store)
    secret = tokens.issue(by="root", workspace="demo").secret

    def status(**headers):
        return client.get("/demo/ogc-api/processes", headers=headers).status_code

    assert status() == 401
    assert status(Authorization=f"Bearer {secret}") == 200
    assert status(Authorization="Bearer a.b.c") == 401
