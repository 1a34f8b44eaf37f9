"""The wish to stop, as signals bring it."""

from __future__ import annotations

import os
import select
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


class StopSignal:
    """Set by SIGINT, SIGTERM or SIGHUP; waited for by the main thread.

    A handler runs in the middle of whatever the main thread does, also while that holds the lock
    of a threading.Event or of the console, and would then wait for itself for ever. So it takes no
    lock: it writes one byte into a pipe that nobody empties.
    """

    def __init__(self) -> None:
        """Not set."""
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def listen(self) -> None:
        """Let the three signals set it from now on. Main thread only."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def set(self) -> None:
        """Ask to stop; asking again changes nothing."""
        try:
            os.write(self._writer, b"!")
        except BlockingIOError:  # asked many thousand times already
            return

    def wait(self, seconds: float) -> bool:
        """Whether it is set, after at most so many seconds."""
        readable, _, _ = select.select([self._reader], [], [], seconds)
        return bool(readable)

    def is_set(self) -> bool:
        """Whether it is set now."""
        return self.wait(0)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.set()
