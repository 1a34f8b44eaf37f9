"""Runs the parts of `manage.py worker` and `manage.py sweep` as forks of one loaded program.

A part that ends is started again, after a pause that grows. When the supervisor is told to stop it
lets each part finish the work at hand; what takes longer is left to its lease and another worker.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType

from django.db import connections

from config.pools import Ready

log = logging.getLogger("worker")
Part = Callable[[Ready], None]
_LAST_WORK_SECONDS = 20.0
_LONGEST_PAUSE_SECONDS = 5.0
_STEADY_SECONDS = 60.0
_START_SECONDS = 60.0


class Supervisor:
    """Starts parts, watches them, and stops them."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self._parts = dict(parts)
        self._running: dict[int, tuple[str, float]] = {}
        self._pauses: dict[str, float] = {}
        self._due: dict[str, float] = {}
        self._stopping = False

    def run(self, said: str) -> None:
        """Run until SIGTERM or SIGINT; `said` is logged when every part is ready."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        reading = [self._start(name) for name in self._parts]
        self._wait_until_ready(reading)
        if not self._stopping:
            log.info("ready: %s", said)
        while not self._stopping:
            self._reap()
            for name in [name for name, at in self._due.items() if at <= time.monotonic()]:
                del self._due[name]
                os.close(self._start(name))
            time.sleep(0.1)
        self._end()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _start(self, name: str) -> int:
        """Fork one part. Returns the end of a pipe that is written to when it is ready."""
        connections.close_all()
        reading, writing = os.pipe()
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _become(self._parts[name], writing, parent)
        os.close(writing)
        self._running[child] = (name, time.monotonic())
        return reading

    def _wait_until_ready(self, reading: list[int]) -> None:
        until, waiting = time.monotonic() + _START_SECONDS, set(reading)
        while waiting and not self._stopping and time.monotonic() < until:
            ready, _, _ = select.select(list(waiting), [], [], 0.1)
            # What ends without a word has closed its end: it is started again like any other.
            waiting -= set(ready)
            self._reap()
        for each in reading:
            os.close(each)

    def _reap(self) -> None:
        for child in list(self._running):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                # Its children too: one that hangs would outlive its limit.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)
                name, since = self._running.pop(child)
                steady = time.monotonic() - since > _STEADY_SECONDS
                pause = 0.5 if steady else self._pauses.get(name, 0.5)
                self._pauses[name] = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                self._due[name] = time.monotonic() + pause
                if not self._stopping:
                    code = os.waitstatus_to_exitcode(status)
                    log.warning("%s ended (%s), starts again in %s s", name, code, pause)

    def _end(self) -> None:
        """Ask every part to end, wait, and end what is still there."""
        for child in self._running:
            os.kill(child, signal.SIGTERM)
        until = time.monotonic() + _LAST_WORK_SECONDS
        while self._running and time.monotonic() < until:
            self._reap()
            time.sleep(0.05)
        for child in list(self._running):
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
        if self._running:
            log.warning("stopped in the middle of a task; its lease runs out and it is done again")
        else:
            log.info("stopped")


def _become(part: Part, writing: int, parent: int) -> None:
    """Be a part, in a group of processes of its own, and never return."""
    code = 1
    try:
        os.setpgid(0, 0)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        threading.Thread(target=_follow, args=(parent,), name="parent", daemon=True).start()
        told: list[bool] = []

        def ready() -> None:
            if not told:
                told.append(True)
                # Of a part that was started again nobody waits to hear it.
                with contextlib.suppress(OSError):
                    os.write(writing, b".")

        part(ready)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    except BaseException:
        log.exception("a part of the worker failed")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _follow(parent: int) -> None:
    """End with the supervisor, however that ends."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
