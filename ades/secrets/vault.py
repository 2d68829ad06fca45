"""Encrypts and decrypts values with one key of the server.

The key is derived from ADES_SECRET_KEY; without that setting it is made once and lies in the data folder, readable for
the server's own user alone. Each value is bound to its workspace and name: a row that somebody copies elsewhere in the
database cannot be opened there.
"""

from __future__ import annotations

import os
import re
import secrets
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

from ades.errors import BadRequest, Misconfigured

if TYPE_CHECKING:
    import builtins
    from pathlib import Path

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from ades.settings import Settings

_VERSION: Final = b"\x01"
_NONCE: Final = 12
_KEY: Final = 32
_FILE: Final = "secret.key"
_SALT: Final = b"ades secrets 1"
"""Fixed, since there is one key a server; the cost of scrypt makes up for passwords that people choose."""
_LARGEST: Final = 64 * 1024
NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


class Rows(Protocol):
    """Where ciphertext is kept, by workspace and name."""

    def put(self, workspace: str, name: str, ciphertext: bytes) -> None:
        """Keep a value, or replace it."""
        ...

    def get(self, workspace: str, name: str) -> bytes:
        """A value; raises `NoSuchResource`."""
        ...

    def list(self, workspace: str) -> builtins.list[str]:
        """What the secrets of a workspace are called."""
        ...

    def remove(self, workspace: str, name: str) -> None:
        """Forget a value; raises `NoSuchResource`."""
        ...


class Vault:
    """The secrets of all workspaces."""

    def __init__(self, settings: Settings, rows: Rows) -> None:
        self._settings = settings
        self._rows = rows

    def put(self, workspace: str, name: str, value: str) -> None:
        """Keep a value, or replace it."""
        if not NAME.fullmatch(name):
            raise BadRequest(
                f"{name[:80]!r} is no name for a secret: at most 63 letters, digits, dots, hyphens and underscores.",
                field="name",
            )
        plain = value.encode("utf-8", "surrogatepass")
        if not plain or len(plain) > _LARGEST:
            raise BadRequest(f"A secret has between 1 and {_LARGEST} bytes.", field="value")
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._cipher.encrypt(nonce, plain, _VERSION + _place(workspace, name))
        self._rows.put(workspace, name, _VERSION + nonce + sealed)

    def get(self, workspace: str, name: str) -> str:
        """The value in clear. Raises Misconfigured when it was kept with another key."""
        from cryptography.exceptions import InvalidTag

        row = self._rows.get(workspace, name)
        version, nonce, sealed = row[:1], row[1 : 1 + _NONCE], row[1 + _NONCE :]
        try:
            # The version is part of what is checked: nobody can make one look like another.
            plain = self._cipher.decrypt(nonce, sealed, version + _place(workspace, name))
        except (InvalidTag, ValueError):
            raise Misconfigured(
                f"The secret {name} of the workspace {workspace} cannot be opened: it was kept with another key than "
                "the present one. Put the old ADES_SECRET_KEY (or secret.key in the data folder) back, or set the "
                "secret anew.",
                field="secret_key",
            ) from None
        return plain.decode("utf-8", "surrogatepass")

    def list(self, workspace: str) -> builtins.list[str]:
        """The names of a workspace's secrets."""
        return self._rows.list(workspace)

    def remove(self, workspace: str, name: str) -> None:
        """Forget a value."""
        self._rows.remove(workspace, name)

    @cached_property
    def _cipher(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        chosen = self._settings.secret_key
        return AESGCM(derived(chosen.get_secret_value()) if chosen else _kept(self._settings.data / _FILE))


def derived(password: str) -> bytes:
    """A key made of what the operator has set."""
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=_SALT, length=_KEY, n=2**14, r=8, p=1).derive(password.encode())


def _place(workspace: str, name: str) -> bytes:
    return f"{workspace}\0{name}".encode()


def _kept(path: Path) -> bytes:
    """The key in the data folder. Of several processes that make it at once, one wins and the others read its key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    if not path.exists():
        _write(fresh)
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    key = path.read_bytes()
    if len(key) != _KEY:
        raise Misconfigured(f"{path} should hold {_KEY} bytes, and holds {len(key)}.", field="secret_key")
    return key


def _write(path: Path) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(_KEY))
        file.flush()
        os.fsync(file.fileno())
