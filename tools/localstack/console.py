"""Log lines of several parts on one terminal, each with its part's name in front."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import IO, Final

_WIDTH: Final = 8


class Console:
    """Prints whole lines from any thread.

    A closed terminal must not stop the shutdown that follows it, so a failed print is dropped.
    """

    def __init__(self) -> None:
        """Print to standard output."""
        self._lock = threading.Lock()

    def line(self, part: str, text: str) -> None:
        """Print ``text``, one prefix per line of it."""
        lines = "".join(f"{part:<{_WIDTH}} | {line}\n" for line in text.splitlines() or [""])
        self.plain(lines)

    def plain(self, text: str) -> None:
        """Print ``text`` as it is."""
        with self._lock, contextlib.suppress(OSError, ValueError):
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
