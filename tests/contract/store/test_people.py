"""Users, tokens and secrets are rows."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from ades.errors import Conflict, NoSuchResource
from ades.model import Token, User

NOW = datetime.now(UTC)


def a_token(**changes):
    return Token(
        **{"id": uuid4(), "hash": uuid4().hex, "owner": "ann", "created": NOW, "created_by": "root", **changes}
    )


def test_users(store):
    """A user is entered, seen, changed and removed; when it was first known stays."""
    ann = User("ann", NOW, "Ann", "ann@example.org", frozenset({"demo", "bob"}), frozenset({"admin"}))
    assert ann == store.users.put(ann) == store.users.get("ann")
    seen = store.users.saw("ann")
    assert ann == seen.evolve(seen=None)
    assert seen.seen is not None
    assert store.users.put(seen.evolve(disabled=True, created=NOW + timedelta(days=1))) == seen.evolve(disabled=True)
    assert store.users.saw("zoe").seen is not None
    assert ["ann", "zoe"] == [user.name for user in store.users.list()]
    store.users.remove("zoe")
    for question in (store.users.get, store.users.remove):
        with pytest.raises(NoSuchResource, match="zoe"):
            question("zoe")


def test_tokens(store):
    """A token is found by its hash while it is valid."""
    token = store.tokens.add(
        a_token(title="CI", workspace="demo", scopes=frozenset({"execute"}), expires=NOW + timedelta(days=1))
    )
    assert token == store.tokens.find(token.hash)
    assert store.tokens.find("unknown") is None
    store.tokens.used(token.id)
    assert store.tokens.find(token.hash).last_used is not None
    with pytest.raises(Conflict):
        store.tokens.add(a_token(hash=token.hash))
    store.tokens.revoke(token.id)
    [revoked] = store.tokens.list()
    store.tokens.revoke(token.id)
    assert [revoked] == store.tokens.list()
    assert revoked.revoked is not None
    assert store.tokens.find(token.hash) is None
    with pytest.raises(NoSuchResource):
        store.tokens.revoke(uuid4())


def test_tokens_end(store):
    """An expired token is not found, one without scopes is not limited, and those of a removed user are gone."""
    store.users.saw("ann")
    expired = store.tokens.add(a_token(expires=NOW - timedelta(seconds=1)))
    free = store.tokens.add(a_token(created=NOW + timedelta(seconds=1)))
    other = store.tokens.add(a_token(owner="bert", workspace="bob", scopes=frozenset()))
    assert store.tokens.find(expired.hash) is None
    assert store.tokens.find(free.hash).scopes is None
    assert frozenset() == store.tokens.find(other.hash).scopes
    assert [free, expired] == store.tokens.list(owner="ann")
    assert [other] == store.tokens.list(workspace="bob")
    store.users.remove("ann")
    assert [other] == store.tokens.list()


def test_secrets(store):
    """A secret is kept byte for byte in its workspace, replaced, listed by name, and forgotten."""
    store.secrets.put("demo", "key", b"\x00\xff")
    store.secrets.put("demo", "another", b"1")
    store.secrets.put("bob", "key", b"2")
    store.secrets.put("demo", "another", b"3")
    assert (b"\x00\xff", b"3", b"2") == (
        store.secrets.get("demo", "key"),
        store.secrets.get("demo", "another"),
        store.secrets.get("bob", "key"),
    )
    assert ["another", "key"] == store.secrets.list("demo")
    store.secrets.remove("demo", "key")
    for question in (store.secrets.get, store.secrets.remove):
        with pytest.raises(NoSuchResource, match="no secret 'key'"):
            question("demo", "key")
