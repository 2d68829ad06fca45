"""What the folder promises beyond the contract."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ades.errors import Conflict, Misconfigured, StorageFull, Unavailable
from ades.objects import open_store
from ades.objects.local import LocalStore
from ades.settings import Settings


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def local(tmp_path):
    return LocalStore(tmp_path / "objects")


def test_deleting_prunes_empty_folders(local):
    """Nothing of a deleted prefix is left on the disk, not even its media types."""
    local.put("alice/jobs/1/a.bin", b"", "image/png")
    local.put("alice/jobs/2/b", b"")
    local.delete("alice/jobs/1/a.bin")
    assert ["alice", "alice/jobs", "alice/jobs/2", "alice/jobs/2/b"] == files(local.root)


def test_an_object_is_no_folder(local):
    """A file system cannot hold an object below an object: that is said, and nothing changes."""
    local.put("alice/files/a", b"")
    with pytest.raises(Conflict, match="object already"):
        local.put("alice/files/a/b", b"")
    local.put("alice/files/c/d", b"")
    with pytest.raises(Conflict, match="objects below it"):
        local.put("alice/files/c", b"")
    assert ["alice", "alice/files", "alice/files/a", "alice/files/c", "alice/files/c/d"] == files(local.root)


def test_a_killed_writer_leaves_nothing_visible(local):
    """A process killed in the middle of a put shows nothing, and deleting the prefix clears what it left."""
    code = textwrap.dedent("""
        import sys, time, pathlib
        from ades.objects.local import LocalStore
        class Slow:
            def read(self, size):
                sys.stdout.write("."); sys.stdout.flush(); time.sleep(0.01); return b"x" * size
        LocalStore(pathlib.Path(sys.argv[1])).put("alice/jobs/1/big", Slow())
    """)
    writer = subprocess.Popen([sys.executable, "-c", code, str(local.root)], stdout=subprocess.PIPE)
    writer.stdout.read(20)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert [] == list(local.list("alice"))
    assert 3 < len(files(local.root))
    local.delete("alice/jobs/1")
    assert [] == files(local.root)


def test_a_full_disk_is_told(local):
    """No room left is an error of its own, and the half file is gone."""
    code = textwrap.dedent("""
        import pathlib, resource, signal, sys
        from ades.errors import StorageFull
        from ades.objects.local import LocalStore
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        try:
            LocalStore(pathlib.Path(sys.argv[1])).put("alice/files/big", b"x" * (2 << 20))
        except StorageFull as error:
            print(error)
    """)
    done = subprocess.run([sys.executable, "-c", code, str(local.root)], capture_output=True, text=True, check=True)
    assert "There is no room left to store alice/files/big" in done.stdout
    assert [] == files(local.root)


@pytest.mark.skipif(not Path("/dev/full").exists() or os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_tmpfs_is_told(tmp_path):
    """The same with a real disk that has no blocks left, also when the kernel copies."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"this machine mounts no tmpfs: {mounted.stderr!r}")
    try:
        source = tmp_path / "source"
        source.write_bytes(b"x" * (2 << 20))
        with pytest.raises(StorageFull):
            LocalStore(disk).put("alice/files/big", source)
        assert [] == files(disk)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_folder_that_cannot_be_used(tmp_path):
    """What the file system refuses is told with its words, as trouble of the server's."""
    (tmp_path / "objects").symlink_to(tmp_path / "objects")
    with pytest.raises(Unavailable, match="symbolic links"):
        LocalStore(tmp_path / "objects").put("alice/files/a", b"")


def test_fsync_is_done_when_wanted(tmp_path, monkeypatch):
    """The setting reaches the disk: file and folder are forced out."""
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(str(Path(f"/proc/self/fd/{fd}").readlink())))
    open_store(Settings(data=tmp_path, objects_fsync=True)).put("alice/files/a", b"x")
    assert [".part", "files"] == [synced[0][-5:], Path(synced[1]).name]
    open_store(Settings(data=tmp_path)).put("alice/files/a", b"x")
    assert 2 == len(synced)


def test_reading_a_big_object_takes_little_memory(local, tmp_path):
    """A file is copied by the kernel, never through the memory of the process."""
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.truncate(1 << 28)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    local.put("alice/files/big", source)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024
    assert local.stat("alice/files/big").size == 1 << 28


def test_the_settings_choose_the_folder(tmp_path):
    """Empty means the data folder; a path or a file address names another; anything else is refused."""
    assert tmp_path / "objects" == open_store(Settings(data=tmp_path)).root
    assert tmp_path / "o" == open_store(Settings(objects=str(tmp_path / "o"))).root
    assert tmp_path / "o" == open_store(Settings(objects=f"file://{tmp_path}/o")).root
    with pytest.raises(Misconfigured, match="neither a folder nor"):
        open_store(Settings(objects="gs://bucket"))
