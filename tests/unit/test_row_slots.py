"""At how many programs the processes of a worker are at once."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import uuid
from collections.abc import Callable, Iterator

import pytest

from config import row_slots
from ledger.ids import new_id

ONE, ANOTHER, THIRD = new_id(), new_id(), new_id()


@pytest.fixture
def children() -> Iterator[list[int]]:
    """The processes that a test has forked; ended afterwards."""
    row_slots.prepare()
    found: list[int] = []
    yield found
    for child in found:
        end(child)


def end(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def takes(children: list[int], take: Callable[[], row_slots.Slot | None]) -> bool:
    """Take a slot in a fork that then stays; whether there was one."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.write(writing, b"." if take() else b"-")
        signal.pause()
    children.append(child)
    said = os.read(reading, 1)
    os.close(reading)
    os.close(writing)
    return said == b"."


def test_one_process_is_kept_free_and_a_dead_one_gives_its_slot_back(children: list[int]) -> None:
    for tenant, expected in ((ONE, True), (ANOTHER, True), (THIRD, False)):
        assert takes(children, functools.partial(row_slots.take, 3, tenant)) is expected
    end(children.pop(0))
    assert takes(children, lambda: row_slots.take(3, THIRD))


def test_no_tenant_has_all_the_slots(children: list[int]) -> None:
    assert row_slots.free(6, ONE) == 2
    for expected in (True, True, False):
        assert takes(children, lambda: row_slots.take(6, ONE)) is expected
    assert (row_slots.free(6, ONE), row_slots.free(6, ANOTHER)) == (0, 2)
    assert takes(children, lambda: row_slots.take(6, ANOTHER))
    assert takes(children, lambda: row_slots.take(6, THIRD))
    assert (row_slots.free(6, ONE), row_slots.free(6, ANOTHER)) == (0, 0)
    end(children.pop(0))
    assert (row_slots.free(6, ONE), row_slots.free(6, ANOTHER)) == (1, 1)


def test_who_finds_no_slot_of_all_keeps_none_of_its_tenant(children: list[int]) -> None:
    assert takes(children, lambda: row_slots.take(2, ONE))
    assert row_slots.take(2, ANOTHER) is None
    end(children.pop(0))
    # Had it kept one, a child of it would find it taken.
    assert takes(children, lambda: row_slots.take(2, ANOTHER))


def test_asking_takes_nothing(children: list[int]) -> None:
    assert row_slots.free(3, ONE) == 1
    assert takes(children, lambda: row_slots.take(3, ONE))


def test_the_only_process_does_everything(children: list[int]) -> None:
    slot = row_slots.take(1, ONE)
    assert slot is not None
    assert not takes(children, lambda: row_slots.take(1, ONE))
    row_slots.give_back(slot)
    assert takes(children, lambda: row_slots.take(1, ONE))


@pytest.mark.parametrize("processes", range(4, 20))
def test_a_program_finds_a_slot_beside_all_else_and_all_of_another_tenants(
    children: list[int], processes: int
) -> None:
    """A check of a ledger takes an hour: no undo waits for it, of that tenant or another. Nor does
    it wait for programs."""
    least = 1 if processes < 6 else 2

    def other(tenant: uuid.UUID) -> bool:
        return takes(children, lambda: row_slots.take(processes, tenant, program=False))

    others = 0
    while other(ONE) or other(ANOTHER):
        others += 1
    assert others == (1 if processes == 4 else max(2, (processes - 1) // 3))
    programs = row_slots.free(processes, ONE)
    assert programs >= least
    for _ in range(programs):
        assert takes(children, lambda: row_slots.take(processes, ONE))
    assert not takes(children, lambda: row_slots.take(processes, ONE))
    assert takes(children, lambda: row_slots.take(processes, ANOTHER))
    assert others + programs + 1 == processes - 1


@pytest.mark.parametrize("processes", [4, 5, 7, 8])
def test_what_is_no_program_finds_a_slot_beside_all_programs(
    children: list[int], processes: int
) -> None:
    while takes(children, lambda: row_slots.take(processes, new_id())):
        pass
    assert row_slots.free(processes, THIRD, program=False) == 1
    assert takes(children, lambda: row_slots.take(processes, THIRD, program=False))


@pytest.mark.parametrize("processes", [5, 6, 8])
def test_no_tenant_has_all_that_is_for_what_is_no_program(
    children: list[int], processes: int
) -> None:
    def other(tenant: uuid.UUID) -> bool:
        return takes(children, lambda: row_slots.take(processes, tenant, program=False))

    assert [other(ONE), other(ONE), other(ANOTHER)] == [True, False, True]


def test_what_is_no_program_takes_what_programs_may_not(children: list[int]) -> None:
    before = row_slots.free(16, ONE), row_slots.free(16, ANOTHER)
    assert takes(children, lambda: row_slots.take(16, ONE, program=False))
    assert (row_slots.free(16, ONE), row_slots.free(16, ANOTHER)) == before
    while takes(children, lambda: row_slots.take(16, new_id())):
        pass
    assert len(children) == 1 + 14 + 1
