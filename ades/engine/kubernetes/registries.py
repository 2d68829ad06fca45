"""The credentials with which the pods of a workspace pull their images: one Secret of its namespace.

The kubelet reads it; runners and steps do not see it, and the server, which may write Secrets, cannot read them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from ades.engine.kubernetes import names, places
from ades.engine.kubernetes.api import CONFLICT, NOT_FOUND, ApiError
from ades.errors import Misconfigured

if TYPE_CHECKING:
    from ades.engine.kubernetes.api import Api
    from ades.engine.kubernetes.placement import Placement

NAME: Final = "ades-registries"
_KEY: Final = ".dockerconfigjson"
_TYPE: Final = "kubernetes.io/dockerconfigjson"


class PullSecrets:
    """Keeps the Secret of each namespace as its workspace wants it."""

    def __init__(self, api: Api, instance: str) -> None:
        self._api = api
        self._instance = instance
        self._dropped: set[str] = set()

    def keep(self, namespace: str, workspace: str, content: str | None) -> None:
        """Write the credentials of a workspace, or take them away where it has none. Raises ApiError, Misconfigured."""
        if content is not None:
            self._dropped.discard(namespace)
            self._write(namespace, workspace, credentials(workspace, content))
        elif namespace not in self._dropped:
            self.drop(namespace)
            self._dropped.add(namespace)

    def drop(self, namespace: str) -> None:
        """Take away what may be there."""
        try:
            self._api.delete(places.core(namespace, "secrets", NAME), {"kind": "DeleteOptions", "apiVersion": "v1"})
        except ApiError as error:
            if error.code != NOT_FOUND:
                raise

    def _write(self, namespace: str, workspace: str, text: str) -> None:
        data = {"stringData": {_KEY: text}}
        where = places.core(namespace, "secrets")
        try:
            self._api.merge(f"{where}/{NAME}", data)
        except ApiError as error:
            if error.code != NOT_FOUND:
                raise
            self._create(where, manifest(workspace, self._instance) | data)

    def _create(self, where: str, secret: dict[str, Any]) -> None:
        try:
            self._api.create(where, secret)
        except ApiError as error:
            if error.code != CONFLICT:
                raise
            # Another job was a moment faster.
            self._api.merge(f"{where}/{NAME}", {"stringData": secret["stringData"]})


def manifest(workspace: str, instance: str) -> dict[str, Any]:
    """The Secret without what is secret."""
    labels = {names.MANAGED_BY: "ades", names.INSTANCE: instance, names.WORKSPACE: workspace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME, "labels": labels}, "type": _TYPE}


def credentials(workspace: str, content: str) -> str:
    """What a kubelet can use of a `~/.docker/config.json`: the credentials, and no programs that would find some."""
    try:
        auths = orjson.loads(content)["auths"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        auths = None
    if not isinstance(auths, dict):
        raise Misconfigured(
            f"The secret `registries` of the workspace {workspace} is not like ~/.docker/config.json: "
            '{"auths": {"registry.example": {"auth": "…"}}} is expected.',
            field="registries",
        )
    return orjson.dumps({"auths": auths}).decode()


def pulling(placement: Placement) -> Placement:
    """How jobs run whose pods pull with that Secret too."""
    return placement.model_copy(update={"pull_secrets": (*placement.pull_secrets, NAME)})
