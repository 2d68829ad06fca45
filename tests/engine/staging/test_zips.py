"""Zips as inputs: folders that come in one file, well meant and otherwise."""

import io
import zipfile

import orjson
import pytest
from staging_support import asset_paths

from ades.runner.failures import RunFailed


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


def test_a_zip_bomb(folder, web):
    """What unpacks to more than the limit stops there."""
    web.give("/x.zip", zipped({"a": bytes(50_000_000)}))
    with pytest.raises(RunFailed, match=r"the inputs are larger than 1.0 MB"):
        folder(f"{web.url}/x.zip", stage_in_limit=1_000_000)
