"""The tutorial, the pages of the samples and of the command line, and the notebook: typed as they stand there."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from served import Process, clean_environment

from ades.client import Client

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


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


def typed(command: str, folder: Path, server: str) -> subprocess.CompletedProcess[str]:
    env = clean_environment(folder / "data") | {"ADES_URL": server, "XDG_CONFIG_HOME": str(folder)}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    return subprocess.run(["sh", "-c", command], env=env, cwd=folder, capture_output=True, text=True, check=False)


def sessions(block: str):
    """The commands of a block, each with what sets variables before it, and with what the page shows as its output."""
    before = []
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield "\n".join(before), command, output
        if re.match(r"\w+=", command):
            before.append(command)


def as_pattern(output: str) -> str:
    """`…` stands for anything; alone in a line, for any lines."""
    lines = [
        r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + "\n" for line in output.splitlines()
    ]
    return "".join(lines)


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
    ran = 0
    for kind, block in BLOCK.findall((ROOT / page).read_text()):
        if kind == "yaml":
            (folder / "shout.cwl").write_text(block)
        elif kind == "python":
            found = typed(f"python - <<'E'\n{block.replace('http://127.0.0.1:8080', server)}E", folder, server)
            assert re.fullmatch(r"Hello \w+!\n", found.stdout), found.stderr
            ran += 1
        elif kind == "console":
            # One shell for a block, so that a variable that was set is there in the next line.
            for before, command, output in sessions(block):
                found = typed(f"{{ {before}\n:; }} > /dev/null 2>&1\n{command}", folder, server)
                assert 0 == found.returncode, f"{command}\n{found.stdout}{found.stderr}"
                assert re.fullmatch(as_pattern(output) + r"(?:.*\n)*?", found.stdout), f"{command}\n{found.stdout}"
                ran += 1
    assert ran >= least


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
