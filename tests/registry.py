"""A registry of images with one image in it, for whoever knows the password."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

APPLETS = ("cat", "dd", "env", "head", "id", "ls", "mkdir", "sh", "sleep", "touch", "true", "wc", "yes")


def root(busybox: str) -> bytes:
    """A system that consists of one static program, as a tar file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in ("bin", "tmp", "var"):  # engines that have to make them would close them to users
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
        tar.add(Path(busybox).resolve(), "bin/busybox")
        for name in APPLETS:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return packed.getvalue()


class Registry:
    """What it serves and what it was asked."""

    def __init__(self, system: bytes, user: str, password: str) -> None:
        layer = gzip.compress(system, mtime=0)
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": [digest(system)]},
            }
        ).encode()
        self.blobs = {digest(blob): blob for blob in (layer, config)}
        prefix = "application/vnd.oci.image"
        self.manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": f"{prefix}.manifest.v1+json",
                "config": {
                    "mediaType": f"{prefix}.config.v1+json", "digest": digest(config), "size": len(config)
                },
                "layers": [
                    {"mediaType": f"{prefix}.layer.v1.tar+gzip", "digest": digest(layer), "size": len(layer)}
                ],
            }
        ).encode()  # fmt: skip
        self.key = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.asked: list[str] = []
        self.address = ""

    @property
    def credentials(self) -> str:
        """What opens it, as `~/.docker/config.json` has it."""
        return json.dumps({"auths": {self.address: {"auth": self.key}}})

    def answer(self, path: str, authorization: str | None) -> tuple[int, str, bytes]:
        """Status, media type and body."""
        self.asked.append(path)
        if authorization != f"Basic {self.key}":
            return 401, "application/json", b'{"errors": [{"code": "UNAUTHORIZED", "message": "who are you?"}]}'
        if path == "/v2/":
            return 200, "application/json", b"{}"
        if path in {"/v2/tools/manifests/1", f"/v2/tools/manifests/{digest(self.manifest)}"}:
            return 200, "application/vnd.oci.image.manifest.v1+json", self.manifest
        blob = self.blobs.get(path.rpartition("/")[2])
        if blob is None:
            return 404, "application/json", b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "not here"}]}'
        return 200, "application/octet-stream", blob


def digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


@contextmanager
def served(registry: Registry):
    """The registry, over plain HTTP on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            status, kind, body = registry.answer(self.path, self.headers.get("Authorization"))
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="tools"')
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        registry.address = f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield registry
        server.shutdown()
        thread.join()
