"""What a bucket says, in the words of the protocol."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from ades.errors import StorageFull, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

REFUSED: Final = frozenset(
    {"AccessDenied", "403", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}
)
_FULL: Final = frozenset({"InsufficientStorage", "XMinioStorageFull", "QuotaExceeded", "QuotaExceededException", "507"})
_ABSENT: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_BEYOND: Final = frozenset({"InvalidRange", "416"})


class Beyond(Exception):
    """The range begins behind the end."""


@contextmanager
def words(key: str, bucket: str) -> Iterator[None]:
    """Turn what boto3 raises into what the protocol promises."""
    where = f"{key} in the bucket {bucket}"
    try:
        yield
    except ClientError as error:
        raise _meaning(error, where, key) from error
    except NoCredentialsError as error:
        raise Unavailable(
            f"The object store wants credentials for {where}, and none are configured. Set ADES_S3_ACCESS_KEY and "
            "ADES_S3_SECRET_KEY, or give the machine a role."
        ) from error
    except BotoCoreError as error:
        raise Unavailable(f"The object store does not answer for {where}: {error}.") from error


def code_of(error: ClientError) -> str:
    """The word for what went wrong."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _meaning(error: ClientError, where: str, key: str) -> Exception:
    code = code_of(error)
    said = (error.response.get("Error", {}).get("Message") or code).rstrip(".")
    if code in _ABSENT:
        return FileNotFoundError(key)
    if code in _BEYOND:
        return Beyond()
    if code in _FULL:
        return StorageFull(f"The object store has no room left for {where}: {said}.")
    if code in REFUSED:
        return Unavailable(
            f"The object store refuses our credentials for {where}: {said}. Check keys, role and policy of the bucket."
        )
    return Unavailable(f"The object store cannot do what is needed for {where}: {code}, {said}.")
