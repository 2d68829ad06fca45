"""How inputs come to a job: what a package finds in its folder."""

import hashlib
from pathlib import Path

import orjson
import pystac
import pytest
from staging_support import asset_paths, give_json, path_of, read

from ades.model import Reason
from ades.runner.failures import RunFailed


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
