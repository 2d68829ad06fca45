"""Everything that can be configured: one frozen class, filled from `ADES_*` in the environment.

Each field carries the sentence that the reference in `docs/reference.md` prints for it; each class of the modules beside
is one of its tables.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final, Self

from pydantic import BaseModel, SecretStr, create_model, model_validator
from pydantic_settings import SettingsConfigDict

from ades.errors import Misconfigured
from ades.settings.access import Callers, Policy, Safety
from ades.settings.cluster import Cluster
from ades.settings.files import Files, Keeping, Objects, Staging
from ades.settings.jobs import Limits, Maxima, Work
from ades.settings.server import Callbacks, Face, Server
from ades.settings.words import STAGING_FILE, Bytes

__all__ = ["LOOPBACK", "STAGING_FILE", "Bytes", "Settings"]

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Settings(
    Cluster, Policy, Callers, Safety, Callbacks, Maxima, Limits, Work, Staging, Keeping, Files, Objects, Face, Server
):
    """The configuration of one server."""

    model_config = SettingsConfigDict(
        env_prefix="ADES_", frozen=True, extra="ignore", validate_default=True, defer_build=False
    )

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.host not in LOOPBACK and not self.insecure and not self.identities:
            raise Misconfigured(
                f"Listening on {self.host} lets strangers in, and no identities are configured. Set ADES_OIDC_ISSUER, "
                "ADES_GATEWAY_PROXIES or ADES_TOKENS=true, or say --insecure (ADES_INSECURE=true) if this is wanted.",
                field="host",
            )
        return self

    def to_json(self) -> bytes:
        """All of it, secrets in clear: for processes of our own, never for a file or a log."""
        told = self.model_dump(mode="json")
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                told[name] = value.get_secret_value()
        return json.dumps(told).encode()

    @classmethod
    def from_json(cls, text: bytes | str) -> Self:
        """What `to_json` told, in a process of our own: neither environment nor files are asked again."""
        return cls.model_construct(**dict(_twin().model_validate_json(text)))


@cache
def _twin() -> type[BaseModel]:
    """The same fields without the search for values, which takes longer than to read them from JSON."""
    fields: dict[str, Any] = {name: (field.annotation, field) for name, field in Settings.model_fields.items()}
    return create_model("SettingsAsTold", **fields)
