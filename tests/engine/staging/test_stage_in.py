"""How inputs come to a job: what a package finds in its folder, from wherever it was named."""

import hashlib
import io
import os
import subprocess
import zipfile
from functools import partial
from pathlib import Path

import orjson
import pystac
import pytest
from s3_servers import settings_for
from staging_support import path_of, read

from ades.model import Reason
from ades.objects import open_bucket
from ades.objects.local import LocalStore
from ades.runner.failures import RunFailed


def give_json(web, path, document, kind="application/json"):
    web.give(path, orjson.dumps(document), Content_Type=kind)


def asset_paths(top):
    """Where pystac finds the assets of a folder."""
    catalog = pystac.Catalog.from_file(str(top / "catalog.json"))
    return {
        (item.id, key): asset.get_absolute_href()
        for item in catalog.get_items(recursive=True)
        for key, asset in item.assets.items()
    }


def test_an_item_becomes_a_folder(folder, web, scene):
    """catalog.json, the item, and its assets beside it, which pystac reads; the rest stays where it is."""
    top = folder({"href": f"{web.url}/scene-1.json"})
    assert "scene-1" == top.name
    assert {
        ("scene-1", "red"): str(top / "scene-1" / "red.tif"),
        ("scene-1", "nir"): str(top / "scene-1" / "nir.tif"),
        ("scene-1", "thumbnail"): f"{web.url}/small.png",
    } == asset_paths(top)
    assert b"II*\0nir" == (top / "scene-1" / "nir.tif").read_bytes()
    assert {"catalog.json", "scene-1"} == {path.name for path in top.iterdir()}
    pystac.Item.from_file(str(top / "scene-1" / "scene-1.json")).to_dict()


@pytest.mark.parametrize("form", ["text", "inline", "list", "features"])
def test_other_forms_of_an_item(folder, web, item, scene, form):
    """As plain text, inside the request, in a list, in a feature collection."""
    whole = item(web.url)
    whole["assets"]["nir"]["href"] = f"{web.url}/nir.tif"
    value = {
        "text": f"{web.url}/scene-1.json",
        "inline": {"value": whole},
        "list": {"value": [whole]},
        "features": {"value": {"type": "FeatureCollection", "features": [whole]}},
    }[form]
    assert {"red", "nir", "thumbnail"} == {key for _, key in asset_paths(folder(value))}


def test_a_collection_with_items(folder, web, item, scene):
    """A static collection: its items by link, relative ones too; and catalogues below catalogues."""
    give_json(web, "/deep/two.json", item(web.url, "scene-2", assets={"a": {"href": "../red.tif"}}))
    collection = {
        "type": "Collection",
        "id": "c",
        "stac_version": "1.0.0",
        "links": [{"rel": "item", "href": "./scene-1.json"}, {"rel": "item", "href": f"{web.url}/deep/two.json"}],
    }
    give_json(web, "/collection.json", collection)
    catalog = {
        "type": "Catalog",
        "id": "top",
        "stac_version": "1.0.0",
        "links": [{"rel": "child", "href": "collection.json"}, {"rel": "root", "href": "./catalog.json"}],
    }
    give_json(web, "/catalog.json", catalog)
    for address in ("collection.json", "catalog.json"):
        found = asset_paths(folder(f"{web.url}/{address}"))
        assert {("scene-1", "red"), ("scene-2", "a")} <= set(found)


def test_a_collection_of_an_api(folder, web, scene):
    """Its `items` are pages, which are followed."""
    collection = {
        "type": "Collection",
        "id": "c",
        "stac_version": "1.0.0",
        "links": [{"rel": "items", "href": "/c/items"}],
    }
    give_json(web, "/c", collection)
    give_json(
        web,
        "/c/items",
        {
            "type": "FeatureCollection",
            "features": [scene | {"links": [{"rel": "self", "href": f"{web.url}/scene-1.json"}]}],
            "links": [{"rel": "next", "href": f"{web.url}/c/items?page=2"}],
        },
    )
    second = scene | {"id": "scene-2", "assets": {"red": {"href": f"{web.url}/red.tif"}}}
    give_json(web, "/c/items?page=2", {"type": "FeatureCollection", "features": [second]})
    assert {"scene-1", "scene-2"} == {name for name, _ in asset_paths(folder(f"{web.url}/c"))}


def test_a_search(folder, web, scene):
    """Pages are followed, unless the address itself says how many items are wanted."""
    page = {
        "type": "FeatureCollection",
        "features": [scene | {"assets": {"red": {"href": f"{web.url}/red.tif"}}}],
        "links": [{"rel": "next", "href": f"{web.url}/search", "method": "DELETE"}],
    }
    give_json(web, "/search?limit=1", page)
    give_json(web, "/search?ids=scene-1", page)
    assert 1 == len(asset_paths(folder(f"{web.url}/search?limit=1")))
    with pytest.raises(RunFailed, match=r"can only be had by DELETE"):
        folder(f"{web.url}/search?ids=scene-1")


def test_a_search_by_post(folder, web, scene):
    """Pages that can only be had by POST are asked for by it: with the link's question, or with the last one changed."""
    items = [scene | {"id": f"scene-{n}", "assets": {"red": {"href": f"{web.url}/red.tif"}}} for n in range(3)]
    links = [
        {"rel": "next", "href": f"{web.url}/search", "method": "POST", "body": {"ids": ["a"], "token": "1"}},
        {"rel": "next", "href": "./search", "method": "POST", "merge": True, "body": {"token": "2"}},
    ]
    asked = []

    def answer(_head, send):
        asked.append(orjson.loads(web.bodies[-1]))
        page = {"type": "FeatureCollection", "features": [items[len(asked)]], "links": links[len(asked) :]}
        body = orjson.dumps(page)
        send.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/geo+json\r\nContent-Length: %d\r\n\r\n" % len(body))
        send.sendall(body)
        return True

    web.answers["/search"] = answer
    give_json(web, "/first", {"type": "FeatureCollection", "features": items[:1], "links": links[:1]})

    assert {"scene-0", "scene-1", "scene-2"} == {name for name, _ in asset_paths(folder(f"{web.url}/first"))}
    assert [{"ids": ["a"], "token": "1"}, {"ids": ["a"], "token": "2"}] == asked
    assert all("POST /search" in head for head in web.heads if "/search" in head)


def test_the_next_page_is_behind_the_guard(stage, web, scene, settings):
    """A link to a next page leads nowhere that an input could not name, whichever method it wants."""
    for method in ("GET", "POST"):
        link = {"rel": "next", "href": "http://169.254.169.254/latest", "method": method, "body": {}}
        give_json(web, f"/{method}", {"type": "FeatureCollection", "features": [scene], "links": [link]})
        with pytest.raises(RunFailed, match=r"169\.254\.169\.254"):
            stage({"scene": f"{web.url}/{method}"}, {"scene": "Directory"})


def test_too_many_items(folder, web, scene):
    """A search without end ends, with the setting that says where."""
    page = {
        "type": "FeatureCollection",
        "features": [scene | {"id": str(n), "assets": {}} for n in range(3)],
        "links": [{"rel": "next", "href": "?page=2"}],
    }
    give_json(web, "/search", page)
    give_json(web, "/search?page=2", page)
    with pytest.raises(RunFailed, match=r"more than 5 items.*ADES_STAGE_IN_ITEMS"):
        folder(f"{web.url}/search", stage_in_items=5)


def test_a_circle_of_catalogues(folder, web):
    """Links that lead back are followed once."""
    catalog = {"type": "Catalog", "id": "a", "stac_version": "1.0.0", "links": [{"rel": "child", "href": "/b.json"}]}
    give_json(web, "/a.json", catalog)
    give_json(web, "/b.json", catalog | {"links": [{"rel": "child", "href": "/a.json"}]})
    with pytest.raises(RunFailed, match=r"holds no items"):
        folder(f"{web.url}/a.json")


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        ("scene-1.json", None, {"red.tif", "nir.tif"}),
        ("scene-1.json#assets=red,thumbnail", None, {"red.tif", "small.png"}),
        ("scene-1.json", ["nir"], {"nir.tif"}),
        ("scene-1.json", "nir, red", {"nir.tif", "red.tif"}),
        ("scene-1.json#assets=red", ["nir"], {"red.tif"}),
    ],
)
def test_assets_are_chosen(stage, web, scene, value, hint, expected):
    """All but mere pictures; or those that the package, or before it the caller, names."""
    port = {"type": "Directory"} | ({"ades:assets": hint} if hint else {})
    order = stage({"scene": f"{web.url}/{value}"}, {"scene": port})
    top = path_of(order["scene"])
    assert expected == {path.name for path in (top / "scene-1").iterdir()} - {"scene-1.json"}


def test_an_asset_that_is_not_there(folder, web, scene):
    """The message names the item and what it has."""
    with pytest.raises(RunFailed, match=r"the item scene-1 has no asset blue; it has red, nir, thumbnail"):
        folder(f"{web.url}/scene-1.json#assets=blue")


def test_names_never_clash_or_leave(folder, web, item):
    """Assets of the same name stand side by side, and no id or address leads out of the folder."""
    web.give("/a/x.tif", b"1")
    web.give("/b/x.tif", b"2")
    web.give("/c/..%2f..%2fetc", b"3")
    assets = {
        "a": {"href": f"{web.url}/a/x.tif"},
        "b": {"href": f"{web.url}/b/x.tif"},
        "c": {"href": f"{web.url}/c/..%2f..%2fetc", "type": "text/plain"},
    }
    top = folder({"value": item(web.url, "../../evil/ä", assets=assets)})
    found = asset_paths(top)
    assert {"x.tif", "x-2.tif", "etc.txt"} == {Path(path).name for path in found.values()}
    assert all(Path(path).resolve().is_relative_to(top) for path in found.values())
    assert {"../../evil/ä"} == {name for name, _ in found}


@pytest.mark.parametrize(
    ("changes", "expected", "told_of"),
    [
        ({"type": "feature"}, {"type": "Feature"}, "of type 'feature'"),
        ({"type": "Item"}, {"type": "Feature"}, "of type 'Item'"),
        ({"stac_version": None}, {"stac_version": "1.0.0"}, "stac_version"),
        ({"bbox": None}, {"bbox": [10, 50, 10, 50]}, "no bbox"),
        ({"geometry": None, "bbox": [1, 2, 3, 4]}, {"bbox": [1, 2, 3, 4]}, "no geometry"),
        ({"id": 5}, {"id": "5"}, "no id that is text"),
        ({"id": None}, {"id": "x-1"}, "no id that is text"),
        ({"links": None}, {}, None),
        ({"properties": None}, {}, "no datetime"),
        ({"stac_version": "1.1.0"}, {"stac_version": "1.1.0"}, None),
        ({"assets": {}}, {"assets": {}}, "no assets"),
    ],
)
def test_half_valid_items_are_repaired(folder, web, item, scene, told, changes, expected, told_of):
    """What can only be meant in one way is repaired, and a warning tells."""
    document = item(web.url, assets={"red": {"href": "red.tif"}}) | changes
    give_json(web, "/x.json", {key: value for key, value in document.items() if value is not None or key == "geometry"})
    top = folder(f"{web.url}/x.json")
    found = read(next(top.glob("*/*.json")))
    assert expected == {key: found[key] for key in expected}
    assert (told_of is None) == (told == [])
    assert not told_of or any(told_of in text for text in told)
    if "assets" not in changes:
        assert 1 == len(asset_paths(top))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"type": "Feature", "assets": [{"href": "x"}]}, "its assets are no JSON object"),
        ({"type": "Feature", "assets": {"a": {}}}, r"the asset a of the item .*: it has no address \(href\)"),
        ({"type": "Feature", "assets": {"a": "x"}}, "has no address"),
        ({"type": "Feature", "assets": {}, "geometry": "POINT(1 1)"}, "its geometry is no GeoJSON geometry"),
        ({"type": "FeatureCollection", "features": [1], "links": []}, "is no JSON object"),
        ({"type": "Feature", "assets": {"a": {"href": "x.tif"}}, "id": "i"}, "is relative, and nothing says to what"),
        ({"some": "json"}, "no STAC item, collection, catalogue or search result"),
        ({"type": "Catalog", "id": "c", "links": []}, "holds no items"),
    ],
)
def test_what_cannot_be_repaired_is_refused(folder, document, expected):
    """With a sentence that says what is wrong."""
    with pytest.raises(RunFailed, match=expected) as caught:
        folder({"value": document})
    assert Reason.STAGE_IN == caught.value.failure.reason
    assert "The input scene could not be read" in str(caught.value)


def test_a_missing_asset_is_named(folder, web, item, scene):
    """The asset, its item, the address and the reason; and nothing half done is left."""
    web.give("/red.tif", b"secret", status="403 Forbidden")
    with pytest.raises(RunFailed) as caught:
        folder(f"{web.url}/scene-1.json")
    assert (
        f"The input scene could not be read from {web.url}/scene-1.json: the asset red of the item scene-1 at "
        f"{web.url}/red.tif: {web.url}/red.tif answers 403 Forbidden."
    ) == str(caught.value)


def test_a_page_in_place_of_an_image(folder, web, item, scene):
    """The login page of a portal is no TIFF, whatever its status."""
    web.give("/red.tif", b"<!DOCTYPE html><html>Please log in", Content_Type="image/tiff")
    with pytest.raises(RunFailed, match=r"should be a TIFF image and is an HTML page"):
        folder(f"{web.url}/scene-1.json")


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({"file:checksum": "1220" + hashlib.sha256(b"II*\0red").hexdigest()}, None),
        ({"file:checksum": "d50110" + hashlib.md5(b"II*\0red").hexdigest()}, None),
        ({"checksum:multihash": "1114" + hashlib.sha1(b"II*\0red").hexdigest()}, None),
        ({"file:checksum": "unknown"}, None),
        ({"file:checksum": "1220" + "0" * 64}, "its checksum is not the promised one: sha256"),
        ({"file:size": 7}, None),
        ({"file:size": 8}, "it has 7 bytes, and 8 were promised"),
    ],
)
def test_what_was_promised_is_checked(folder, web, item, scene, extra, expected):
    """Checksums and sizes of the file extension."""
    assets = {"red": {"href": f"{web.url}/red.tif"} | extra}
    value = {"value": item(web.url, assets=assets)}
    if expected is None:
        folder(value)
    else:
        with pytest.raises(RunFailed, match=expected):
            folder(value)


def test_alternates(folder, web, item, scene, told):
    """An asset that cannot be had at its own address is taken from another one that the item names."""
    assets = {
        "red": {"href": "s3://closed/red.tif", "alternate": {"https": {"href": f"{web.url}/red.tif"}}},
        "nir": {"href": f"{web.url}/gone.tif", "alternate": {"other": {"href": f"{web.url}/nir.tif"}}},
    }
    top = folder({"value": item(web.url, assets=assets)})
    assert b"II*\0red" == (top / "scene-1" / "red.tif").read_bytes()
    assert b"II*\0nir" == (top / "scene-1" / "gone.tif").read_bytes()
    assert any("closed" in text or "404" in text for text in told)
    assert "alternate" not in read(top / "scene-1" / "scene-1.json")["assets"]["red"]


def test_a_file(stage, web):
    """One file with its own name; an ending from the media type where the address has none."""
    web.give("/a/data.csv?token=1", b"a,b", Content_Type="text/csv")
    web.give("/download/5", b"{}", Content_Type="application/json")
    order = stage(
        {
            "one": f"{web.url}/a/data.csv?token=1",
            "two": {"href": f"{web.url}/download/5", "type": "application/geo+json"},
            "three": {"value": "hello", "mediaType": "text/plain"},
        },
        {"one": "File", "two": "File", "three": "File"},
    )
    found = {name: path_of(item) for name, item in order.items()}
    assert {"one": "data.csv", "two": "5.geojson", "three": "three.txt"} == {n: p.name for n, p in found.items()}
    assert [b"a,b", b"{}", b"hello"] == [path.read_bytes() for path in found.values()]


def test_a_value_by_reference(stage, web):
    """A value that lies elsewhere is read."""
    web.give("/n", b"5")
    assert {"n": 5} == stage({"n": {"href": f"{web.url}/n"}}, {"n": "int"})
    with pytest.raises(RunFailed, match=r"The input n could not be read.*404"):
        stage({"n": {"href": f"{web.url}/none"}}, {"n": "int"})


def test_optional_and_many(stage, web, scene):
    """Directory[] gives a folder for each, null stays null, and everything comes side by side."""
    order = stage(
        {"scenes": [f"{web.url}/scene-1.json"] * 5, "mask": None}, {"scenes": "Directory[]", "mask": "Directory?"}
    )
    folders = {path_of(item) for item in order["scenes"]}
    assert 5 == len(folders)
    assert all((path / "catalog.json").is_file() for path in folders)
    assert order["mask"] is None


def zipped(files):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return body.getvalue()


@pytest.mark.parametrize("path", ["/x.zip", "/download?id=1"])
def test_a_zip(folder, web, path):
    """An archive is unpacked and gets a catalogue that names its files."""
    web.give(path, zipped({"a/b.tif": b"II*\0", "c.txt": b"c"}), Content_Type="application/zip")
    top = folder(f"{web.url}{path}")
    assert b"II*\0" == (top / "a" / "b.tif").read_bytes()
    assert {"a-b.tif", "c.txt"} == {key for _, key in asset_paths(top)}


def test_a_zip_with_a_catalogue(folder, web, item):
    """A catalogue inside counts, also when all lies in one folder of the archive."""
    document = item("", assets={"a": {"href": "./a.tif"}})
    catalog = {"type": "Catalog", "id": "c", "description": "", "stac_version": "1.0.0"}
    catalog["links"] = [{"rel": "item", "href": "./i.json"}]
    files = {"out/catalog.json": orjson.dumps(catalog), "out/i.json": orjson.dumps(document), "out/a.tif": b"II*\0"}
    web.give("/x.zip", zipped(files))
    top = folder(f"{web.url}/x.zip")
    assert {("scene-1", "a"): str(top / "a.tif")} == asset_paths(top)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "..\\evil"])
def test_a_zip_that_wants_out(folder, web, tmp_path, name):
    """Nothing is ever written outside of the folder."""
    web.give("/x.zip", zipped({name: b"x"}))
    with pytest.raises(RunFailed, match=r"would lie outside of its folder"):
        folder(f"{web.url}/x.zip")
    assert [] == list(tmp_path.rglob("evil"))


def test_a_zip_with_links(folder, web):
    """Symbolic links in archives are refused."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    web.give("/x.zip", body.getvalue())
    with pytest.raises(RunFailed, match=r"neither file nor folder"):
        folder(f"{web.url}/x.zip")


@pytest.mark.parametrize("body", [b"PK\x03\x04 broken", zipped({"a": b"1"})[:-5]], ids=["begun", "cut"])
def test_a_broken_zip(folder, web, body):
    """Told as what it is."""
    web.give("/x.zip", body)
    with pytest.raises(RunFailed, match=r"zip archive cannot be unpacked"):
        folder(f"{web.url}/x.zip")


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


def test_a_zip_bomb(folder, web):
    """What unpacks to more than the limit stops there."""
    web.give("/x.zip", zipped({"a": bytes(50_000_000)}))
    with pytest.raises(RunFailed, match=r"the inputs are larger than 1.0 MB"):
        folder(f"{web.url}/x.zip", stage_in_limit=1_000_000)


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
