"""A payment provider and a carrier on the loopback interface, in poor health: every third request gets a 503."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_SICK_EVERY = 3


@contextlib.contextmanager
def provider() -> Iterator[str]:
    """Run the provider for the length of a ``with`` block; gives its URL."""
    requests = itertools.count(1)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._answer("id", f"charge-{self.headers['Idempotency-Key']}")

        def do_PUT(self) -> None:
            self._answer("tracking", f"TRACK-{self.path.rpartition('/')[2]}")

        def _answer(self, key: str, value: str) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            sick = next(requests) % _SICK_EVERY == 0
            body = b"" if sick else json.dumps({key: value}).encode()
            self.send_response(HTTPStatus.SERVICE_UNAVAILABLE if sick else HTTPStatus.OK)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Leave the terminal to the service."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
