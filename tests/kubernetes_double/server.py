"""The HTTP face of the double: paths and verbs of the Kubernetes API over TLS."""

from __future__ import annotations

import json
import re
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from kubernetes_double.objects import KINDS, ApiError, Object
from kubernetes_double.printed import Printed
from kubernetes_double.selectors import selector

if TYPE_CHECKING:
    from kubernetes_double.cluster import Cluster

_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>v\d\w*)"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>[a-z]+))?"
)
_BOOKMARK_EVERY = 1.0


class Request:
    """One call, taken apart."""

    def __init__(self, method: str, target: str, body: bytes, headers: Any) -> None:
        parts = urlsplit(target)
        match = _PATH.fullmatch(parts.path)
        if match is None or match["plural"] not in KINDS or KINDS[match["plural"]].group != (match["group"] or ""):
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        self.kind, self.namespace = match["plural"], match["namespace"] or ""
        self.name, self.sub = match["name"], match["sub"]
        self.query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        self.content_type = headers.get("Content-Type", "")
        self.token = headers.get("Authorization", "").rpartition(" ")[2]
        self.body = json.loads(body) if body else {}
        self.verb = self._verb(method)

    def _verb(self, method: str) -> str:
        if method == "GET" and self.name is None:
            return "watch" if self.query.get("watch") in {"1", "true", "True"} else "list"
        if method == "DELETE" and self.name is None:
            return "deletecollection"
        return {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[method]

    @property
    def resource(self) -> str:
        return f"{self.kind}/{self.sub}" if self.sub else self.kind

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").lower() in {"1", "true"}


def serve(cluster: Cluster, certificate: str, key: str) -> ThreadingHTTPServer:
    """A server on a free port of loopback; the caller runs it in a thread."""

    class Handler(_Handler):
        pass

    Handler.cluster = cluster
    server = _Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # The handshake happens in the thread of the connection, so that a slow client holds up nobody.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up in the middle of a word is nothing to talk about."""
        if not isinstance(sys.exc_info()[1], (ssl.SSLError, OSError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    cluster: Cluster
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its own name
        """Tests ask `cluster.calls` instead."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def do_PATCH(self) -> None:
        self._answer("PATCH")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            if self.path.split("?")[0] in {"/version", "/version/"}:
                return self._json(200, {"major": "1", "minor": "36", "gitVersion": "v1.36.0-double"})
            request = Request(method, self.path, body, self.headers)
            self.cluster.admit(request)
            code, document = self._act(request)
        except ApiError as error:
            code, document = error.code, error.status()
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True
            return None
        if code:
            self._json(code, document)
        return None

    def _act(self, request: Request) -> tuple[int, Object]:
        """Do it; code 0 says that the answer has been written already."""
        if request.resource == "pods/log":
            self._log(request)
            return 0, {}
        if request.verb == "watch":
            self._watch(request)
            return 0, {}
        return self.cluster.act(request)

    def _json(self, code: int, document: Object) -> None:
        text = json.dumps(document).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    # -- what goes on for a while -----------------------------------------------------------------------------------

    def _begin(self, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _piece(self, piece: bytes) -> None:
        self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        self.wfile.flush()

    def _event(self, what: str, item: Object) -> None:
        self._piece(json.dumps({"type": what, "object": item}).encode() + b"\n")

    def _watch(self, request: Request) -> None:
        objects = self.cluster.objects
        matches = selector(request.query.get("labelSelector"), request.query.get("fieldSelector"))
        inside = (
            (lambda item: item["metadata"].get("namespace", "") == request.namespace) if request.namespace else bool
        )
        end = time.monotonic() + float(request.query.get("timeoutSeconds", 300))
        asked = request.query.get("resourceVersion", "")
        with objects.changed:
            version = int(asked) if asked not in {"", "0"} else objects.version
            first = [] if asked not in {"", "0"} else objects.find(request.kind, request.namespace or None)
        self._begin("application/json")
        for item in filter(matches, first):
            self._event("ADDED", item)
        cut, marked = self.cluster.watch_cut(request.kind), time.monotonic()
        while time.monotonic() < end and not self.cluster.closing:
            try:
                changes, version = objects.after(version, request.kind)
            except ApiError as error:
                self._event("ERROR", error.status())
                break
            for change in changes:
                seen = self._as_seen(change, matches) if inside(change.after) else None
                if seen:
                    self._event(seen, change.after)
            if cut.is_set():
                self.close_connection = True
                self.connection.close()
                return
            if request.flag("allowWatchBookmarks") and time.monotonic() - marked > _BOOKMARK_EVERY:
                marked = time.monotonic()
                mark = {"metadata": {"resourceVersion": str(objects.version)}, "kind": KINDS[request.kind].name}
                self._event("BOOKMARK", mark | {"apiVersion": KINDS[request.kind].api_version})
            with objects.changed:
                if objects.version <= version:
                    objects.changed.wait(0.2)
        self.wfile.write(b"0\r\n\r\n")

    @staticmethod
    def _as_seen(change: Any, matches: Any) -> str | None:
        """What a watch with a selector sees: an object that stops matching is gone, one that begins to is new."""
        was = change.before is not None and matches(change.before)
        is_ = matches(change.after)
        if change.what == "DELETED":
            return "DELETED" if was else None
        if was and is_:
            return "MODIFIED"
        return "ADDED" if is_ else "DELETED" if was else None

    def _log(self, request: Request) -> None:
        pod = self.cluster.objects.get("pods", request.namespace, request.name or "")
        stream = self.cluster.kubelet.log(pod, request.query.get("container"))
        if stream is None:
            raise ApiError(
                400, "BadRequest", f'container in pod "{request.name}" is waiting to start: ContainerCreating'
            )
        self._begin("text/plain")
        uid, container = pod["metadata"]["uid"], request.query.get("container")
        printed = Printed(request, self.cluster.printed[uid, container], stream.tell())
        cut = self.cluster.watch_cut("pods/log")
        while not printed.over:
            over = not request.flag("follow") or self.cluster.pod_over(
                request.namespace, request.name or "", uid, container
            )
            piece = printed(stream.read())
            if piece:
                self._piece(piece)
            if cut.is_set() and not over:
                self.close_connection = True
                self.connection.close()
                return
            if over or self.cluster.closing:
                break
            time.sleep(0.05)
        stream.close()
        self.wfile.write(b"0\r\n\r\n")
