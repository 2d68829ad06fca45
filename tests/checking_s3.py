"""A token service and a door before an S3 server that takes its tokens seriously: moto itself checks nothing.

Keys that it has minted are good until they end and for what their session policy says; the server's own keys are good
for everything. Who comes with anything else is refused as Amazon does it.
"""

import json
import re
import threading
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

OWN = "ades-key"
_ACTIONS = {"PUT": "s3:PutObject", "POST": "s3:PutObject", "DELETE": "s3:DeleteObject", "GET": "s3:GetObject"}


class CheckingS3:
    """Forwards to an S3 server what may pass; `lifetime` is how long minted keys are good, whatever was asked for."""

    def __init__(self, behind, lifetime=None):
        self._behind = urlsplit(behind)
        self._lifetime = lifetime
        self.minted = {}
        self.refused = []
        self.passed = []
        """(method, path, key) of what has passed."""
        self.away = False
        """Whether connections end without an answer."""
        door = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, body, **headers):
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if b"Action=AssumeRole" in body:
                    self.answer(200, door.mint(parse_qs(body.decode())), **{"Content-Type": "text/xml"})
                    return
                why = door.why_not(self.command, self.path, self.headers)
                if door.away:
                    self.close_connection = True
                    return
                if why:
                    door.refused.append((why, self.command, self.path))
                    text = f"<Error><Code>{why}</Code><Message>{why}</Message></Error>".encode()
                    self.answer(403 if why != "ExpiredToken" else 400, text, **{"Content-Type": "application/xml"})
                    return
                status, headers, found = door.forward(self.command, self.path, dict(self.headers), body)
                self.answer(status, found, **headers)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any  # noqa: N815 - the library's names

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def mint(self, asked):
        """Keys, and until when they are good."""
        seconds = self._lifetime or int(asked["DurationSeconds"][0])
        key, token = f"ASIA{uuid4().hex[:16].upper()}", uuid4().hex
        end = datetime.now(UTC) + timedelta(seconds=seconds)
        self.minted[key] = (token, end, json.loads(asked["Policy"][0]))
        return (
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
            f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>{token}</SessionToken>"
            f"<Expiration>{end.isoformat().replace('+00:00', 'Z')}</Expiration></Credentials></AssumeRoleResult>"
            "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></AssumeRoleResponse>"
        ).encode()

    def why_not(self, method, path, headers):
        """The code of the refusal, if somebody may not do this."""
        found = re.search(r"Credential=([^/]+)/", headers.get("Authorization", ""))
        key = found[1] if found else ""
        if key == OWN:
            return None
        if key not in self.minted:
            return "InvalidAccessKeyId"
        token, end, policy = self.minted[key]
        if headers.get("x-amz-security-token") != token:
            return "InvalidToken"
        if end <= datetime.now(UTC):
            return "ExpiredToken"
        split = urlsplit(path)
        name = unquote(split.path).lstrip("/")
        if not self._allowed(policy, method, name, parse_qs(split.query)):
            return "AccessDenied"
        self.passed.append((method, name, key))
        return None

    def _allowed(self, policy, method, name, query):
        bucket, slash, rest = name.partition("/")
        action = _ACTIONS.get("GET" if method == "HEAD" else method)
        listing = method == "GET" and not rest
        for statement in policy["Statement"]:
            resources = statement["Resource"]
            if listing and "s3:ListBucket" in statement["Action"] and f"arn:aws:s3:::{bucket}" in resources:
                allowed = statement.get("Condition", {}).get("StringLike", {}).get("s3:prefix", ["*"])
                return (
                    any(fnmatchcase(query.get("prefix", [""])[0], pattern) for pattern in allowed) or "uploads" in query
                )
            if not listing and action in statement["Action"]:
                arn = f"arn:aws:s3:::{bucket}{slash}{rest}"
                if any(fnmatchcase(arn, pattern) for pattern in resources):
                    return True
        return method == "POST" and not rest  # many are deleted one by one where that is refused

    def forward(self, method, path, headers, body):
        """What the server behind says."""
        connection = HTTPConnection(self._behind.hostname, self._behind.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            found = answer.read()
            dropped = {
                "connection",
                "transfer-encoding",
                "date",
                "server",
                *(() if method == "HEAD" else ("content-length",)),
            }
            return (
                answer.status,
                {name: value for name, value in answer.getheaders() if name.lower() not in dropped},
                found,
            )
        finally:
            connection.close()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
