"""Where the files of each workspace lie: in the server's store, or in a bucket of the workspace's own.

An administrator names the bucket (`objects`, `s3_endpoint` and `s3_region` among the settings of the workspace); the keys
to it are the workspace's secret `storage`. Everything of the workspace lies there: files, uploads, results and logs.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import orjson
from pydantic import SecretStr

from ades.errors import NoSuchResource, NoSuchWorkspace, Unavailable
from ades.objects import Untidy, open_store
from ades.service.quotas import Quotas

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator
    from datetime import datetime, timedelta
    from pathlib import Path

    from ades.objects import ObjectInfo, ObjectStore
    from ades.secrets import Vault
    from ades.settings import Settings
    from ades.store import Store

SECRET: Final = "storage"  # noqa: S105 - its name, not the secret
_KEYS: Final = ("access_key", "secret_key", "session_token")
_FRESH: Final = 5.0
"""Seconds for which it is remembered where a workspace keeps its files."""


class Storages:
    """An `ObjectStore` that sends each key to where its workspace keeps its files."""

    def __init__(self, settings: Settings, store: Store, vault: Vault) -> None:
        self._settings = settings
        self._store = store
        self._vault = vault
        self._common = open_store(settings)
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Settings, ObjectStore]] = {}

    def settings(self, workspace: str) -> Settings:
        """The server's settings, as a runner of this workspace needs them."""
        return self._of_workspace(workspace)[0]

    def _of(self, key: str) -> ObjectStore:
        return self._of_workspace(key.partition("/")[0])[1]

    def _of_workspace(self, workspace: str) -> tuple[Settings, ObjectStore]:
        now = time.monotonic()
        known = self._known.get(workspace)
        if known is not None and known[0] > now:
            return known[1:]
        settings = self._derived(workspace)
        if settings is self._settings:
            place = self._common
        elif known is not None and known[1] == settings:
            place = known[2]
        else:
            place = open_store(settings)
        with self._lock:
            self._known[workspace] = (now + _FRESH, settings, place)
        return settings, place

    def _derived(self, workspace: str) -> Settings:
        try:
            own = Quotas.of(self._store.workspaces.get(workspace))
        except NoSuchWorkspace:
            return self._settings
        if own.objects is None:
            return self._settings
        return self._settings.model_copy(
            update={
                "objects": own.objects,
                "s3_endpoint": own.s3_endpoint or "",
                "s3_public_endpoint": "",
                "s3_region": own.s3_region or self._settings.s3_region,
                "s3_credentials": "static",
                "s3_credentials_file": None,
                **self._keys(workspace),
            }
        )

    def _keys(self, workspace: str) -> dict[str, Any]:
        try:
            read = orjson.loads(self._vault.get(workspace, SECRET))
            keys = {name: str(read[name]) for name in _KEYS if read.get(name)}
            return {
                "s3_access_key": keys["access_key"],
                "s3_secret_key": SecretStr(keys["secret_key"]),
                "s3_session_token": SecretStr(keys["session_token"]) if "session_token" in keys else None,
            }
        except (NoSuchResource, orjson.JSONDecodeError, KeyError, AttributeError, TypeError):
            raise Unavailable(
                f"The workspace {workspace} keeps its files in a bucket of its own, and its secret `{SECRET}` does not "
                'hold the keys to it: {"access_key": "…", "secret_key": "…"}.'
            ) from None

    # -- an object store -------------------------------------------------------------------------------------------

    def put(self, key: str, source: bytes | Path | BinaryIO, media_type: str | None = None) -> ObjectInfo:
        """Store an object whole or not at all."""
        return self._of(key).put(key, source, media_type)

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """Read an object or a part of it."""
        return self._of(key).open(key, start, length)

    def stat(self, key: str) -> ObjectInfo:
        """What is known of an object."""
        return self._of(key).stat(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """The object of this key and all below it; "" lists what lies in the server's own store."""
        return self._of(prefix).list(prefix)

    def delete(self, prefix: str) -> int:
        """Delete the object of this key and all below it."""
        return self._of(prefix).delete(prefix)

    def link(self, key: str, lifetime: timedelta) -> str | None:
        """An address that works without a token for a while."""
        return self._of(key).link(key, lifetime)

    def abandoned(self, before: datetime, *, remove: bool) -> builtins.list[str]:
        """What killed writers have left, in the server's store and in those of workspaces."""
        places = [self._common]
        for workspace in self._store.workspaces.list():
            place = self._of(workspace.name)
            if place not in places:
                places.append(place)
        return [
            name for place in places if isinstance(place, Untidy) for name in place.abandoned(before, remove=remove)
        ]
