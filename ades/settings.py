"""Everything that can be configured: one frozen class, filled from `ADES_*` in the environment.

Each field carries the sentence that the reference in `docs/reference.md` prints for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ades.errors import Misconfigured

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

Words = Annotated[tuple[str, ...], NoDecode]
"""A list of words: in the environment separated by blanks or commas."""


class Settings(BaseSettings):
    """The configuration of one server."""

    model_config = SettingsConfigDict(env_prefix="ADES_", frozen=True, extra="ignore", validate_default=True)

    # where
    host: str = Field("127.0.0.1", description="Address to listen on. Anything but loopback wants identities.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    data: Path = Field(Path("data"), description="Folder for everything that is kept on this machine.")
    config: Path | None = Field(
        None, description="YAML file in pygeoapi's form; its `resources` of type `process` become built-in processes."
    )
    database: str = Field(
        "", description="SQLAlchemy URL of the database. Empty: SQLite in the data folder.", examples=["postgresql://…"]
    )
    objects: str = Field(
        "", description="Where files lie: empty for a folder in the data folder, or `s3://bucket/prefix`."
    )

    objects_fsync: bool = Field(
        False, description="Force each file of the local object store onto the disk before it counts as stored."
    )

    # the face
    public_url: HttpUrl | None = Field(
        None, description="Address under which clients reach the server. Empty: taken from each request."
    )
    trusted_proxies: Words = Field(
        (), description="Addresses or networks of proxies whose X-Forwarded-* and Forwarded headers are believed."
    )
    prefixes: Words = Field(
        (
            "ogc:/{workspace}/ogc-api",
            "eodh:/ades/{workspace}/ogc-api",
            "eodh:/api/catalogue/stac/catalogs/user/catalogs/{workspace}",
        ),
        description="Where the API is served: `profile:path`, with `{workspace}` in the path.",
    )
    title: str = Field("ADES", description="Name of the server on its pages.")
    workspace: str = Field("demo", description="Workspace that is made when there is none yet.")
    page_limit: int = Field(100, ge=1, description="Entries on a page of processes when the client names no limit.")
    page_limit_max: int = Field(10_000, ge=1, description="Most entries on a page, whatever the client asks for.")
    body_limit: int = Field(16 * 1024**2, ge=1024, description="Largest JSON or CWL body in bytes.")

    # work
    workers: int = Field(1, ge=0, description="Web worker processes.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What the log tells.")
    log_format: Literal["text", "json"] = Field("text", description="Text for people, JSON for machines.")

    # safety
    insecure: bool = Field(False, description="Serve on an address other than loopback without identities.")
    fetch_allow: Words = Field(
        (), description="Hosts, networks or `host:port` that may be read although they are private."
    )
    fetch_schemes: Words = Field(("https", "http"), description="Schemes of addresses that users may name.")
    fetch_timeout: float = Field(30, gt=0, description="Seconds after which reading a package by address fails.")

    oidc_issuer: HttpUrl | None = Field(None, description="OpenID Connect issuer whose tokens are accepted.")
    secret_key: SecretStr | None = Field(
        None, description="Key for what is kept encrypted. Empty: made once and kept in the data folder."
    )

    @field_validator("trusted_proxies", "prefixes", "fetch_allow", "fetch_schemes", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.host not in LOOPBACK and not self.insecure and self.oidc_issuer is None:
            raise Misconfigured(
                f"Listening on {self.host} lets strangers in, and no identities are configured. Set ADES_OIDC_ISSUER, "
                "or say --insecure (ADES_INSECURE=true) if this is wanted.",
                field="host",
            )
        return self

    @property
    def database_url(self) -> str:
        """The database, with the default filled in and a driver named."""
        if not self.database:
            return f"sqlite:///{self.data.absolute() / 'ades.db'}"
        for prefix in ("postgresql://", "postgres://"):
            if self.database.startswith(prefix):
                return "postgresql+psycopg://" + self.database.removeprefix(prefix)
        return self.database
