"""Jobs whose results are there, as a runner and a worker leave them, without running anything."""

from datetime import timedelta

import orjson
from jobs_of_tests import a_job
from staging_support import job as document_of

from ades.model import JobStatus
from ades.runner.stage_out import stage_out
from ades.service.handover import results_prefix


def item(name, day=1, bbox=(0, 0, 1, 1), **changes):
    """An item with one asset, which is `<name>.txt`."""
    west, south, east, north = bbox
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": list(bbox),
        "properties": {"datetime": f"2024-01-{day:02}T00:00:00Z"},
        "links": [],
        "assets": {"data": {"href": f"./{name}.txt", "type": "text/plain", "roles": ["data"]}},
    } | changes


def collection(name):
    """A collection of a package's own."""
    extent = {"spatial": {"bbox": [[0, 0, 1, 1]]}, "temporal": {"interval": [["2024-01-01T00:00:00Z", None]]}}
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": name,
        "description": name,
        "license": "MIT",
        "extent": extent,
        "links": [],
    }


def publish(services, folder, *items, named=None, **job):
    """A successful job whose output `out` is a catalogue with these items, in a collection if one is named."""
    made = services.store.jobs.submit(a_job(**job))
    claim = services.store.queue.claim("worker", timedelta(minutes=1))
    top = folder / str(made.id) / "out"
    top.mkdir(parents=True)
    for one in items:
        (top / f"{one['id']}.json").write_bytes(orjson.dumps(one))
        (top / f"{one['id']}.txt").write_text(one["id"])
    leaves = [{"rel": "item", "href": f"{one['id']}.json"} for one in items]
    catalog = {"type": "Catalog", "stac_version": "1.0.0", "id": "c", "description": "d", "links": leaves}
    if named:
        (top / "own.json").write_bytes(orjson.dumps(collection(named) | {"links": leaves}))
        catalog["links"] = [{"rel": "child", "href": "own.json"}]
    (top / "catalog.json").write_bytes(orjson.dumps(catalog))
    document = document_of({}, {})
    changed = {name: getattr(document, name) for name in document.__dataclass_fields__}
    changed |= {"job": made.id, "process": made.process_id, "results_prefix": results_prefix(made)}
    outputs = {"out": {"class": "Directory", "location": top.as_uri(), "basename": "out"}}
    results = list(stage_out(type(document)(**changed), outputs, top.parent, services.objects))
    services.store.queue.finish(claim, JobStatus.SUCCESSFUL, results)
    return made.id
