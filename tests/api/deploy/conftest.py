"""Packages to deploy, and another server that has some."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
import pytest
import yaml

from tests.api.conftest import ROOT

PART_2 = "http://www.opengis.net/def/exceptions/ogcapi-processes-2/1.0/"

EODH = "/ades/demo/ogc-api"

ECHO = """\
cwlVersion: v1.2
$namespaces: {s: https://schema.org/}
s:softwareVersion: "1.4.0"
class: CommandLineTool
id: shout
label: Shout
doc: Says it again.
requirements:
  DockerRequirement: {dockerPull: "docker.io/library/busybox:1.36"}
  ResourceRequirement: {coresMax: 1, ramMax: 64}
baseCommand: [echo]
inputs:
  message: {type: string, inputBinding: {position: 1}}
outputs:
  said: {type: stdout}
  folder: {type: Directory, outputBinding: {glob: .}}
"""

TWO = """\
cwlVersion: v1.2
$graph:
- {class: CommandLineTool, id: tool, baseCommand: "true", inputs: {}, outputs: {}}
- {class: Workflow, id: first, inputs: {}, outputs: {}, steps: {s: {run: "#tool", in: {}, out: []}}}
- {class: Workflow, id: second, inputs: {}, outputs: {}, steps: {s: {run: "#tool", in: {}, out: []}}}
"""

DESCRIPTION = {
    "id": "described",
    "title": "As described",
    "version": "9.9.9",
    "keywords": ["one"],
    "inputs": {"message": {"title": "What to say", "schema": {"type": "string", "maxLength": 10}}},
    "outputs": {"said": {"schema": {"type": "string"}}},
}


def post(client, body, kind="application/cwl+yaml", root=ROOT, **arguments):
    data = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return client.post(f"{root}/processes", data=data, content_type=kind, **arguments)


def put(client, process, body, kind="application/cwl+yaml", **arguments):
    return client.put(f"{ROOT}/processes/{process}", data=body, content_type=kind, **arguments)


def as_json(text):
    return orjson.dumps(yaml.safe_load(text))


class Elsewhere:
    """Another server, which has documents and counts who asks."""

    def __init__(self):
        self.documents: dict[str, bytes] = {}
        self.asked: list[tuple[str, str | None]] = []
        outer = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.partition("?")[0]
                outer.asked.append((path, self.headers.get("If-None-Match")))
                body = outer.documents.get(path)
                etag = f'"{hash(body)}"'
                if body is None:
                    self.send_error(404)
                elif self.headers.get("If-None-Match") == etag:
                    self.send_response(304)
                    self.end_headers()
                else:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.send_header("ETag", etag)
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def add(self, path, text):
        self.documents[path] = text.encode()
        return f"http://{self.host}{path}"


@pytest.fixture
def elsewhere():
    server = Elsewhere()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def reaching(make_app, elsewhere):
    """A client of a server that may read from the other one."""
    return make_app(fetch_allow=(elsewhere.host,)).test_client()
