"""Packages on disk, at an address or in a git repository, read and understood without a server."""

from __future__ import annotations

import re
import tempfile
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from ades.errors import AdesError, FetchFailed, NoSuchResource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ades.recipe import Compiled

ENDINGS: Final = (".cwl", ".yaml", ".yml", ".json")
_SIGNS: Final = (b"cwlVersion", b"executionUnit")
"""A file that has neither is no package, whatever its name."""
_LARGEST: Final = 16 * 1024**2
_ELSEWHERE: Final = re.compile(rb"\$import|\$include|run[\"']?:\s*[\"']?[^\s#{\"'\[]")
"""What a package holds that names other files."""
_GIT: Final = re.compile(r"git@|git\+|git:|ssh:|.+\.git(#|$)")


@dataclass(frozen=True, slots=True)
class Found:
    """What came of reading one package."""

    name: str
    compiled: Compiled | None = None
    problems: list[dict[str, Any]] = field(default_factory=list)
    """Each with a `message`, and where it is known with `line`, `column`, `path` and `file`."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is doubtful about it."""
        return self.compiled.warnings if self.compiled else ()


@contextmanager
def gathered(source: str) -> Iterator[list[tuple[str, Callable[[str | None], Compiled]]]]:
    """All packages of a file, folder, address or git repository: a name for each, and what reads it."""
    if is_git(source):
        with _cloned(source) as folder:
            yield [(str(path.relative_to(folder)), _reader(path, folder)) for path in _packages(folder, source)]
    elif source.startswith(("http://", "https://")):
        yield [(source, lambda entry: _remote(source, entry))]
    else:
        path = Path(source)
        if not path.exists():
            raise NoSuchResource(f"There is no file or folder {source}.")
        files = _packages(path, source) if path.is_dir() else [path]
        yield [(str(file), _reader(file, None)) for file in files]


def is_git(source: str) -> bool:
    """Whether it names a repository: `….git`, `git@…`, `ssh://…`, or an address on the web that names no file."""
    if Path(source).exists():
        return False
    web = source.startswith(("http://", "https://"))
    return bool(_GIT.match(source)) or (web and not urlsplit(source).path.lower().endswith(ENDINGS))


def understand(name: str, compile_: Callable[[str | None], Compiled], entry: str | None = None) -> Found:
    """Read a package, and note everything that is wrong with it."""
    try:
        return Found(name, compile_(entry))
    except AdesError as error:
        problems = error.extra.get("problems")
        places: dict[str, Any] = {key: error.extra[key] for key in ("line", "column") if key in error.extra}
        bare = re.sub(r"^Line \d+, column \d+: ", "", error.detail)
        return Found(name, None, problems if isinstance(problems, list) else [{"message": bare, **places}])


def _packages(folder: Path, source: str) -> list[Path]:
    """The files in a folder that look like packages; what is hidden is passed over."""
    files = (
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in ENDINGS
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
        and (folder in path.resolve().parents or folder.resolve() in path.resolve().parents)
        and path.stat().st_size <= _LARGEST
    )
    found = [path for path in files if any(sign in path.read_bytes() for sign in _SIGNS)]
    if not found:
        raise NoSuchResource(f"{source} holds no packages: no file with `cwlVersion` or `executionUnit`.")
    return found


def _reader(path: Path, within: Path | None) -> Callable[[str | None], Compiled]:
    def read_it(entry: str | None) -> Compiled:
        return _compiled(path.read_bytes(), path.suffix, path.absolute().as_uri(), entry, within)

    return read_it


def _remote(address: str, entry: str | None) -> Compiled:
    return _compiled(_fetched(address), Path(urlsplit(address).path).suffix, address, entry, None)


def _compiled(body: bytes, suffix: str, address: str, entry: str | None, within: Path | None) -> Compiled:
    from ades.recipe import compile_package, read

    document = read(body, "application/json" if suffix == ".json" else "application/cwl+yaml", address=address)
    return compile_package(document, entry=entry, fetch=lambda other: _beside(other, within))


def _beside(address: str, within: Path | None) -> bytes:
    """What a package names: a file of the same disk, or something on the web."""
    parts = urlsplit(address)
    if parts.scheme != "file":
        return _fetched(address)
    path = Path(unquote(parts.path)).resolve()
    if within is not None and within.resolve() not in path.parents:
        raise FetchFailed("it lies outside of the repository.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise FetchFailed(f"{path.name}: {error.strerror}.") from error


def _fetched(address: str) -> bytes:
    from ades.cli.common import load_settings
    from ades.fetch import Fetcher

    with closing(Fetcher(load_settings())) as fetcher:
        return fetcher.get(address, limit=_LARGEST).body


# -- git ------------------------------------------------------------------------------------------------------------


@contextmanager
def _cloned(source: str) -> Iterator[Path]:
    """The folder of a repository that lies here for a moment. `URL#REF:FOLDER` names a branch or tag, and a folder."""
    from dulwich import porcelain
    from dulwich.errors import GitProtocolError, HangupException, NotGitRepository

    address, _, rest = source.removeprefix("git+").partition("#")
    ref, _, below = rest.partition(":")
    with tempfile.TemporaryDirectory(prefix="ades-check-") as target:
        try:
            repository = porcelain.clone(
                address, target, depth=1, branch=ref.encode() or None, errstream=porcelain.NoneStream()
            )
        except (GitProtocolError, HangupException, NotGitRepository, OSError, KeyError, ValueError) as error:
            raise FetchFailed(f"{address} cannot be cloned: {_reason(error)}") from error
        repository.close()
        folder = Path(target) / below
        if Path(target).resolve() not in [folder.resolve(), *folder.resolve().parents] or not folder.is_dir():
            raise NoSuchResource(f"{address} has no folder {below}.")
        yield folder


def _reason(error: Exception) -> str:
    said = str(error) or type(error).__name__
    if isinstance(error, ConnectionError) or "Max retries" in said:
        return "its server does not answer."
    return said.splitlines()[0].strip("'\".") + "."


# -- packages of several files --------------------------------------------------------------------------------------


def sendable(source: str) -> str | Path:
    """What to send for a package: its address, its file, or one document, when it names files that lie beside it."""
    if source.startswith(("http://", "https://")):
        return source
    path = Path(source)
    try:
        body = path.read_bytes()
    except OSError:
        return path  # who sends it says why it cannot be read
    return _packed(path, body) if _ELSEWHERE.search(body) else path


def _packed(path: Path, body: bytes) -> str | Path:
    import json

    from ades.recipe import read

    compiled = _compiled(body, path.suffix, path.absolute().as_uri(), None, None)
    if not any(address.startswith("file:") for address in compiled.files):
        return path
    document = compiled.executable["document"]
    said = read(body, "application/cwl+yaml").value
    about = {key: value for key, value in said.items() if ":" in key} if "$graph" in said else {}
    # Without a line end it would be taken for the name of a file.
    return json.dumps(about | document, indent=1)
