"""Objects in a bucket of S3 or of one of its look-alikes. Only what lies in this package knows boto3.

Look-alikes differ in what they refuse: checksums are sent and checked only where the protocol demands them, objects
are deleted one by one where many at once is refused, and what cannot be listed (unfinished uploads) is left alone.
"""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ades.objects import ObjectInfo, check_key, media_type_of
from ades.objects.s3.credentials import session_for
from ades.objects.s3.meaning import REFUSED, Beyond, code_of, words
from ades.objects.s3.reading import TRIES, Whole, reading
from ades.objects.s3.writing import PART, Writing, ask_first

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterator, Sequence
    from datetime import timedelta

    from mypy_boto3_s3 import S3Client

    from ades.settings import Settings

AT_ONCE: Final = 1000
"""Objects that one call lists or deletes."""


class S3Store:
    """An `ObjectStore` in a bucket, below a prefix of it."""

    def __init__(
        self, bucket: str, prefix: str, settings: Settings, *, check: Callable[[str], str] = check_key
    ) -> None:
        self.bucket = bucket
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._settings = settings
        self._check = check
        self._lock = Lock()
        self._clients: dict[str, S3Client] = {}
        self._writing = Writing(bucket)

    def put(self, key: str, source: bytes | Path | BinaryIO, media_type: str | None = None) -> ObjectInfo:
        """Store an object whole or not at all."""
        name = self._name(key)
        extra = {"ContentType": media_type or media_type_of(key), **_encryption(self._settings)}
        with words(key, self.bucket):
            if isinstance(source, bytes):
                return self._put_small(key, source, len(source), extra)
            if isinstance(source, Path):
                size = source.stat().st_size
                with source.open("rb", buffering=0) as file:
                    if size < PART:
                        return self._put_small(key, cast("BinaryIO", file), size, extra)
                    stored, etag = self._writing.in_parts(self._client, name, Whole(file), size, extra)
                    return ObjectInfo(key, stored, datetime.now(UTC), etag, extra["ContentType"])
            whole = Whole(source)
            first = whole.read(PART)
            if len(first) < PART:
                return self._put_small(key, first, len(first), extra)
            self._writing.in_parts(self._client, name, whole, None, extra, first)
        # Clients come back with this etag, and not every look-alike tells the same one when an upload ends.
        return self.stat(key)

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """Read an object or a part of it; when the connection breaks, the rest is asked for."""
        name = self._name(key)
        if length == 0:
            self.stat(key)
            return io.BytesIO()
        try:
            return reading(partial(self._get, name), key, start, length)
        except Beyond:
            return io.BytesIO()

    def stat(self, key: str) -> ObjectInfo:
        """What is known of an object."""
        with words(key, self.bucket):
            head = self._client.head_object(Bucket=self.bucket, Key=self._name(key))
        etag, modified = head["ETag"].strip('"'), head["LastModified"].astimezone(UTC)
        return ObjectInfo(key, head["ContentLength"], modified, etag, head.get("ContentType"))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """The object of this key and all below `<prefix>/`, in the order of their keys."""
        yield from self._itself(prefix)
        for info in self._below(f"{self._name(prefix)}/" if prefix else self.prefix):
            if not info.key.endswith("/"):
                yield info

    def delete(self, prefix: str) -> int:
        """Delete the object of this key, all below `<prefix>/`, and what uploads that never ended have left there."""
        name, count = self._name(prefix), 0
        found = (info.key for source in (self._itself(prefix), self._below(f"{name}/")) for info in source)
        while keys := list(islice(found, AT_ONCE)):
            with words(prefix, self.bucket):
                self._remove([self.prefix + key for key in keys])
            count += sum(not key.endswith("/") for key in keys)
        self._abandon(name)
        return count

    def link(self, key: str, lifetime: timedelta) -> str | None:
        """An address that works without a token for a while."""
        self.stat(key)
        client = self._client_at(self._settings.s3_public_endpoint or self._settings.s3_endpoint)
        place = {"Bucket": self.bucket, "Key": self._name(key)}
        with words(key, self.bucket):
            return client.generate_presigned_url(
                "get_object", Params=place, ExpiresIn=max(1, int(lifetime.total_seconds()))
            )

    def abandoned(self, before: datetime, *, remove: bool) -> builtins.list[str]:
        """Uploads in parts that nobody has finished. Not every look-alike knows of them."""
        found = []
        with suppress(ClientError, BotoCoreError):
            for upload in self._unfinished(self.prefix):
                if upload["Initiated"] < before:
                    found.append(upload["Key"].removeprefix(self.prefix))
                    if remove:
                        self._abort(upload)
        return found

    def _put_small(self, key: str, body: bytes | BinaryIO, size: int, extra: dict[str, Any]) -> ObjectInfo:
        answer = self._client.put_object(Bucket=self.bucket, Key=self._name(key), Body=body, **extra)
        return ObjectInfo(key, size, datetime.now(UTC), answer["ETag"].strip('"'), extra["ContentType"])

    @property
    def _client(self) -> S3Client:
        return self._client_at(self._settings.s3_endpoint)

    def _client_at(self, endpoint: str) -> S3Client:
        """Made when it is first needed: a process that never touches the store does not pay for it."""
        with self._lock:
            if endpoint not in self._clients:
                client = session_for(self._settings).client(
                    "s3",
                    endpoint_url=endpoint or None,
                    region_name=self._settings.s3_region or None,
                    config=_config(self._settings),
                )
                client.meta.events.register("before-call.s3.UploadPart", ask_first)
                self._clients[endpoint] = client
            return self._clients[endpoint]

    def _get(self, name: str, start: int, length: int | None, etag: str | None) -> tuple[Any, str]:
        wanted: dict[str, Any] = {"IfMatch": f'"{etag}"'} if etag else {}
        if start or length is not None:
            wanted["Range"] = f"bytes={start}-{'' if length is None else start + length - 1}"
        with words(name.removeprefix(self.prefix), self.bucket):
            answer = self._client.get_object(Bucket=self.bucket, Key=name, **wanted)
        return answer["Body"], answer["ETag"].strip('"')

    def _name(self, key: str) -> str:
        return self.prefix + self._check(key)

    def _itself(self, prefix: str) -> Iterator[ObjectInfo]:
        if prefix:
            with suppress(FileNotFoundError):
                yield self.stat(prefix)

    def _below(self, start: str) -> Iterator[ObjectInfo]:
        with words(start, self.bucket):
            for page in self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=start, PaginationConfig={"PageSize": AT_ONCE}
            ):
                for found in page.get("Contents", ()):
                    modified, etag = found["LastModified"].astimezone(UTC), found["ETag"].strip('"')
                    yield ObjectInfo(found["Key"].removeprefix(self.prefix), found["Size"], modified, etag)

    def _remove(self, names: Sequence[str]) -> None:
        try:
            wanted = {"Objects": [{"Key": name} for name in names], "Quiet": True}
            answer = self._client.delete_objects(Bucket=self.bucket, Delete=cast("Any", wanted))
            left: Sequence[str] = [error["Key"] for error in answer.get("Errors", ())]
        except ClientError as error:
            if code_of(error) in REFUSED:
                raise
            left = names
        for name in left:
            self._client.delete_object(Bucket=self.bucket, Key=name)

    def _abandon(self, name: str) -> None:
        """Not every look-alike knows of unfinished uploads, and not every account may list them."""
        with suppress(ClientError, BotoCoreError):
            for upload in self._unfinished(name):
                if upload["Key"] == name or upload["Key"].startswith(f"{name}/"):
                    self._abort(upload)

    def _unfinished(self, start: str) -> builtins.list[Any]:
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=start)
        return [upload for page in pages for upload in page.get("Uploads", ())]

    def _abort(self, upload: Any) -> None:
        self._client.abort_multipart_upload(Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"])


def _encryption(settings: Settings) -> dict[str, Any]:
    how, key = settings.s3_encryption, settings.s3_encryption_key
    wanted = {"ServerSideEncryption": how} if how else {}
    return {**wanted, "SSEKMSKeyId": key} if how and key else wanted


def _encrypted(settings: Settings) -> bool:
    """Whether the connection itself keeps what is sent from changing: then nobody need reckon its hash for that."""
    return (settings.s3_endpoint or "https://").startswith("https://")


def _config(settings: Settings) -> Config:
    return Config(
        signature_version="s3v4",
        s3={"addressing_style": settings.s3_addressing, "payload_signing_enabled": not _encrypted(settings)},
        retries={"mode": "standard", "max_attempts": TRIES},
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=32,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
