"""Folders as packages leave them, with STAC in them."""

import orjson
import pystac
import pystac.validation

TIME = "2024-01-01T00:00:00Z"


def file_of(path, **more):
    return {"class": "File", "location": path.as_uri(), "basename": path.name} | more


def folder_of(path):
    return {"class": "Directory", "location": path.as_uri(), "basename": path.name}


def item(name="scene", *, assets, **changes):
    document = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "geometry": {"type": "Point", "coordinates": [10, 50]},
        "bbox": [10, 50, 10, 50],
        "properties": {"datetime": TIME},
        "links": [],
        "assets": assets,
    }
    return document | changes


def catalog(*links, **changes):
    own = [{"rel": rel, "href": href} for rel, href in links]
    return {"type": "Catalog", "stac_version": "1.0.0", "id": "c", "description": "d", "links": own} | changes


def collection(*links, **changes):
    extent = {"spatial": {"bbox": [[0, 0, 1, 1]]}, "temporal": {"interval": [[TIME, None]]}}
    return catalog(*links, type="Collection", license="MIT", extent=extent, id="my-collection", **changes)


def write(top, **files):
    for name, content in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else orjson.dumps(content))
    return folder_of(top)


def validate(document):
    """By the schemas that pystac brings along, which are those of 1.1; what we write fits both versions."""
    pystac.validation.validate_dict({**document, "stac_version": "1.1.0"}, stac_version="1.1.0", extensions=[])
