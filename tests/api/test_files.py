"""The files area of a workspace."""

import io
import os
from urllib.parse import quote

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from ades.errors import NoSuchResource
from tests.api.conftest import rels

FILES = "/demo/files"


def paths(client, path=FILES, **query):
    return [one["path"] for one in client.get(path, **({"query_string": query} if query else {})).get_json()["files"]]


def raw(path):
    """A request whose length can be told otherwise than it is."""
    return EnvironBuilder(method="PUT", path=path, data=b"x", content_type="text/plain").get_environ()


def answered(client, environ):
    """The status of a request that the test client would put right."""
    _, status, _ = run_wsgi_app(client.application, environ)
    return status.split(" ")[0]


def test_a_file_comes_and_goes(client):
    """PUT, GET, HEAD, DELETE, with address, type and etag."""
    put = client.put(f"{FILES}/a/ä b.json", data=b'{"x": 1}')
    assert (201, "http://localhost/demo/files/a/%C3%A4%20b.json") == (put.status_code, put.headers["Location"])
    got = client.get(put.headers["Location"])
    assert (200, b'{"x": 1}', "application/json") == (got.status_code, got.data, got.mimetype)
    assert put.headers["ETag"] == got.headers["ETag"]
    head = client.head(put.headers["Location"])
    assert (200, b"", "8") == (head.status_code, head.data, head.headers["Content-Length"])
    assert 304 == client.get(put.headers["Location"], headers={"If-None-Match": got.headers["ETag"]}).status_code
    part = client.get(put.headers["Location"], headers={"Range": "bytes=1-3"})
    assert (206, b'"x"') == (part.status_code, part.data)
    assert 204 == client.delete(put.headers["Location"]).status_code
    assert 404 == client.get(put.headers["Location"]).status_code
    assert 404 == client.delete(put.headers["Location"]).status_code


def test_a_file_is_replaced(client):
    """200 the second time; conditions keep one from overwriting what somebody else has written."""
    first = client.put(f"{FILES}/a", data=b"1")
    assert 200 == client.put(f"{FILES}/a", data=b"22").status_code
    assert 412 == client.put(f"{FILES}/a", data=b"3", headers={"If-None-Match": "*"}).status_code
    assert 412 == client.put(f"{FILES}/a", data=b"3", headers={"If-Match": first.headers["ETag"]}).status_code
    assert 412 == client.delete(f"{FILES}/a", headers={"If-Match": first.headers["ETag"]}).status_code
    assert 412 == client.put(f"{FILES}/new", data=b"3", headers={"If-Match": '"x"'}).status_code
    assert b"22" == client.get(f"{FILES}/a").data


def test_a_file_that_has_changed_is_not_read_in_the_place_of_another(client):
    """If-Match holds for reading as well: 412, neither the file nor the claim that nothing has changed."""
    first = client.put(f"{FILES}/a", data=b"1")
    assert 200 == client.get(f"{FILES}/a", headers={"If-Match": first.headers["ETag"]}).status_code
    client.put(f"{FILES}/a", data=b"22")
    assert 412 == client.get(f"{FILES}/a", headers={"If-Match": first.headers["ETag"]}).status_code
    assert 200 == client.get(f"{FILES}/a", headers={"If-Match": "*"}).status_code


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ä b€.tif", "inline; filename=\"? b?.tif\"; filename*=UTF-8''%C3%A4%20b%E2%82%AC.tif"),
        ('a"; filename="b.exe', 'inline; filename="a\\"; filename=\\"b.exe"'),
        ("plain.tif", "inline; filename=plain.tif"),
    ],
)
def test_a_file_is_saved_under_its_own_name(client, name, expected):
    """Headers hold nothing but ASCII, and no name breaks out of its quotes."""
    place = client.put(f"{FILES}/{quote(name)}", data=b"1").headers["Location"]
    assert expected == client.get(place).headers["Content-Disposition"]


def test_the_type_is_kept(client):
    """What the client says that it is; a word that says nothing leaves it to the ending."""
    client.put(f"{FILES}/a.bin", data=b"1", content_type="image/png")
    client.put(f"{FILES}/b.txt", data=b"1", content_type="application/octet-stream")
    assert ("image/png", "text/plain") == tuple(client.get(f"{FILES}/{n}").mimetype for n in ("a.bin", "b.txt"))


def test_lists(client):
    """All files, those of a folder, and in pages."""
    names = ["a/1", "a/2", "a/b/3", "c"]
    for name in names:
        client.put(f"{FILES}/{name}", data=b"x")
    assert names == paths(client)
    assert names[:3] == paths(client, f"{FILES}/a")
    page = client.get(f"{FILES}?limit=3").get_json()
    assert ["c"] == paths(client, rels(page)["next"]["href"])
    assert "next" not in rels(client.get(f"{FILES}?limit=4").get_json())
    assert "text/html" == client.get(FILES, headers={"Accept": "text/html"}).mimetype


def test_a_folder_is_deleted_only_on_purpose(client):
    """Deleting a folder takes a word more than deleting a file."""
    client.put(f"{FILES}/a/1", data=b"x")
    assert 409 == client.delete(f"{FILES}/a").status_code
    assert 204 == client.delete(f"{FILES}/a?recursive=true").status_code
    assert [] == paths(client)


@pytest.mark.parametrize(
    "path", ["../x", "a/../../bob/files/x", "a//b", "a/%00", "a/%0a", "a/%ff", ".ades-x", "%2e%2e/x", "x" * 300]
)
@pytest.mark.parametrize("method", ["put", "get", "delete"])
def test_wrong_names(client, method, path):
    """Nothing outside of the area can be named."""
    answer = getattr(client, method)(f"{FILES}/{path}", **({"data": b"x"} if method == "put" else {}))
    assert answer.status_code in {400, 404, 308}
    assert [] == paths(client)


def test_workspaces_are_apart(client, services):
    """Each has its own files; one that is not there has none."""
    services.store.workspaces.create("alice")
    client.put(f"{FILES}/x", data=b"x")
    assert [] == paths(client, "/alice/files")
    assert 404 == client.get("/alice/files/x").status_code
    assert 404 == client.put("/nobody/files/x", data=b"x").status_code


def test_uploads_in_pieces(client):
    """Pieces in any order; each answer says how far it is without a gap, and the last one makes the file."""
    body = os.urandom(1000)

    def send(start, end):
        return client.put(
            f"{FILES}/big", data=body[start:end], headers={"Content-Range": f"bytes {start}-{end - 1}/1000"}
        )

    assert (308, "bytes=0-299") == ((first := send(0, 300)).status_code, first.headers["Range"])
    assert "bytes=0-299" == send(600, 1000).headers["Range"]
    asked = client.put(f"{FILES}/big", headers={"Content-Range": "bytes */1000"})
    assert (308, "bytes=0-299") == (asked.status_code, asked.headers["Range"])
    assert 404 == client.get(f"{FILES}/big").status_code
    assert 201 == send(250, 650).status_code
    assert body == client.get(f"{FILES}/big").data
    assert ["big"] == paths(client)
    assert 308 == send(0, 300).status_code


def test_nothing_is_left_of_pieces(client, services):
    """When the file is whole its pieces are gone."""
    client.put(f"{FILES}/big", data=b"ab", headers={"Content-Range": "bytes 0-1/4"})
    client.put(f"{FILES}/big", data=b"cd", headers={"Content-Range": "bytes 2-3/4"})
    assert ["demo/files/big"] == [info.key for info in services.objects.list("demo")]


@pytest.mark.parametrize(
    "header", ["bytes 0-1/1", "bytes 5-2/10", "bytes 0-9/10", "bytes=0-1/10", "lines 0-1/10", "bytes 0-1/*", "x"]
)
def test_wrong_pieces(client, header):
    """What does not add up is refused."""
    assert 400 == client.put(f"{FILES}/x", data=b"ab", headers={"Content-Range": header}).status_code


def test_a_form(client):
    """Several files at once from a form; folders that a browser names do not count."""
    files = {"one": (io.BytesIO(b"1"), "a.txt"), "two": (io.BytesIO(b"2"), "some/folder/b.txt")}
    answer = client.post(f"{FILES}/in/here", data=files, content_type="multipart/form-data")
    assert (201, ["in/here/a.txt", "in/here/b.txt"]) == (
        answer.status_code,
        sorted(one["path"] for one in answer.get_json()["files"]),
    )
    assert b"2" == client.get(f"{FILES}/in/here/b.txt").data
    assert (
        201 == client.post(FILES, data={"x": (io.BytesIO(b"1"), "top")}, content_type="multipart/form-data").status_code
    )
    assert 400 == client.post(FILES, data={"x": "no file"}, content_type="multipart/form-data").status_code


def test_limits(make_app):
    """Files may be larger than other bodies, but not endless; a quota holds; and the length must be said."""
    client = make_app(upload_limit=5000, body_limit=1024).test_client()
    assert 201 == client.put(f"{FILES}/a", data=bytes(4000)).status_code
    assert 413 == client.put(f"{FILES}/b", data=bytes(5001)).status_code
    assert 413 == client.put(f"{FILES}/b", data=b"x", headers={"Content-Range": "bytes 0-0/5001"}).status_code
    form = {"x": (io.BytesIO(bytes(6000)), "b")}
    assert 413 == client.post(FILES, data=form, content_type="multipart/form-data").status_code
    unsaid = raw(f"{FILES}/b")
    del unsaid["CONTENT_LENGTH"]
    assert "400" == answered(client, unsaid)
    assert ["a"] == paths(client)


def test_an_upload_that_breaks_off(client):
    """Nothing is stored of a body that is shorter than was said, and what was there before stays."""
    client.put(f"{FILES}/a", data=b"before")
    for path in ("a", "b"):
        assert "400" == answered(client, raw(f"{FILES}/{path}") | {"CONTENT_LENGTH": "10"})
    assert (["a"], b"before") == (paths(client), client.get(f"{FILES}/a").data)


def test_the_quota_of_a_workspace(client, services):
    """Who has used up what he may keep stores nothing more."""
    services.store.workspaces.update("demo", settings={"storage": 100})
    assert 429 == client.put(f"{FILES}/a", data=bytes(200)).status_code
    assert 201 == client.put(f"{FILES}/a", data=bytes(50)).status_code


def test_links_without_a_token(client):
    """A folder has no such thing, and says so."""
    client.put(f"{FILES}/a", data=b"x")
    assert 409 == client.get(f"{FILES}/a?link=true").status_code


def test_a_file_is_an_input(live):
    """By its own address, read without HTTP."""
    package = {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "id": "cat-file",
        "baseCommand": "cat",
        "inputs": {"file": {"type": "File", "inputBinding": {}}},
        "outputs": {"out": {"type": "stdout"}},
        "stdout": "out.txt",
    }
    live.deploy(package)
    put = live.client.put(f"{FILES}/notes/x.txt", data=b"from the files area")
    job, status = live.run("cat-file", {"inputs": {"file": {"href": put.headers["Location"]}}})
    assert "successful" == status["status"], status
    assert b"from the files area" == live.client.get(f"{job}/results/out").data


def test_an_error_has_its_shape(client):
    """As everywhere."""
    answer = client.get(f"{FILES}/none").get_json()
    assert (404, NoSuchResource("x").title) == (answer["status"], answer["title"])
