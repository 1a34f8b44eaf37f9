"""One call to another program: guarded, pinned to the address that was looked at, within limits.

Nothing is followed, decoded or kept: no redirect, no compression, no cookie, no connection.
"""

from __future__ import annotations

import dataclasses
import functools
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import httpcore
from typing_extensions import override

from egress.addresses import Network, Refused, Unresolved, reachable, split

_SILENCES = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.RemoteProtocolError)

_PIECE = 16_384


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """How long each part of a call may take, and the whole of it (seconds), and how many bytes of
    an answer are read."""

    connect: float = 5.0
    read: float = 30.0
    whole: float = 60.0
    most_bytes: int = 1_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole; names of headers are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotSent(Exception):
    """Nothing was sent: no address, no connection, TLS that does not hold, or nothing to send."""


class NoAnswer(Exception):
    """It was sent, in part at least, and what became of it was not said in full."""


class TooLarge(NoAnswer):
    """The answer has more bytes than are read."""


def call(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes = b"",
    limits: Limits = Limits(),
    allowed: Sequence[Network] = (),
) -> Answer:
    """Make one call and return the whole answer, whatever its status.

    `allowed`: networks that may be reached though they are not public. Raises Refused for an
    address that may not be called, NotSent where nothing has been sent, NoAnswer else.
    """
    parts = split(url)
    for name, value in headers.items():
        if not value.isascii() or not value.isprintable() or value != value.strip():
            # Below, it would be repeated in what is said of it, and it may be a secret.
            raise NotSent(f"the header {name} cannot be sent as it is")
    deadline = time.monotonic() + limits.whole
    network = _GuardedNetwork(
        allowed=allowed, secure=parts.scheme == "https", limits=limits, deadline=deadline
    )
    sent = {
        "host": parts.netloc,
        "accept-encoding": "identity",
        "content-length": str(len(body)),
        **headers,
    }
    waits = {"connect": limits.connect, "read": limits.read, "write": limits.read}
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=_verifying(), max_connections=1, max_keepalive_connections=0,
                network_backend=network,
            ) as pool,
            pool.stream(
                method, url, headers=list(sent.items()), content=body,
                extensions={"timeout": waits},
            ) as answer,
        ):  # fmt: skip
            return _whole(answer, limits)
    except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
        raise NotSent(f"no connection: {_words(error)}") from error
    except Unresolved as error:
        raise NotSent(str(error)) from error
    except _SILENCES as error:
        raise NoAnswer(f"no whole answer: {_words(error)}") from error


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _whole(answer: httpcore.Response, limits: Limits) -> Answer:
    headers = {
        name.decode("ascii", "replace").lower(): value.decode("latin-1")
        for name, value in answer.headers
    }
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise NoAnswer("the answer is compressed, which nobody asked for")
    parts, size = [], 0
    for part in answer.iter_stream():
        size += len(part)
        if size > limits.most_bytes:
            raise TooLarge(f"the answer has more than {limits.most_bytes} bytes")
        parts.append(part)
    return Answer(answer.status, headers, b"".join(parts))


@functools.cache
def _verifying() -> ssl.SSLContext:
    """Verify certificates by what the machine trusts, or `SSL_CERT_FILE` where that is set."""
    return ssl.create_default_context()


class _GuardedNetwork(httpcore.NetworkBackend):
    """Connects to addresses that were looked at, and to nothing else."""

    def __init__(
        self, *, allowed: Sequence[Network], secure: bool, limits: Limits, deadline: float
    ) -> None:
        self._allowed, self._secure = allowed, secure
        self._limits, self._deadline = limits, deadline
        self._plain = httpcore.SyncBackend()

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of `host` that answers, all within the time for that. What
        the resolver says a moment later does not matter: it is not asked again."""
        until = min(time.monotonic() + self._limits.connect, self._deadline)
        found = reachable(
            host, port, secure=self._secure, allowed=self._allowed,
            seconds=until - time.monotonic(),
        )  # fmt: skip
        failed: Exception = httpcore.ConnectTimeout("time is over")
        for address in found:
            left = until - time.monotonic()
            if left <= 0:
                break
            try:
                stream = self._plain.connect_tcp(address, port, left, None, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
            else:
                return _TimedStream(stream, self._deadline)
        raise failed


class _TimedStream(httpcore.NetworkStream):
    """A connection on which no wait lasts beyond the deadline of the whole call, so that an answer
    that drips for ever is left."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline

    def _left(self, timeout: float | None, over: type[Exception]) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise over("the time for the whole call is over")
        return left if timeout is None else min(left, timeout)

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left(timeout, httpcore.ReadTimeout))

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # Piece by piece: a reader that takes a byte now and then has no more time than the call.
        for start in range(0, len(buffer), _PIECE):
            left = self._left(timeout, httpcore.WriteTimeout)
            self._stream.write(buffer[start : start + _PIECE], left)

    @override
    def close(self) -> None:
        self._stream.close()

    @override
    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._left(timeout, httpcore.ConnectTimeout)
        stream = self._stream.start_tls(ssl_context, server_hostname, left)
        return _TimedStream(stream, self._deadline)

    @override
    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


__all__ = ["Answer", "Limits", "NoAnswer", "NotSent", "Refused", "TooLarge", "call"]
