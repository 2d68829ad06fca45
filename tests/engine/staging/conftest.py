"""What stages things needs: a web, a store, and documents of jobs."""

from uuid import uuid4

import orjson
import pytest
from s3_servers import moto  # noqa: F401 - a fixture
from staging_support import job, path_of
from web import Server

from ades.objects import open_store
from ades.runner.document import Limits
from ades.runner.stage_in import stage_in
from ades.settings import Settings


@pytest.fixture
def web():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "open").mkdir()
    return Settings(
        data=tmp_path / "data", fetch_allow="127.0.0.0/8", stage_in_parallel=3, input_folders=str(tmp_path / "open")
    )


@pytest.fixture
def store(settings):
    return open_store(settings)


@pytest.fixture
def told():
    return []


@pytest.fixture
def stage(tmp_path, settings, store, told):
    """Stages inputs in; the job order with paths in place of locations."""

    def run(inputs, types, *, disk=None, place=None, **changes):
        place = place or tmp_path / f"in-{uuid4()}"
        document = job(inputs, types, limits=Limits(disk=disk))
        changed = settings.model_copy(update=changes)
        return stage_in(document, place, changed, store, lambda event: told.append(event.text))

    return run


@pytest.fixture
def folder(stage):
    """Stages one Directory in; its path."""

    def run(value, **changes):
        order = stage({"scene": value}, {"scene": "Directory"}, **changes)
        return path_of(order["scene"])

    return run


@pytest.fixture
def item():
    """A valid item with two assets and a thumbnail, below an address."""

    def make(base, name="scene-1", **changes):
        return {
            "type": "Feature",
            "stac_version": "1.0.0",
            "id": name,
            "geometry": {"type": "Point", "coordinates": [10, 50]},
            "bbox": [10, 50, 10, 50],
            "properties": {"datetime": "2024-01-01T00:00:00Z"},
            "links": [],
            "assets": {
                "red": {"href": f"{base}/red.tif", "type": "image/tiff; application=geotiff", "roles": ["data"]},
                "nir": {"href": "./nir.tif", "roles": ["data"]},
                "thumbnail": {"href": f"{base}/small.png", "type": "image/png", "roles": ["thumbnail"]},
            },
        } | changes

    return make


@pytest.fixture
def scene(web, item):
    """The same, served."""
    web.give("/red.tif", b"II*\0red", Content_Type="image/tiff")
    web.give("/nir.tif", b"II*\0nir", Content_Type="image/tiff")
    web.give("/small.png", b"\x89PNG\r\n\x1a\n", Content_Type="image/png")
    document = item(web.url)
    web.give("/scene-1.json", orjson.dumps(document), Content_Type="application/geo+json")
    return document
