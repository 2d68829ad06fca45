"""The tutorial, the pages of the samples and of the command line, and the notebook: typed as they stand there."""

import ast
import json
import shutil
import sys
from pathlib import Path

import pytest
from served import Process
from typed_pages import walk

from ades.client import Client

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    # A machine with Podman and without a registry could not fetch the images that the samples name.
    process = Process("serve", tmp_path_factory.mktemp("server"), containers="none")
    yield process.address()
    process.stop()


@pytest.fixture
def server(running):
    """A server as it is at the beginning of each page."""
    yield running
    for process in Client(running).workspace("demo").processes():
        if process.description.get("mutable"):
            process.undeploy()


@pytest.fixture
def folder(tmp_path):
    """What a clone holds of what the pages use."""
    shutil.copytree(ROOT / "cwl", tmp_path / "cwl")
    return tmp_path


@pytest.mark.parametrize(
    ("page", "least"),
    [
        ("docs/tutorial.md", 9),
        pytest.param("cwl/README.md", 7, marks=pytest.mark.long),
        pytest.param("docs/command-line.md", 12, marks=pytest.mark.long),
        ("docs/python.md", 1),
    ],
    ids=["tutorial", "samples", "command-line", "python"],
)
def test_a_page_works_as_it_stands(folder, server, page, least):
    """Every command ends well and prints what the page shows; every file is saved as it says; Python runs."""
    assert least <= walk((ROOT / page).read_text(), folder, server, Path(sys.executable).parent)


def test_the_notebook_runs_from_top_to_bottom(folder, server, monkeypatch):
    """Cell by cell, and what stands last in a cell shows itself."""
    monkeypatch.chdir(folder)
    notebook = json.loads((ROOT / "docs/tutorial.ipynb").read_text().replace("http://127.0.0.1:8080", server))
    known: dict[str, object] = {}
    shown = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            tree = ast.parse("".join(cell["source"]))
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, cell["id"], "exec"), known)
            shown.append(eval(compile(ast.Expression(last.value), cell["id"], "eval"), known) if last else None)
    processes, process, job, results, water, files = shown
    assert "hello" in processes
    assert "Water and vegetation" in process._repr_html_()
    assert "successful" in job._repr_html_()
    assert "<title>sample-scene-water</title>" in results._repr_html_()
    assert 0 < water < 100
    assert "from-notebook/sample-scene-water/picture.png" in files
