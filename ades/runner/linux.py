"""The few system calls that Python does not offer, or offers only since 3.12.

Each raises OSError with the error of the kernel. On other systems than Linux they raise OSError(ENOSYS).
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct
from functools import cache
from pathlib import Path
from typing import Final

NEWNS: Final = 0x0002_0000
NEWIPC: Final = 0x0800_0000
NEWUSER: Final = 0x1000_0000
NEWPID: Final = 0x2000_0000
NEWNET: Final = 0x4000_0000

RDONLY: Final = 0x1
NOSUID: Final = 0x2
NODEV: Final = 0x4
NOEXEC: Final = 0x8
REMOUNT: Final = 0x20
BIND: Final = 0x1000
REC: Final = 0x4000
PRIVATE: Final = 0x4_0000

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_CHILD_SUBREAPER: Final = 36
_PR_SET_NO_NEW_PRIVS: Final = 38
_SYS_MOUNT_SETATTR: Final = 442
_AT_FDCWD: Final = -100
_AT_RECURSIVE: Final = 0x8000
_SIOCGIFFLAGS: Final = 0x8913
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 1


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(name: str, *args: object, about: str = "") -> int:
    try:
        function = getattr(_libc(), name)
    except AttributeError:
        raise OSError(errno.ENOSYS, f"{name}: not on this system") from None
    result: int = function(*args)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}", about or None)
    return result


def unshare(flags: int) -> None:
    """Give this thread namespaces of its own."""
    _checked("unshare", ctypes.c_int(flags))


def return_to(namespace: int, kind: int) -> None:
    """Go (back) into the namespace that is open as this file."""
    _checked("setns", ctypes.c_int(namespace), ctypes.c_int(kind))


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, data: str | None = None) -> None:
    """Mount, bind or change a mount."""
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    _checked("mount", *encoded[:3], ctypes.c_ulong(flags), encoded[3], about=target)


def set_readonly(target: str, *, on: bool = True, recursive: bool = False) -> None:
    """Make the mount at this path (and all below it) read-only, or writable again."""
    attributes = struct.pack("QQQQ", RDONLY if on else 0, 0 if on else RDONLY, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    try:
        _checked(
            "syscall",
            ctypes.c_long(_SYS_MOUNT_SETATTR),
            ctypes.c_int(_AT_FDCWD),
            os.fsencode(target),
            ctypes.c_uint(flags),
            attributes,
            ctypes.c_size_t(len(attributes)),
            about=target,
        )
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        # Before Linux 5.12 each mount is changed by itself.
        for path in _mounts_below(target) if recursive else [target]:
            _remount(path, on=on)


def _remount(path: str, *, on: bool) -> None:
    # What the mount forbids already must be said again, or the kernel refuses.
    kept = os.statvfs(path).f_flag & (NOSUID | NODEV | NOEXEC | 0x400 | 0x800)
    mount("none", path, None, REMOUNT | BIND | kept | (RDONLY if on else 0))


def _mounts_below(top: str) -> list[str]:
    with Path("/proc/self/mountinfo").open(encoding="utf-8", errors="surrogateescape") as lines:
        points = {line.split(" ")[4].encode().decode("unicode_escape") for line in lines}
    return sorted(p for p in points if p == top or p.startswith(top.rstrip("/") + "/"))


def die_with_parent(signal: int) -> None:
    """Have the kernel send this signal to us when the thread that forked us ends."""
    _checked("prctl", _PR_SET_PDEATHSIG, signal, 0, 0, 0)


def set_dumpable(*, on: bool) -> None:
    """Whether others of the same user may look into this process."""
    _checked("prctl", _PR_SET_DUMPABLE, int(on), 0, 0, 0)


def become_subreaper() -> None:
    """Orphaned descendants become our children, instead of those of process 1."""
    _checked("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def forbid_new_privileges() -> None:
    """No setuid program works any more, for this process and all that come from it."""
    _checked("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def map_own_ids(uid: int, gid: int) -> None:
    """After unshare(NEWUSER): be there who we were before."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        Path(f"/proc/self/{name}").write_text(text, encoding="ascii")


def raise_loopback() -> None:
    """A network namespace is born with its loopback interface down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", request)[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))
