"""A few child processes that evaluate jq, replaced whenever one is killed or dies.

See `child_script.py` for why they exist and for the frames they speak. The limits on CPU time and
memory are enforced by the kernel inside the child; the parent only notices that it is gone. Its own
wall-clock limit is a generous backstop, so that a busy machine does not make expressions fail.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from json_values.framed_process import Answer, EvaluatorError, FramedProcess
from json_values.limits import GROWN_BYTES, TOLD_BYTES

__all__ = ["Answer", "EvaluatorError", "Item", "JqPool", "JqProcess"]

CPU_MILLISECONDS: Final = 250
MEMORY_BYTES: Final = 256 * 1024 * 1024
RESULT_BYTES: Final = GROWN_BYTES
#: What an input takes to be read and written again, at worst (a list of empty lists).
MILLISECONDS_PER_MIB: Final = 500
MEMORY_PER_BYTE: Final = 200
WALL_SECONDS: Final = 10.0
#: What one request may take altogether: so many that are stopped, or so long by the clock. What is
#: left then is not asked any more, for whoever asks must answer within a minute itself.
MOST_STOPPED: Final = 40
REQUEST_SECONDS: Final = 15.0
PROCESSES: Final = 2
#: The answer of what is not asked any more: it says nothing of the expression.
LEFT_OUT: Final = ("timeout", "not asked any more: what was asked before took all the time")

_MUCH: Final = 256 * 1024
#: So much is sent to a child at once, or one value that is more by itself. It reads a request as a
#: whole before it knows how much memory that takes: of many large values, more than it has.
MOST_AT_ONCE: Final = TOLD_BYTES

#: An expression and the index of its value; `None` only compiles.
Item = tuple[str, int | None]

_SCRIPT: Final = Path(__file__).with_name("child_script.py")


class JqProcess(FramedProcess):
    """One child that evaluates jq."""

    wall_seconds = WALL_SECONDS

    def __init__(self) -> None:
        most_memory = MEMORY_BYTES + MEMORY_PER_BYTE * TOLD_BYTES
        arguments = [
            *(str(CPU_MILLISECONDS), str(MILLISECONDS_PER_MIB)),
            *(str(MEMORY_BYTES), str(MEMORY_PER_BYTE), str(most_memory), str(RESULT_BYTES)),
        ]
        # An empty environment and -I: neither the host's secrets nor its PYTHON* settings get in.
        super().__init__([sys.executable, "-I", str(_SCRIPT), *arguments], env={}, cwd="/")


class JqPool:
    """At most `PROCESSES` children, shared by all threads of this process."""

    def __init__(self) -> None:
        self._slots = threading.BoundedSemaphore(PROCESSES)
        self._idle: list[JqProcess] = []

    def answer(self, values: Sequence[str], items: Sequence[Item]) -> list[Answer]:
        """Answer every item, in order, whatever single items do to the child evaluating them. Those
        that are left when the others have taken all the time there is are a `timeout` too.

        Raises `EvaluatorError` if children cannot be started or die before they take a request.
        """
        answers: list[Answer] = []
        with self._slots:
            failures, until = 0, time.monotonic() + REQUEST_SECONDS
            while len(answers) < len(items):
                before = len(answers)
                if _is_over(answers, until):
                    answers.extend(list(LEFT_OUT) for _ in range(len(items) - before))
                    break
                self._answer_some(values, items, answers, until)
                failures = failures + 1 if len(answers) == before else 0
                if failures > PROCESSES:
                    raise EvaluatorError("the expression evaluator does not stay alive")
        return answers

    def forget(self) -> None:
        """Drop all children without touching them; for the child side of a fork."""
        while self._idle:
            self._idle.pop().forget()

    def _answer_some(
        self, values: Sequence[str], items: Sequence[Item], answers: list[Answer], until: float
    ) -> None:
        """Add answers until all are there, the time is over or the child is lost; a culprit gets
        its answer too."""
        values, asked = _portion(values, items[len(answers) :])
        items = [*items[: len(answers)], *asked]
        process = self._take()
        veteran = process.answered > 0
        try:
            process.send({"values": values, "items": asked})
            if _receive(process, len(items), answers, until):
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
        if time.monotonic() > until:
            process.bury()
            return
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


def _receive(process: JqProcess, wanted: int, answers: list[Answer], until: float) -> bool:
    """Add answers until there are so many; False where the time is over, or the child lost."""
    while len(answers) < wanted:
        answer = None if time.monotonic() > until else process.receive()
        if answer is None:
            return False
        answers.append(answer)
    return True


def _is_over(answers: Sequence[Answer], until: float) -> bool:
    """Whether what was asked so far has taken all that a request may take."""
    stopped = sum(code == "timeout" for code, _ in answers)
    return stopped >= MOST_STOPPED or time.monotonic() > until


def _portion(values: Sequence[str], items: Sequence[Item]) -> tuple[list[str], list[Item]]:
    """Return the first of the items whose values together are not too much for one request, and
    those values alone."""
    portion: list[Item] = []
    sent: dict[int, int] = {}
    size = 0
    for expression, index in items:
        if index is not None and index not in sent:
            size += len(values[index])
            if portion and size > MOST_AT_ONCE:
                break
            sent[index] = len(sent)
        portion.append((expression, None if index is None else sent[index]))
    return [values[index] for index in sent], portion
