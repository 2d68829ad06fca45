"""Take the pictures of docs/tour.md from a running server: `python -m docs.screenshots`.

Needs Chromium and the development dependencies. The server, its data and the browser's profile are thrown away after.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.request import Request, urlopen

HERE: Final = Path(__file__).parent
PICTURES: Final = HERE / "screenshots"
TESTS: Final = HERE.parent / "tests"
sys.path.insert(0, str(TESTS))

from browser import launch, sharing  # noqa: E402 - the tests know how to start a server and a browser
from receivers import Receiver  # noqa: E402
from served import Api, serving  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

ROOT: Final = "/demo/ogc-api"
WIDE: Final = {"width": 1280, "height": 860}
PHONE: Final = {"width": 390, "height": 844}


HUNGRY: Final = """
cwlVersion: v1.2
class: CommandLineTool
id: mosaic
label: Mosaic
doc: Puts scenes together, all of them in memory.
baseCommand: [python3, -c]
arguments:
- |
  import sys
  print("Reading 12 scenes", file=sys.stderr, flush=True)
  held = [bytearray(40 << 20) for _ in range(12)]
requirements: {ResourceRequirement: {ramMax: 256}}
inputs: {}
outputs: []
"""
"""A package that asks for less memory than it takes."""


class Camera:
    """Opens pages of one server and takes pictures of them."""

    def __init__(self, browser: Browser, home: str) -> None:
        self._browser = browser
        self.home = home

    def take(
        self,
        name: str,
        path: str,
        do: Callable[[Page], object] = lambda _: None,
        *,
        height: int | None = None,
        **options: Any,
    ) -> None:
        """One picture, after `do` has been done on the page."""
        size = options.pop("viewport", WIDE)
        size = size | {"height": height} if height else size
        context = self._browser.new_context(viewport=size, reduced_motion="reduce", **options)
        page = context.new_page()
        page.goto(self.home + path)
        do(page)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=PICTURES / f"{name}.png")
        context.close()
        print(f"docs/screenshots/{name}.png")


@dataclass(frozen=True)
class Played:
    """What has happened on the server before the pictures are taken: the paths of pages."""

    done: str
    failed: str
    hungry: str
    water: str
    told: str
    waiting: str
    release: str


def play(api: Api, scenes: str, subscriber: str) -> Played:
    """Let things happen on a server, and wait until they have."""
    for package in (HERE.parent / "cwl").glob("*.cwl"):
        if not package.name.startswith("stage-"):
            deploy(api, package.read_bytes())
    deploy(api, (TESTS / "e2e" / "tiles.cwl").read_bytes())
    deploy(api, HUNGRY.encode())
    api.call("POST", f"{api.address}/workspaces", {"name": "lakes", "title": "Lakes of Greenland"})
    api.call("POST", f"{api.address}/workspaces/demo/tokens", {"title": "Nightly runs"})
    for name, content in (
        ("areas/disko.geojson", b"{}"),
        ("scenes/2024-06-21.tif", bytes(2_400_000)),
        ("notes.txt", b"Ice."),
    ):
        address = f"{api.address}/demo/files/{name}"
        urlopen(Request(address, content, method="PUT"), timeout=60).close()  # noqa: S310 - our own server
    scene = {"href": f"{scenes}/sample-scene/sample-scene.json"}
    done, failed = api.submit("tiles", {"seconds": 1}), api.submit("tiles", {"seconds": 0, "fail": True})
    hungry, water = api.submit("mosaic"), api.submit("water-mask", {"scene": scene})
    order = {
        "inputs": {"name": "Disko"},
        "subscriber": {"successUri": f"{subscriber}/done", "inProgressUri": "http://127.0.0.1:9/news"},
    }
    told = api.call("POST", "/processes/hello/execution", order, Prefer="respond-async")[2]["jobID"]
    for job in (done, failed, hungry, water, told):
        api.wait(job)
    waiting = api.call("POST", "/jobs", {"process": "water-mask", "inputs": {"scene": scene}})[2]["jobID"]
    release = api.call("POST", "/releases", {"job": water, "to": "public", "collection": "lakes"})[2]["id"]
    return Played(
        *(f"{ROOT}/jobs/{job}" for job in (done, failed, hungry, water, told, waiting)), f"{ROOT}/releases/{release}"
    )


def deploy(api: Api, package: bytes) -> None:
    """Deploy a package as it is written."""
    kind = {"Content-Type": "application/cwl+yaml"}
    urlopen(Request(f"{api.root}/processes", package, kind), timeout=60).close()  # noqa: S310


def draw_a_box(page: Page) -> None:
    """Fill in the form of echo, and draw a bounding box."""
    page.get_by_role("textbox", name="Message").fill("Hello, Disko Bay")
    page.get_by_role("button", name="Draw it on a map").click()
    area = page.locator(".map.moving")
    area.locator(".land").first.wait_for()
    box = area.bounding_box() or {"x": 0, "y": 0, "width": 0, "height": 0}
    for x, y in ((0.32, 0.08), (0.42, 0.3)):
        page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
    area.scroll_into_view_if_needed()


def send_what_does_not_fit(page: Page) -> None:
    """Fill in the form of echo wrongly, and send it."""
    page.get_by_role("textbox", name="Numbers").fill("1\ntwo")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("alert").wait_for()


def first_item(page: Page) -> None:
    """From the collections to the item of the scene."""
    page.get_by_role("link", name="Results of water").click()
    page.get_by_role("link", name="Items").first.click()
    page.get_by_role("link", name="sample-scene-water").first.click()
    page.locator(".leaflet-container .land").first.wait_for()


def scroll_to(name: str) -> Callable[[Page], object]:
    """Begin the picture at a heading."""
    return lambda page: page.get_by_role("heading", name=name, exact=True).evaluate("e => e.scrollIntoView()")


def once_told(page: Page) -> None:
    """Wait until one subscriber was told and the other could not be reached."""
    for state in ("delivered", "failing"):
        while not page.get_by_role("cell", name=state).count():
            page.wait_for_timeout(200)
            page.reload()
    scroll_to("Subscribers")(page)


def take_all(camera: Camera, api: Api, played: Played) -> None:
    """Each picture of the tour."""
    camera.take("start", "/", height=620)
    camera.take("workspace", ROOT, height=720)
    camera.take("processes", f"{ROOT}/processes", height=1000)
    camera.take("process", f"{ROOT}/processes/water-mask", height=1300)
    camera.take("process-dark", f"{ROOT}/processes/water-mask", color_scheme="dark")
    camera.take("form", f"{ROOT}/processes/echo/form", draw_a_box, height=1500)
    camera.take("problems", f"{ROOT}/processes/echo/form", send_what_does_not_fit, height=1000)
    camera.take("api", f"{ROOT}/api#getJobs")
    camera.take("failure", played.failed, height=1000)
    camera.take("memory", played.hungry, height=760)
    camera.take("results", played.water, height=1500)
    camera.take("previews", played.done, height=1750)
    camera.take("waiting", played.waiting, height=760)
    camera.take("subscribers", played.told, once_told, height=420)
    camera.take("provenance", f"{played.water}/prov", height=1000)
    camera.take("files", "/demo/files", height=560)
    camera.take("catalogue", "/demo/stac/collections", height=620)
    camera.take("item", "/demo/stac/collections", first_item, height=1500)
    camera.take("release", played.release, until_released, height=1000)
    camera.take("workspaces", "/workspaces", height=560)
    camera.take("numbers", "/workspaces/demo", height=660)
    camera.take("tokens", "/workspaces/demo/tokens", height=460)
    camera.take("missing", f"{ROOT}/processes/nothing", height=600)
    running = f"{ROOT}/jobs/{api.submit('tiles', {'seconds': 6})}"
    camera.take(
        "running", running, lambda page: page.locator("li.successful").first.wait_for(timeout=60_000), height=1100
    )
    camera.take("phone", played.water, viewport=PHONE, device_scale_factor=2)
    camera.take(
        "phone-form", f"{ROOT}/processes/tiles/form", viewport=PHONE, device_scale_factor=2, color_scheme="dark"
    )
    camera.take("jobs", f"{ROOT}/jobs", height=1000)


def until_released(page: Page) -> None:
    """Wait until the files of a release are copied."""
    while not page.get_by_text("The results are released.").count():
        page.wait_for_timeout(200)
        page.reload()


def main() -> None:
    """Start everything, take the pictures, stop everything."""
    from playwright.sync_api import sync_playwright

    PICTURES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        sharing(HERE.parent / "cwl" / "eo-sample-data") as scenes,
        closing(Receiver()) as subscriber,
        serving(
            Path(folder), fetch_allow="127.0.0.1", containers="none", release_stores=f"public={folder}/released"
        ) as server,
        sync_playwright() as playwright,
    ):
        browser = launch(playwright)
        api = Api(server.address())
        take_all(Camera(browser, api.address), api, play(api, scenes, subscriber.url))
        browser.close()


if __name__ == "__main__":
    main()
