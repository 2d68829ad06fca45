"""Where inputs may lie beside the web: own files, results, folders of the machine, buckets."""

from functools import partial
from pathlib import Path

import orjson
import pytest
from s3_servers import settings_for
from staging_support import asset_paths, path_of

from ades.objects import open_bucket
from ades.objects.local import LocalStore
from ades.runner.failures import RunFailed


def test_own_files_and_results(stage, store, tmp_path, item):
    """What lies in the workspace's own part of the store comes without HTTP: a result with its catalogue, a file."""
    base = "alice/processing-results/p/job/out"
    catalog = {"type": "Catalog", "id": "c", "description": "", "stac_version": "1.0.0"}
    catalog["links"] = [{"rel": "item", "href": "./i/i.json"}]
    document = item("", "i", assets={"a": {"href": "./a b.tif"}})
    files = {"catalog.json": orjson.dumps(catalog), "i/i.json": orjson.dumps(document), "i/a b.tif": b"II*\0"}
    for name, body in files.items():
        store.put(f"{base}/{name}", body)
    store.put("alice/files/ä b.txt", b"hello")
    order = stage(
        {"d": f"store:{base}", "f": {"href": "store:alice/files/%C3%A4%20b.txt"}, "i": f"store:{base}/i/i.json"},
        {"d": "Directory", "f": "File", "i": "Directory"},
    )
    top = path_of(order["d"])
    assert ("out", {("i", "a"): str(top / "i" / "a b.tif")}) == (top.name, asset_paths(top))
    assert ("a_b.txt", b"hello") == (path_of(order["f"]).name, path_of(order["f"]).read_bytes())
    assert {("i", "a")} == set(asset_paths(path_of(order["i"])))


@pytest.mark.parametrize("key", ["bob/files/x", "alicex/files/x", "alice/../bob/files/x", "/bob/files/x", "bob"])
def test_the_own_store_ends_at_the_workspace(stage, store, key):
    """Nobody reads the files of another workspace through it."""
    store.put("bob/files/x", b"secret")
    store.put("alicex/files/x", b"secret")
    for kind in ("File", "Directory"):
        with pytest.raises(RunFailed, match=r"does not belong to the workspace alice|cannot be used"):
            stage({"x": f"store:{key}"}, {"x": kind})


def test_folders_of_the_machine(stage, folder, tmp_path):
    """Those that the operator has opened, and no others; links do not lead out."""
    place = tmp_path / "open" / "S2.SAFE"
    place.mkdir(parents=True)
    (place / "m.xml").write_text("<x/>")
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (place / "link").symlink_to(secret)
    assert place / "m.xml" == path_of(stage({"f": f"file://{place}/m.xml"}, {"f": "File"})["f"])
    top = folder(place.as_uri())
    assert place != top
    assert ("S2.SAFE", {"m.xml", "catalog.json", "S2.SAFE.item.json"}) == (top.name, {p.name for p in top.iterdir()})
    (place / "catalog.json").write_text("{}")
    assert place == folder(place.as_uri())
    for bad in (secret, place / "link", Path("/etc/passwd"), place / ".." / ".." / "secret"):
        with pytest.raises(RunFailed, match=r"lies in no folder that jobs may read"):
            stage({"f": f"file://{bad}"}, {"f": "File"})
    with pytest.raises(RunFailed, match=r"cannot be read; addresses here begin with"):
        stage({"f": f"file://{place}/m.xml"}, {"f": "File"}, input_folders=())


def test_buckets(stage, moto, item):
    """The workspace's own part of the server's bucket, and what the operator has opened; nothing else of it."""
    ours = settings_for(moto, s3_inputs="bucket/open bucket/shared/{workspace}")
    put = open_bucket(ours, "bucket").put
    prefix = ours.objects.removeprefix("s3://bucket/")
    whole = item("s3://bucket/open", assets={"a": {"href": "s3://bucket/open/a.tif"}, "b": {"href": "./b/"}})
    put("open/scene.json", orjson.dumps(whole))
    for key in ("open/a.tif", "open/b/0.0", "open/b/x/1", "shared/alice/x", "shared/bob/x", "openx/x", "other/x"):
        put(key, b"II*\0")
    put(f"{prefix}/alice/files/x", b"own")
    put(f"{prefix}/bob/files/x", b"not own")
    keep = {name: getattr(ours, name) for name in type(ours).model_fields if name.startswith("s3_")}
    run = partial(stage, objects=ours.objects, **keep)
    top = path_of(run({"d": "s3://bucket/open/scene.json"}, {"d": "Directory"})["d"])
    assert {"a.tif", "b", "scene-1.json"} == {path.name for path in (top / "scene-1").iterdir()}
    assert b"II*\0" == (top / "scene-1" / "b" / "x" / "1").read_bytes()
    assert {"0.0", "x"} <= {
        p.name for p in path_of(run({"d": "s3://bucket/open/b/"}, {"d": "Directory"})["d"]).iterdir()
    }
    for key in (f"{prefix}/alice/files/x", "shared/alice/x"):
        run({"f": f"s3://bucket/{key}"}, {"f": "File"})
    for key in (
        f"{prefix}/bob/files/x",
        "shared/bob/x",
        "openx/x",
        "other/x",
        "open/../other/x",
        "open/%2e%2e/other/x",
    ):
        with pytest.raises(RunFailed, match=r"ADES_S3_INPUTS"):
            run({"f": f"s3://bucket/{key}"}, {"f": "File"})
    with pytest.raises(RunFailed, match=r"there is nothing at s3://bucket/open/none"):
        run({"f": "s3://bucket/open/none"}, {"f": "File"})


def test_large_objects_come_side_by_side(stage, store, monkeypatch):
    """In spans of their own, and the same bytes are there; one that changes meanwhile is told."""
    monkeypatch.setattr("ades.runner.stage_in.roads.LARGE", 1000)
    monkeypatch.setattr("ades.runner.stage_in.carrier.SPAN", 300)
    body = bytes(range(256)) * 10
    store.put("alice/files/big.bin", body)
    assert body == path_of(stage({"f": "store:alice/files/big.bin"}, {"f": "File"})["f"]).read_bytes()
    with pytest.raises(RunFailed, match=r"more than may still come"):
        stage({"f": "store:alice/files/big.bin"}, {"f": "File"}, stage_in_limit=2000)
    opened = LocalStore.open

    def changing(self, key, start=0, length=None):
        if start == 300:
            self.put(key, body[::-1])
        return opened(self, key, start, length)

    monkeypatch.setattr(LocalStore, "open", changing)
    with pytest.raises(RunFailed, match=r"has changed while it was read"):
        stage({"f": "store:alice/files/big.bin"}, {"f": "File"})


def test_a_plain_file_for_a_folder(folder, web):
    """One file that is no STAC comes as a folder with that file and a catalogue that names it."""
    web.give("/x.tif", b"II*\0x", Content_Type="image/tiff")
    web.give("/area.geojson", b'{"type": "FeatureCollection", "features": []}', Content_Type="application/geo+json")
    assert {("x.tif", "x.tif")} == set(asset_paths(folder(f"{web.url}/x.tif")))
    with pytest.raises(RunFailed, match=r"no STAC item"):
        folder(f"{web.url}/area.geojson")
