"""What a bucket says, in the words of the protocol."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - its name there
    HTTPClientError,
    NoCredentialsError,
    SSLError,
)

from ades.errors import StorageFull, Unavailable, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

REFUSED: Final = frozenset(
    {"AccessDenied", "403", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}
)
_FULL: Final = frozenset({"InsufficientStorage", "XMinioStorageFull", "QuotaExceeded", "QuotaExceededException", "507"})
_ABSENT: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_BEYOND: Final = frozenset({"InvalidRange", "416"})
_CHANGED: Final = frozenset({"PreconditionFailed", "412"})
_BUSY: Final = frozenset({"SlowDown", "RequestTimeout", "Throttling", "ThrottlingException", "RequestLimitExceeded"})
_NOT_DONE_HERE: Final = 501
_SERVER: Final = 500
_TOO_MANY: Final = 429


class Beyond(Exception):
    """The range begins behind the end."""


class Changed(Exception):
    """The object is not the one that was meant."""


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
        kind = Unreachable if _may_come_back(error) else Unavailable
        raise kind(f"The object store does not answer for {where}: {error}.") from error


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
    if code in _CHANGED:
        return Changed()
    if code in _FULL:
        return StorageFull(f"The object store has no room left for {where}: {said}.")
    if code in REFUSED:
        return Unavailable(
            f"The object store refuses our credentials for {where}: {said}. Check keys, role and policy of the bucket."
        )
    kind = Unreachable if _is_busy(error) else Unavailable
    return kind(f"The object store cannot do what is needed for {where}: {code}, {said}.")


def _is_busy(error: ClientError) -> bool:
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return code_of(error) in _BUSY or status == _TOO_MANY or (status >= _SERVER and status != _NOT_DONE_HERE)


def _may_come_back(error: BotoCoreError) -> bool:
    """A wrong certificate stays wrong; a connection that ends in the middle may be one of a server that stops."""
    if isinstance(error, SSLError):
        return "EOF" in str(error)
    return isinstance(error, HTTPClientError | ConnectionError)
