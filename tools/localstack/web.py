"""The web server's address on loopback: free before the start, answering after it."""

from __future__ import annotations

import http.client
import socket
import time
from typing import TYPE_CHECKING, Final

from tools.localstack.errors import LocalServerError

if TYPE_CHECKING:
    from tools.localstack.parts import Service
    from tools.localstack.stopping import StopSignal

#: Development settings only ever listen here.
HOST: Final = "127.0.0.1"
_FIRST_PAGE_SECONDS: Final = 90.0
_ANSWER_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.1
_SERVER_ERROR: Final = 500


def refuse_port_in_use(port: int) -> None:
    """Raise LocalServerError if something listens on the port already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise LocalServerError(
                f"PORT: {HOST}:{port} cannot be used ({error.strerror});"
                " choose another, for example: PORT=8001 make run"
            ) from error


def wait_for_first_page(port: int, web: Service, stop: StopSignal) -> None:
    """Return once the page answers or ``stop`` is set; LocalServerError if it never does."""
    deadline = time.monotonic() + _FIRST_PAGE_SECONDS
    while not stop.wait(_POLL_SECONDS):
        status = _status(port)
        if status is not None and status < _SERVER_ERROR:
            return
        if web.ended() is not None:
            raise LocalServerError("the web server ended before its first page; see its lines")
        if status is not None:
            raise LocalServerError(f"the first page is an error (status {status}); see its lines")
        if time.monotonic() > deadline:
            raise LocalServerError(f"no page within {_FIRST_PAGE_SECONDS:.0f} s; see its lines")


def _status(port: int) -> int | None:
    connection = http.client.HTTPConnection(HOST, port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
