"""Inputs on their way: what is not read at all, what is read again, and where it ends."""

import os
import subprocess

import pytest

from ades.model import Reason
from ades.runner.failures import RunFailed

CLOSED = [
    *("http://10.0.0.1/x.json", "http://169.254.169.254/latest", "http://[::1]/x", "http://2130706433/"),
    *("ftp://data.example/x", "gopher://x/", "/etc/passwd", "javascript:1", "file:///etc/passwd"),
    *("s3://closed/x.json", "store:bob/x", "http://user:word@data.example/"),
]

DOORS = ["input", "asset", "item-link", "child-link", "next-link", "redirect"]


@pytest.mark.parametrize(
    ("door", "address"),
    # A redirect to a path stays on its server.
    [(door, address) for door in DOORS for address in CLOSED if (door, address[0]) != ("redirect", "/")],
)
def test_every_address_passes_the_guard(stage, folder, web, item, scene, address, door):
    """Wherever an address is named, what may not be read is not read."""
    if door == "input":
        value = address
    elif door == "asset":
        value = {"value": item(web.url, assets={"a": {"href": address}})}
    elif door == "redirect":
        web.give("/r", status="302 Found", Location=address)
        value = f"{web.url}/r"
    else:
        rel = door.partition("-")[0]
        kind = "FeatureCollection" if rel == "next" else "Catalog"
        links = [{"rel": rel, "href": address}]
        value = {"value": {"type": kind, "stac_version": "1.0.0", "id": "c", "features": [], "links": links}}
    heads = len(web.heads)
    with pytest.raises(RunFailed):
        folder(value)
    if door in {"input", "asset"}:
        with pytest.raises(RunFailed):
            stage({"f": address}, {"f": "File"})
    assert heads + (door == "redirect") == len(web.heads)


def test_a_transfer_goes_on_where_it_broke(folder, web, item):
    """A connection that breaks costs only what had not come yet; the server is asked for the rest."""
    body = bytes(range(256)) * 4000

    def breaking(head, sock):
        start = next(
            (int(x[13:].split("-")[0]) for x in head.split("\r\n") if x.lower().startswith("range: bytes=")), 0
        )
        status = "206 Partial Content" if start else "200 OK"
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) - start}", 'ETag: "1"']
        lines += [f"Content-Range: bytes {start}-{len(body) - 1}/{len(body)}"] if start else []
        sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + body[start : start + 300_000])

    web.answers["/big.bin"] = breaking
    top = folder({"value": item(web.url, assets={"big": {"href": f"{web.url}/big.bin"}})})
    assert body == (top / "scene-1" / "big.bin").read_bytes()
    ranges = [line for head in web.heads for line in head.split("\r\n") if line.lower().startswith("range")]
    assert ["Range: bytes=300000-", "Range: bytes=600000-", "Range: bytes=900000-"] == ranges


def test_a_server_that_always_breaks(folder, web, item, monkeypatch):
    """After a few tries without a new byte the job fails, and says why."""
    monkeypatch.setattr("ades.runner.stage_in.carrier.Carrier._wait", lambda self, tries: None)
    web.give("/busy.bin", b"", status="503 Service Unavailable")
    with pytest.raises(RunFailed, match=r"busy.bin answers 503 Service Unavailable"):
        folder({"value": item(web.url, assets={"a": {"href": f"{web.url}/busy.bin"}})})
    assert 5 == len(web.heads)


def test_limits(folder, stage, web, item, scene):
    """Bytes in all and time in all; each says which setting it was."""
    web.give("/big.bin", b"x" * 10_000)
    value = {"value": item(web.url, assets={key: {"href": f"{web.url}/big.bin"} for key in "abc"})}
    with pytest.raises(RunFailed, match=r"larger than|more than may still come"):
        folder(value, stage_in_limit=25_000)
    with pytest.raises(RunFailed, match=r"larger than|more than may still come"):
        folder(value, disk=25_000)
    web.answers["/slow.bin"] = lambda _, sock: __import__("time").sleep(3)
    with pytest.raises(RunFailed, match=r"ADES_STAGE_IN_TIMEOUT|took longer"):
        stage({"f": f"{web.url}/slow.bin"}, {"f": "File"}, stage_in_timeout=0.5)


def test_the_first_failure_ends_the_rest(folder, web, item):
    """Nobody waits for the other hundred files of an input that cannot be complete."""
    web.give("/x.bin", b"x")
    web.give("/none.bin", b"", status="404 Not Found")
    assets = {str(n): {"href": f"{web.url}/x.bin"} for n in range(300)}
    with pytest.raises(RunFailed, match=r"none.bin answers 404"):
        folder({"value": item(web.url, assets={"none": {"href": f"{web.url}/none.bin"}} | assets)})
    assert len(web.heads) < 150


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk(stage, web, tmp_path):
    """The machine's trouble, not the job's, and told as such; nothing half is left."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("this machine mounts no tmpfs")
    try:
        web.give("/big.bin", bytes(3_000_000))
        with pytest.raises(RunFailed, match=r"no space left on the disk of the server to bring the input f") as caught:
            stage({"f": f"{web.url}/big.bin"}, {"f": "File"}, place=disk / "in")
        assert Reason.DISK_FULL == caught.value.failure.reason
        assert [] == [path for path in disk.rglob("*") if path.is_file()]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_progress_is_told(folder, web, item, told, monkeypatch):
    """So many of so many files, at most once a second."""
    monkeypatch.setattr("ades.runner.stage_in.budget._PAUSE", 0)
    web.give("/x.bin", b"x" * 1000)
    folder({"value": item(web.url, assets={str(n): {"href": f"{web.url}/x.bin"} for n in range(4)})})
    assert "Bringing the inputs: 4 of 4 files, 4 kB." == told[-1]
