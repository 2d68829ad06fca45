"""The lock of the runner image: exact, hashed, from nowhere in particular, and with what Calrissian pins."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "calrissian.lock").read_text()


def pinned(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "calrissian.lock"])
def test_every_pin_has_hashes_and_no_index_is_named(name):
    text = (ROOT / name).read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)


def test_calrissian_gets_what_it_pins():
    """Its exact old versions; a resolver that found others would have another Calrissian."""
    wanted = {
        "calrissian": "0.18.1",
        "cwltool": "3.1.20240708091337",
        "kubernetes": "28.1.0",
        "tenacity": "8.2.3",
        "typing-extensions": "4.8.0",
        "urllib3": "1.26.18",
    }
    assert {name: {version} for name, version in wanted.items()} == {name: pinned(LOCK)[name] for name in wanted}


def test_the_runners_image_holds_nothing_of_the_server():
    assert not pinned(LOCK).keys() & {"alembic", "flask", "granian", "jinja2", "pygeoapi", "regopy", "sqlalchemy"}


def test_what_is_asked_for_is_locked():
    asked = re.findall(r"^([a-z0-9._-]+)", (ROOT / "calrissian.in").read_text(), re.MULTILINE)
    assert set(asked) <= pinned(LOCK).keys()
