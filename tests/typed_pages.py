"""The pages of the documentation, typed as they stand there."""

import os
import re
import subprocess
from pathlib import Path

from served import clean_environment

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def typed(command: str, folder: Path, server: str, programs: Path) -> subprocess.CompletedProcess[str]:
    env = clean_environment(folder / "data") | {"ADES_URL": server, "XDG_CONFIG_HOME": str(folder)}
    env["PATH"] = f"{programs}{os.pathsep}{env['PATH']}"
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


def walk(page: str, folder: Path, server: str, programs: Path) -> int:
    """Type a page in a folder against a server, with the programs of an environment; how many commands there were.

    Every command ends well and prints what the page shows; every file is saved as the page says; Python runs.
    """
    ran = 0
    for kind, block in BLOCK.findall(page):
        if kind == "yaml":
            (folder / "shout.cwl").write_text(block)
        elif kind == "python":
            found = typed(
                f"python - <<'E'\n{block.replace('http://127.0.0.1:8080', server)}E", folder, server, programs
            )
            assert re.fullmatch(r"Hello \w+!\n", found.stdout), found.stderr
            ran += 1
        elif kind == "console":
            # One shell for a block, so that a variable that was set is there in the next line.
            for before, command, output in sessions(block):
                found = typed(f"{{ {before}\n:; }} > /dev/null 2>&1\n{command}", folder, server, programs)
                assert 0 == found.returncode, f"{command}\n{found.stdout}{found.stderr}"
                assert re.fullmatch(as_pattern(output) + r"(?:.*\n)*?", found.stdout), f"{command}\n{found.stdout}"
                ran += 1
    return ran
