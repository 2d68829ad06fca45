"""Who we are to a bucket, and credentials for one job that can do no more than the job needs."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
import orjson
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.session import get_session

from ades.errors import Misconfigured, Unavailable
from ades.objects import Credentials
from ades.objects.s3.meaning import words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ades.settings import Settings


def session_for(settings: Settings) -> boto3.Session:
    """Keys from a file that is read again before they expire, keys from the settings, or the machine's own chain."""
    if settings.s3_credentials_file:
        base = get_session()
        read = partial(_read, settings.s3_credentials_file)
        kept = RefreshableCredentials.create_from_metadata(read(), read, "ades-file")
        base._credentials = kept  # type: ignore[attr-defined] # noqa: SLF001 - botocore has no door for it
        return boto3.Session(botocore_session=base)
    if settings.s3_access_key:
        return boto3.Session(
            aws_access_key_id=settings.s3_access_key,
            aws_secret_access_key=_plain(settings.s3_secret_key),
            aws_session_token=_plain(settings.s3_session_token),
        )
    return boto3.Session()


def for_job(
    settings: Settings, bucket: str, prefix: str, name: str, write: Sequence[str], read: Sequence[str]
) -> Credentials | None:
    """Credentials for a job: those that are configured, or minted ones that reach the named prefixes only."""
    if settings.s3_credentials == "sts":
        opened = [
            word.replace("{workspace}", key).strip("/") for word in settings.s3_inputs for key in read[:1] or [""]
        ]
        return _mint(settings, name, session_policy(bucket, prefix, write, read, opened))
    if settings.s3_access_key:
        return Credentials(
            settings.s3_access_key, _plain(settings.s3_secret_key) or "", _plain(settings.s3_session_token)
        )
    return None


def session_policy(
    bucket: str, prefix: str, write: Sequence[str], read: Sequence[str], opened: Sequence[str] = ()
) -> dict[str, Any]:
    """What a job may do: write below some prefixes, read below others, list both, and nothing else.

    `opened` are other buckets, or `bucket/prefix`, that jobs may read.
    """
    arn = f"arn:aws:s3:::{bucket}"
    written = [f"{arn}/{prefix}{key}/*" for key in write]
    readable = [f"{arn}/{prefix}{key}/*" for key in read]
    listed = [f"{prefix}{key}/*" for key in (*write, *read)]
    others = [f"arn:aws:s3:::{word}/*" for word in opened]
    other_buckets = sorted({f"arn:aws:s3:::{word.partition('/')[0]}" for word in opened})
    put = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": put, "Resource": written},
            {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": written + readable + others},
            {
                "Effect": "Allow",
                "Action": ["s3:ListBucket"],
                "Resource": [arn],
                "Condition": {"StringLike": {"s3:prefix": listed}},
            },
            *({"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [one]} for one in other_buckets),
        ],
    }


def _mint(settings: Settings, name: str, policy: dict[str, Any]) -> Credentials:
    if not settings.s3_role:
        raise Misconfigured(
            "ADES_S3_CREDENTIALS=sts needs the role whose rights jobs get a part of; set ADES_S3_ROLE.", field="s3_role"
        )
    client = session_for(settings).client(
        "sts",
        endpoint_url=settings.s3_sts_endpoint or settings.s3_endpoint or None,
        region_name=settings.s3_region or None,
        # Amazon mints for no less than 15 minutes, others do; the service itself says what it does not take.
        config=Config(parameter_validation=False, connect_timeout=5, read_timeout=10, retries={"max_attempts": 1}),
    )
    with words(f"the credentials of {name}", "of the token service"):
        minted = client.assume_role(
            RoleArn=settings.s3_role,
            RoleSessionName=name[:64],
            Policy=orjson.dumps(policy).decode(),
            DurationSeconds=settings.s3_credentials_seconds,
        )["Credentials"]
    return Credentials(
        minted["AccessKeyId"],
        minted["SecretAccessKey"],
        minted["SessionToken"],
        minted["Expiration"].astimezone(UTC),
    )


def _read(file: Path) -> dict[str, str]:
    """The file as botocore wants to be told. Written by `Credentials.to_json`, replaced before it expires."""
    try:
        found = orjson.loads(file.read_bytes())
        end = datetime.fromisoformat(found.get("Expiration") or "9999-12-31T00:00:00+00:00")
        read = {
            "access_key": found["AccessKeyId"],
            "secret_key": found["SecretAccessKey"],
            "token": found.get("SessionToken") or "",
            "expiry_time": end.isoformat(),
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unavailable(f"The credentials in {file} cannot be read: {error}.") from error
    if end <= datetime.now(UTC):
        raise Unavailable(f"The credentials in {file} ended at {end:%H:%M:%S} UTC, and nobody has put new ones there.")
    return read


def _plain(secret: Any) -> str | None:
    return secret.get_secret_value() if secret else None
