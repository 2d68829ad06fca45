"""How outputs are published: what then lies in the store, and what a reader of STAC makes of it."""

import hashlib
import os
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pystac
import pystac.validation
import pytest
from stac_folders import catalog, collection, file_of, folder_of, item, validate, write
from staging_support import JOB, job, read

from ades.errors import StorageFull, Unavailable
from ades.model import Reason, ResultKind
from ades.objects.local import LocalStore
from ades.runner.document import Options
from ades.runner.failures import RunFailed
from ades.runner.stage_in import stage_in
from ades.runner.stage_out import stage_out

PREFIX = f"alice/processing-results/p/{JOB}"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "job"
    (path / "out").mkdir(parents=True)
    return path


@pytest.fixture
def publish(folder, store, told):
    def run(outputs, **document):
        return list(stage_out(job({}, {}, **document), outputs, folder, store, told.append))

    return run


def keys(store):
    return [info.key.removeprefix(f"{PREFIX}/") for info in store.list(PREFIX)]


def opened(store, place="catalog.json"):
    """What pystac finds, and that it is valid."""
    top = pystac.Catalog.from_file(str(store.root / PREFIX / place))
    found = {}
    for one in top.get_items(recursive=True):
        validate(one.to_dict())
        found[one.id] = one
    return top, found


def test_a_catalogue_is_published(publish, store, folder):
    """Ids and layout are kept, links are relative, sizes and checksums are told, and the index finds the item."""
    top = write(
        folder / "out",
        **{
            "catalog.json": catalog(("item", "./scene/scene.json")),
            "scene/scene.json": item(assets={"data": {"href": "./a.tif"}}),
            "scene/a.tif": b"II*\0data",
        },
    )
    (result,) = publish({"out": top})
    assert (ResultKind.STAC, f"{PREFIX}/out", 8, JOB) == (result.kind, result.key, result.size, result.job)
    assert [
        "catalog.json",
        "out/catalog.json",
        "out/collection.json",
        "out/scene/a.tif",
        "out/scene/scene.json",
    ] == keys(store)
    catalogue, items = opened(store)
    asset = items["scene"].assets["data"].to_dict()
    assert {
        "href": "./a.tif",
        "type": "image/tiff; application=geotiff",
        "file:size": 8,
        "file:checksum": "1220" + hashlib.sha256(b"II*\0data").hexdigest(),
    } == asset
    assert f"cat_{JOB}" == catalogue.id
    (made,) = list(catalogue.get_collections()) or list(next(iter(catalogue.get_children())).get_collections())
    assert (f"col_{JOB}", [[10, 50, 10, 50]]) == (made.id, made.extent.spatial.bboxes)
    (found,) = result.items
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    assert (f"col_{JOB}", "scene", f"{PREFIX}/out/scene/scene.json", (10, 50, 10, 50), moment, moment) == (
        found.collection,
        found.id,
        found.key,
        found.bbox,
        found.start,
        found.end,
    )
    assert [(f"col_{JOB}", f"{PREFIX}/out/collection.json")] == [(one.id, one.key) for one in result.collections]


def test_collections_survive(publish, store, folder):
    """Several collections in one output, each with its items, ids and whatever else it says."""
    first = collection(("item", "i1.json"), keywords=["eo"])
    second = collection(("item", "../b/i2.json")) | {"id": "other"}
    top = write(
        folder / "out",
        **{
            "catalog.json": catalog(("child", "a/collection.json"), ("child", "b/collection.json")),
            "a/collection.json": first,
            "b/collection.json": second,
            "a/i1.json": item("i1", assets={"x": {"href": "x.bin"}}),
            "b/i2.json": item("i2", assets={"x": {"href": "../a/x.bin"}}),
            "a/x.bin": b"x",
        },
    )
    (result,) = publish({"out": top})
    assert {("my-collection", "i1"), ("other", "i2")} == {(one.collection, one.id) for one in result.items}
    assert {"my-collection", "other"} == {one.id for one in result.collections}
    _, items = opened(store)
    assert ["eo"] == items["i1"].get_collection().keywords
    assert "MIT" == items["i2"].get_collection().license
    assert [[0, 0, 1, 1]] == items["i2"].get_collection().extent.spatial.bboxes


def test_a_collection_as_the_top(publish, store, folder):
    """catalog.json may itself be the collection."""
    top = write(
        folder / "out",
        **{
            "catalog.json": collection(("item", "i.json")),
            "i.json": item("i", assets={"x": {"href": "x.bin"}}),
            "x.bin": b"x",
        },
    )
    (result,) = publish({"out": top})
    assert ["my-collection"] == [one.id for one in result.collections]
    assert "my-collection" == opened(store)[1]["i"].get_collection().id


def test_a_collection_that_items_only_name(publish, store, folder):
    """An item's own word for its collection is kept; the collection is found by its id, or made."""
    top = write(
        folder / "out",
        **{
            "catalog.json": catalog(("child", "c.json"), ("item", "i.json"), ("item", "j.json")),
            "c.json": collection(),
            "i.json": item("i", assets={}, collection="my-collection"),
            "j.json": item("j", assets={}, collection="unknown"),
        },
    )
    (result,) = publish({"out": top})
    assert {("i", "my-collection"), ("j", "unknown")} == {(one.id, one.collection) for one in result.items}
    _, items = opened(store)
    assert {"my-collection", "unknown"} == {one.get_collection().id for one in items.values()}
    assert 2 == len(items)


@pytest.mark.parametrize(
    "href",
    [
        "./a b.tif",
        "a%20b.tif",
        "{top}/s/a b.tif",
        "file://{top}/s/a%20b.tif",
        "/var/spool/cwl/s/a b.tif",
        "/outdir/a b.tif",
    ],
)
def test_addresses_of_assets(publish, store, folder, href):
    """Relative, absolute, or what was right inside of the tool's container: the file is found."""
    top = folder / "out"
    write(
        top,
        **{
            "catalog.json": catalog(("item", "s/s.json")),
            "s/s.json": item("s", assets={"a": {"href": href.format(top=top)}}),
            "s/a b.tif": b"x",
        },
    )
    publish({"out": folder_of(top)})
    _, items = opened(store)
    assert "./a b.tif" == items["s"].assets["a"].href
    assert (store.root / PREFIX / "out" / "s" / "a b.tif").read_bytes() == b"x"


def test_assets_elsewhere(publish, store, folder):
    """What lies on the web stays there; what lies elsewhere in the job is brought along."""
    (folder / "work").mkdir()
    (folder / "work" / "w.tif").write_bytes(b"w")
    assets = {"web": {"href": "https://data.example/x.tif"}, "stray": {"href": "../work/w.tif"}}
    top = write(folder / "out", **{"catalog.json": catalog(("item", "i.json")), "i.json": item("i", assets=assets)})
    publish({"out": top})
    _, items = opened(store)
    assert ("https://data.example/x.tif", "./w.tif") == tuple(items["i"].assets[key].href for key in assets)
    assert b"w" == (store.root / PREFIX / "out" / "w.tif").read_bytes()


def test_links_of_the_packages_own(publish, store, folder, told):
    """Structure is written anew, other links stay, and a document that is not there any more is left out, told."""
    links = [
        {"rel": "self", "href": "https://old.example/i.json"},
        {"rel": "root", "href": "/tmp/x/catalog.json"},
        {"rel": "derived_from", "href": "https://data.example/scene.json"},
        {"rel": "license", "href": "./LICENSE"},
    ]
    top = write(
        folder / "out",
        **{
            "catalog.json": catalog(
                ("item", "https://old.example/deep/i.json"), ("child", "https://old.example/no.json")
            ),
            "i.json": item("i", assets={}, links=links),
            "LICENSE": b"free",
        },
    )
    publish({"out": top})
    found = read(store.root / PREFIX / "out" / "i.json")["links"]
    assert {
        "root": "./catalog.json",
        "parent": "./collection.json",
        "collection": "./collection.json",
        "derived_from": "https://data.example/scene.json",
        "license": "./LICENSE",
    } == {link["rel"]: link["href"] for link in found}
    assert any("https://old.example/no.json" in text for text in told)


@pytest.mark.parametrize(
    ("change", "expected", "told_of"),
    [
        ({"type": "feature"}, {"type": "Feature"}, "of type 'feature'"),
        ({"bbox": None}, {"bbox": [10, 50, 10, 50]}, "no bbox"),
        ({"stac_version": None}, {"stac_version": "1.0.0"}, "stac_version"),
        ({"id": ""}, {"id": "i"}, "no id"),
        ({"geometry": None, "bbox": None}, {"geometry": None}, None),
    ],
)
def test_half_valid_items(publish, store, folder, told, change, expected, told_of):
    """What can only be meant in one way is repaired and told."""
    document = {
        key: value for key, value in (item("i", assets={}) | change).items() if value is not None or key == "geometry"
    }
    top = write(folder / "out", **{"catalog.json": catalog(("item", "i.json"), type="catalog"), "i.json": document})
    publish({"out": top})
    found = read(store.root / PREFIX / "out" / "i.json")
    assert expected == {key: found[key] for key in expected}
    assert any("of type 'catalog'" in text for text in told)
    assert not told_of or any(told_of in text for text in told)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"catalog.json": b"{"}, r"catalog.json is no valid JSON: .* \(line 1\)"),
        ({"catalog.json": b"[]"}, "catalog.json is valid JSON, but no object"),
        ({"catalog.json": {"some": "json"}}, "catalog.json is neither STAC catalogue nor collection"),
        ({"catalog.json": item(assets={})}, "its catalog.json is an item"),
        ({"catalog.json": catalog()}, "its catalog.json leads to no items"),
        ({"catalog.json": catalog(("item", "none.json"))}, "catalog.json links to none.json, which is not there"),
        ({"catalog.json": catalog(("item", "../x.json"))}, r"links to \.\./x\.json, which is not there"),
        (
            {"catalog.json": catalog(("item", "i.json")), "i.json": item("i", assets={"b": {"href": "b.tif"}})},
            "the asset b of the item i is b.tif, which is not there",
        ),
        (
            {"catalog.json": catalog(("item", "i.json")), "i.json": item("i", assets={"b": {}})},
            "the asset b of the item i has no address",
        ),
        (
            {"catalog.json": catalog(("item", "i.json")), "i.json": item("i", assets=[1])},
            "its assets are no JSON object",
        ),
        (
            {
                "catalog.json": catalog(("item", "i.json")),
                "i.json": item("i", assets={}, properties={"datetime": "2024-13-45"}),
            },
            "the item i in i.json has a time or a box that is none",
        ),
        (
            {"catalog.json": catalog(("item", "i.json")), "i.json": item("i", assets={}, geometry="POINT")},
            "its geometry is no GeoJSON geometry",
        ),
    ],
)
def test_what_cannot_be_published(publish, store, folder, files, expected):
    """The output, the document and what is wrong with it; and nothing stays in the store."""
    with pytest.raises(RunFailed, match=expected) as caught:
        publish({"out": write(folder / "out", **files)})
    assert Reason.OUTPUT_INVALID == caught.value.failure.reason
    assert "The output out cannot be published: " in str(caught.value)
    assert [] == keys(store)


def test_a_file(publish, store, folder):
    """A plain file is the result, and an item describes it with type, size, checksum and role."""
    (folder / "out" / "table.csv").write_bytes(b"a,b")
    (result,) = publish({"out": file_of(folder / "out" / "table.csv")})
    digest = hashlib.sha256(b"a,b").hexdigest()
    assert (ResultKind.FILE, "text/csv", f"{PREFIX}/out/table.csv", 3, f"sha256:{digest}") == (
        result.kind,
        result.media_type,
        result.key,
        result.size,
        result.checksum,
    )
    _, items = opened(store)
    assert {
        "href": "./table.csv",
        "type": "text/csv",
        "title": "table.csv",
        "roles": ["data"],
        "file:size": 3,
        "file:checksum": f"1220{digest}",
    } == items["table"].assets["table.csv"].to_dict()
    assert [("table", f"col_{JOB}")] == [(one.id, one.collection) for one in result.items]
    validate(items["table"].get_collection().to_dict())
    assert store.stat(f"{PREFIX}/out/table.csv").media_type == "text/csv"


def test_media_types(publish, folder, store):
    """What the package says of an output comes before what the ending says."""
    (folder / "out" / "x.dat").write_bytes(b"{}")
    outputs = {"out": {"schema": {"type": "string", "contentMediaType": "application/geo+json"}}}
    document = replace(job({}, {}), outputs=outputs)
    (result,) = stage_out(document, {"out": file_of(folder / "out" / "x.dat")}, folder, store)
    assert "application/geo+json" == result.media_type


def test_many_files_and_outputs(publish, store, folder):
    """Arrays, companions, several outputs of all kinds: all survive, each with its own collection."""
    for name in ("a.tif", "a.tif.aux", "b.tif", "thumbnail.png", "notes.txt"):
        (folder / "out" / name).write_bytes(name.encode())
    out = folder / "out"
    results = publish(
        {
            "many": [file_of(out / "a.tif", secondaryFiles=[file_of(out / "a.tif.aux")]), file_of(out / "b.tif")],
            "one": file_of(out / "thumbnail.png"),
            "number": 5,
            "nothing": None,
            "empty": [],
            "record": {"inner": file_of(out / "notes.txt"), "n": [1, 2]},
        }
    )
    assert [("many", 0, True), ("many", 1, True), ("one", 0, False), ("number", 0, False), ("record", 0, False)] == [
        (result.output, result.index, result.many) for result in results
    ]
    assert {"inner": {"key": f"{PREFIX}/record/inner/notes.txt", "type": "text/plain"}, "n": [1, 2]} == results[4].value
    assert 5 == results[3].value
    _, items = opened(store)
    assert {"a", "b", "thumbnail", "notes"} == set(items)
    assert {"a.tif", "a.tif.aux"} == set(items["a"].assets)
    assert (["thumbnail"], ["metadata"]) == (
        items["thumbnail"].assets["thumbnail.png"].roles,
        items["notes"].assets["notes.txt"].roles,
    )
    assert {f"col_{JOB}_many", f"col_{JOB}_one", f"col_{JOB}_record"} == {
        one.id for result in results for one in result.collections
    }
    assert {"a", "b", "thumbnail", "notes"} == {one.id for result in results for one in result.items}


def test_a_plain_folder(publish, store, folder):
    """A folder without catalogue keeps its files, and one item names them."""
    top = write(folder / "out" / "maps", **{"deep/x.tif": b"II*\0", "readme.md": b"hi"})
    (result,) = publish({"out": top})
    assert (ResultKind.DIRECTORY, f"{PREFIX}/out", 6) == (result.kind, result.key, result.size)
    _, items = opened(store)
    assert {"deep-x.tif": "./deep/x.tif", "readme.md": "./readme.md"} == {
        key: asset.href for key, asset in items["maps"].assets.items()
    }


def test_results_are_inputs(publish, store, folder, settings, tmp_path):
    """What one job has published, the next one takes as it lies, STAC and plain folders alike."""
    stac = write(
        folder / "out" / "stac",
        **{
            "catalog.json": catalog(("item", "s/s.json")),
            "s/s.json": item("s", assets={"a": {"href": "a.tif"}}),
            "s/a.tif": b"II*\0",
        },
    )
    plain = write(folder / "out" / "plain", **{"x.tif": b"II*\0"})
    publish({"stac": stac, "plain": plain})
    for name in ("stac", "plain"):
        document = job({"d": f"store:{PREFIX}/{name}"}, {"d": "Directory"})
        order = stage_in(document, tmp_path / f"in-{uuid4()}", settings, store)
        top = pystac.Catalog.from_file(order["d"]["location"].removeprefix("file://") + "/catalog.json")
        (found,) = top.get_items(recursive=True)
        (asset,) = found.assets.values()
        with open(asset.get_absolute_href(), "rb") as file:  # noqa: PTH123 - as a tool would
            assert b"II*\0" == file.read()


def test_only_what_was_asked_for(publish, store, folder):
    """Outputs that nobody wanted are not stored."""
    (folder / "out" / "a").write_bytes(b"a")
    assert [] == publish({"out": file_of(folder / "out" / "a")}, wanted=())
    assert [] == keys(store)


def test_values_alone_leave_no_files(publish, store):
    """A job of plain values costs the store nothing."""
    assert [{"x": 1}, "text"] == [result.value for result in publish({"a": {"x": 1}, "b": "text"})]
    assert [] == keys(store)


@pytest.mark.parametrize("where", ["/etc/passwd", "../../secret"])
def test_links_do_not_lead_out(publish, store, folder, tmp_path, where):
    """What lies outside of the job's folder is never published, by whatever way a tool points there."""
    (tmp_path / "secret").write_text("secret")
    link = folder / "out" / "link"
    link.symlink_to(where)
    evil = {"catalog.json": catalog(("item", "i.json")), "i.json": item("i", assets={"a": {"href": "../../secret"}})}
    for value in (
        file_of(link),
        {"class": "File", "location": "file:///etc/passwd"},
        folder_of(folder / "out"),
        write(folder / "stac", **evil),
        {"class": "Directory", "location": (folder / ".." / "..").as_uri()},
    ):
        with pytest.raises(RunFailed, match=r"leads out of the job|not there"):
            publish({"out": value})
    assert [] == keys(store)


def test_what_is_no_file(publish, folder):
    """Pipes and sockets in an output folder are named."""
    os.mkfifo(folder / "out" / "pipe")
    with pytest.raises(RunFailed, match="holds pipe, which is no file"):
        publish({"out": folder_of(folder / "out")})


def test_a_missing_output(publish, folder):
    """Told as missing."""
    with pytest.raises(RunFailed, match=r"The output out is not there: none\.tif") as caught:
        publish({"out": file_of(folder / "out" / "none.tif")})
    assert Reason.OUTPUT_MISSING == caught.value.failure.reason


@pytest.mark.parametrize(
    ("error", "reason"), [(StorageFull("no room"), Reason.DISK_FULL), (Unavailable("gone"), Reason.STAGE_OUT)]
)
def test_a_store_that_fails(publish, store, folder, monkeypatch, error, reason):
    """The job fails with the store's words, and what was stored before is taken away."""
    put = LocalStore.put

    def failing(self, key, *args):
        if key.endswith("3.bin"):
            raise error
        return put(self, key, *args)

    monkeypatch.setattr(LocalStore, "put", failing)
    top = write(folder / "out" / "many", **{f"{n}.bin": b"x" for n in range(10)})
    with pytest.raises(RunFailed, match=f"The output out could not be stored: {error}") as caught:
        publish({"out": top})
    assert reason == caught.value.failure.reason
    assert [] == keys(store)


def test_without_checksums(publish, store, folder):
    """An operator who does not want them gets none."""
    (folder / "out" / "a.bin").write_bytes(b"a")
    (result,) = publish({"out": file_of(folder / "out" / "a.bin")}, options=Options(checksums=False))
    assert result.checksum is None
    assert "file:checksum" not in opened(store)[1]["a"].assets["a.bin"].to_dict()
