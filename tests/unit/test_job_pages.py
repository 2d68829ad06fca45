"""Pages about jobs: the list, one job with its steps and log, the results with previews and a map."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from markup import Markup

from ades.http import maps, previews, timeline
from ades.http.inside import Inside
from ades.http.pages import Context, render

HOME = "http://ades.test/"
ROOT = "http://ades.test/demo/ogc-api"
JOB = "2f1c1f6e-6f0a-4c5e-9d0a-2f1f0e6a7b11"
NOW = datetime(2025, 7, 1, 12, 10, tzinfo=UTC)
EVIL = '"><script>alert(1)</script>'


def job(status="running", **more):
    own = f"{ROOT}/jobs/{JOB}"
    return {
        "jobID": JOB, "id": JOB, "type": "process", "processingEntityType": "ogc-api-processes",
        "processID": "warp", "process": f"{ROOT}/processes/warp", "status": status, "message": "Warping 3 of 4 tiles.",
        "progress": 42, "created": "2025-07-01T12:00:00.000Z", "started": "2025-07-01T12:00:01.500Z",
        "updated": "2025-07-01T12:00:09.000Z",
        "links": [
            {"href": own, "rel": "self", "type": "application/json", "title": "This job"},
            {"href": f"{own}/logs", "rel": "log", "type": "text/plain", "title": "Log"},
        ],
    } | more  # fmt: skip


STEPS = [
    {"name": "check", "state": "successful", "started": "2025-07-01T12:00:00Z", "finished": "2025-07-01T12:02:00Z",
     "exitCode": 0, "peakMemory": 1048576, "links": [{"href": f"{ROOT}/jobs/{JOB}/check.log", "rel": "related"}]},
    {"name": "warp_3", "state": "failed", "started": "2025-07-01T12:02:00Z", "finished": "2025-07-01T12:05:00Z",
     "message": "The tool ended with exit code 3.", "links": []},
    {"name": "mosaic", "state": "running", "started": "2025-07-01T12:05:00Z", "links": []},
    {"name": "index", "state": "pending", "links": []},
]  # fmt: skip
FAILURE = {
    "type": "about:blank", "title": "Job failed", "detail": "warp needed more memory than 1 GiB.\nAsk for ramMin: 2048.",
    "reason": "out-of-memory", "step": "warp_3", "exitCode": 137, "log": "Killed <b>",
}  # fmt: skip
SQUARE = {"type": "Polygon", "coordinates": [[[-50, 60], [-40, 60], [-40, 70], [-50, 70], [-50, 60]]]}
ITEM = {
    "type": "Feature", "id": "scene-1", "geometry": SQUARE, "properties": {},
    "links": [{"rel": "self", "href": f"{ROOT}/stac/scene-1"}],
    "assets": {"thumbnail": {"href": f"{HOME}demo/t.png", "type": "image/png", "roles": ["thumbnail"]}},
}  # fmt: skip


def page(name, document, **extra):
    return Markup.read(
        render(name, document, context=Context(url=f"{ROOT}/x", home=HOME, root=ROOT, workspace="demo", extra=extra))
    )


def text(markup):
    return " ".join(markup.text.split())


def test_the_list_shows_each_job_with_a_link_to_it_and_its_process():
    markup = page("jobs", {"jobs": [job(), job("successful", finished="2025-07-01T12:04:06Z")], "links": []}, now=NOW)
    assert {f"{ROOT}/jobs/{JOB}", f"{ROOT}/processes/warp", f"{ROOT}/jobs/{JOB}/logs"} <= markup.links
    for words in (
        "running",
        "successful",
        "4 min 4 s",
        "9 min 58 s",
        "Warping 3 of 4 tiles.",
        "2025-07-01 12:00:00 UTC",
    ):
        assert words in text(markup)
    assert 1 == len([e for e in markup.elements if "data-busy" in e.attributes])


def test_the_filters_of_the_list_are_links_and_keep_what_was_asked():
    choices = [{"label": "any", "href": "/a", "chosen": False}, {"label": "failed", "href": "/b", "chosen": True}]
    markup = page(
        "jobs", {"jobs": [], "links": []}, narrowed=True, filters=[{"name": "Status", "choices": choices}],
        kept=[("status", "failed")], process='a"b', any_process="/c",
    )  # fmt: skip
    assert {"/a", "/b", "/c"} <= markup.links
    assert ["failed"] == [e.text for e in markup.all("a") if e.attributes.get("aria-current") == "true"]
    assert 'a"b' == markup.all("input", name="processID")[0].attributes["value"]
    assert "failed" == markup.all("input", name="status")[0].attributes["value"]
    assert "No job fits." in text(markup)


def test_a_list_without_running_jobs_needs_no_script_of_its_own():
    assert not any("live.js" in address for address in page("jobs", {"jobs": [job("failed")], "links": []}).loaded)
    assert any("live.js" in address for address in page("jobs", {"jobs": [job()], "links": []}).loaded)


def test_a_running_job_can_be_watched_with_and_without_scripts():
    markup = page("job", job(), now=NOW, may_act=True, events=f"{ROOT}/jobs/{JOB}/events")
    assert [("refresh", "4")] == [
        (e.attributes["http-equiv"], e.attributes["content"])
        for e in markup.all("meta")
        if "http-equiv" in e.attributes
    ]
    assert 1 == len(markup.all("noscript"))
    assert "42" == markup.all("progress")[0].attributes["value"]
    assert [f"/demo/ogc-api/jobs/{JOB}/events"] == [
        e.attributes["data-events"] for e in markup.elements if "data-events" in e.attributes
    ]
    assert [f"/demo/ogc-api/jobs/{JOB}/dismiss"] == [form.attributes["action"] for form in markup.all("form")]


def test_a_finished_job_is_not_read_again_and_can_be_run_again():
    markup = page("job", job("successful", finished="2025-07-01T12:04:06Z"), now=NOW, may_act=True)
    assert [] == markup.all("noscript") + markup.all("progress")
    assert [f"/demo/ogc-api/jobs/{JOB}/{verb}" for verb in ("rerun", "dismiss")] == [
        form.attributes["action"] for form in markup.all("form")
    ]
    assert f"{ROOT}/processes/warp/form?job={JOB}" in markup.links


def test_who_may_not_act_sees_no_buttons():
    assert [] == page("job", job("failed"), now=NOW).all("form")


def test_a_failure_tells_reason_exit_code_last_lines_and_remedy():
    said = text(page("job", job("failed", exception=FAILURE)))
    for words in ("Job failed in step warp_3", "Ask for ramMin: 2048.", "out-of-memory", "exit code 137", "Killed <b>"):
        assert words in said


def test_steps_are_shown_in_their_order_with_state_time_and_log():
    markup = page("job", job(), now=NOW, bars=timeline.bars(STEPS, NOW))
    said = text(markup)
    assert sorted(said.index(name) for name in ("check ", "warp_3 ", "mosaic ", "index ")) == [
        said.index(name) for name in ("check ", "warp_3 ", "mosaic ", "index ")
    ]
    for words in ("2 min 0 s", "The tool ended with exit code 3.", "pending"):
        assert words in said
    assert f"{ROOT}/jobs/{JOB}/check.log" in markup.links


def test_bars_lie_where_the_steps_ran():
    found = timeline.bars(STEPS, NOW)
    assert [(0, 200), (200, 300), (500, 500), (0, 0)] == [(bar.start, bar.width) for bar in found]
    assert [] == [bar for bar in timeline.bars([{"state": "pending"}], NOW) if bar.width]


def test_steps_stand_in_the_order_in_which_they_began():
    found = timeline.bars([STEPS[3], STEPS[2], STEPS[0], STEPS[1]], NOW)
    assert ["check", "warp_3", "mosaic", "index"] == [bar.step["name"] for bar in found]


def test_a_very_short_step_is_still_seen_and_stays_on_the_line():
    last = {"started": "2025-07-01T12:10:00Z", "finished": "2025-07-01T12:10:00.001Z"}
    bar = timeline.bars([STEPS[0], last], NOW)[1]
    assert bar.width > 0
    assert bar.start + bar.width <= 1000


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.42, "0.42 s"),
        (12.34, "12.3 s"),
        (245, "4 min 5 s"),
        (7380, "2 h 3 min"),
        (93600, "1 d 2 h"),
        (0.002, "< 0.01 s"),
        (-1, "< 0.01 s"),
    ],
)
def test_spans_of_time_are_put_into_words(seconds, expected):
    assert expected == timeline.words(timedelta(seconds=seconds))


def test_request_and_log_are_shown_as_text():
    markup = page("job", job(), request={"inputs": {"name": EVIL}}, log=EVIL, log_href=f"{ROOT}/log")
    assert [""] * len(markup.all("script")) == [script.text for script in markup.all("script")]
    assert 2 <= markup.text.count(EVIL)


FILES = {
    "/demo/table.csv": b"name,area\n" + b"".join(b"Disko,%d\n" % n for n in range(50)),
    "/demo/report.txt": b"All is well.\n" + EVIL.encode(),
    "/demo/area.geojson": json.dumps({"type": "FeatureCollection", "features": [ITEM]}).encode(),
    "/demo/broken.json": b"{",
    "/demo/big.csv": b"a,b\n" + b"1,2\n" * 50_000,
}


def read(href, most):
    return FILES.get(href.removeprefix("http://ades.test"), b"")[:most]


def results(**document):
    return previews.results(document, read, FOLDERS.get)


FOLDERS = {
    "http://ades.test/demo/stac": Inside(items=(ITEM,), more=True),
    "http://ades.test/demo/folder": Inside(
        files=({"href": f"{HOME}demo/folder/a.tif", "title": "a.tif", "length": 2048},)
    ),
}


def href(path, media_type, **more):
    return {"href": f"http://ades.test/demo/{path}", "type": media_type} | more


def test_results_are_shown_as_what_they_are():
    found = results(
        count=3, words={"value": "hi", "mediaType": "text/plain"}, picture=href("a.png", "image/png"),
        table=href("table.csv", "text/csv; charset=utf-8"), report=href("report.txt", "text/plain", title="Report"),
        raster=href("big.tif", "image/tiff", **{"file:size": 5 * 1024**2}), area=href("area.geojson", "application/geo+json"),
        many=[href("a.png", "image/png"), href("a.png", "image/png")], links=[],
    )  # fmt: skip
    markup = page("results", {"links": []}, results=found)
    said = text(markup)
    for words in ("count", "3", "hi", "Disko", "All is well.", "5.0 MiB", "image/tiff", "many 1", "many 2", EVIL):
        assert words in said
    assert {"/demo/a.png"} == {e.attributes["src"] for e in markup.all("img") if e.attributes["alt"]}
    assert {"name", "area"} == {e.text for e in markup.all("th")}
    assert 10 == len([e for e in markup.all("td") if e.text == "Disko"])
    assert "This is the beginning" in said
    assert 1 == len(markup.all("svg"))


def test_a_catalogue_is_shown_by_its_items_and_a_folder_by_its_files():
    shown = results(scenes=href("stac", "application/json"), raw=href("folder", "application/json"))
    markup = page("results", {"links": []}, results=shown)
    assert {f"{ROOT}/stac/scene-1", f"{HOME}demo/t.png", f"{HOME}demo/folder/a.tif"} <= markup.links
    assert "/demo/t.png" in {e.attributes["src"] for e in markup.all("img")}
    assert 1 == len([e for e in markup.elements if "data-map" in e.attributes])
    for words in ("scene-1", "2.0 KiB", "There is more"):
        assert words in text(markup)


def test_a_picture_from_elsewhere_is_linked_and_not_loaded():
    markup = page("results", {}, results=results(p={"href": "https://elsewhere.example/p.png", "type": "image/png"}))
    assert "https://elsewhere.example/p.png" in markup.links
    assert [] == [e for e in markup.all("img") if e.attributes["alt"]]


def test_what_cannot_be_understood_is_shown_as_text_or_not_at_all():
    broken, big = results(a=href("broken.json", "application/json"), b=href("big.csv", "text/csv"))
    assert "{" == broken.text
    assert (True, 11) == (big.more, len(big.table))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (ITEM, 1),
        ({"type": "FeatureCollection", "features": [ITEM, ITEM]}, 2),
        (SQUARE, 1),
        ({"type": "Point", "coordinates": [1, 2]}, 1),
        ({"type": "MultiPoint", "coordinates": [[1, 2], [3, 4]]}, 1),
        ({"type": "GeometryCollection", "geometries": [SQUARE, SQUARE]}, 2),
        ({"type": "Collection", "extent": {"spatial": {"bbox": [[-50, 60, -40, 70]]}}}, 1),
        ({"type": "Collection", "extent": {"spatial": {"bbox": [[0, 0, 9, 9], [0, 0, 1, 1], [8, 8, 9, 9]]}}}, 2),
        ({"bbox": [-50, 60, -40, 70]}, 1),
        ({"bbox": [-50, 60, 0, -40, 70, 9]}, 1),
        ({"type": "Feature", "geometry": None, "bbox": [1, 2, 3]}, 0),
        ({"type": "Polygon", "coordinates": "nonsense"}, 0),
        ({"type": "Point", "coordinates": [float("nan"), 2]}, 0),
        ({"type": "FeatureCollection", "features": None}, 0),
        ("text", 0),
        ([1, 2], 0),
    ],
)
def test_footprints_are_found_in_geojson_and_stac(document, expected):
    assert expected == len(maps.shapes(document))


@pytest.mark.parametrize(
    "geometry",
    [
        SQUARE,
        {"type": "Point", "coordinates": [179.9, 89.9]},
        {"type": "Polygon", "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]]},
    ],
)
def test_a_drawing_shows_the_footprint_with_room_inside_the_world(geometry):
    drawing = str(maps.draw(maps.shapes(geometry), "/land.svg", "Here"))
    west, top, wide, high = map(float, drawing.partition('viewBox="')[2].partition('"')[0].split())
    assert (True, True) == (west >= -180 and west + wide <= 180, top >= -90 and top + high <= 90)
    assert wide == pytest.approx(2 * high)


def test_the_map_shows_pictures_of_this_server_only():
    context = Context(url=ROOT, home=HOME)
    elsewhere = ITEM | {
        "assets": {"t": {"href": "https://x.example/t.png", "type": "image/png", "roles": ["thumbnail"]}}
    }
    ours, theirs = maps.near([*maps.shapes(ITEM), *maps.shapes(elsewhere)], context)
    assert ("/demo/t.png", "") == (ours.picture, theirs.picture)


def test_names_of_footprints_cannot_break_out_of_the_map():
    markup = page("results", {}, results=results(a={"value": ITEM | {"id": EVIL}}))
    assert [""] * len(markup.all("script")) == [script.text for script in markup.all("script")]
    data = next(e.attributes["data-map"] for e in markup.elements if "data-map" in e.attributes)
    assert EVIL == json.loads(data)["features"][0]["properties"]["name"]
