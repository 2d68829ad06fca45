"""Who may do what, and what the server reads and keeps for them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import Field, HttpUrl, SecretStr, field_validator

from ades.settings.words import Group, Words

PUBLIC_KEY_ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA"},
)
"""With the others, whoever may check a token could also make one."""


class Safety(Group):
    """Safety."""

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


class Callers(Group):
    """Who calls."""

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

    @field_validator("oidc_algorithms")
    @classmethod
    def _with_public_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [name for name in value if name not in PUBLIC_KEY_ALGORITHMS]
        if wrong or not value:
            raise ValueError(f"give some of {', '.join(sorted(PUBLIC_KEY_ALGORITHMS))}, not {', '.join(wrong)}")
        return value

    @property
    def identities(self) -> bool:
        """Callers must say who they are; otherwise the server is open."""
        return self.tokens or self.oidc_issuer is not None or bool(self.gateway_proxies)


class Policy(Group):
    """Who may do what."""

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

    @property
    def policy_file(self) -> Path | None:
        """The operator's Rego file, if the policy is one."""
        return None if self.policy == "embedded" else Path(self.policy)
