"""The credentials of a workspace for registries of images: a secret of it, which a cluster needs in its own form too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades import telemetry
from ades.errors import Misconfigured, NoSuchResource

if TYPE_CHECKING:
    from ades.secrets import Vault
    from ades.settings import Settings
    from ades.store import Store

REGISTRIES: Final = "registries"
"""The name of the secret of a workspace that holds its credentials for registries of images."""


def registries(vault: Vault, workspace: str) -> str | None:
    """The credentials with which a workspace pulls images, as `~/.docker/config.json` has them."""
    try:
        return vault.get(workspace, REGISTRIES)
    except NoSuchResource:
        return None


class Registries:
    """Brings what has changed into the cluster at once. Where that fails the next job of the workspace does it."""

    def __init__(self, settings: Settings, store: Store, vault: Vault) -> None:
        self._settings = settings
        self._store = store
        self._vault = vault

    def changed(self, workspace: str, secret: str) -> None:
        """A secret of a workspace was kept, replaced or forgotten."""
        if secret == REGISTRIES:
            self._bring(workspace, registries(self._vault, workspace))

    def forget(self, workspace: str) -> None:
        """A workspace is about to go."""
        self._bring(workspace, None)

    def _bring(self, workspace: str, content: str | None) -> None:
        if self._settings.engine != "kubernetes":
            return
        from ades.engine.kubernetes.api import NOT_FOUND, Api, ApiError
        from ades.engine.kubernetes.registries import PullSecrets
        from ades.service.homes import homes

        namespace, _ = homes(self._settings, self._store)(workspace)
        api = Api(self._settings.kubernetes_config)
        try:
            PullSecrets(api, self._settings.kubernetes_instance).keep(namespace, workspace, content)
        except (ApiError, Misconfigured) as error:
            if getattr(error, "code", None) != NOT_FOUND:  # without a namespace there is nothing to do yet
                telemetry.log().warning(
                    "The credentials for registries could not be brought into the cluster",
                    workspace=workspace,
                    namespace=namespace,
                    reason=str(error),
                )
        finally:
            api.close()
