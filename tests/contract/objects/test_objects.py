"""What every object store promises; the fixture `store` runs each test over all of them."""

import io
import threading
from datetime import UTC, datetime, timedelta

import pytest

from ades.errors import BadRequest


def keys(store, prefix):
    return [info.key for info in store.list(prefix)]


def read(store, key, *part):
    with store.open(key, *part) as stream:
        return stream.read()


@pytest.mark.parametrize("body", [b"", b"some bytes", b"x" * 3_000_000], ids=["empty", "small", "large"])
@pytest.mark.parametrize("form", ["bytes", "file", "stream"])
def test_what_is_put_can_be_read(store, tmp_path, body, form):
    """Bytes, a file or a stream go in; the same bytes come out."""
    source = body
    if form == "file":
        source = tmp_path / "source"
        source.write_bytes(body)
    elif form == "stream":
        source = io.BytesIO(body)
    info = store.put("alice/files/a.bin", source)
    assert ("alice/files/a.bin", len(body)) == (info.key, info.size)
    assert body == read(store, "alice/files/a.bin")


def test_what_is_known_of_an_object(store):
    """Key, size, time, etag and media type, and the same from put, stat and list."""
    before = datetime.now(UTC) - timedelta(seconds=5)
    put = store.put("alice/files/a.json", b"{}")
    stat = store.stat("alice/files/a.json")
    listed = next(iter(store.list("alice/files")))
    assert (2, "application/json") == (stat.size, stat.media_type)
    assert put.etag == stat.etag == listed.etag
    assert '"' not in stat.etag
    assert before <= stat.modified <= datetime.now(UTC) + timedelta(seconds=5)


def test_a_media_type_is_kept(store):
    """A media type that the ending does not say comes back, until the object is replaced without it."""
    store.put("alice/files/a.bin", b"1", "image/png")
    assert store.stat("alice/files/a.bin").media_type == "image/png"
    store.put("alice/files/a.bin", b"2")
    assert store.stat("alice/files/a.bin").media_type == "application/octet-stream"


def test_an_object_is_replaced(store):
    """The last one who writes wins, and the etag tells."""
    first = store.put("alice/files/a", b"first")
    second = store.put("alice/files/a", b"other")
    assert first.etag != second.etag
    assert b"other" == read(store, "alice/files/a")
    assert ["alice/files/a"] == keys(store, "alice")


@pytest.mark.parametrize(
    ("part", "expected"),
    [((0, 3), b"012"), ((4,), b"456789"), ((8, 10), b"89"), ((3, 0), b""), ((10,), b""), ((12, 4), b"")],
)
def test_a_part_can_be_read(store, part, expected):
    """A range by start and length; beyond the end there is nothing."""
    store.put("alice/files/a", b"0123456789")
    assert expected == read(store, "alice/files/a", *part)


def test_a_stream_can_be_read_in_pieces(store):
    """Reading by small pieces gives the same bytes, and the end is the end."""
    store.put("alice/files/a", b"0123456789")
    with store.open("alice/files/a", 2, 7) as stream:
        pieces = list(iter(lambda: stream.read(3), b""))
        assert b"2345678" == b"".join(pieces)
        assert stream.read(1) == b""


def test_a_list_is_in_the_order_of_keys(store):
    """Sorted by the bytes of the whole key, folders not before files."""
    names = ["a/b", "a-b", "a.b", "a0", "b/ü", "b/z", "b/Z", "c/d/e/f", "c/d e", "c/d+e%20", "c/d#?&=e"]
    for name in names:
        store.put(f"alice/files/{name}", b"")
    expected = sorted((f"alice/files/{name}" for name in names), key=str.encode)
    assert expected == keys(store, "alice/files")
    assert expected == keys(store, "")


def test_a_long_list_is_complete(store, monkeypatch):
    """More objects than one answer of a bucket holds are listed and deleted."""
    monkeypatch.setattr("ades.objects.s3.AT_ONCE", 10)
    expected = [f"alice/files/{n:04}" for n in range(25)]
    for key in expected:
        store.put(key, b"")
    assert expected == keys(store, "alice/files")
    assert len(expected) == store.delete("alice/files")
    assert [] == keys(store, "alice/files")


def test_a_prefix_is_a_folder(store):
    """`jobs/1` is not `jobs/10`, when listed and when deleted."""
    for key in ("alice/jobs/1/a", "alice/jobs/1/b/c", "alice/jobs/10/a", "bob/jobs/1/a"):
        store.put(key, b"")
    assert ["alice/jobs/1/a", "alice/jobs/1/b/c"] == keys(store, "alice/jobs/1")
    assert 2 == store.delete("alice/jobs/1")
    assert ["alice/jobs/10/a", "bob/jobs/1/a"] == keys(store, "")


def test_one_object_is_listed_and_deleted_by_its_key(store):
    """A key is a prefix of itself."""
    store.put("alice/files/a", b"")
    store.put("alice/files/ab", b"")
    assert ["alice/files/a"] == keys(store, "alice/files/a")
    assert 1 == store.delete("alice/files/a")
    assert ["alice/files/ab"] == keys(store, "alice")


def test_what_is_not_there(store):
    """Reading says so; listing and deleting find nothing."""
    store.put("alice/files/folder/a", b"")
    for key in ("alice/files/none", "alice/files/folder", "alice/files/folder/a/b", "none"):
        with pytest.raises(FileNotFoundError):
            store.stat(key)
        with pytest.raises(FileNotFoundError):
            store.open(key).read()
    assert [] == keys(store, "alice/none")
    assert 0 == store.delete("alice/none")


@pytest.mark.parametrize(
    "key",
    [
        *("", "/", "/etc/passwd", "../x", "alice/../bob/x", "alice//x", "alice/", "alice/./x", "alice/a\0b"),
        *("alice/a\nb", "Alice/x", ".hidden/x", "alice/.ades-x", "alice/\udcff"),
        *("alice/" + "x" * 256, "alice/" + "x/" * 500 + "x"),
    ],
)
def test_wrong_keys_are_refused(store, key):
    """Nothing is read, written or deleted outside the place of a workspace."""
    calls = [lambda: store.put(key, b""), lambda: store.open(key), lambda: store.stat(key), lambda: store.delete(key)]
    calls += [lambda: list(store.list(key))] if key else []
    for call in calls:
        with pytest.raises(BadRequest):
            call()


class Broken(io.RawIOBase):
    """A stream that fails after a while."""

    def __init__(self, good):
        self.good = good

    def read(self, size=-1):
        if self.good <= 0:
            raise ConnectionResetError("the source went away")
        self.good -= 65536
        return b"x" * 65536


@pytest.mark.parametrize("good", [0, 65536, 20 * 1024**2])
def test_a_source_that_breaks_leaves_nothing(store, good):
    """Neither a part of the object nor a changed old one can be seen."""
    store.put("alice/files/old", b"old")
    for key in ("alice/files/old", "alice/files/new"):
        with pytest.raises(ConnectionResetError):
            store.put(key, Broken(good))
    assert ["alice/files/old"] == keys(store, "alice")
    assert b"old" == read(store, "alice/files/old")


def test_readers_see_old_or_new(store):
    """While objects are replaced, every reader sees one content whole."""
    bodies = [bytes([n]) * 200_000 for n in range(2)]
    store.put("alice/files/a", bodies[0])
    stop = threading.Event()

    def write():
        for n in range(10):
            store.put("alice/files/a", bodies[n % 2])
        stop.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not stop.is_set():
        assert read(store, "alice/files/a") in bodies
    writer.join()


def test_writers_and_deleters_meet(store):
    """Folders that come and go do not make a writer fail."""
    errors = []

    def work(n):
        try:
            for _ in range(10):
                store.put(f"alice/files/x/y/{n}", b"")
                store.delete(f"alice/files/x/y/{n}")
        except Exception as error:  # noqa: BLE001 - told to the test
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == errors
    store.delete("alice/files")  # rclone may forget for a moment what was written while a folder went
    assert [] == keys(store, "")


def test_a_link_of_what_is_not_there(store):
    """A link to nothing is refused where it is asked for."""
    with pytest.raises(FileNotFoundError):
        store.link("alice/files/none", timedelta(minutes=1))
