"""Programs that the supervisor runs: services that it keeps running, and one-time steps."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar, Final

from typing_extensions import override

from tools.localstack import LocalServerError
from tools.localstack.terminal import Console, StopRequested, StopSignal

_POLL_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 30.0
#: A part that ran this long before it ended starts its back-off anew.
_STEADY_SECONDS: Final = 60.0
#: What a database server finds in its environment, whatever ours holds.
_CLEAN: Final[Mapping[str, str]] = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}


@dataclass(kw_only=True)
class Service:
    """Something the supervisor starts, watches and stops."""

    #: How it is asked to end, for how many seconds that is waited for, and what follows.
    ending: ClassVar = (signal.SIGTERM, 10.0, signal.SIGKILL)

    name: str
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it; raises LocalServerError if that does not work."""
        raise NotImplementedError

    def ended(self) -> int | None:
        """Its exit code if it ended by itself, else None."""
        return None if self.process is None else self.process.poll()

    def stop(self) -> None:
        """Stop it and wait; nothing happens if it is not running."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        asked, seconds, forced = self.ending
        process.send_signal(asked)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(forced)
            process.wait()


@dataclass(kw_only=True)
class Part(Service):
    """A program of ours whose output is shown line by line under its name."""

    ending: ClassVar = (signal.SIGTERM, 15.0, signal.SIGKILL)

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    console: Console
    _reader: threading.Thread | None = field(default=None, init=False)

    @override
    def start(self) -> None:
        """Start it, and show what it prints from now on."""
        self.process = spawn(
            self.command, subprocess.PIPE, environment=self.environment, cwd=self.folder
        )
        if self.process.stdout is not None:
            self._reader = self.console.follow(self.name, self.process.stdout)

    def ask_to_stop(self) -> None:
        """Send SIGTERM and do not wait."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    @override
    def stop(self) -> None:
        """Ask it to stop, wait, and kill what is left of its session."""
        process = self.process
        super().stop()
        if process is not None:
            # Its children are in its session; after a crash they may outlive it.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            if self._reader is not None:
                self._reader.join(_POLL_SECONDS * 10)

    def run_once(self, stop: StopSignal) -> None:
        """Run it to its end. Raises LocalServerError if it fails, StopRequested if told to stop."""
        self.start()
        try:
            while (code := self.ended()) is None:
                if stop.wait(_POLL_SECONDS):
                    raise StopRequested
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
                end = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
                self._plan(f"ended unexpectedly ({end})", now)
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


def watch(
    services: Sequence[Service],
    console: Console,
    stop: StopSignal,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Keep the services running until ``stop`` is set; do ``meanwhile`` after each look at them."""
    watched = [Watched(service=service, console=console) for service in services]
    while not stop.wait(_POLL_SECONDS):
        for one in watched:
            one.look()
        meanwhile()


def spawn(
    command: Sequence[str],
    output: int | IO[bytes],
    *,
    environment: Mapping[str, str] = _CLEAN,
    **options: Any,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that Ctrl-C reaches the supervisor alone."""
    return subprocess.Popen(  # noqa: S603 - fixed programs, argument list, no shell
        [*command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(environment),
        start_new_session=True,
        **options,
    )
