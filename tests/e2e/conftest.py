"""One server and one browser for all tests that look at pages."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from browser import CHROMIUM, Visitor, launch
from served import serving

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("There is no Chromium on this machine (Debian: apt-get install chromium).")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with the workspace `demo`."""
    folder: Path = tmp_path_factory.mktemp("server")
    with serving(folder, fetch_allow="127.0.0.1") as server:
        yield server.address()


@pytest.fixture
def visit(chromium: Any, home: str) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors, each with a fresh profile, and at the end looks whether anything went wrong behind the scenes."""
    visitors: list[Visitor] = []

    def make(**options: Any) -> Visitor:
        visitors.append(Visitor(chromium, home, options))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.close()
    assert [] == [error for visitor in visitors for error in visitor.errors]
    assert [] == [address for visitor in visitors for address in visitor.elsewhere]
