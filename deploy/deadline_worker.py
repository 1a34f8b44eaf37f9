"""A threaded worker of gunicorn that waits for a request only so long.

gunicorn's own waits for ever once the first byte is there: each client that sends half a request
takes a thread away for good. Here a whole request, body included, has `AMENDS_RECEIVE_SECONDS` to
arrive (20 unless said); then its connection is closed and its thread free.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from typing import Any, Final

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]  # no types
from typing_extensions import override

RECEIVE_SECONDS: Final = float(os.environ.get("AMENDS_RECEIVE_SECONDS") or 20)
#: An answer has so long to be taken.
SEND_SECONDS: Final = 60.0


class DeadlineSocket(socket.socket):
    """A connection whose reads end at a deadline, set anew when a thread takes it up."""

    _deadline = 0.0
    _closing = False

    @override
    def setblocking(self, flag: bool, /) -> None:
        # gunicorn says so when a thread begins with the next request, and takes it back after it.
        if flag:
            self._deadline = time.monotonic() + RECEIVE_SECONDS
            self.settimeout(SEND_SECONDS)
        else:
            self.settimeout(0.0)

    @override
    def shutdown(self, how: int, /) -> None:
        # What is there already is read away after this, on the thread that all wait for: it must
        # not wait for more.
        self._closing = True
        super().shutdown(how)

    @override
    def recv(self, *arguments: Any) -> bytes:
        left = 0.0 if self._closing else self._deadline - time.monotonic()
        if left <= 0 and not self._closing:
            raise _given_up()
        before = self.gettimeout()
        self.settimeout(left if before is None else min(left, before))
        try:
            return super().recv(*arguments)
        except (TimeoutError, BlockingIOError):
            raise _given_up() from None
        finally:
            self.settimeout(before)


class DeadlineWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's threaded worker on such sockets."""

    @override
    def enqueue_req(self, conn: Any) -> None:
        if not isinstance(conn.sock, DeadlineSocket):
            conn.sock = DeadlineSocket(fileno=conn.sock.detach())
        super().enqueue_req(conn)


def _given_up() -> ConnectionResetError:
    """Return what gunicorn and Django take for a client that went away."""
    return ConnectionResetError(errno.ECONNRESET, "the request did not arrive in time")
