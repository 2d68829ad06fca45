"""Everything that can be configured: one frozen class, filled from `ADES_*` in the environment.

Each field carries the sentence that the reference in `docs/reference.md` prints for it.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    HttpUrl,
    SecretStr,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ades.errors import Misconfigured
from ades.model import Keep

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

PUBLIC_KEY_ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA"},
)
"""With the others, whoever may check a token could also make one."""

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?) ?([KMGTP]?)(i?)B?")
_POWERS: Final = " KMGTP"


def size(value: object) -> object:
    """Bytes: a number, or a text like `8Gi` or `500 MB`."""
    if not isinstance(value, str):
        return value
    found = _SIZE.fullmatch(value.strip())
    if found is None:
        raise ValueError("should be a number of bytes, or look like 8Gi or 500MB")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** _POWERS.index(found[2] or " "))


Bytes = Annotated[int, BeforeValidator(size)]
"""A number of bytes, which may be written like `8Gi` or `500MB`."""

STAGING_FILE = r"^([A-Za-z0-9][A-Za-z0-9._-]{0,99})?$"
"""The name of a file, which leads into no other folder."""

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

    # files in a bucket
    s3_endpoint: str = Field("", description="Address of the object store. Empty: Amazon's for the region.")
    s3_public_endpoint: str = Field(
        "", description="Address under which clients reach the object store by presigned links, where it differs."
    )
    s3_region: str = Field("", description="Region of the bucket. Empty: what the machine's AWS configuration says.")
    s3_addressing: Literal["auto", "path", "virtual"] = Field(
        "auto", description="Whether the bucket is named in the path or in the host of addresses."
    )
    s3_access_key: str = Field("", description="Key of the object store. Empty: AWS's usual chain, roles included.")
    s3_secret_key: SecretStr | None = Field(None, description="Secret that belongs to the key.")
    s3_session_token: SecretStr | None = Field(None, description="Token that belongs to a temporary key.")
    s3_credentials_file: Path | None = Field(
        None, description="JSON file with AccessKeyId, SecretAccessKey, SessionToken, Expiration; read again in time."
    )
    s3_credentials: Literal["static", "sts"] = Field(
        "static",
        description="What jobs get: the server's own keys, or short-lived ones from STS that reach their prefixes only.",
    )
    s3_credentials_seconds: int = Field(3600, ge=60, description="How long the keys live that STS mints for a job.")
    s3_role: str = Field("", description="Role (ARN) whose rights jobs get a part of; MinIO takes any.")
    s3_sts_endpoint: str = Field("", description="Address of the token service, where it is not the object store's.")
    s3_encryption: Literal["", "AES256", "aws:kms", "aws:kms:dsse"] = Field(
        "", description="Encryption that the object store is asked for."
    )
    s3_encryption_key: str = Field("", description="Id of the KMS key for that encryption.")

    # files of workspaces
    upload_limit: int = Field(10 * 1000**3, ge=1, description="Largest file in bytes that can be uploaded.")
    workspaces_domain: str = Field(
        "",
        description="Domain below which each workspace has a host: files are then also served at "
        "`https://<workspace>.<domain>/files/<bucket>/<path>`. Empty: no such hosts.",
    )
    link_lifetime: timedelta = Field(timedelta(hours=1), description="How long presigned links to files work.")

    # how long things are kept
    keep: str = Field(
        "forever",
        description="How long a job is kept after its end, with results and logs: `forever`, a number of days, or "
        "`none` for no results. Workspaces, processes and jobs may say otherwise.",
    )
    keep_unstarted: float = Field(
        30, gt=0, description="Days after which a job is removed that was made and never started."
    )
    keep_uploads: float = Field(
        2, gt=0, description="Days after which the pieces of an upload are deleted that nobody goes on with."
    )
    sweep_every: float = Field(
        600, ge=0, description="Seconds between two sweeps of what need not be kept; 0: workers do not sweep."
    )
    sweep_files_every: float = Field(
        86400,
        ge=0,
        description="Seconds between two looks through all files for those that belong to nothing; 0: never.",
    )

    # where results are released to
    release_stores: Words = Field(
        (),
        description="Places that results may be released to: `name=place`, where the place is a folder or "
        "`s3://bucket/prefix` reached with the server's keys.",
    )

    # inputs of jobs
    stage_in_limit: int = Field(100 * 1000**3, ge=1, description="Most bytes that the inputs of one job may have.")
    stage_in_timeout: float = Field(6 * 3600, gt=0, description="Seconds that bringing the inputs of a job may take.")
    stage_in_parallel: int = Field(6, ge=1, le=64, description="Files that are brought at the same time for one job.")
    stage_in_items: int = Field(1000, ge=1, description="Most STAC items that one input may hold.")
    s3_inputs: Words = Field(
        (),
        description="Buckets or `bucket/prefix` that `s3:` inputs may name beside the workspace's own files; "
        "`{workspace}` stands for the workspace that calls.",
    )
    input_folders: Words = Field((), description="Folders of this machine that `file:` inputs may lie in.")

    # own CWL for bringing inputs and publishing outputs
    staging_folder: Path | None = Field(
        None,
        description="Folder with CWL of your own for stage-in and stage-out. Empty: the pair that comes with the server.",
    )
    stage_in_cwl: str = Field(
        "", pattern=STAGING_FILE, description="File in that folder that brings folders to jobs. Empty: the runner does."
    )
    stage_out_cwl: str = Field(
        "", pattern=STAGING_FILE, description="File in that folder that publishes folders. Empty: the runner does."
    )
    staging_parameters: dict[str, Any] = Field(
        {}, description="JSON object: what inputs of these names get in that CWL."
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
    workers: int = Field(1, ge=0, description="Web worker processes; 0 makes one for each core.")
    threads: int = Field(32, ge=1, description="Requests that one web worker process answers at the same time.")
    streams: int = Field(
        0,
        ge=0,
        description="Event streams that one web worker process holds open at once, each with a thread of its own; "
        "0: half of the threads.",
    )
    streams_each: int = Field(10, ge=1, description="Event streams that one caller may have open in one such process.")
    slots: int = Field(0, ge=0, description="Jobs that a worker runs at the same time on this machine; 0: one a core.")
    local_isolation: Literal["auto", "none"] = Field(
        "auto", description="`auto` keeps jobs on this machine apart as well as it can; `none` says that nothing need."
    )
    containers: Literal["auto", "docker", "podman", "none"] = Field(
        "auto",
        description="What runs the images that packages name: the first engine that works here, one by name, or none: "
        "then tools run as commands of this machine.",
    )
    containers_pull: Literal["always", "missing", "never"] = Field(
        "missing", description="When an image is pulled before its tool runs."
    )
    containers_platform: str = Field(
        "", description="Platform of images, like `linux/amd64`. Empty: what the engine takes by itself."
    )
    javascript: Literal["quickjs", "node"] = Field(
        "quickjs", description="What evaluates JavaScript expressions. Node must be installed; QuickJS is built in."
    )
    worker: bool = Field(
        True, description="Run jobs inside of `ades serve`; off where `ades worker` does it elsewhere."
    )
    sync_wait: float = Field(
        30,
        ge=0,
        le=600,
        description="Seconds that an execution waits for the end of its job before it answers with it.",
    )
    lease: float = Field(
        30, ge=8, description="Seconds after which the jobs of a worker that says nothing more are run by another one."
    )
    attempts: int = Field(2, ge=1, description="How often a job is begun before the loss of its worker is its end.")
    running_limit: int | None = Field(
        None, ge=1, description="Jobs of one workspace that run at once, unless the workspace has a number of its own."
    )
    grace: float = Field(10, ge=0, description="Seconds that running jobs get to finish when their worker is stopped.")
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

    # what a job may use, unless its workspace has a number of its own
    job_cores: float | None = Field(
        None, gt=0, description="Cores that one job may use. Empty: all that its machine has."
    )
    job_memory: Bytes | None = Field(
        None, ge=1024**2, description="Memory that the tools of one job may hold together, like `8Gi`. Empty: no limit."
    )
    job_disk: Bytes | None = Field(
        None, ge=0, description="Bytes that the folder of one running job may grow to, like `50Gi`. Empty: no limit."
    )
    job_seconds: float | None = Field(None, gt=0, description="Seconds that one job may run. Empty: no limit.")
    job_cpu_seconds: float | None = Field(
        None, gt=0, description="Seconds of processor time that the tools of one job may use. Empty: no limit."
    )
    job_processes: int | None = Field(
        None, ge=1, description="Processes and threads that one job may have at a time. Empty: no limit."
    )
    job_output: Bytes | None = Field(
        None, ge=0, description="Bytes that the results of one job may have, like `10Gi`. Empty: no limit."
    )
    job_log: Bytes | None = Field(
        100 * 1000**2,
        ge=1,
        description="Bytes that one step may log; what comes after is dropped, and the log says so.",
    )
    tool_memory: Bytes | None = Field(
        None, ge=1024**2, description="Memory that one tool may hold whose package states no `ramMax`. Empty: no limit."
    )
    tool_seconds: float | None = Field(
        None,
        gt=0,
        description="Seconds that one tool may run whose package states no `ToolTimeLimit`. Empty: no limit.",
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What the log tells.")
    log_format: Literal["text", "json"] = Field("text", description="Text for people, JSON for machines.")

    # callbacks
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

    deploy_interval: float = Field(
        0, ge=0, le=3600, description="Least seconds between two deployments into one workspace; 0: no limit."
    )

    # jobs in a cluster
    engine: Literal["local", "kubernetes"] = Field(
        "local", description="Where jobs run: on this machine, or as Jobs of a Kubernetes cluster."
    )
    kubernetes_config: Path | None = Field(
        None, description="Kubeconfig file. Empty: the account of the server's own pod, else what kubectl would use."
    )
    kubernetes_instance: str = Field(
        "ades",
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        description="Label by which a server knows its own Jobs. Give each server of one cluster another one.",
    )
    kubernetes_namespace: str = Field(
        "ws-{workspace}", description="Namespace of a workspace that names none of its own."
    )
    kubernetes_watch: Literal["cluster", "namespaces"] = Field(
        "cluster", description="Watch the whole cluster (two watches), or each namespace where that is not allowed."
    )
    kubernetes_provision: bool = Field(
        False, description="Make a workspace's namespace with its account, Role and scratch volume when it is missing."
    )
    kubernetes_jobs: int = Field(1000, ge=1, description="Jobs that are in the cluster at the same time.")
    kubernetes_keep: float = Field(
        0, ge=0, description="Seconds that a finished Job and its pod stay in the cluster for those who look at them."
    )
    kubernetes_image: str = Field("", description="Image of the runner.")
    kubernetes_pull_secrets: Words = Field((), description="Secrets with which images are pulled, in each namespace.")
    kubernetes_service_account: str = Field("ades-runner", description="Account of the runner's pods.")
    kubernetes_service_account_annotations: dict[str, str] = Field(
        {}, description="JSON object: annotations of that account where the server makes it, such as a cloud role."
    )
    kubernetes_step_service_account: str = Field(
        "", description="Account of the pods of steps, which get no token of it. Empty: the namespace's `default`."
    )
    kubernetes_cpu: str = Field("250m", description="Cores that a runner asks for.")
    kubernetes_memory: str = Field("1Gi", description="Memory that a runner asks for and must not exceed.")
    kubernetes_node_selector: dict[str, str] = Field({}, description="JSON object: labels of nodes that jobs run on.")
    kubernetes_tolerations: tuple[dict[str, Any], ...] = Field(
        (), description="JSON array: tolerations of all pods of a job."
    )
    kubernetes_priority_class: str = Field("", description="Priority class of all pods of a job.")
    kubernetes_runtime_class: str = Field("", description="Runtime class of all pods of a job.")
    kubernetes_labels: dict[str, str] = Field({}, description="JSON object: further labels of all pods of a job.")
    kubernetes_annotations: dict[str, str] = Field(
        {}, description="JSON object: further annotations of all pods of a job."
    )
    kubernetes_env: tuple[dict[str, Any], ...] = Field(
        (), description="JSON array: further environment of steps, as in a pod, also from secrets and config maps."
    )
    kubernetes_runner_env: tuple[dict[str, Any], ...] = Field(
        (), description="JSON array: further environment of runners, as in a pod."
    )
    kubernetes_scratch: Literal["rwo-node", "shared", "per-job"] = Field(
        "per-job",
        description="Where a job's files lie: on a volume of its own that one node mounts (`rwo-node`) or many "
        "(`per-job`), or on the workspace's volume (`shared`).",
    )
    kubernetes_scratch_size: str = Field("20Gi", description="Size of a job's volume.")
    kubernetes_scratch_class: str = Field("", description="Storage class of volumes. Empty: the cluster's default.")
    kubernetes_scratch_claim: str = Field("ades-scratch", description="Claim of the workspace's volume (`shared`).")
    kubernetes_ttl: int = Field(
        7 * 86400, ge=7 * 86400, description="Seconds after which the cluster removes a finished Job by itself."
    )
    kubernetes_wall_limit: int = Field(86400, ge=60, description="Seconds that a job may run.")
    kubernetes_max_ram: str = Field("16Gi", description="Memory that the steps of a job may ask for at one time.")
    kubernetes_max_cores: float = Field(8, gt=0, description="Cores that the steps of a job may ask for at one time.")
    kubernetes_pull_deadline: float = Field(
        120, gt=0, description="Seconds after which an image that cannot be pulled fails the job."
    )
    kubernetes_schedule_deadline: float = Field(
        900, gt=0, description="Seconds after which a pod that fits on no node fails the job."
    )
    kubernetes_start_deadline: float = Field(
        30, gt=0, description="Seconds after which a pod that can never start fails the job."
    )
    kubernetes_retries_lost: int = Field(
        1, ge=0, description="How often a step or runner is run again that was evicted, preempted or lost its node."
    )
    kubernetes_retries_memory: int = Field(
        0, ge=0, description="How often a step is run again with more memory after it was killed at its limit."
    )
    kubernetes_memory_factor: float = Field(2, gt=1, description="By which its memory grows each time.")
    kubernetes_memory_maximum: str = Field("", description="Memory beyond which it does not grow.")
    kubernetes_default_image: str = Field("", description="Image of tools that name none. Empty: such a tool fails.")
    kubernetes_grace: int = Field(5, ge=0, le=30, description="Seconds that a pod gets to end when it is stopped.")

    # safety
    origins: Words = Field(
        (),
        description="Origins like `https://hub.example` whose web pages may change something without a token of their own.",
    )
    insecure: bool = Field(False, description="Serve on an address other than loopback without identities.")
    fetch_allow: Words = Field(
        (), description="Hosts, networks or `host:port` that may be read although they are private."
    )
    fetch_schemes: Words = Field(("https", "http"), description="Schemes of addresses that users may name.")
    fetch_timeout: float = Field(30, gt=0, description="Seconds after which reading a package by address fails.")

    secret_key: SecretStr | None = Field(
        None, description="Key for what is kept encrypted. Empty: made once and kept in the data folder."
    )

    # who calls
    tokens: bool = Field(
        False, description="Ask for a token although neither OpenID Connect nor a gateway is configured."
    )
    oidc_issuer: HttpUrl | None = Field(None, description="OpenID Connect issuer whose tokens are accepted.")
    oidc_audience: Words = Field(
        ("ades",), description="Audiences of which a token must name one; `*` takes the tokens of every audience."
    )
    oidc_algorithms: Words = Field(
        ("RS256", "PS256", "ES256", "Ed25519"),
        description="Algorithms with which a token may be signed; only those with public keys.",
    )
    oidc_leeway: float = Field(
        30, ge=0, le=600, description="Seconds by which the issuer's clock may differ from ours."
    )
    oidc_timeout: float = Field(5, gt=0, description="Seconds after which the issuer counts as not answering.")
    oidc_ca: Path | None = Field(None, description="File with the certificates that the issuer's is checked against.")
    oidc_keys_for: float = Field(3600, gt=0, description="Seconds for which the issuer's keys are kept.")
    oidc_keys_rest: float = Field(
        10, ge=0, description="Least seconds between two looks for new keys, however many tokens name unknown ones."
    )
    claim_user: str = Field("preferred_username", description="Claim with the name of the user; else `sub` is taken.")
    claim_workspaces: str = Field("workspaces", description="Claim with the workspaces that the user belongs to.")
    claim_owned: str = Field("workspaces-owned", description="Claim with the workspaces that the user owns.")
    claim_workspace: str = Field("workspace", description="Claim with the one workspace that the token acts for.")
    claim_roles: str = Field(
        "realm_access.roles", description="Claim with the roles; a dot leads into an object when no claim is named so."
    )
    claim_service: str = Field(
        "user_service", description="Claim that marks a token of a user service's steps; it never administers."
    )
    admin_roles: Words = Field(("hub_admin",), description="Roles that may administer this server.")
    gateway_proxies: Words = Field(
        (), description="Addresses or networks of gateways whose headers below say who calls. Empty: no gateway."
    )
    gateway_user: str = Field("X-Forwarded-User", description="Header of a gateway with the name of the user.")
    gateway_workspaces: str = Field(
        "X-Forwarded-Workspaces", description="Header of a gateway with the workspaces, separated by commas."
    )
    gateway_workspace: str = Field(
        "X-Forwarded-Workspace", description="Header of a gateway with the one workspace that the call is made for."
    )
    gateway_roles: str = Field(
        "X-Forwarded-Groups", description="Header of a gateway with the roles, separated by commas."
    )
    access_documents: str = Field(
        "",
        description="Folder or `s3://bucket/prefix` with EODH's access documents. They alone then say who may see "
        "deployed processes; without one, a process is private.",
    )
    access_documents_every: float = Field(
        30, gt=0, le=3600, description="Seconds between two looks at the access documents."
    )
    sessions: bool = Field(
        False,
        description="Serve `POST /api/workspaces/{workspace}/me/sessions`, which hands out tokens for development.",
    )

    # who may do what
    policy: str = Field(
        "embedded",
        description="`embedded`, a Rego file to use instead of the own one, or the URL of an Open Policy Agent server.",
    )
    policy_rule: str = Field(
        "ades/decision",
        pattern=r"^\w[\w-]*(/\w[\w-]*)+$",
        description="Rule that decides: its package and its name. It gives a boolean, or `allow` with `reasons`.",
    )
    policy_token: SecretStr | None = Field(None, description="Bearer token for the policy server.")
    policy_ca: Path | None = Field(
        None, description="File with the certificates that the policy server's is checked against."
    )
    policy_timeout: float = Field(1, gt=0, description="Seconds after which the policy server counts as not answering.")
    policy_cache: float = Field(5, ge=0, description="Seconds for which a decision is remembered; 0 asks each time.")

    @field_validator(
        "trusted_proxies",
        "prefixes",
        "fetch_allow",
        "origins",
        "fetch_schemes",
        "s3_inputs",
        "input_folders",
        "release_stores",
        "oidc_audience",
        "oidc_algorithms",
        "admin_roles",
        "gateway_proxies",
        "kubernetes_pull_secrets",
        "smtp_domains",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("keep")
    @classmethod
    def _keep(cls, value: str) -> str:
        return str(Keep.read(value))

    @field_validator("release_stores")
    @classmethod
    def _places(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [word for word in value if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*=.+", word)]
        if wrong:
            raise ValueError(f"write name=place, not {wrong[0]}")
        return value

    @property
    def released_to(self) -> dict[str, str]:
        """The release stores by name."""
        return dict(word.split("=", 1) for word in self.release_stores)

    @field_validator("oidc_algorithms")
    @classmethod
    def _with_public_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [name for name in value if name not in PUBLIC_KEY_ALGORITHMS]
        if wrong or not value:
            raise ValueError(f"give some of {', '.join(sorted(PUBLIC_KEY_ALGORITHMS))}, not {', '.join(wrong)}")
        return value

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.host not in LOOPBACK and not self.insecure and not self.identities:
            raise Misconfigured(
                f"Listening on {self.host} lets strangers in, and no identities are configured. Set ADES_OIDC_ISSUER, "
                "ADES_GATEWAY_PROXIES or ADES_TOKENS=true, or say --insecure (ADES_INSECURE=true) if this is wanted.",
                field="host",
            )
        return self

    @property
    def identities(self) -> bool:
        """Callers must say who they are; otherwise the server is open."""
        return self.tokens or self.oidc_issuer is not None or bool(self.gateway_proxies)

    @property
    def policy_file(self) -> Path | None:
        """The operator's Rego file, if the policy is one."""
        return None if self.policy == "embedded" else Path(self.policy)

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

    @property
    def database_url(self) -> str:
        """The database, with the default filled in and a driver named."""
        if not self.database:
            return f"sqlite:///{self.data.absolute() / 'ades.db'}"
        for prefix in ("postgresql://", "postgres://"):
            if self.database.startswith(prefix):
                return "postgresql+psycopg://" + self.database.removeprefix(prefix)
        return self.database


@cache
def _twin() -> type[BaseModel]:
    """The same fields without the search for values, which takes longer than to read them from JSON."""
    fields: dict[str, Any] = {name: (field.annotation, field) for name, field in Settings.model_fields.items()}
    return create_model("SettingsAsTold", **fields)
