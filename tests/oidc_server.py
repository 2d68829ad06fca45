"""An OpenID Connect issuer for tests: discovery, keys and tokens, and everything that can be wrong with them."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey


class Issuer:
    """Runs on a port of its own until it is closed."""

    def __init__(self):
        self.keys = {}
        self.asked = []
        self.broken = False
        self.says = {}
        """Changes to the discovery document."""
        self.rotate("first")
        issuer = self

        class Front(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                issuer.asked.append(self.path)
                documents = {"/realm/.well-known/openid-configuration": issuer.discovery, "/realm/certs": issuer.jwks}
                found = None if issuer.broken else documents.get(self.path)
                body = json.dumps(found() if found else {}).encode()
                self.send_response(200 if found else 503)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
        self.url = f"http://127.0.0.1:{self._server.server_port}/realm"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def discovery(self):
        return {"issuer": self.url, "jwks_uri": f"{self.url}/certs"} | self.says

    def jwks(self):
        return KeySet(list(self.keys.values())).as_dict(private=False)

    def rotate(self, name):
        """Sign with a new key from now on, and forget the old ones."""
        self.signing = RSAKey.generate_key(2048, {"kid": name, "use": "sig"})
        self.keys = {name: self.signing}

    def claims(self, user="ann", **changes):
        now = int(time.time())
        base = {"iss": self.url, "aud": ["ades", "account"], "sub": f"id-of-{user}", "iat": now, "exp": now + 300}
        claims = base | {"typ": "Bearer", "preferred_username": user} | changes
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, user="ann", *, header=None, key=None, algorithms=None, **changes):
        """A token as Keycloak would give it; changes are claims, and None leaves one out."""
        head = {"alg": "RS256", "kid": self.signing.kid} | (header or {})
        head = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(head, self.claims(user, **changes), key or self.signing, algorithms=algorithms or ["RS256"])
