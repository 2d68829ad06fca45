import re
import subprocess
import sys
from pathlib import Path

from ades.settings import Settings
from docs.generate import REFERENCE

ROOT = Path(__file__).parents[2]


def test_the_reference_is_what_the_code_says():
    """docs/reference.md names every setting and every command; `make docs` writes it."""
    # In a process of its own: commands remember how they were called before.
    told = subprocess.run(
        [sys.executable, "-c", "from docs.generate import reference; print(reference(), end='')"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout == REFERENCE.read_text()


def test_every_setting_says_what_it_does():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_links_between_documents_lead_somewhere():
    """A relative link in a Markdown file names a file of the project."""
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("cwl/**/*.md")]
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
        if "://" not in target and not target.startswith("mailto:") and not (page.parent / target).exists()
    ]
    assert broken == []


def test_each_picture_of_the_tour_is_taken_by_the_script():
    tour, script = (ROOT / "docs/tour.md").read_text(), (ROOT / "docs/screenshots.py").read_text()
    shown = set(re.findall(r"screenshots/([\w-]+)\.png", tour))
    assert {path.stem for path in (ROOT / "docs/screenshots").iterdir()} == shown
    assert set(re.findall(r"camera\.take\(\s*\"([\w-]+)\"", script)) == shown
