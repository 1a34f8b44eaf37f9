"""A few child processes that evaluate jq, replaced whenever one is killed or dies.

See `child_script.py` for why they exist and for the frames they speak. The limits on CPU time and
memory are enforced by the kernel inside the child; the parent only notices that it is gone. Its own
wall-clock limit is a generous backstop, so that a busy machine does not make expressions fail.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from json_values.limits import GROWN_BYTES, TOLD_BYTES

CPU_MILLISECONDS: Final = 250
MEMORY_BYTES: Final = 256 * 1024 * 1024
RESULT_BYTES: Final = GROWN_BYTES
#: What an input takes to be read and written again, at worst (a list of empty lists).
MILLISECONDS_PER_MIB: Final = 500
MEMORY_PER_BYTE: Final = 200
WALL_SECONDS: Final = 10.0
PROCESSES: Final = 2

_MUCH: Final = 256 * 1024
_AT_ONCE: Final = 64 * 1024

#: What the child answers for one item: `["ok", result]` or `[code, detail]`.
Answer = list[Any]
#: An expression and the index of its value; `None` only compiles.
Item = tuple[str, int | None]

_LENGTH: Final = struct.Struct(">I")
_SCRIPT: Final = Path(__file__).with_name("child_script.py")


class EvaluatorError(RuntimeError):
    """No child process could be started or kept alive long enough to take a request."""


class JqProcess:
    """One child: takes a request, gives its answers one by one, tells how it died."""

    def __init__(self) -> None:
        most_memory = MEMORY_BYTES + MEMORY_PER_BYTE * TOLD_BYTES
        arguments = [
            *(str(CPU_MILLISECONDS), str(MILLISECONDS_PER_MIB)),
            *(str(MEMORY_BYTES), str(MEMORY_PER_BYTE), str(most_memory), str(RESULT_BYTES)),
        ]
        # An empty environment and -I: neither the host's secrets nor its PYTHON* settings get in.
        self._child = subprocess.Popen(  # noqa: S603  # a fixed script of this package
            [sys.executable, "-I", str(_SCRIPT), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            bufsize=0,
            start_new_session=True,
        )
        if self._child.stdin is None or self._child.stdout is None:
            raise EvaluatorError("the child has no pipes")
        self._stdin, self._stdout = self._child.stdin, self._child.stdout
        os.set_blocking(self._stdin.fileno(), False)
        self.answered = 0
        self._held = bytearray()

    def send(self, request: dict[str, Any]) -> None:
        """Write one request; raises `OSError` if the child is gone, `TimeoutError` if stuck."""
        body = json.dumps(request).encode()
        left = memoryview(_LENGTH.pack(len(body)) + body)
        deadline = time.monotonic() + WALL_SECONDS
        while left:
            _wait(self._stdin.fileno(), select.POLLOUT, deadline)
            with contextlib.suppress(BlockingIOError):
                left = left[os.write(self._stdin.fileno(), left) :]

    def receive(self) -> Answer | None:
        """Read one answer, or return `None` when the child died first.

        Raises `TimeoutError` when it neither answers nor dies.
        """
        deadline = time.monotonic() + WALL_SECONDS
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


class JqPool:
    """At most `PROCESSES` children, shared by all threads of this process."""

    def __init__(self) -> None:
        self._slots = threading.BoundedSemaphore(PROCESSES)
        self._idle: list[JqProcess] = []

    def answer(self, values: Sequence[str], items: Sequence[Item]) -> list[Answer]:
        """Answer every item, in order, whatever single items do to the child evaluating them.

        Raises `EvaluatorError` if children cannot be started or die before they take a request.
        """
        answers: list[Answer] = []
        with self._slots:
            failures = 0
            while len(answers) < len(items):
                before = len(answers)
                self._answer_some(values, items, answers)
                failures = failures + 1 if len(answers) == before else 0
                if failures > PROCESSES:
                    raise EvaluatorError("the expression evaluator does not stay alive")
        return answers

    def forget(self) -> None:
        """Drop all children without touching them; for the child side of a fork."""
        while self._idle:
            self._idle.pop().forget()

    def _answer_some(
        self, values: Sequence[str], items: Sequence[Item], answers: list[Answer]
    ) -> None:
        """Add answers until all are there or the child is lost; a culprit gets its answer too."""
        process = self._take()
        veteran = process.answered > 0
        try:
            process.send({"values": values, "items": items[len(answers) :]})
            while len(answers) < len(items):
                answer = process.receive()
                if answer is None:
                    break
                answers.append(answer)
            else:
                self._keep(process, values)
                return
        except TimeoutError:
            process.bury()
            answers.append(["timeout", f"no answer within {WALL_SECONDS:.0f} s"])
            return
        except OSError:
            process.bury()
            return
        except BaseException:
            process.bury()
            raise
        if process.bury():
            said = ["timeout", "stopped: it was still computing after its time"]
        elif not veteran:
            said = ["memory", "stopped: it needed too much memory or broke the evaluator"]
        else:
            # A veteran may have died while idle: its first item is tried again on a new child.
            return
        # What is only compiled shares one time and one child: of that, it is over for all.
        rest = itertools.takewhile(lambda item: item[1] is None, items[len(answers) :])
        answers.extend([said] * max(1, len(list(rest))))

    def _keep(self, process: JqProcess, values: Sequence[str]) -> None:
        """Let a child idle; one that had much to hold keeps too much of it, and is let go."""
        if sum(map(len, values)) > _MUCH:
            process.bury()
        else:
            self._idle.append(process)

    def _take(self) -> JqProcess:
        try:
            return self._idle.pop()
        except IndexError:
            return JqProcess()


def _wait(descriptor: int, event: int, deadline: float) -> None:
    """Wait until the pipe is ready; raises `TimeoutError` after the deadline (monotonic)."""
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeoutError("the expression evaluator is stuck")
