"""The stores that the contract runs over."""

import pytest

from ades.objects.local import LocalStore


@pytest.fixture(params=["local"])
def store(request, tmp_path):
    return LocalStore(tmp_path / "objects")
