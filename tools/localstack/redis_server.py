"""One Redis (or Valkey) server on a socket."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from tools.localstack import orphans
from tools.localstack.errors import LocalServerError

if TYPE_CHECKING:
    from pathlib import Path

_START_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.02


@dataclass(kw_only=True)
class RedisServer:
    """A folder and the server that runs in it, reachable by socket alone."""

    program: Path
    folder: Path
    socket: Path
    log: Path
    #: Whether commands are kept over a restart. Losing them loses no work, only speed.
    keeps_data: bool
    name: str = "redis"
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL as redis-py reads it."""
        return f"unix://{quote(str(self.socket))}?db=0"

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
            self.process = subprocess.Popen(  # noqa: S603 - fixed program, argument list, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath},
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self.answers():
            if self.process.poll() is not None:
                raise LocalServerError(f"Redis did not start; see {self.log}")
            if time.monotonic() > deadline:
                self.stop()
                raise LocalServerError(
                    f"Redis did not answer within {_START_SECONDS:.0f} s; see {self.log}"
                )
            time.sleep(_POLL_SECONDS)

    def answers(self) -> bool:
        """Whether a PING is answered within a second."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(1.0)
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def ended(self) -> int | None:
        """The server's exit code if it ended by itself, else None."""
        return None if self.process is None else self.process.poll()

    def stop(self) -> None:
        """Ask it to end, and kill it if it does not. Does nothing if not running."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
