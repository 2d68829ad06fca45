"""People with own tokens, for tests that need several workspaces."""

from ades.model import ADMINISTRATOR, User
from ades.service.tokens import Tokens


def user(store, name, workspaces=(), roles=()):
    """A user that is known to the store."""
    return store.users.put(
        User(name, store.users.saw(name).created, workspaces=frozenset(workspaces), roles=frozenset(roles))
    )


def token(store, workspace, **limits):
    """A token that acts for a workspace."""
    return Tokens(store).issue(by="test", workspace=workspace, **limits).secret


def administrator(store):
    """A token of an administrator."""
    user(store, "root", roles=[ADMINISTRATOR])
    return Tokens(store).issue(by="test", owner="root").secret


class Caller:
    """Asks with a token."""

    def __init__(self, app, secret=None):
        self._client = app.test_client()
        self._headers = {"Authorization": f"Bearer {secret}"} if secret else {}

    def __getattr__(self, method):
        def ask(path, headers=None, **more):
            return getattr(self._client, method)(path, headers=self._headers | (headers or {}), **more)

        return ask
