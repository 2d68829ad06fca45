"""A Docker daemon for the tests, of Debian's docker.io: on a socket of its own, with all that it keeps in one folder."""

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def daemon():
    """Start one and tell the clients of this process where it is; a sentence instead where none can be had."""
    if shutil.which("dockerd") is None or shutil.which("docker") is None:
        yield "docker.io is not installed"
        return
    if os.geteuid() != 0:
        yield "only root may start a Docker daemon"
        return
    top = Path(tempfile.mkdtemp(prefix="ades-docker-", dir="/tmp"))
    host = f"unix://{top}/socket"
    folders = [f"--{kind}-root={top}/{kind}" for kind in ("data", "exec")]
    plain = ["--iptables=false", "--ip6tables=false", "--ip-masq=false", "--storage-driver=vfs"]
    with (top / "log").open("w") as log:
        process = subprocess.Popen(
            ["dockerd", f"--host={host}", *folders, f"--pidfile={top}/pid", *plain], stdout=log, stderr=log
        )
    before = os.environ.get("DOCKER_HOST")
    os.environ["DOCKER_HOST"] = host
    try:
        yield None if answers(process) else f"dockerd does not run here: {(top / 'log').read_text()[-300:]}"
    finally:
        process.terminate()
        process.wait(60)
        os.environ.pop("DOCKER_HOST")
        if before is not None:
            os.environ["DOCKER_HOST"] = before
        shutil.rmtree(top, ignore_errors=True)


def answers(process) -> bool:
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        if subprocess.run(["docker", "version"], check=False, capture_output=True).returncode == 0:
            return True
        time.sleep(0.2)
    return False
