"""Files: where they lie, how they come and go, how long they stay."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator

from ades.model import Keep
from ades.settings.words import STAGING_FILE, Group, Words


class Objects(Group):
    """Where files lie."""

    objects: str = Field(
        "", description="Where files lie: empty for a folder in the data folder, or `s3://bucket/prefix`."
    )
    objects_fsync: bool = Field(
        False, description="Force each file of the local object store onto the disk before it counts as stored."
    )
    objects_patience: float = Field(
        300,
        ge=0,
        description="Seconds that a job waits for an object store that is away, when it brings inputs or publishes "
        "results; 0: it fails at once.",
    )
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


class Files(Group):
    """Files of workspaces."""

    upload_limit: int = Field(10 * 1000**3, ge=1, description="Largest file in bytes that can be uploaded.")
    workspaces_domain: str = Field(
        "",
        description="Domain below which each workspace has a host: files are then also served at "
        "`https://<workspace>.<domain>/files/<bucket>/<path>`. Empty: no such hosts.",
    )
    link_lifetime: timedelta = Field(timedelta(hours=1), description="How long presigned links to files work.")
    release_stores: Words = Field(
        (),
        description="Places that results may be released to: `name=place`, where the place is a folder or "
        "`s3://bucket/prefix` reached with the server's keys.",
    )

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


class Keeping(Group):
    """How long things are kept."""

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

    @field_validator("keep")
    @classmethod
    def _keep(cls, value: str) -> str:
        return str(Keep.read(value))


class Staging(Group):
    """Inputs and outputs of jobs."""

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
