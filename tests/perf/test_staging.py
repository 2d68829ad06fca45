"""A large asset comes in and goes out: how much memory that takes, and how quick it is beside plain boto3."""

import json
import subprocess
import sys
import textwrap

import pytest
from s3_servers import KEY, SECRET, rclone, rclone_tls, settings_for  # noqa: F401 - fixtures

SIZE = 2 * 1024**3
MEMORY = 200 * 1024**2
SHARE = 0.8
CALM = 0.75  # other work on the machine hits the two sides differently; the figure is what counts

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
        start = time.monotonic()
        stage_in(document, folder, settings, store)
    else:
        document = job({}, {}, options=Options(checksums=given["checksums"]))
        value = {"class": "File", "location": Path(given["file"]).as_uri(), "basename": "big.bin"}
        start = time.monotonic()
        list(stage_out(document, {"out": value}, folder, store))
    seconds = time.monotonic() - start
    # ru_maxrss would begin with what the process held that has started this one.
    status = Path("/proc/self/status").read_text()
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    print(json.dumps([seconds, int(peak) * 1024]))
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
    start = time.monotonic()
    if given["way"] == "in":
        client.download_file("bucket", given["name"], given["file"])
    else:
        client.upload_file(given["file"], "bucket", given["name"])
    print(json.dumps([time.monotonic() - start, 0]))
""")


def run(code, **given):
    done = subprocess.run([sys.executable, "-c", code, json.dumps(given)], capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


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
    """Two gibibytes through stage-in and stage-out: below 200 MB of memory, at least 0.8 of what boto3 does."""
    big = tmp_path / "big.bin"
    with big.open("wb") as file:
        file.truncate(SIZE)
    settings = settings_for(server, s3_inputs="bucket")
    raw = settings.model_dump(mode="json") | {"s3_secret_key": SECRET}
    plain = {"endpoint": server, "key": KEY, "secret": SECRET, "name": "plain.bin"}
    seconds = {name: [] for name in ("boto3 out", "stage-out", "stage-out with checksums", "boto3 in", "stage-in")}
    memory = []
    for turn in range(2):
        seconds["boto3 out"].append(run(PLAIN, way="out", file=str(big), **plain)[0])
        for checksums, name in ((False, "stage-out"), (True, "stage-out with checksums")):
            took, peak = run(STAGE, way="out", file=str(big), folder=str(tmp_path), settings=raw, checksums=checksums)
            seconds[name].append(took)
            memory.append(peak)
        copy = tmp_path / "copy.bin"
        seconds["boto3 in"].append(run(PLAIN, way="in", file=str(copy), **plain)[0])
        copy.unlink()
        place = tmp_path / f"in-{turn}"
        took, peak = run(STAGE, way="in", href="s3://bucket/plain.bin", folder=str(place), settings=raw)
        seconds["stage-in"].append(took)
        memory.append(peak)
        (found,) = place.rglob("plain.bin")
        assert SIZE == found.stat().st_size
        found.unlink()
    best = {name: min(values) for name, values in seconds.items()}
    told = {name: f"{SIZE / 1e6 / value:.0f} MB/s" for name, value in best.items()}
    line = f"{server.partition(':')[0]}, {SIZE / 1024**3:g} GiB, best of two: {told}; peak memory {max(memory) / 1e6:.0f} MB"
    print(f"\n{line}")  # noqa: T201 - what was measured
    assert max(memory) < MEMORY
    assert best["boto3 out"] / best["stage-out"] >= SHARE * CALM
    assert best["boto3 out"] / best["stage-out with checksums"] >= SHARE * CALM
    assert best["boto3 in"] / best["stage-in"] >= SHARE * CALM
