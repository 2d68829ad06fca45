"""The tutorial, typed as it stands there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from served import Process, clean_environment

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs/tutorial.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What a clone holds of what the tutorial uses."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "cwl", folder / "cwl")
    return folder


@pytest.fixture(scope="module")
def server(folder):
    process = Process("serve", folder)
    yield process.address()
    process.stop()


def typed(command: str, folder: Path, server: str) -> subprocess.CompletedProcess[str]:
    env = clean_environment(folder / "data") | {"ADES_URL": server, "XDG_CONFIG_HOME": str(folder)}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    return subprocess.run(["sh", "-c", command], env=env, cwd=folder, capture_output=True, text=True, check=False)


def sessions(block: str):
    """The commands of a block, each with what the tutorial shows as its output."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def as_pattern(output: str) -> str:
    """`…` stands for anything; alone in a line, for any lines."""
    lines = [
        r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + "\n" for line in output.splitlines()
    ]
    return "".join(lines)


def test_the_tutorial_works_as_it_stands(folder, server):
    """Every command ends well and prints what the tutorial shows; every file is saved as it says; Python runs."""
    ran = 0
    for kind, block in BLOCK.findall(TUTORIAL):
        if kind == "yaml":
            (folder / "shout.cwl").write_text(block)
        elif kind == "python":
            found = typed(f"python - <<'E'\n{block.replace('http://127.0.0.1:8080', server)}E", folder, server)
            assert "Hello notebook!\n" == found.stdout, found.stderr
            ran += 1
        elif kind == "console":
            for command, output in sessions(block):
                found = typed(command, folder, server)
                assert 0 == found.returncode, f"{command}\n{found.stdout}{found.stderr}"
                assert re.fullmatch(as_pattern(output) + r"(?:.*\n)*?", found.stdout), f"{command}\n{found.stdout}"
                ran += 1
    assert ran > 8
