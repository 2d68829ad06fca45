"""A small HTTP front for the Open Policy Agent library: `python opa_server.py LIBRARY PORTFILE POLICY…`.

It answers as `opa run --server` does where this project asks: `POST /v1/data/<rule>`, `POST /v1/query` and
`GET /health`. A token given in OPA_TOKEN is wanted of each caller; OPA_DELAY seconds pass before each answer.
"""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, sys.argv[1])

from opa_bindings import OpaEngine  # type: ignore[import-not-found]

engine = OpaEngine()
for name in sys.argv[3:]:
    engine.add_policy(name, Path(name).read_text(encoding="utf-8"))


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet, as a real server sends them

    def do_GET(self):
        self._answer(200, {}) if self.path == "/health" else self._answer(404, {})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(float(os.environ.get("OPA_DELAY", "0")))
        token = os.environ.get("OPA_TOKEN")
        if token and self.headers["Authorization"] != f"Bearer {token}":
            self._answer(401, {"code": "unauthorized"})
        elif self.path == "/v1/query":
            self._answer(200, {"result": engine.eval_query(body["query"], body.get("input"))})
        elif self.path.startswith("/v1/data/"):
            self._answer(200, self._value(self.path.removeprefix("/v1/data/").split("/"), body.get("input")))
        else:
            self._answer(404, {})

    def _value(self, rule, told):
        found = engine.eval_query("value := data" + "".join(f'["{part}"]' for part in rule), told)
        return {"result": found[0]["value"]} if found else {}

    def _answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
port = Path(sys.argv[2])
port.with_suffix(".new").write_text(str(server.server_port))
port.with_suffix(".new").rename(port)
server.serve_forever()
