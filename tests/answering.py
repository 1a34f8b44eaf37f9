"""Another program, as a real server on this machine: what it answers, and whom it has heard."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from typing_extensions import override

#: Where tests let calls go.
LOOPBACK = "127.0.0.0/8"


@dataclasses.dataclass(frozen=True)
class Heard:
    """One request as it came in; names of headers are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)

    @property
    def key(self) -> str:
        """The idempotency key."""
        return self.headers["idempotency-key"]


class Handler(http.server.BaseHTTPRequestHandler):
    """Hears a request and lets the test answer it."""

    protocol_version = "HTTP/1.1"
    server: Answering

    def _heard(self) -> None:
        length = int(self.headers.get("content-length", 0))
        heard = Heard(
            self.command, self.path, {k.lower(): v for k, v in self.headers.items()},
            self.rfile.read(length),
        )  # fmt: skip
        with self.server.lock:
            self.server.heard.append(heard)
        self.close_connection = True
        self.server.reply(self, heard)

    do_GET = do_POST = _heard  # noqa: N815  -- the names that the base class looks for

    def answer(
        self, status: int, body: Any = None, *, raw: bytes | None = None, **headers: str
    ) -> None:
        """Answer with JSON, or with `raw` as it is."""
        said = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(said)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(said)

    def hang(self) -> None:
        """Say nothing until the test is over."""
        self.server.over.wait(60)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


Reply = Callable[[Handler, Heard], None]


class Answering(http.server.ThreadingHTTPServer):
    """Such a program. `reply` may be changed at any time."""

    daemon_threads = True

    def __init__(self, reply: Reply, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply = reply
        self.heard: list[Heard] = []
        self.lock = threading.Lock()
        self.over = threading.Event()
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server_address[1]

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """Its address."""
        return f"{self._scheme}://{host}:{self.port}{path}"

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is what is tested."""


@contextlib.contextmanager
def answering(reply: Reply, tls: ssl.SSLContext | None = None) -> Iterator[Answering]:
    """Run one; ended afterwards."""
    server = Answering(reply, tls)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
