"""Programs of ours that the supervisor runs: one-time steps, and parts that stay."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from tools.localstack.errors import LocalServerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tools.localstack.console import Console
    from tools.localstack.stopping import StopSignal

_STOP_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 30.0
#: A part that ran this long before it ended starts its back-off anew.
_STEADY_SECONDS: Final = 60.0


class StopRequested(Exception):
    """A signal asked the supervisor to stop while it was busy."""


class Service(Protocol):
    """Something the supervisor starts, watches and stops."""

    name: str

    def start(self) -> None:
        """Start it; raises LocalServerError if that does not work."""

    def ended(self) -> int | None:
        """Its exit code if it ended by itself, else None."""

    def stop(self) -> None:
        """Stop it and wait; nothing happens if it is not running."""


@dataclass(kw_only=True)
class Part:
    """A program whose output is shown line by line under its name."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    console: Console
    process: subprocess.Popen[bytes] | None = None
    _reader: threading.Thread | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches the supervisor alone."""
        self.process = subprocess.Popen(  # noqa: S603 - our own programs, argument list, no shell
            [*self.command],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if self.process.stdout is not None:
            self._reader = self.console.follow(self.name, self.process.stdout)

    def ended(self) -> int | None:
        """Its exit code if it ended, else None."""
        return None if self.process is None else self.process.poll()

    def ask_to_stop(self) -> None:
        """Send SIGTERM and do not wait."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def stop(self) -> None:
        """Ask it to stop, wait, and kill what is left of its session."""
        process, self.process = self.process, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
        # Its children are in its session; after a crash they may outlive it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if self._reader is not None:
            self._reader.join(_POLL_SECONDS * 10)

    def run_once(self, stop: StopSignal) -> None:
        """Run it to its end. Raises LocalServerError if it fails, StopRequested if told to stop."""
        self.start()
        try:
            while self.ended() is None:
                if stop.wait(_POLL_SECONDS):
                    raise StopRequested
            code = self.ended()
        finally:
            self.stop()
        if code != 0:
            raise LocalServerError(f"{self.name} failed with exit code {code}; see its lines above")


@dataclass(kw_only=True)
class Watched:
    """A service and when it is to be started again."""

    service: Service
    console: Console
    failures: int = 0
    started_at: float = field(default_factory=time.monotonic)
    restart_at: float | None = None

    def look(self) -> None:
        """Notice an unexpected end, say so, and start the service again when its pause is over."""
        now = time.monotonic()
        if self.restart_at is None:
            code = self.service.ended()
            if code is not None:
                self._plan(f"ended unexpectedly ({_described(code)})", now)
        elif now >= self.restart_at:
            self.restart_at = None
            try:
                self.service.stop()
                self.service.start()
            except LocalServerError as error:
                self._plan(f"did not start again ({error})", now)
            else:
                self.started_at = time.monotonic()
                self.console.line("amends", f"{self.service.name} is started again")

    def _plan(self, what: str, now: float) -> None:
        if now - self.started_at > _STEADY_SECONDS:
            self.failures = 0
        pause = min(2.0**self.failures, _LONGEST_PAUSE_SECONDS)
        self.failures += 1
        self.restart_at = now + pause
        self.console.line("amends", f"{self.service.name} {what}; next start in {pause:.0f} s")


def watch(watched: Sequence[Watched], stop: StopSignal) -> None:
    """Keep the services running until ``stop`` is set."""
    while not stop.wait(_POLL_SECONDS):
        for one in watched:
            one.look()


def _described(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"signal {signal.Signals(-code).name}"
