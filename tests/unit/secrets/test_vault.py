"""Secrets are encrypted, bound to their place, and nowhere else to be found."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from ades.errors import BadRequest, Misconfigured, NoSuchResource
from ades.secrets import Vault
from ades.settings import Settings


class Rows(dict):
    def put(self, workspace, name, ciphertext):
        self[workspace, name] = ciphertext

    def get(self, workspace, name):
        if (workspace, name) not in self:
            raise NoSuchResource
        return self[workspace, name]

    def list(self, workspace):
        return sorted(name for place, name in self if place == workspace)

    def remove(self, workspace, name):
        del self[workspace, name]


@pytest.fixture
def rows():
    return Rows()


@pytest.fixture
def vault(tmp_path, rows):
    return Vault(Settings(data=tmp_path), rows)


@pytest.mark.parametrize("value", ["hunter2", "ü€😀\0\n", "x" * 64 * 1024, "\ud800"])
def test_round_trip(vault, value):
    """What was kept comes back, whatever it is."""
    vault.put("alice", "password", value)

    assert vault.get("alice", "password") == value
    assert vault.list("alice") == ["password"]
    assert vault.list("bob") == []


def test_removed(vault):
    """What was removed is gone."""
    vault.put("alice", "password", "x")
    vault.remove("alice", "password")

    with pytest.raises(NoSuchResource):
        vault.get("alice", "password")


def test_row_says_nothing(vault, rows):
    """The row holds neither the value nor the same bytes twice."""
    vault.put("alice", "password", "correct horse battery staple")
    first = rows["alice", "password"]
    vault.put("alice", "password", "correct horse battery staple")

    assert b"horse" not in first
    assert first != rows["alice", "password"]


@pytest.mark.parametrize("place", [("bob", "password"), ("alice", "other")])
def test_row_elsewhere(vault, rows, place):
    """A row that was copied to another workspace or name cannot be opened."""
    vault.put("alice", "password", "x")
    rows[place] = rows["alice", "password"]

    with pytest.raises(Misconfigured, match="cannot be opened"):
        vault.get(*place)


@pytest.mark.parametrize(
    "harm", [lambda row: row[:-1], lambda row: b"\2" + row[1:], lambda row: b"", lambda row: row[:5]]
)
def test_damaged_row(vault, rows, harm):
    """A row that was changed cannot be opened."""
    vault.put("alice", "password", "x")
    rows["alice", "password"] = harm(rows["alice", "password"])

    with pytest.raises(Misconfigured):
        vault.get("alice", "password")


def test_key_file(tmp_path, rows, vault):
    """Without a setting the key is made once, for the server's user alone."""
    vault.put("alice", "password", "x")
    path = tmp_path / "secret.key"

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size == 32
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret.key"]
    assert Vault(Settings(data=tmp_path), rows).get("alice", "password") == "x"


def test_key_file_is_made_once(tmp_path, rows):
    """Processes that start at the same time agree on one key."""
    vaults = [Vault(Settings(data=tmp_path), rows) for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: vaults[number].put("alice", f"s{number}", str(number)), range(16)))

    assert [str(number) for number in range(16)] == [vaults[0].get("alice", f"s{number}") for number in range(16)]


def test_damaged_key_file(tmp_path, rows):
    """A key file of the wrong length is refused with a sentence that names it."""
    (tmp_path / "secret.key").write_bytes(b"short")

    with pytest.raises(Misconfigured, match=r"secret\.key"):
        Vault(Settings(data=tmp_path), rows).put("alice", "password", "x")


def test_key_of_the_settings(tmp_path, rows):
    """With the setting there is no file, and another key opens nothing."""
    vault = Vault(Settings(data=tmp_path, secret_key="one"), rows)
    vault.put("alice", "password", "x")

    assert list(tmp_path.iterdir()) == []
    assert Vault(Settings(data=tmp_path, secret_key="one"), rows).get("alice", "password") == "x"
    with pytest.raises(Misconfigured):
        Vault(Settings(data=tmp_path, secret_key="two"), rows).get("alice", "password")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "-a", "a-", "x" * 64, "ü", "a b", "a\n"])
def test_names(vault, name):
    """A name is a short word."""
    with pytest.raises(BadRequest):
        vault.put("alice", name, "x")


@pytest.mark.parametrize("value", ["", "x" * (64 * 1024 + 1)])
def test_sizes(vault, value):
    """A secret is something, and not a file."""
    with pytest.raises(BadRequest):
        vault.put("alice", "password", value)
