import email
import io
import json
import zipfile
from uuid import UUID

import pytest

from ades.errors import ResultNotAvailable
from ades.model import Result, ResultKind
from ades.objects.local import LocalStore
from ades.service.representation import Entry, Output
from ades.service.shape import Shaper

JOB = UUID(int=1)
TIFF = bytes(range(256)) * 2000


def row(output, kind=ResultKind.VALUE, media_type="application/json", **more):
    return Result(JOB, output, more.pop("index", 0), kind, media_type, **more)


TEXT = Output("text", (row("text", media_type="text/plain", value="hi"),))
BOX = Output("box", (row("box", value={"bbox": [1, 2, 3, 4], "crs": "x"}),))
THING = Output("thing", (row("thing", value={"a": 1}, media_type="application/geo+json"),))
LIST = Output("list", tuple(row("list", value=n, index=n, many=True) for n in range(3)), many=True)
EMPTY = Output("empty", (row("empty", value=[]),))
IMAGE = Output("image", (row("image", ResultKind.FILE, "image/tiff", key="w/image/a.tif", size=len(TIFF)),))
NOTE = Output("note", (row("note", ResultKind.FILE, "text/csv; header=present", key="w/note/b.csv", size=4),))
DATA = Output("data", (row("data", ResultKind.FILE, "application/json", key="w/data/c.json", size=7),))
SCENE = Output("scene", (row("scene", ResultKind.STAC, "application/json", key="w/scene"),))


@pytest.fixture
def shaper(tmp_path):
    objects = LocalStore(tmp_path)
    objects.put("w/image/a.tif", TIFF)
    objects.put("w/note/b.csv", "a;ä".encode())
    objects.put("w/data/c.json", b'{"x":1}')
    objects.put("w/scene/collection.json", b'{"type":"Collection"}')
    objects.put("w/scene/item/item.json", b'{"type":"Feature"}')
    return Shaper(
        objects,
        lambda output, index=None: f"https://a/{output}" + ("" if index is None else f"/{index}"),
        lambda key: f"https://a/{key}" if key.startswith("w/") else None,
        lambda result: {"type": "Collection", "id": result.output},
    )


def shaped(shaper, output, *, by_reference=False):
    return shaper.document([Entry(output, by_reference)])[output.id]


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (TEXT, "hi"),
        (BOX, {"bbox": [1, 2, 3, 4], "crs": "x"}),
        (THING, {"value": {"a": 1}, "mediaType": "application/geo+json"}),
        (LIST, [0, 1, 2]),
        (EMPTY, []),
        (NOTE, {"value": "a;ä", "mediaType": "text/csv; header=present"}),
        (DATA, {"value": {"x": 1}, "mediaType": "application/json"}),
        (SCENE, {"value": {"type": "Collection", "id": "scene"}, "mediaType": "application/json"}),
    ],
)
def test_f7_values_stand_in_the_document(shaper, output, expected):
    """Plain ones as they are, objects as qualified values, files by what they are."""
    assert expected == shaped(shaper, output)


def test_f8_binary_in_place_is_base64(shaper):
    """With media type and encoding."""
    found = shaped(shaper, IMAGE)
    assert ("image/tiff", "base64") == (found["mediaType"], found["encoding"])
    assert len(TIFF) * 4 // 3 == pytest.approx(len(found["value"]), abs=4)


def test_f7_files_are_links(shaper):
    """With media type, name and length."""
    assert {"href": "https://a/image", "type": "image/tiff", "title": "a.tif", "length": len(TIFF)} == shaped(
        shaper, IMAGE, by_reference=True
    )
    assert {"href": "https://a/list", "type": "application/json"} == shaped(shaper, LIST, by_reference=True)


def test_f5_multipart_has_a_part_for_each_output(shaper):
    """A MIME parser finds ids, types, bytes, and an empty part with a location for what comes by reference."""
    media_type, pieces = shaper.multipart([Entry(TEXT, False), Entry(IMAGE, False), Entry(SCENE, True)])
    message = email.message_from_bytes(f"Content-Type: {media_type}\r\n\r\n".encode() + b"".join(pieces))
    text, image, scene = message.get_payload()
    assert "multipart/related" == message.get_content_type()
    assert ["text", "image", "scene"] == [part["Content-ID"] for part in (text, image, scene)]
    assert ("text/plain", "hi") == (text.get_content_type(), text.get_payload())
    assert ("image/tiff", TIFF) == (image.get_content_type(), image.get_payload(decode=True))
    assert ("https://a/scene", "") == (scene["Content-Location"], scene.get_payload())


def test_f12_a_zip_holds_everything(shaper):
    """Each output under its name; folders with what is in them."""
    archive = zipfile.ZipFile(io.BytesIO(b"".join(shaper.archive([TEXT, THING, LIST, IMAGE, SCENE]))))
    assert archive.testzip() is None
    assert {
        "text.txt", "thing.json", "list/0.json", "list/1.json", "list/2.json", "image/a.tif",
        "scene/collection.json", "scene/item/item.json",
    } == set(archive.namelist())  # fmt: skip
    assert (b"hi", TIFF) == (archive.read("text.txt"), archive.read("image/a.tif"))


@pytest.mark.parametrize(
    ("output", "media_type", "expected"),
    [
        (TEXT, "text/plain", b"hi"),
        (TEXT, "application/json", b'"hi"'),
        (LIST, "application/json", b"[0,1,2]"),
        (THING, "application/geo+json", b'{"a":1}'),
        (Output("n", (row("n", value=7),)), "text/plain", b"7"),
    ],
)
def test_f1_a_plain_value_as_bytes(shaper, output, media_type, expected):
    """In the media type that was negotiated."""
    assert expected == shaper.value(output, media_type)


def test_several_files_of_one_output_are_links_to_each(shaper):
    """An array of files has one address for each."""
    rows = tuple(
        row("t", ResultKind.FILE, "image/tiff", key=f"w/{n}.tif", index=n, many=True, size=1) for n in range(2)
    )
    assert ["https://a/t/0", "https://a/t/1"] == [
        link["href"] for link in json.loads(shaper.value(Output("t", rows, many=True), "application/json"))
    ]


def test_a_file_that_has_gone_is_said_to_be_gone(shaper):
    """Not a fault of the server's."""
    output = Output("x", (row("x", ResultKind.FILE, "text/plain", key="w/nowhere"),))
    with pytest.raises(ResultNotAvailable, match="output x"):
        shaped(shaper, output)


def test_files_inside_of_a_value_become_links(shaper):
    """Wherever they are in it; what only looks like one stays."""
    value = [{"a": {"key": "w/x.tif", "type": "image/tiff"}}, {"key": "elsewhere/x", "type": "t"}]
    assert [{"a": {"href": "https://a/w/x.tif", "type": "image/tiff"}}, {"key": "elsewhere/x", "type": "t"}] == shaped(
        shaper, Output("x", (row("x", value=value),))
    )
