"""A large asset comes in and goes out: how much memory that takes, and how quick it is beside plain boto3.

Plain boto3 is `upload_file` and `download_file` as they are, on a client for the same server; it reckons no checksum of
the file. Where processors are what there is too little of, as here, the share of the time is the share of the processor
time of both sides. Other work on the machine changes the one a lot and the other hardly.
"""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from s3_servers import KEY, SECRET, rclone, rclone_tls, settings_for  # noqa: F401 - fixtures

SIZE = 2 * 1024**3
MEMORY = 200 * 1024**2
SHARE = 0.8
SPREAD = 0.85
"""How far two runs of the same are apart in the time of processors."""
BUSY = 0.6
"""What a busy machine may leave of a share of the time."""

STAGE = textwrap.dedent("""
    import json, sys, time
    from pathlib import Path
    sys.path.insert(0, "tests")
    from staging_support import job
    from ades.objects import open_store
    from ades.runner.stage_in import stage_in
    from ades.runner.stage_out import stage_out
    from ades.runner.document import Options
    from ades.settings import Settings
    given = json.loads(sys.argv[1])
    settings = Settings.model_validate(given["settings"])
    store = open_store(settings)
    list(store.list("alice/nothing"))  # who is measured has connected, as boto3 has below
    folder = Path(given["folder"])
    if given["way"] == "in":
        document = job({"f": given["href"]}, {"f": "File"})
        start, spent = time.monotonic(), time.process_time()
        stage_in(document, folder, settings, store)
    else:
        document = job({}, {}, options=Options(checksums=given["checksums"]))
        value = {"class": "File", "location": Path(given["file"]).as_uri(), "basename": "big.bin"}
        start, spent = time.monotonic(), time.process_time()
        list(stage_out(document, {"out": value}, folder, store))
    seconds, spent = time.monotonic() - start, time.process_time() - spent
    # ru_maxrss would begin with what the process held that has started this one.
    status = Path("/proc/self/status").read_text()
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    print(json.dumps([seconds, spent, int(peak) * 1024]))
""")
PLAIN = textwrap.dedent("""
    import json, sys, time
    import boto3
    from botocore.config import Config
    given = json.loads(sys.argv[1])
    config = Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required",
                    response_checksum_validation="when_required")
    client = boto3.client("s3", endpoint_url=given["endpoint"], region_name="us-east-1", config=config,
                          aws_access_key_id=given["key"], aws_secret_access_key=given["secret"])
    client.list_objects_v2(Bucket="bucket", Prefix="nothing")
    start, spent = time.monotonic(), time.process_time()
    if given["way"] == "in":
        client.download_file("bucket", given["name"], given["file"])
    else:
        client.upload_file(given["file"], "bucket", given["name"])
    print(json.dumps([time.monotonic() - start, time.process_time() - spent, 0]))
""")


def run(code, server, **given):
    """Wall time, processor time of both sides, peak memory."""
    before = spent_by(server)
    done = subprocess.run([sys.executable, "-c", code, json.dumps(given)], capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    seconds, spent, peak = json.loads(done.stdout)
    return seconds, spent + spent_by(server) - before, peak


def spent_by(server):
    """Processor time of the server so far."""
    address = server.partition("://")[2].encode()
    (found,) = [path for path in Path("/proc").glob("[0-9]*/cmdline") if address in read(path).split(b"\0")]
    words = found.with_name("stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def read(path):
    try:
        return path.read_bytes()
    except OSError:  # it has ended meanwhile
        return b""


@pytest.fixture(params=["http", "https"])
def server(request, monkeypatch):
    """An S3 server; behind TLS nobody need sign what is sent."""
    if request.param == "http":
        return request.getfixturevalue("rclone")
    address, certificate = request.getfixturevalue("rclone_tls")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    return address


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_a_large_asset(server, tmp_path):
    """Two gibibytes through stage-in and stage-out: below 200 MB of memory, about 0.8 of what boto3 does or more."""
    big, copy = tmp_path / "big.bin", tmp_path / "copy.bin"
    with big.open("wb") as file:
        file.truncate(SIZE)
    settings = settings_for(server, s3_inputs="bucket")
    raw = settings.model_dump(mode="json") | {"s3_secret_key": SECRET}
    plain = {"endpoint": server, "key": KEY, "secret": SECRET, "name": "plain.bin"}
    out = {"way": "out", "file": str(big), "folder": str(tmp_path), "settings": raw}
    seen = {name: [] for name in ("boto3 out", "stage-out", "stage-out with checksums", "boto3 in", "stage-in")}
    for turn in range(2):
        seen["boto3 out"].append(run(PLAIN, server, way="out", file=str(big), **plain))
        seen["stage-out"].append(run(STAGE, server, checksums=False, **out))
        seen["stage-out with checksums"].append(run(STAGE, server, checksums=True, **out))
        seen["boto3 in"].append(run(PLAIN, server, way="in", file=str(copy), **plain))
        copy.unlink()
        place = tmp_path / f"in-{turn}"
        seen["stage-in"].append(
            run(STAGE, server, way="in", href="s3://bucket/plain.bin", folder=str(place), settings=raw)
        )
        (found,) = place.rglob("plain.bin")
        assert SIZE == found.stat().st_size
        found.unlink()
    wall, spent = ({name: min(one[at] for one in runs) for name, runs in seen.items()} for at in (0, 1))
    memory = max(peak for runs in seen.values() for _, _, peak in runs)
    told = {name: f"{SIZE / 1e6 / wall[name]:.0f} MB/s, {spent[name]:.1f} s CPU of both sides" for name in seen}
    line = f"{server.partition(':')[0]}, {SIZE / 1024**3:g} GiB, best of two: {told}; peak memory {memory / 1e6:.0f} MB"
    print(f"\n{line}")  # noqa: T201 - what was measured
    assert memory < MEMORY
    for name in ("stage-out", "stage-out with checksums", "stage-in"):
        boto3 = f"boto3 {name.split()[0].removeprefix('stage-')}"
        assert spent[boto3] / spent[name] >= SHARE * SPREAD, told
        assert wall[boto3] / wall[name] >= SHARE * BUSY, told
