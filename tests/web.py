"""A web server of which every answer can be said byte by byte."""

import socket
import threading
from contextlib import suppress


class Server:
    """Answers on a free port of the loopback; `answer(request_head, send)` writes bytes."""

    def __init__(self, wrap=None):
        self.heads = []
        self.bodies = []
        self.connections = 0
        self.answers = {}
        self._wrap = wrap or (lambda sock: sock)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def give(self, path, body=b"", status="200 OK", **headers):
        """A plain answer with a length."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.answers[path] = ("\r\n".join(lines) + "\r\n\r\n").encode() + body

    def close(self):
        # Closing alone would leave the thread waiting in accept() for ever.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(sock,), daemon=True).start()

    def _talk(self, sock):
        with suppress(OSError), sock:
            wrapped = self._wrap(sock)
            with wrapped, wrapped.makefile("rb") as lines:
                while self._one(wrapped, lines):
                    pass

    def _one(self, sock, lines):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = lines.readline()
            if not line:
                return False
            head += line
        text = head.decode("latin-1")
        self.heads.append(text)
        length = next((int(x.split(":")[1]) for x in text.split("\r\n") if x.lower().startswith("content-length")), 0)
        self.bodies.append(lines.read(length))
        answer = self.answers.get(text.split(" ")[1], b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        if callable(answer):
            return bool(answer(text, sock))
        sock.sendall(answer)
        return True
