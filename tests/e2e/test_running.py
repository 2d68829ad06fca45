"""Running a process as a person does it: by a form, watching, stopping, looking at the results."""

import re
import time
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from browser import PHONE, sharing

ROOT = "/demo/ogc-api"
SAMPLES = Path(__file__).parents[2] / "cwl"
FORM = f"{ROOT}/processes/echo/form"
EVIL = "<script>document.title = 'taken over'</script><img src=x onerror=alert(1)>"


def run(page, message="Hello", pause="0"):
    """Fill in the form and send it; the page of the job is open then."""
    page.get_by_role("textbox", name="Message").fill(message)
    page.get_by_role("spinbutton", name="Pause").fill(pause)
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}$"))
    return page


def ended(page, status="successful"):
    page.locator("h1 .state", has_text=status).wait_for(timeout=60_000)
    return page


def test_a_process_is_run_by_its_form_and_shows_its_results(visit):
    page = visit().open(f"{ROOT}/processes/echo")
    page.get_by_role("link", name="Run it").click()
    page.get_by_role("textbox", name="Numbers").fill("1\n2")
    for side, value in {"West": "-55", "South": "60", "East": "-40", "North": "70"}.items():
        page.get_by_role("spinbutton", name=side).fill(value)
    ended(run(page, "Hello from a browser"))
    results = page.get_by_role("region", name="Results")
    assert "Hello from a browser" in results.get_by_role("article", name="message").inner_text()
    assert "1, 2" in results.get_by_role("article", name="numbers").inner_text()
    page.locator(".leaflet-container .land").first.wait_for()
    page.get_by_role("link", name="Results", exact=True).first.click()
    assert "Results" == page.locator("h1").inner_text()
    assert page.get_by_text("Hello from a browser").first.is_visible()


def test_all_of_it_works_without_scripts(visit):
    page = visit(java_script_enabled=False).open(FORM)
    ended(run(page, "No scripts", "1"))
    assert "No scripts" in page.get_by_role("article", name="message").inner_text()
    page.get_by_role("button", name="Run again").click()
    ended(page)
    page.get_by_role("button", name="Delete").click()
    assert page.url.endswith(f"{ROOT}/jobs")


def test_a_running_job_is_watched_without_the_page_being_loaded_again(visit):
    page = run(visit().open(FORM), pause="8")
    page.evaluate("window.stayed = true")
    page.locator("h1 .state", has_text="running").wait_for()
    assert page.evaluate("window.stayed")
    ended(page)


@pytest.mark.parametrize("place", ["job", "list"])
def test_a_page_is_told_when_something_happens(visit, place):
    """The page follows the events; by itself it would look after half a minute."""
    visitor = visit()
    streams = []
    visitor.page.on("request", lambda asked: streams.append(asked.url) if "/events?" in asked.url else None)
    page = run(visitor.open(FORM), pause="3")
    job = page.url.rpartition("/")[2]
    if place == "list":
        page.goto(page.url.rpartition("/")[0])
        page.locator("tbody tr", has_text=job).locator(".state", has_text="successful").wait_for(timeout=20_000)
    else:
        page.get_by_role("region", name="Results").wait_for(timeout=20_000)
    assert [url for url in streams if (job in url) == (place == "job")]


def test_a_running_job_can_be_stopped(visit):
    page = run(visit().open(FORM), pause="60")
    page.locator("h1 .state", has_text="running").wait_for()
    page.get_by_role("button", name="Stop it").click()
    ended(page, "dismissed")


def test_what_does_not_fit_is_told_at_the_top_and_beside_the_field(visit):
    visitor = visit()
    page = visitor.open(FORM)
    page.get_by_role("spinbutton", name="Pause").fill("-1")
    page.get_by_role("textbox", name="Numbers").fill("1\nmany")
    page.get_by_role("button", name="Run", exact=True).click()
    alert = page.get_by_role("alert")
    assert "This is required." in alert.inner_text()
    alert.get_by_role("link", name="Numbers").click()
    numbers = page.get_by_role("textbox", name="Numbers")
    assert "true" == numbers.get_attribute("aria-invalid")
    assert "Line 2: “many” is not a number." in page.locator(f"#{numbers.get_attribute('id')}-error").inner_text()
    assert "1\nmany" == numbers.input_value()
    visitor.errors = [error for error in visitor.errors if "400" not in error]


def test_a_form_can_be_filled_in_by_keyboard_alone(visit):
    visitor = visit()
    page = visitor.open(FORM)
    while visitor.tab()["name"] != "in:message":
        pass
    page.keyboard.type("Only keys")
    assert visitor.tab()["outlined"]
    page.get_by_role("textbox", name="Message").press("Enter")
    ended(page)
    assert "Only keys" in page.get_by_role("article", name="message").inner_text()


def test_a_bounding_box_can_be_drawn_on_a_map(visit):
    page = visit().open(FORM)
    page.get_by_role("button", name="Draw it on a map").click()
    area = page.locator(".map.moving")
    area.locator(".land").first.wait_for()
    box = area.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.3)
    page.mouse.click(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.6)
    west, south, east, north = (
        float(page.get_by_role("spinbutton", name=s).input_value()) for s in ("West", "South", "East", "North")
    )
    assert (True, True) == (-180 <= west < east <= 180, -90 <= south < north <= 90)


def test_markup_in_messages_and_results_is_shown_and_never_run(visit):
    page = ended(run(visit().open(FORM), EVIL))
    assert "taken over" not in page.title()
    assert 2 <= page.get_by_text(EVIL).count()
    assert "taken over" not in visit().open(f"{ROOT}/jobs").title()


def test_the_list_shows_the_newest_job_first_and_can_be_narrowed(visit):
    page = ended(run(visit().open(FORM)))
    job = page.url.rpartition("/")[2]
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Jobs").click()
    assert job in page.locator("tbody tr").first.inner_text()
    page.get_by_role("search").get_by_role("link", name="failed").click()
    assert 0 == page.locator("tbody tr", has_text=job).count()
    page.get_by_role("search").get_by_role("link", name="successful").click()
    page.get_by_role("textbox", name="Process").fill("echo")
    page.get_by_role("button", name="Find").click()
    assert job in page.locator("tbody").inner_text()
    assert {"echo"} == set(page.locator("tbody td:nth-child(2)").all_inner_texts())


def test_a_list_with_running_jobs_keeps_itself_fresh(visit):
    page = run(visit().open(FORM), pause="8")
    job = page.url.rpartition("/")[2]
    page.goto(page.url.rpartition("/")[0])
    page.evaluate("window.stayed = true")
    page.locator("tbody tr", has_text=job).locator(".state", has_text="successful").wait_for(timeout=60_000)
    assert page.evaluate("window.stayed")


def test_an_earlier_job_can_be_changed_and_run(visit):
    page = ended(run(visit().open(FORM), "First"))
    page.get_by_role("link", name="Change and run").click()
    assert "First" == page.get_by_role("textbox", name="Message").input_value()
    ended(run(page, "Second"))
    assert "Second" in page.get_by_role("article", name="message").inner_text()


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, {"viewport": PHONE}], ids=["wide", "dark", "phone"])
def test_pages_about_jobs_can_be_read_by_everybody(visit, options):
    visitor = visit(**options)
    page = ended(run(visitor.open(FORM)))
    found = {}
    for path in (
        FORM,
        f"{ROOT}/jobs",
        page.url.removeprefix(visitor.home),
        page.url.removeprefix(visitor.home) + "/results",
    ):
        visitor.open(path)
        time.sleep(0.2)
        page.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true; })")
        found[path] = (visitor.faint, visitor.unnamed, visitor.muddled, visitor.sideways)
    assert {} == {path: what for path, what in found.items() if what != ([], [], [], 0)}


@pytest.fixture(scope="session")
def tiles(home):
    """A workflow with a scattered step, a table, a map and a picture; it fails when it is asked to."""
    return deploy(home, Path(__file__).with_name("tiles.cwl"))


@pytest.fixture(scope="session")
def scene():
    """The address of the sample scene, on another server."""
    with sharing(SAMPLES / "eo-sample-data") as address:
        yield f"{address}/sample-scene/sample-scene.json"


def deploy(home, package):
    request = Request(f"{home}{ROOT}/processes", package.read_bytes(), {"Content-Type": "application/cwl+yaml"})
    with urlopen(request, timeout=30) as answer:
        return urlsplit(answer.headers["Location"]).path


def test_a_workflow_is_shown_as_a_picture_and_its_results_as_what_they_are(visit, tiles):
    page = visit().open(tiles)
    picture = page.get_by_role("img", name="Steps of the workflow")
    assert picture.evaluate("(e) => e.complete && e.naturalWidth > 100")
    page.get_by_role("link", name="Run it").click()
    page.get_by_role("spinbutton", name="seconds").fill("0")
    page.get_by_role("button", name="Run", exact=True).click()
    ended(page)
    assert ["name", "area"] == page.get_by_role("article", name="table").get_by_role("columnheader").all_inner_texts()
    page.get_by_role("article", name="where").locator(".leaflet-container .footprint").first.wait_for()
    assert page.get_by_role("img", name="picture").evaluate("(e) => e.naturalWidth") == 480
    assert "All is well" in page.get_by_role("article", name="report").inner_text()
    steps = page.get_by_role("region", name="Steps").locator("li strong").all_inner_texts()
    assert ["join", "measure", "measure_2", "measure_3", "measure_4"] == sorted(steps)
    assert "join" == steps[-1]
    assert 5 == page.locator(".lane .bar").count()


def test_a_map_is_there_without_scripts_too(visit, tiles):
    page = visit(java_script_enabled=False).open(f"{tiles}/form")
    page.get_by_role("spinbutton", name="seconds").fill("0")
    page.get_by_role("button", name="Run", exact=True).click()
    ended(page)
    assert 2 == page.locator("svg.world .shapes path").count()


def test_a_failure_is_explained_with_the_last_words_of_the_tool(visit, tiles):
    page = visit().open(f"{tiles}/form")
    page.get_by_role("spinbutton", name="seconds").fill("0")
    page.get_by_role("checkbox", name="yes").check()
    page.get_by_role("button", name="Run", exact=True).click()
    ended(page, "failed")
    said = page.get_by_role("region", name=re.compile("Job failed")).inner_text()
    for words in ("exit code 3", "No scene covers", "exit-code"):
        assert words in said
    log = page.get_by_role("region", name="Steps").get_by_role("link", name=re.compile("measure.log"))
    page.get_by_role("region", name="Steps").locator("summary").first.click()
    log.click()
    assert "Measuring" in page.inner_text("body")


def test_a_scene_becomes_a_water_mask_on_a_map(visit, home, scene):
    page = visit().open(deploy(home, SAMPLES / "eo-sample.cwl"))
    page.get_by_role("link", name="Run it").click()
    page.get_by_role("textbox", name="Scene").fill(scene)
    page.get_by_role("button", name="Run", exact=True).click()
    result = ended(page).get_by_role("article", name="water")
    result.locator(".leaflet-container .footprint").first.wait_for()
    assert "sample-scene-water" in result.get_by_role("heading", level=4).inner_text()
    assert result.get_by_role("img", name="Picture").evaluate("(e) => e.complete && e.naturalWidth > 100")
    assert "water_percent" in result.inner_text()
    with page.expect_download() as download:
        result.get_by_role("link", name="Water (1) and land (0)").click()
    assert Path(download.value.path()).read_bytes().startswith((b"II*", b"MM"))
