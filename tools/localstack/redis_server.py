"""One Redis (or Valkey) server on a socket."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from typing_extensions import override

from tools.localstack import LocalServerError, orphans
from tools.localstack.services import Service, spawn

_START_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.02


@dataclass(kw_only=True)
class RedisServer(Service):
    """A folder and the server that runs in it, reachable by socket alone."""

    name: str = "redis"
    program: Path
    folder: Path
    socket: Path
    log: Path
    #: Whether commands are kept over a restart. Losing them loses no work, only speed.
    keeps_data: bool

    @property
    def url(self) -> str:
        """The URL as redis-py reads it."""
        return f"unix://{quote(str(self.socket))}?db=0"

    @override
    def start(self) -> None:
        """Stop what an earlier supervisor left, start and wait for a PONG.

        The caller holds the lock: a second server would silently take the socket of a live one.
        """
        orphans.stop_redis(self.folder)
        self.socket.unlink(missing_ok=True)
        command = [
            *(str(self.program), "--port", "0", "--unixsocket", str(self.socket)),
            *("--unixsocketperm", "700", "--dir", str(self.folder), "--save", ""),
            *("--appendonly", "yes" if self.keeps_data else "no", "--daemonize", "no"),
            *("--logfile", "", "--pidfile", ""),
        ]
        with self.log.open("ab") as log:
            self.process = spawn(command, log)
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self.ended() is not None:
                raise LocalServerError(f"Redis did not start; see {self.log}")
            if time.monotonic() > deadline:
                self.stop()
                raise LocalServerError(
                    f"Redis did not answer within {_START_SECONDS:.0f} s; see {self.log}"
                )
            time.sleep(_POLL_SECONDS)

    def _answers(self) -> bool:
        """Whether a PING is answered within a second."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(1.0)
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False
