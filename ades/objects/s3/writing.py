"""Writing to a bucket: large things go up in parts, several at a time, and few of them are in memory at once.

What boto3 has for this sends a part in pieces of 16 kB, each of which waits for its turn in Python. Here a part is read
once, in order, and handed over whole, so that reckoning its hash and sending it go on beside other threads.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from concurrent.futures import Future

    from mypy_boto3_s3 import S3Client

    from ades.objects.s3.reading import Whole

PART: Final = 8 * 1024**2
"""Bytes of a part, and what is stored in one go; ten thousand parts make 80 GB."""
PARTS: Final = 10_000
"""Most parts of an object."""
AT_ONCE: Final = 6
"""Parts on their way at one time, of all objects that are written."""


class Writing:
    """Writes objects of one bucket."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._room = BoundedSemaphore(AT_ONCE)

    def in_parts(
        self,
        client: S3Client,
        name: str,
        source: Whole,
        size: int | None,
        wanted: Mapping[str, Any],
        first: bytes = b"",
    ) -> tuple[int, str]:
        """Store what `first` and `source` hold, or nothing; its size and etag. Without a known size it may have 80 GB."""
        upload = client.create_multipart_upload(Bucket=self._bucket, Key=name, **wanted)["UploadId"]
        place: dict[str, Any] = {"Bucket": self._bucket, "Key": name, "UploadId": upload}
        pieces = _Pieces(source, max(PART, -(-(size or 0) // PARTS)), first)
        try:
            parts = self._send(client, place, pieces)
            answer = client.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
        except BaseException:
            with suppress(ClientError, BotoCoreError):
                client.abort_multipart_upload(**place)
            raise
        return pieces.read, answer["ETag"].strip('"')

    def _send(self, client: S3Client, place: dict[str, Any], pieces: Iterable[bytes]) -> list[Any]:
        def send(number: int, body: bytes) -> dict[str, Any]:
            return {"PartNumber": number, "ETag": client.upload_part(**place, PartNumber=number, Body=body)["ETag"]}

        parts: list[Any] = []
        coming: deque[Future[dict[str, Any]]] = deque()
        pool = ThreadPoolExecutor(AT_ONCE, "ades-part")
        try:
            for number, body in enumerate(pieces, 1):
                self._room.acquire()
                future = pool.submit(send, number, body)
                future.add_done_callback(lambda _: self._room.release())
                coming.append(future)
                while coming and coming[0].done():
                    parts.append(coming.popleft().result())
            return [*parts, *(future.result() for future in coming)]
        finally:
            pool.shutdown(cancel_futures=True)


class _Pieces:
    """What a source holds, in pieces of one size; how much that was."""

    def __init__(self, source: Whole, size: int, first: bytes) -> None:
        self._source, self._size, self._first = source, size, first
        self.read = 0

    def __iter__(self) -> Iterator[bytes]:
        piece = self._first or self._source.read(self._size)
        while piece:
            self.read += len(piece)
            yield piece
            piece = self._source.read(self._size)


def ask_first(params: dict[str, Any], **_: Any) -> None:
    """Let the server say that it refuses before a part is sent, so that it need not break off in the middle of it."""
    params["headers"]["Expect"] = "100-continue"
