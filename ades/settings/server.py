"""The server itself: where it listens, how its API looks, whom it tells of jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, HttpUrl, SecretStr

from ades.settings.words import Group, Words


class Server(Group):
    """The server."""

    host: str = Field("127.0.0.1", description="Address to listen on. Anything but loopback wants identities.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    data: Path = Field(Path("data"), description="Folder for everything that is kept on this machine.")
    config: Path | None = Field(
        None, description="YAML file in pygeoapi's form; its `resources` of type `process` become built-in processes."
    )
    database: str = Field(
        "", description="SQLAlchemy URL of the database. Empty: SQLite in the data folder.", examples=["postgresql://…"]
    )
    workers: int = Field(1, ge=0, description="Web worker processes; 0 makes one for each core.")
    threads: int = Field(32, ge=1, description="Requests that one web worker process answers at the same time.")
    streams: int = Field(
        0,
        ge=0,
        description="Event streams that one web worker process holds open at once, each with a thread of its own; "
        "0: half of the threads.",
    )
    streams_each: int = Field(10, ge=1, description="Event streams that one caller may have open in one such process.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What the log tells.")
    log_format: Literal["text", "json"] = Field("text", description="Text for people, JSON for machines.")

    @property
    def database_url(self) -> str:
        """The database, with the default filled in and a driver named."""
        if not self.database:
            return f"sqlite:///{self.data.absolute() / 'ades.db'}"
        for prefix in ("postgresql://", "postgres://"):
            if self.database.startswith(prefix):
                return "postgresql+psycopg://" + self.database.removeprefix(prefix)
        return self.database


class Face(Group):
    """The API."""

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
    sync_wait: float = Field(
        30,
        ge=0,
        le=600,
        description="Seconds that an execution waits for the end of its job before it answers with it.",
    )
    inline_limit: int = Field(
        64 * 1024, ge=0, description="Largest value in bytes that stands in a results document; others are links."
    )
    inline_most: int = Field(
        16 * 1024**2,
        ge=0,
        description="Largest file in bytes that stands in a results document when a client asks for it.",
    )
    eodh_strict: bool = Field(
        False, description="Refuse requests without required inputs under EODH prefixes too, where jobs fail with them."
    )
    cite: bool = Field(
        False, description="Leave out the Link headers of synchronous results, which the OGC's test suite mistakes."
    )
    deploy_interval: float = Field(
        0, ge=0, le=3600, description="Least seconds between two deployments into one workspace; 0: no limit."
    )


class Callbacks(Group):
    """Callbacks and mail."""

    callback_key: SecretStr | None = Field(
        None,
        description="Key with which callbacks are signed; the secret `callback-key` of a workspace goes before it. "
        "Empty: no signature.",
    )
    callback_timeout: float = Field(10, gt=0, le=300, description="Seconds that a subscriber may take to answer.")
    callback_retry: float = Field(
        2, gt=0, description="Seconds until a callback is tried again; twice as long each time, an hour at most."
    )
    callback_patience: float = Field(
        24 * 3600, ge=0, description="Seconds after which a subscriber that was never reached meanwhile is given up."
    )
    smtp: SecretStr | None = Field(
        None,
        description="Server that sends mail to `mailto:` subscribers: `smtp://user:password@host:587`, or `smtps://…`. "
        "Empty: no mail.",
    )
    smtp_from: str = Field("ades@localhost", description="Address that mail comes from.")
    smtp_domains: Words = Field((), description="Domains that mail may be sent to. Empty: all.")
