"""What a client writes and sends when server or tools are hostile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from web import Server

from ades.client import Client

ITEM = {
    "type": "Feature",
    "stac_version": "1.0.0",
    "geometry": None,
    "properties": {"datetime": "2020-01-01T00:00:00Z"},
    "links": [],
}
NAMES = ["../../evil", "/evil", "..", ".", "a/../../evil", "evil\\..\\x", "a\nb", "a\0b"]


@pytest.fixture
def web():
    """Makes servers that say whatever a test wants."""
    made = []

    def make() -> Server:
        made.append(Server())
        return made[-1]

    yield make
    for server in made:
        server.close()


def download(server: Server, results: dict, folder: Path) -> list[Path]:
    """All files of a job with these results."""
    server.give("/jobs/1", json.dumps({"jobID": "1", "status": "successful"}).encode())
    server.give("/jobs/1/results", json.dumps(results).encode(), Content_Type="application/json")
    return Client(server.url, "secret").job("1").download(folder)


@pytest.mark.parametrize("name", NAMES)
def test_no_item_leads_out_of_the_folder_of_a_download(web, tmp_path, name):
    """Whatever an item is called, its document and its assets lie below the folder that was named."""
    server, folder = web(), tmp_path / "deep" / "results"
    asset = f"{server.url}/..%2F..%2Fevil%2F.."
    item = ITEM | {"id": name, "assets": {"../../evil": {"href": asset}}}
    server.give("/item", json.dumps(item).encode())
    server.give("/..%2F..%2Fevil%2F..", b"bytes")
    results = {"type": "Collection", "links": [{"rel": "item", "href": f"{server.url}/item"}]}
    written = download(server, results, folder)

    assert 2 == len(written)
    assert all(path.resolve().is_relative_to(folder) for path in written)
    found = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert set(written) == found


@pytest.mark.parametrize("name", NAMES)
def test_no_output_leads_out_of_the_folder_of_a_download(web, tmp_path, name):
    """Neither the name of an output nor that of its file leads out of the folder."""
    server, folder = web(), tmp_path / "deep" / "results"
    server.give("/x/..%2F..", b"bytes")
    written = download(server, {name: [{"href": f"{server.url}/x/..%2F..", "type": "image/tiff"}]}, folder)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == written
    assert written[0].resolve().is_relative_to(folder)


def test_the_token_goes_to_nobody_but_the_server(web, tmp_path):
    """An item that points to another server gets its files from there, without the token."""
    server, stranger = web(), web()
    stranger.give("/a.tif", b"bytes")
    item = ITEM | {"id": "i", "assets": {"a": {"href": f"{stranger.url}/a.tif"}}}
    server.give("/item", json.dumps(item).encode())
    results = {"type": "Collection", "links": [{"rel": "item", "href": f"{server.url}/item"}]}
    download(server, results, tmp_path)

    assert (tmp_path / "i" / "a.tif").read_bytes() == b"bytes"
    assert all("authorization: bearer secret" in head.lower() for head in server.heads)
    assert ["authorization" in head.lower() for head in stranger.heads] == [False]
