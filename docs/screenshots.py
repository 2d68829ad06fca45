"""Take the pictures of docs/tour.md from a running server: `python -m docs.screenshots`.

Needs Chromium and the development dependencies. The server, its data and the browser's profile are thrown away after.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.request import Request, urlopen

HERE: Final = Path(__file__).parent
PICTURES: Final = HERE / "screenshots"
TESTS: Final = HERE.parent / "tests"
sys.path.insert(0, str(TESTS))

from browser import launch, sharing  # noqa: E402 - the tests know how to start a server and a browser
from served import serving  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

ROOT: Final = "/demo/ogc-api"
WIDE: Final = {"width": 1280, "height": 860}
PHONE: Final = {"width": 390, "height": 844}


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

    def post(self, path: str, body: bytes, media_type: str) -> dict[str, Any]:
        """Send something, and give what comes back."""
        headers = {"Content-Type": media_type, "Prefer": "respond-async"}
        with urlopen(Request(self.home + ROOT + path, body, headers), timeout=60) as answer:  # noqa: S310 - our own server
            found: dict[str, Any] = json.load(answer)
            return found

    def run(self, process: str, **inputs: Any) -> str:
        """Start a job, and give the path of its page."""
        body = json.dumps({"inputs": inputs}).encode()
        return f"{ROOT}/jobs/{self.post(f'/processes/{process}/execution', body, 'application/json')['jobID']}"

    def wait(self, job: str) -> None:
        """Until a job has ended."""
        for _ in range(600):
            with urlopen(self.home + job, timeout=60) as answer:  # noqa: S310
                if json.load(answer)["status"] not in {"accepted", "running"}:
                    return
            time.sleep(0.1)
        raise TimeoutError(job)


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


def take_all(camera: Camera, scenes: str) -> None:
    """Each picture of the tour."""
    camera.post("/processes", (TESTS / "e2e" / "tiles.cwl").read_bytes(), "application/cwl+yaml")
    camera.post("/processes", (HERE.parent / "cwl" / "eo-sample.cwl").read_bytes(), "application/cwl+yaml")
    done, failed = camera.run("tiles", seconds=2), camera.run("tiles", seconds=0, fail=True)
    water = camera.run("water-mask", scene={"href": f"{scenes}/sample-scene/sample-scene.json"})
    for job in (done, failed, water):
        camera.wait(job)
    camera.take("workspace", ROOT)
    camera.take("process", f"{ROOT}/processes/water-mask", height=1300)
    camera.take("process-dark", f"{ROOT}/processes/water-mask", color_scheme="dark")
    camera.take("form", f"{ROOT}/processes/echo/form", draw_a_box, height=1500)
    camera.take("api", f"{ROOT}/api#getJobs")
    camera.take("failure", failed, height=1000)
    camera.take("results", water, height=1500)
    camera.take("previews", done, height=1750)
    running = camera.run("tiles", seconds=6)
    camera.take("running", running, lambda page: page.locator("li.successful").first.wait_for(timeout=60_000))
    camera.take("phone", water, viewport=PHONE, device_scale_factor=2)
    camera.take("jobs", f"{ROOT}/jobs")


def main() -> None:
    """Start everything, take the pictures, stop everything."""
    from playwright.sync_api import sync_playwright

    PICTURES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        sharing(HERE.parent / "cwl" / "eo-sample-data") as scenes,
        serving(Path(folder), fetch_allow="127.0.0.1") as server,
        sync_playwright() as playwright,
    ):
        browser = launch(playwright)
        take_all(Camera(browser, server.address()), scenes)
        browser.close()


if __name__ == "__main__":
    main()
