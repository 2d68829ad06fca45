"""A real browser looking at a real server, and what a careful person would check on each page."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from threading import Thread
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Route

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
WIDE: Final = {"width": 1280, "height": 900}
PHONE: Final = {"width": 360, "height": 740}


@contextmanager
def sharing(folder: Path) -> Iterator[str]:
    """Serve the files of a folder, as a provider of scenes would, and give the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))


@dataclass
class Visitor:
    """Somebody with a browser. What goes wrong behind the scenes is written down."""

    browser: Browser
    home: str
    options: dict[str, Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context: BrowserContext = self.browser.new_context(**{"viewport": WIDE} | self.options)
        self.context.set_default_timeout(30_000)
        self.context.route("**/*", self._at_home)
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _at_home(self, route: Route) -> None:
        if urlsplit(route.request.url).netloc == urlsplit(self.home).netloc:
            route.continue_()
        else:
            self.elsewhere.append(route.request.url)
            route.abort()

    def open(self, path: str) -> Page:
        self.page.goto(self.home + path)
        return self.page

    def close(self) -> None:
        self.context.close()

    # -- what a careful person would check -------------------------------------------------------------------------

    @property
    def sideways(self) -> int:
        """By how many pixels the page is wider than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    @property
    def unnamed(self) -> list[str]:
        """Controls, links and pictures without a name for those who do not see."""
        return self.page.evaluate(_UNNAMED)

    @property
    def faint(self) -> list[str]:
        """Texts whose contrast is below what WCAG asks for (AA)."""
        return self.page.evaluate(_FAINT)

    @property
    def muddled(self) -> list[int]:
        """The levels of the headings, if there is not one first among them or a level is left out."""
        levels = self.page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((e) => Number(e.tagName[1]))")
        steps = [after - before for before, after in pairwise(levels)]
        return [] if levels.count(1) == 1 and levels[0] == 1 and max(steps, default=0) <= 1 else levels

    def tab(self) -> dict[str, Any]:
        """Press the tab key, and tell where that leads and whether it can be seen."""
        self.page.keyboard.press("Tab")
        return self.page.evaluate(_FOCUS)


_UNNAMED: Final = """() => {
  const name = (e) => (e.getAttribute('aria-label') || (e.labels && [...e.labels].map((l) => l.textContent).join(' '))
    || e.textContent || e.title || [...e.querySelectorAll('img')].map((i) => i.alt).join(' ')).trim();
  const found = [...document.querySelectorAll('a[href],button,input:not([type=hidden]),select,textarea,summary')]
    .filter((e) => !(e.matches('input,select,textarea') ? [...(e.labels || [])].some((l) => l.textContent.trim())
      || e.getAttribute('aria-label') : name(e)));
  found.push(...[...document.querySelectorAll('img:not([alt])')]);
  return found.map((e) => e.outerHTML.slice(0, 120));
}"""

_FAINT: Final = """() => {
  const parse = (c) => { const n = c.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const light = ([r, g, b]) => { const f = (v) => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    return .2126 * f(r) + .7152 * f(g) + .0722 * f(b); };
  const ground = (e) => {
    for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > .99) return c; }
    return [255, 255, 255, 1];
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !e.checkVisibility() || e.closest('svg,option,script,[aria-hidden=true]')) continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize);
    const [a, b] = [light(parse(style.color)), light(ground(e))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${e.tagName}.${e.className}: ${walk.currentNode.textContent.trim().slice(0, 40)}`);
  }
  return found;
}"""

_FOCUS: Final = """() => {
  const e = document.activeElement, style = getComputedStyle(e), after = getComputedStyle(e, '::after');
  const box = e.getBoundingClientRect();
  return { tag: e.tagName, href: e.getAttribute('href'), name: e.getAttribute('name'), text: e.textContent.trim().slice(0, 60),
    top: box.top + scrollY, onScreen: box.right > 0 && box.bottom > 0,
    outlined: [style, after].some((s) => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2) };
}"""
