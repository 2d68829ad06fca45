"""Two servers that speak S3, as fixtures; they get different things wrong."""

import shutil
import socket
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from kubernetes_double.certificate import make_certificate

from ades.objects import open_store
from ades.settings import Settings

KEY, SECRET = "ades-key", "ades-secret"


def settings_for(endpoint, **more):
    """The settings of a store below a prefix of its own."""
    keys = {"s3_access_key": KEY, "s3_secret_key": SECRET, "s3_region": "us-east-1", "s3_addressing": "path"}
    return Settings(**{"objects": f"s3://bucket/{uuid4()}", "s3_endpoint": endpoint} | keys | more)


@pytest.fixture(scope="session")
def moto():
    """The address of a moto server with a bucket."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from moto.server import ThreadedMotoServer
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    open_store(settings_for(endpoint))._client.create_bucket(Bucket="bucket")
    yield endpoint
    server.stop()


@pytest.fixture(scope="session")
def rclone(tmp_path_factory):
    """The address of `rclone serve s3` over a folder with a bucket."""
    with rclone_server(tmp_path_factory.mktemp("rclone")) as address:
        yield address


@pytest.fixture(scope="session")
def rclone_tls(tmp_path_factory):
    """The same behind TLS, and the certificate that it is checked against."""
    certificate, key = make_certificate(tmp_path_factory.mktemp("tls"))
    more = ["--cert", str(certificate), "--key", str(key)]
    with rclone_server(tmp_path_factory.mktemp("rclone"), *more, scheme="https") as address:
        yield address, certificate


@contextmanager
def rclone_server(folder, *more, scheme="http"):
    """The address of `rclone serve s3` over this folder, in which it makes a bucket. It asks for our keys."""
    program = shutil.which("rclone", path=Path(sys.executable).parent) or shutil.which("rclone")
    if not program:
        pytest.skip("rclone is not installed")
    (folder / "bucket").mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = (folder.parent / f"{folder.name}.log").open("wb")
    command = [
        program,
        "serve",
        "s3",
        "--addr",
        f"127.0.0.1:{port}",
        "--auth-key",
        f"{KEY},{SECRET}",
        str(folder),
        *more,
    ]
    server = subprocess.Popen([*command, "--config", "/dev/null"], stdout=log, stderr=log)
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            break
        except OSError:
            time.sleep(0.05)
    try:
        yield f"{scheme}://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()
        log.close()
