"""What buckets promise beyond the contract, and what their servers are asked for."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Lock

import orjson
import pytest
import requests
from botocore.exceptions import ClientError
from moments import within
from s3_servers import settings_for

from ades.errors import Misconfigured, StorageFull, Unavailable, Unreachable
from ades.objects import Credentials, job_credentials, open_store
from ades.objects.s3.credentials import session_policy
from ades.objects.s3.meaning import words
from ades.objects.s3.reading import TRIES
from ades.objects.s3.writing import AT_ONCE
from ades.settings import Settings

BIG = 40 * 1024**2


@pytest.fixture
def bucket(s3_settings):
    return open_store(s3_settings)


def calls(store, name):
    """What is asked of the server from now on, by operation."""
    seen = []
    store._client.meta.events.register(f"provide-client-params.s3.{name}", lambda params, **_: seen.append(params))
    return seen


def uploads(store):
    return store._client.list_multipart_uploads(Bucket=store.bucket, Prefix=store.prefix).get("Uploads", [])


@pytest.mark.parametrize("form", ["file", "stream"])
def test_big_objects_go_up_in_parts(bucket, tmp_path, form):
    """Several parts at once, and the same bytes come out."""
    body = os.urandom(BIG)
    (tmp_path / "big").write_bytes(body)
    parts = calls(bucket, "UploadPart")
    bucket.put("alice/files/big", tmp_path / "big" if form == "file" else io.BytesIO(body))
    assert 5 == len(parts)
    with bucket.open("alice/files/big") as stream:
        assert body == stream.read()
    with bucket.open("alice/files/big", BIG - 5, 100) as stream:
        assert body[-5:] == stream.read()


def test_a_link_needs_no_token(bucket):
    """A presigned link can be read by anybody for a while, with the type of the object."""
    bucket.put("alice/files/ä b.json", b"{}")
    link = bucket.link("alice/files/ä b.json", timedelta(minutes=5))
    answer = requests.get(link, timeout=10)
    assert (200, b"{}", "application/json") == (answer.status_code, answer.content, answer.headers["Content-Type"])
    assert "X-Amz-Expires=300" in link


def test_a_link_for_the_world_outside(moto, s3_settings):
    """Where clients reach the bucket under another address, links carry that one."""
    settings = s3_settings.model_copy(update={"s3_public_endpoint": "https://data.example"})
    store = open_store(settings)
    store.put("alice/files/a", b"")
    assert store.link("alice/files/a", timedelta(minutes=1)).startswith(f"https://data.example/bucket/{store.prefix}")


def test_a_killed_upload_is_cleared(moto, s3_settings, bucket):
    """Killed in the middle of an upload: nothing is visible, and deleting the prefix takes the parts away."""
    code = textwrap.dedent("""
        import sys, pathlib
        from ades.objects import open_store
        from ades.settings import Settings
        class Slow:
            def read(self, size):
                sys.stdout.write("."); sys.stdout.flush(); return bytes(size)
        open_store(Settings.model_validate_json(sys.argv[1])).put("alice/jobs/1/big", Slow())
    """)
    raw = s3_settings.model_dump(mode="json") | {"s3_secret_key": "ades-secret"}
    writer = subprocess.Popen([sys.executable, "-c", code, orjson.dumps(raw).decode()], stdout=subprocess.PIPE)
    writer.stdout.read(6)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert [] == list(bucket.list("alice"))
    bucket.delete("alice/jobs/1")
    assert [] == uploads(bucket)


def test_a_broken_source_leaves_no_parts(bucket):
    """A source that fails in the middle ends the upload; nothing is kept that would cost money."""

    class Broken:
        left = 4

        def read(self, size):
            self.left -= 1
            if not self.left:
                raise ConnectionResetError
            return bytes(size)

    with pytest.raises(ConnectionResetError):
        bucket.put("alice/files/big", Broken())
    assert [] == uploads(bucket)


def test_a_part_that_is_refused_ends_the_upload(bucket, tmp_path):
    """The reason is told, and what was sent before is taken away."""
    (tmp_path / "big").write_bytes(bytes(BIG))

    def refuse(params, **_):
        if params["PartNumber"] == 2:
            raise ClientError({"Error": {"Code": "InsufficientStorage"}}, "UploadPart")

    bucket._client.meta.events.register("provide-client-params.s3.UploadPart", refuse)
    with pytest.raises(StorageFull):
        bucket.put("alice/files/big", tmp_path / "big")
    assert [] == uploads(bucket)


def test_few_parts_are_in_memory(bucket, tmp_path):
    """However many large files are stored at once."""
    (tmp_path / "big").write_bytes(bytes(BIG))
    lock, now, most = Lock(), [0], [0]

    def change(by):
        with lock:
            now[0] += by
            most[0] = max(most[0], now[0])

    bucket._client.meta.events.register("before-call.s3.UploadPart", lambda **_: change(1))
    bucket._client.meta.events.register("after-call.s3.UploadPart", lambda **_: change(-1))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: bucket.put(f"alice/files/{n}", tmp_path / "big"), range(4)))
    assert (0, True) == (now[0], 1 <= most[0] <= AT_ONCE)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("AccessDenied", 403, Unavailable),
        ("NoSuchBucket", 404, Unavailable),
        ("NotImplemented", 501, Unavailable),
        ("XMinioStorageFull", 507, StorageFull),
        ("SlowDown", 503, Unreachable),
        ("InternalError", 500, Unreachable),
        ("TooManyRequests", 429, Unreachable),
    ],
)
def test_what_may_mend(code, status, kind):
    """Trouble of the store passes; what it refuses does not, and what is full does not by itself."""
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    with pytest.raises(Unavailable) as raised, words("alice/a", "bucket"):
        raise ClientError(answer, "PutObject")
    assert kind is type(raised.value)


def test_a_certificate_that_is_wrong(rclone_tls):
    """It does not become right by waiting."""
    with pytest.raises(Unavailable, match="does not answer") as raised:
        open_store(settings_for(rclone_tls[0])).stat("alice/a")
    assert Unavailable is type(raised.value)


def test_encryption_is_asked_for(moto, s3_settings):
    """The setting reaches every way of storing."""
    settings = s3_settings.model_copy(update={"s3_encryption": "aws:kms", "s3_encryption_key": "key-1"})
    store = open_store(settings)
    small, big = calls(store, "PutObject"), calls(store, "CreateMultipartUpload")
    store._client.meta.events.register("before-call.s3", lambda **_: (_ for _ in ()).throw(StopAsyncIteration))
    for source in (b"x", io.BytesIO(bytes(BIG))):
        with pytest.raises(StopAsyncIteration):
            store.put("alice/files/a", source)
    for params in (small[0], big[0]):
        assert ("aws:kms", "key-1") == (params["ServerSideEncryption"], params["SSEKMSKeyId"])


def test_no_checksums_where_none_are_needed(bucket):
    """Look-alikes refuse trailing checksums: none are sent with objects, and a part is read without asking for one."""
    sent = []
    bucket._client.meta.events.register("before-send.s3", lambda request, **_: sent.append(request))
    bucket.put("alice/files/a", b"x")
    bucket.put("alice/files/b", io.BytesIO(bytes(BIG)))
    bucket.open("alice/files/b", 5, 5).close()
    headers = {name.lower() for request in sent for name in request.headers}
    assert not {name for name in headers if "checksum" in name or "trailer" in name or name == "content-encoding"}


def test_deleting_one_by_one(bucket, monkeypatch):
    """Where a server does not delete many at once, it is done one by one."""
    for n in range(3):
        bucket.put(f"alice/files/{n}", b"")
    client = bucket._client

    def refuse(**_):
        raise client.exceptions.ClientError({"Error": {"Code": "NotImplemented"}}, "DeleteObjects")

    monkeypatch.setattr(client, "delete_objects", refuse)
    assert 3 == bucket.delete("alice/files")
    assert [] == list(bucket.list("alice"))


def test_wrong_keys_are_told(rclone):
    """Credentials that the store refuses are the operator's trouble, and the message says where to look."""
    wrong = {"s3_access_key": "wrong", "s3_secret_key": "wrong", "s3_addressing": "path"}
    store = open_store(Settings(objects="s3://bucket", s3_endpoint=rclone, s3_region="x", **wrong))
    for call in (
        lambda: store.put("alice/files/a", b""),
        lambda: store.stat("alice/files/a"),
        lambda: list(store.list("alice")),
        lambda: store.put("alice/files/a", io.BytesIO(bytes(BIG))),
    ):
        with pytest.raises(Unavailable, match=r"refuses our credentials for .* in the bucket bucket"):
            call()


def test_a_bucket_that_is_not_there(s3_settings):
    """Named in the message."""
    store = open_store(s3_settings.model_copy(update={"objects": "s3://nowhere/x"}))
    with pytest.raises(Unavailable, match="alice/files/a in the bucket nowhere: NoSuchBucket"):
        store.put("alice/files/a", b"")


def test_a_store_that_does_not_answer():
    """Told after a few tries, within seconds."""
    settings = Settings(objects="s3://b", s3_endpoint="http://127.0.0.1:1", s3_access_key="k", s3_secret_key="s")
    start = time.monotonic()
    with pytest.raises(Unavailable, match=r"does not answer for alice/files/a .*127\.0\.0\.1:1"):
        open_store(settings).stat("alice/files/a")
    assert time.monotonic() - start < within(30)


def test_a_full_store_is_told(bucket, monkeypatch):
    """What MinIO and others say when their disks are full is a `StorageFull`."""
    client = bucket._client

    def refuse(**_):
        raise client.exceptions.ClientError({"Error": {"Code": "XMinioStorageFull", "Message": "no space"}}, "Put")

    monkeypatch.setattr(client, "put_object", refuse)
    with pytest.raises(StorageFull, match="no room left for alice/files/a"):
        bucket.put("alice/files/a", b"")


def test_no_credentials_at_all(monkeypatch, tmp_path):
    """A machine without any says what to set."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(Unavailable, match="ADES_S3_ACCESS_KEY"):
        open_store(Settings(objects="s3://b", s3_endpoint="http://127.0.0.1:1", s3_region="x")).stat("alice/a")


class Breaking:
    """A body that breaks after some bytes."""

    def __init__(self, body, good):
        self._body, self._good = body, good

    def read(self, size):
        if self._good <= 0:
            raise ConnectionResetError
        self._good -= 1
        return self._body.read(min(size, 100))

    def close(self):
        self._body.close()


def test_a_reading_that_breaks_goes_on(bucket, monkeypatch):
    """From where it broke; and gives up when it breaks again and again."""
    body = os.urandom(1000)
    bucket.put("alice/files/a", body)
    get = bucket._get

    def breaking(name, start, length, etag):
        raw, found = get(name, start, length, etag)
        return Breaking(raw, 4), found

    monkeypatch.setattr(bucket, "_get", breaking)
    with bucket.open("alice/files/a", 1) as stream:
        assert body[1:] == stream.read()

    monkeypatch.setattr(bucket, "_get", lambda *args: ((got := get(*args)), (Breaking(got[0], 0), got[1]))[1])
    with pytest.raises(Unavailable, match=f"broke off within alice/files/a, {TRIES} times"):
        bucket.open("alice/files/a").read()


def test_a_reading_never_mixes_contents(moto, s3_settings, bucket, monkeypatch):
    """If the object was replaced meanwhile, the reader is told."""
    bucket.put("alice/files/a", b"a" * 1000)
    get = bucket._get
    monkeypatch.setattr(bucket, "_get", lambda *args: ((got := get(*args)), (Breaking(got[0], 1), got[1]))[1])
    stream = bucket.open("alice/files/a")
    bucket.put("alice/files/a", b"b" * 1000)
    with pytest.raises(Unavailable, match="changed while it was read"):
        stream.read()


def test_credentials_of_a_file_are_read_again(moto, s3_settings, tmp_path):
    """Keys that live shortly serve for longer, as long as somebody replaces the file."""
    file = tmp_path / "credentials.json"

    def write(n, seconds):
        end = datetime.now(UTC) + timedelta(seconds=seconds)
        file.write_bytes(Credentials(f"key-{n}", "secret", "token", end).to_json())

    write(0, 60)
    store = open_store(s3_settings.model_copy(update={"s3_credentials_file": file, "s3_endpoint": moto}))
    used = []
    store._client.meta.events.register(
        "before-send.s3", lambda request, **_: used.append(str(request.headers["Authorization"]))
    )
    for n in range(1, 4):
        store.put("alice/files/a", b"")
        write(n, 60)
    assert ["key-0", "key-1", "key-2"] == [line.split("Credential=")[1].split("/")[0] for line in used]
    write(4, -1)
    with pytest.raises(Unavailable, match="nobody has put new ones there"):
        store.put("alice/files/a", b"")
    file.write_text("no json")
    with pytest.raises(Unavailable, match=r"credentials\.json cannot be read"):
        store.put("alice/files/a", b"")


def test_credentials_for_one_job(moto):
    """Minted by the token service, with an end and with a policy that names the job's prefixes and nothing else."""
    settings = Settings(
        objects="s3://bucket/root",
        s3_endpoint=moto,
        s3_region="us-east-1",
        s3_access_key="k",
        s3_secret_key="s",
        s3_credentials="sts",
        s3_role="arn:aws:iam::123456789012:role/ades-jobs",
        s3_credentials_seconds=900,
    )
    minted = job_credentials(settings, "job-1", ["alice/jobs/1"], ["alice/files"])
    assert "k" != minted.access_key
    assert minted.session_token
    assert timedelta(minutes=10) < minted.expires - datetime.now(UTC) <= timedelta(minutes=16)
    assert minted.secret_key not in repr(minted)
    with pytest.raises(Misconfigured, match="ADES_S3_ROLE"):
        job_credentials(settings.model_copy(update={"s3_role": ""}), "job-1", [], [])


def test_the_policy_of_a_job():
    """Exactly what it may do; neither other jobs nor other workspaces nor the bucket as a whole."""
    policy = session_policy("bucket", "root/", ["alice/jobs/1"], ["alice/files"])
    put, get, look = policy["Statement"]
    assert ["arn:aws:s3:::bucket/root/alice/jobs/1/*"] == put["Resource"]
    assert ["arn:aws:s3:::bucket/root/alice/jobs/1/*", "arn:aws:s3:::bucket/root/alice/files/*"] == get["Resource"]
    assert {"StringLike": {"s3:prefix": ["root/alice/jobs/1/*", "root/alice/files/*"]}} == look["Condition"]
    assert ["s3:ListBucket"] == look["Action"]
    assert len(orjson.dumps(policy)) < 2048


def test_credentials_by_setting(tmp_path):
    """The configured keys where jobs get those; nothing for a folder or where the machine has a role."""
    keys = {"s3_access_key": "k", "s3_secret_key": "s", "s3_session_token": "t"}
    assert Credentials("k", "s", "t") == job_credentials(Settings(objects="s3://b", **keys), "job-1", [], [])
    assert job_credentials(Settings(objects="s3://b"), "job-1", [], []) is None
    assert job_credentials(Settings(data=tmp_path, **keys), "job-1", [], []) is None
    with pytest.raises(Misconfigured, match="names no bucket"):
        open_store(Settings(objects="s3:///x"))


def test_boto3_is_not_loaded_for_a_folder():
    """Who keeps files in a folder does not pay for buckets."""
    code = (
        "import sys; from ades.objects import open_store; from ades.settings import Settings;"
        "open_store(Settings()); print([name for name in sys.modules if name.startswith('boto')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout
