"""The terminal: lines of several parts printed on it, and the signals to stop that it sends."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import IO, Final

_WIDTH: Final = 8
#: Whoever waits hears what for after so long.
_SILENCE_SECONDS: Final = 4.0
_LEAST_PAUSE_SECONDS: Final = 0.01
_COMMANDS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Console:
    """Prints whole lines from any thread, each with its part's name in front.

    A closed terminal must not stop the shutdown that follows it, so a failed print is dropped.
    """

    def __init__(self) -> None:
        """Print to standard output."""
        self._lock = threading.Lock()
        self._spoke_at = time.monotonic()

    def silent_for(self) -> float:
        """Seconds since anything was printed."""
        return time.monotonic() - self._spoke_at

    @contextlib.contextmanager
    def busy(self, part: str, what: str, *, seconds: float = _SILENCE_SECONDS) -> Iterator[None]:
        """Say what is being done whenever nothing else was said for so many seconds."""
        begun, over = time.monotonic(), threading.Event()

        def beat() -> None:
            while not over.wait(max(seconds - self.silent_for(), _LEAST_PAUSE_SECONDS)):
                if self.silent_for() >= seconds:
                    self.line(part, f"still {what} ({time.monotonic() - begun:.0f} s)")

        thread = threading.Thread(target=beat, name=f"busy {part}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def line(self, part: str, text: str) -> None:
        """Print ``text``, one prefix per line of it; what would command the terminal is escaped."""
        safe = (
            _COMMANDS.sub(lambda found: found[0].encode("unicode_escape").decode(), line)
            for line in text.splitlines() or [""]
        )
        lines = "".join(f"{part:<{_WIDTH}} | {line}\n" for line in safe)
        self.plain(lines)

    def plain(self, text: str) -> None:
        """Print ``text`` as it is."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._spoke_at = time.monotonic()
            sys.stdout.write(text)
            sys.stdout.flush()

    def follow(self, part: str, stream: IO[bytes]) -> threading.Thread:
        """Print what comes out of ``stream`` until it ends, from a thread of its own."""

        def pump() -> None:
            with stream:
                for raw in stream:
                    self.line(part, raw.decode(errors="replace").rstrip())

        thread = threading.Thread(target=pump, name=f"log of {part}", daemon=True)
        thread.start()
        return thread


class StopRequested(Exception):
    """A signal asked the supervisor to stop while it was busy."""


class StopSignal:
    """Set by SIGINT, SIGTERM or SIGHUP; waited for by the main thread.

    A handler runs in the middle of whatever the main thread does, also while that holds the lock
    of a threading.Event or of the console, and would then wait for itself for ever. So it takes no
    lock: it writes one byte into a pipe that nobody empties.
    """

    def __init__(self) -> None:
        """Set by the three signals from now on. Main thread only."""
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def wait(self, seconds: float) -> bool:
        """Whether it is set, after at most so many seconds."""
        readable, _, _ = select.select([self._reader], [], [], seconds)
        return bool(readable)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(BlockingIOError):  # asked many thousand times already
            os.write(self._writer, b"!")
