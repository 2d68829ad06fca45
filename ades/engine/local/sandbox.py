"""The sandbox of a job, made from mounts and namespaces of the process that enters it.

Inside, the system is read-only; /tmp, /dev/shm and /proc are the job's own; of the home folders only installed
software is left; the data folder of the server is empty except for the job's own folder, which alone can be written;
and there is no network unless it was asked for. Whoever enters as root comes out as `nobody`, without capabilities.
"""

from __future__ import annotations

import os
import pwd
import resource
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ades.runner import linux, logs

if TYPE_CHECKING:
    from collections.abc import Iterable

LOGS: Final = logs.FOLDER
READ_ONLY: Final = "in"
"""The part of the job's folder that holds its inputs."""
SCRATCH: Final = "tmp"
"""The part of the job's folder that is /tmp inside."""

_SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108 - a place to mount on, not a file of ours
_LITTLE: Final = 4 * 1024**2
"""Bytes of a folder in memory in which nothing is kept but places to mount on."""
_PRIVATE: Final = ("/run", "/var/run", "/root", "/home", "/var/spool", _SHARED_MEMORY)
_MANAGERS: Final = frozenset({".asdf", ".conda", ".mamba", ".nodenv", ".pixi", ".pyenv", ".rbenv", ".volta"})
"""Hidden folders whose commands need what lies beside them, and where nobody keeps secrets."""
_SCRATCH: Final = ("/tmp", "/var/tmp")  # noqa: S108 - as above


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What one job may see and do."""

    folder: Path
    """The job's own folder: writable, except for its inputs."""
    hidden: tuple[Path, ...] = ()
    """Files and folders of the server that nobody may see, beside those that are hidden anyhow."""
    readable: tuple[Path, ...] = ()
    """Files and folders that can be read although they lie in hidden ones: inputs that were not copied."""
    software: tuple[Path, ...] = ()
    """The same for software; see `installed_software`."""
    memory: int | None = None
    """Bytes of memory that the job may hold: what lies in folders in memory counts. None: what the machine has."""
    network: bool = False
    """Whether the job may reach the network."""
    split_network: bool = False
    """With `network`: keep the right to give single tools a network of their own, with nothing in it."""


def owner() -> tuple[int, int]:
    """Who the tools of a job run as: we ourselves, or `nobody` where we are root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return 65534, 65534
    return nobody.pw_uid, nobody.pw_gid


def leave_processes() -> None:
    """First half, in the process that stays outside: its next child is process 1 of a PID namespace."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        linux.unshare(linux.NEWPID)
    else:
        linux.unshare(linux.NEWUSER | linux.NEWPID)
        linux.map_own_ids(uid, gid)


def enter(sandbox: Sandbox) -> None:
    """Second half, in that child. There is no way back."""
    linux.unshare(linux.NEWNS | linux.NEWIPC | (0 if sandbox.network else linux.NEWNET))
    if not sandbox.network:
        linux.raise_loopback()
    linux.mount("none", "/", None, linux.REC | linux.PRIVATE)
    _arrange(sandbox)
    linux.mount("proc", "/proc", "proc", linux.NOSUID | linux.NODEV | linux.NOEXEC)
    os.chdir(sandbox.folder)
    if os.geteuid() == 0:
        _become_nobody(split_network=sandbox.split_network)
    confine()


def confine() -> None:
    """What holds with and without a sandbox: no new privileges, no core files, nobody looks into the runner."""
    linux.forbid_new_privileges()
    linux.set_dumpable(on=False)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Changing the user has forgotten it.
    linux.die_with_parent(signal.SIGKILL)


def _become_nobody(*, split_network: bool) -> None:
    uid, gid = owner()
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if split_network:
        linux.set_dumpable(on=True)
        linux.unshare(linux.NEWUSER)
        linux.map_own_ids(uid, gid)


def private_network() -> None:
    """Give this thread, and what it starts, a network with nothing in it."""
    linux.unshare(linux.NEWNET)
    linux.raise_loopback()


# -- mounts ---------------------------------------------------------------------------------------------------------


def _arrange(sandbox: Sandbox) -> None:
    folder = sandbox.folder.resolve()
    in_memory = _room(sandbox)
    readable = sandbox.readable
    if sandbox.network:
        readable += tuple(_existing(["/etc/resolv.conf"]))
    opened = {path: _open(path) for path in (*sandbox.software, *readable, folder)}
    _own_scratch(folder, in_memory)
    covers: list[Path] = []
    for path in _existing((*_PRIVATE, Path.home())):
        _cover(path, covers, in_memory)
    for path in sandbox.software:
        _show(path, opened[path], covers)
    for path in _existing(sandbox.hidden):
        _cover(path, covers)
    for path in readable:
        _show(path, opened[path], covers)
    _show(folder, opened[folder], covers, writable=True)
    _bind(_open(folder / READ_ONLY), folder / READ_ONLY)
    # Our own logs are written through the folder that was opened before.
    _cover(folder / LOGS, covers)
    for path in covers:
        if str(path) != _SHARED_MEMORY:
            linux.set_readonly(str(path))
    for descriptor in opened.values():
        os.close(descriptor)


def _room(sandbox: Sandbox) -> int:
    """Bytes that each folder in memory may take: half of what there is, or may be used."""
    return (sandbox.memory or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) // 2


def _own_scratch(folder: Path, in_memory: int) -> None:
    """Everything read-only, except that what is temporary goes to the job's own folder."""
    scratch = _open(folder / SCRATCH)
    linux.set_readonly("/", recursive=True)
    for top in _existing(_SCRATCH):
        if folder.is_relative_to(top):
            # The folder must not hold itself.
            linux.mount("none", str(top), "tmpfs", linux.NOSUID | linux.NODEV, f"mode=1777,size={in_memory}")
        else:
            _bind(scratch, top, writable=True)


def _existing(paths: Iterable[str | Path]) -> list[Path]:
    """Those that are there, with links resolved, outer ones first, none twice."""
    found = set()
    for path in paths:
        with suppress(OSError):
            found.add(Path(path).resolve(strict=True))
    return sorted(path for path in found if path != Path("/"))


def _open(path: Path) -> int:
    return os.open(path, os.O_PATH | os.O_CLOEXEC)


def _cover(path: Path, covers: list[Path], in_memory: int = _LITTLE) -> None:
    """Lay something empty over a file or folder, unless it cannot be seen any more."""
    if not path.exists():
        return
    if path.is_dir():
        shared = str(path) == _SHARED_MEMORY
        options = f"mode=1777,size={in_memory}" if shared else f"mode=0755,size={_LITTLE}"
        linux.mount("none", str(path), "tmpfs", linux.NOSUID | linux.NODEV, options)
        covers.append(path)
    else:
        linux.mount("/dev/null", str(path), None, linux.BIND)


def _show(path: Path, descriptor: int, covers: list[Path], *, writable: bool = False) -> None:
    """Have a path visible, through whatever lies over it."""
    covered = any(path.is_relative_to(cover) for cover in (*covers, *map(Path, _SCRATCH)))
    if not covered and not writable:
        return
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        if Path(f"/proc/self/fd/{descriptor}").is_dir():
            path.mkdir()
        else:
            path.touch()
    _bind(descriptor, path, writable=writable)


def _bind(descriptor: int, target: Path, *, writable: bool = False) -> None:
    linux.mount(f"/proc/self/fd/{descriptor}", str(target), None, linux.BIND | linux.REC)
    linux.set_readonly(str(target), on=not writable)


# -- software -------------------------------------------------------------------------------------------------------


def installed_software() -> tuple[Path, ...]:
    """Where this Python, this program and the commands of the PATH lie, for those that are not part of the system."""
    places = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent]
    package = Path(__file__).resolve().parents[2]
    places += [package, package.parent / "processes", package.parent / "cwl"]
    for entry in os.environ.get("PATH", "").split(os.pathsep):
        if entry:
            places += _installation(Path(entry))
    return tuple(place for place in _existing(places) if place not in _homes())


def _installation(commands: Path) -> list[Path]:
    """What belongs to a folder of commands: all of `~/miniconda3` for `~/miniconda3/bin`, but not all of `~`."""
    top = commands.parent
    if commands.name not in {"bin", "sbin", "shims"} or top in _homes():
        return [commands]
    if top.name == ".local":
        return [commands, top / "lib"]
    if top.name.startswith(".") and top.name not in _MANAGERS and not os.path.exists(top / "pyvenv.cfg"):  # noqa: PTH110 - a folder that may not be read is no error
        return [commands]
    return [top]


def _homes() -> frozenset[Path]:
    return frozenset({Path("/"), Path("/root"), Path("/home"), Path.home(), *Path("/home").glob("*")})
