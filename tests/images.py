"""Carries out a Dockerfile without Docker: every instruction in an empty place, and then the program of an image.

    python tests/images.py Dockerfile /tmp/images        # builds all targets and starts each

A base image cannot be pulled everywhere, but what our Dockerfile does with it can be done anywhere: the sandbox shows
this machine's system read-only in the place of the base image, without its /opt, /src, /data and /work, and with its
Python as `python`. What the stages write lies in a folder each, and COPY --from takes it from there.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

_OWN = ("opt", "src", "data")
"""The folders that belong to an image; everything else of its root is the base image's."""
_HIDDEN = {*_OWN, "tmp", "proc", "dev", "sys", "work", "home"}
_NETWORK = re.compile(r"PIP_(?!NO_CACHE)|SSL_CERT|REQUESTS_CA|.*_proxy$", re.IGNORECASE)
"""How this machine reaches a package index; a build inherits it, as from `docker build --network host`."""


@dataclass
class Stage:
    """One stage of the file, with what it has written."""

    name: str
    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    def place(self, path: str) -> Path:
        """Where something of the image lies on this machine."""
        if not path.startswith("/"):
            path = f"{self.workdir}/{path}"
        assert path.split("/")[1] in _OWN, f"{path} is not one of {_OWN}, which are all that this can build"
        return self.folder / path.strip("/")

    def sandbox(self, command: list[str], **env: str) -> tuple[list[str], dict[str, str]]:
        """A command inside of the image, and the environment that it starts with."""
        arguments = ["bwrap", "--die-with-parent", "--unshare-pid", "--tmpfs", "/", "--proc", "/proc", "--dev", "/dev"]
        for entry in sorted(Path("/").iterdir()):
            if entry.is_symlink():
                arguments += ["--symlink", str(entry.readlink()), str(entry)]
            elif entry.name not in _HIDDEN:
                arguments += ["--ro-bind", str(entry), str(entry)]
        for name in _OWN:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            arguments += ["--bind", str(self.folder / name), f"/{name}"]
        arguments += ["--tmpfs", "/tmp", "--symlink", _python(), "/base/python"]
        if cache := env.pop("PIP_CACHE_DIR", None):
            arguments += ["--bind", cache, "/pip-cache"]
            env["PIP_CACHE_DIR"] = "/pip-cache"
        if self.user != "0":
            uid, _, gid = self.user.partition(":")
            arguments += ["--unshare-user", "--uid", uid, "--gid", gid or uid]
        base = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp"} | self.env | env
        base["PATH"] = f"/base:{base['PATH']}"
        return [*arguments, "--chdir", self.workdir, "--", *command], base


def _python() -> str:
    """The interpreter that stands for the base image's; its versions are the ones that the locks are for."""
    return str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile: word and rest."""
    joined = re.sub(r"\\\n\s*", " ", text)
    lines = [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def build(dockerfile: Path, folder: Path, cache: Path | None = None) -> dict[str, Stage]:
    """Carry out every instruction of the file; its stages by name."""
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for word, rest in instructions(dockerfile.read_text()):
        if word == "ARG" and stage is None:
            continue
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            assert base.startswith("python:"), f"only Python's own images are known here, not {base}"
            stage = stages[name] = Stage(name, folder / name)
            continue
        assert stage is not None
        _carry_out(stage, stages, dockerfile.parent, word, rest, cache)
    return stages


def _carry_out(stage: Stage, stages: dict[str, Stage], context: Path, word: str, rest: str, cache: Path | None) -> None:
    match word:
        case "ENV":
            stage.env |= dict(pair.split("=", 1) for pair in shlex.split(rest))
        case "WORKDIR":
            stage.workdir = rest
            stage.place(rest).mkdir(parents=True, exist_ok=True)
        case "USER":
            stage.user = rest
        case "EXPOSE":
            pass
        case "ENTRYPOINT":
            stage.entrypoint = json.loads(rest)
        case "CMD":
            stage.command = json.loads(rest)
        case "COPY":
            _copy(stage, stages, context, rest)
        case "RUN":
            _run(stage, rest, cache)
        case _:
            raise AssertionError(f"{word} is not known here")


def _copy(stage: Stage, stages: dict[str, Stage], context: Path, rest: str) -> None:
    words = shlex.split(rest)
    origin = stages[words.pop(0).removeprefix("--from=")] if words[0].startswith("--from=") else None
    *sources, target = words
    for source in sources:
        path = origin.place(source) if origin else context / source
        into = stage.place(target)
        into = into / path.name if target.endswith("/") or target == "." else into
        if path.is_dir():
            ignored = shutil.ignore_patterns("__pycache__") if origin is None else None
            shutil.copytree(path, into, symlinks=True, dirs_exist_ok=True, ignore=ignored)
        else:
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, into)


def _run(stage: Stage, script: str, cache: Path | None) -> None:
    network = {name: value for name, value in os.environ.items() if _NETWORK.match(name)}
    if cache is not None:
        # The one thing that is not as in the file: what was downloaded before is not downloaded again.
        network |= {"PIP_NO_CACHE_DIR": "0", "PIP_CACHE_DIR": str(cache)}
    command, env = stage.sandbox(["/bin/sh", "-ec", script], **network)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"RUN {script}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")


def main(dockerfile: str, folder: str) -> None:
    """Build all targets, and start the program of each."""
    for stage in build(Path(dockerfile).resolve(), Path(folder)).values():
        if stage.entrypoint:
            command, env = stage.sandbox([*stage.entrypoint, "--help"])
            said = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
            sys.stdout.write(f"== {stage.name}\n{said}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
