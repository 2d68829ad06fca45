"""Subscribers: a web server and a mail server that write down what they are told."""

import json
import socketserver
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Told:
    """One request."""

    path: str
    headers: Any
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Receiver:
    """Takes POSTs on a free port. `answers` holds for each path the statuses to come; then it is 204."""

    def __init__(self):
        self.told = []
        self.answers = {}
        self.blocked = {}
        """By path: an event that must be set before anything is answered."""
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver._note(Told(self.path, self.headers, body))
                if self.path in receiver.blocked:
                    receiver.blocked[self.path].wait(60)
                status = (receiver.answers.get(self.path) or [204]).pop(0)
                self.send_response(status)
                if status in {301, 302, 307, 308}:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """Whoever asked has left."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def _note(self, told):
        with self._changed:
            self.told.append(told)
            self._changed.notify_all()

    def of(self, path):
        """What this path was told so far."""
        return [told for told in self.told if told.path == path]

    def wait(self, path, number=1, seconds=60):
        """What this path was told, as soon as it is so much."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.of(path)) >= number, seconds), [t.path for t in self.told]
            return self.of(path)

    def close(self):
        for event in self.blocked.values():
            event.set()
        self._server.shutdown()
        self._server.server_close()


class _Talk(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs that sends one mail."""

    def handle(self):
        self._say("220 here")
        recipient = ""
        while line := self.rfile.readline().decode("latin-1").strip():
            word = line[:4].upper()
            if word == "RCPT":
                recipient = line.partition("<")[2].rstrip(">")
                refused = recipient.startswith("nobody@")
                self._say("550 no such mailbox" if refused else "250 ok")
            elif word == "DATA":
                self._say("354 go on")
                lines = []
                while (piece := self.rfile.readline()) != b".\r\n":
                    lines.append(piece)
                self.server.mails.append((recipient, message_from_bytes(b"".join(lines), policy=policy.default)))
                self._say("250 taken")
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 here")

    def _say(self, line):
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def mail_server():
    """A mail server; `mails` has what it took, `url` is what ADES_SMTP wants."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), _Talk) as server:
        server.mails = []
        server.url = f"smtp://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def until(ready, seconds=60):
    """Wait until something is true, and give it."""
    end = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)
    return found
