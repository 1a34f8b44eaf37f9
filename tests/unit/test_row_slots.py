"""At how many programs the processes of a worker are at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from config import row_slots


def in_a_child(work: Callable[[], int | None]) -> tuple[int, int]:
    """Do `work` in a fork that then stays; return its process and the answer, -1 for None."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        answer = work()
        os.write(writing, bytes([255 if answer is None else answer]))
        signal.pause()
    said = os.read(reading, 1)[0]
    os.close(reading)
    os.close(writing)
    return child, -1 if said == 255 else said


def test_one_process_is_kept_free_and_a_dead_one_gives_its_slot_back() -> None:
    row_slots.prepare()
    children = []
    try:
        for expected in (0, 1, -1):
            child, slot = in_a_child(lambda: row_slots.take(3))
            children.append(child)
            assert slot == expected
        os.kill(children[0], signal.SIGKILL)
        os.waitpid(children.pop(0), 0)
        child, slot = in_a_child(lambda: row_slots.take(3))
        children.append(child)
        assert slot == 0
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_the_only_process_does_everything() -> None:
    row_slots.prepare()
    assert row_slots.take(1) == 0
    row_slots.give_back(0)
