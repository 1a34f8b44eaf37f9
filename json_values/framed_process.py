"""A child process that takes requests and gives answers one by one, and may be killed at any time.

Frames on its stdin and stdout are a 4-byte big-endian length followed by JSON. What it may use is
limited by the child itself; the parent only notices that it is gone, and has a wall clock.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import struct
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, ClassVar, Final

_AT_ONCE: Final = 64 * 1024
_LENGTH: Final = struct.Struct(">I")

#: What a child answers: `["ok", result]` or `[code, detail]`.
Answer = list[Any]


class EvaluatorError(RuntimeError):
    """No child process could be started or kept alive long enough to take a request."""


class FramedProcess:
    """One child: takes a request, gives its answers one by one, tells how it died."""

    #: How long it may be silent.
    wall_seconds: ClassVar[float] = 10.0

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], cwd: str) -> None:
        self._child = subprocess.Popen(  # noqa: S603  # a fixed command of ours
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
            cwd=cwd,
            bufsize=0,
            start_new_session=True,
        )
        if self._child.stdin is None or self._child.stdout is None:
            raise EvaluatorError("the child has no pipes")
        self._stdin, self._stdout = self._child.stdin, self._child.stdout
        os.set_blocking(self._stdin.fileno(), False)
        self.answered = 0
        self._held = bytearray()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._child.pid

    def send(self, request: dict[str, Any]) -> None:
        """Write one request; raises `OSError` if the child is gone, `TimeoutError` if stuck."""
        body = json.dumps(request).encode()
        left = memoryview(_LENGTH.pack(len(body)) + body)
        deadline = time.monotonic() + self.wall_seconds
        while left:
            _wait(self._stdin.fileno(), select.POLLOUT, deadline)
            with contextlib.suppress(BlockingIOError):
                left = left[os.write(self._stdin.fileno(), left) :]

    def receive(self) -> Answer | None:
        """Read one answer, or return `None` when the child died first.

        Raises `TimeoutError` when it neither answers nor dies.
        """
        deadline = time.monotonic() + self.wall_seconds
        head = self._read(_LENGTH.size, deadline)
        body = self._read(_LENGTH.unpack(head)[0], deadline) if head else None
        if body is None:
            return None
        self.answered += 1
        answer: Answer = json.loads(body)
        return answer

    def bury(self) -> bool:
        """Kill and reap the child; return whether it had used up its CPU time."""
        self._child.kill()
        status = self._child.wait()
        self._stdin.close()
        self._stdout.close()
        return status == -signal.SIGPROF

    def forget(self) -> None:
        """Let go of a child that belongs to the process this one was forked from."""
        self._stdin.close()
        self._stdout.close()
        # Popen would otherwise warn about, and try to reap, a process that is not ours.
        self._child.returncode = 0

    def _read(self, size: int, deadline: float) -> bytes | None:
        """Take as much of what the child has written; what comes along with it is kept."""
        while len(self._held) < size:
            _wait(self._stdout.fileno(), select.POLLIN, deadline)
            part = os.read(self._stdout.fileno(), max(_AT_ONCE, size - len(self._held)))
            if not part:
                return None
            self._held += part
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken


def _wait(descriptor: int, event: int, deadline: float) -> None:
    """Wait until the pipe is ready; raises `TimeoutError` after the deadline (monotonic)."""
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeoutError("the child process is stuck")


def read_frame(stream: BinaryIO) -> Any:
    """Return the next request, in the child; None where there will be none."""
    head = stream.read(_LENGTH.size)
    return None if len(head) < _LENGTH.size else json.loads(stream.read(_LENGTH.unpack(head)[0]))


def write_frame(stream: BinaryIO, answer: Answer) -> None:
    """Give an answer, in the child."""
    body = json.dumps(answer).encode()
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()
