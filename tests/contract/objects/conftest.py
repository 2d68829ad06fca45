"""The stores that the contract runs over: a folder, and two servers that speak S3."""

import pytest
from s3_servers import moto, rclone, rclone_tls, settings_for  # noqa: F401 - fixtures

from ades.objects import open_store
from ades.settings import Settings


@pytest.fixture(params=["local", "moto", "rclone"])
def settings(request, tmp_path):
    if request.param == "local":
        return Settings(data=tmp_path)
    return settings_for(request.getfixturevalue(request.param))


@pytest.fixture
def store(settings):
    return open_store(settings)


@pytest.fixture(params=["moto", "rclone"])
def s3_settings(request):
    return settings_for(request.getfixturevalue(request.param))
