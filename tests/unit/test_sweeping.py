"""What a look for due work tells: each queue has its share, and each tenant its turn."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import pytest

from config.sweeping import Looker
from ledger.dispatch import runner
from ledger.dispatch.hints import LaneWork, RowWork, Work
from ledger.dispatch.lanes import Lane
from ledger.ids import new_id

QUEUES = ("undo", "engine", "notify", "upkeep")
ONE, ANOTHER = new_id(), new_id()


def row(tenant_id: uuid.UUID, source: str = "executions", queue: str = "undo") -> RowWork:
    return RowWork(queue, source, tenant_id, new_id(), 300)


def lane(tenant_id: uuid.UUID, queue: str = "engine") -> LaneWork:
    return LaneWork(queue, Lane(tenant_id, "engine", new_id()))


def looking(
    monkeypatch: pytest.MonkeyPatch, found: Sequence[Work], *, room: int, slots: int
) -> tuple[Looker, list[Work]]:
    """A looker that finds this at each look, and what it tells."""
    monkeypatch.setattr(runner, "find_due", lambda *_queues, **_which: list(found))
    told: list[Work] = []
    return Looker(
        QUEUES,
        told.extend,
        untaken=lambda: 0.0,
        room=lambda: room,
        slots=lambda _tenant, _program: slots,
    ), told


@pytest.mark.parametrize("room", [1, 4])
def test_rows_that_nobody_could_do_now_are_in_nobodys_way(
    monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    carries_on = lane(ANOTHER)
    rows = [row(ONE) for _ in range(30)]
    looker, told = looking(monkeypatch, [*rows, carries_on], room=room, slots=0)
    assert looker.look() == 1
    assert told == [carries_on]


def test_what_is_short_needs_no_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    short = row(ONE, "work_item_holds")
    looker, told = looking(monkeypatch, [row(ONE), short], room=4, slots=0)
    assert looker.look() == 1
    assert told == [short]


def test_of_a_tenant_no_more_rows_are_told_than_find_a_slot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, others = [row(ONE) for _ in range(30)], [row(ANOTHER) for _ in range(30)]
    looker, told = looking(monkeypatch, [*rows, *others], room=10, slots=2)
    assert looker.look() == 4
    assert told == [*rows[:2], *others[:2]]


def test_a_flood_in_one_queue_leaves_the_others_their_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flood = [lane(ONE, "undo") for _ in range(30)]
    others = [lane(ANOTHER, queue) for queue in ("engine", "notify", "upkeep")]
    looker, told = looking(monkeypatch, [*flood, *others], room=6, slots=0)
    assert looker.look() == 6
    assert set(told) == {*flood[:3], *others}


def test_where_there_is_little_room_the_queues_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    flood = [lane(ONE, "undo") for _ in range(30)]
    others = [lane(ANOTHER, queue) for queue in ("engine", "notify", "upkeep")]
    looker, told = looking(monkeypatch, [*flood, *others], room=1, slots=0)
    assert [looker.look() for _ in range(4)] == [1] * 4
    assert sorted(each.queue for each in told) == ["engine", "notify", "undo", "upkeep"]


def test_of_what_is_no_program_slots_are_counted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    check, undo = row(ONE, "ledger_verifications"), row(ONE)
    monkeypatch.setattr(runner, "find_due", lambda *_queues, **_which: [check, undo])
    told: list[Work] = []
    Looker(
        QUEUES, told.extend, untaken=lambda: 0.0, room=lambda: 4,
        slots=lambda _tenant, program: int(program),
    ).look()  # fmt: skip
    assert told == [undo]


def test_where_a_tenant_has_one_slot_its_queues_take_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mail server that hangs holds it again and again: the ledger is sealed in between."""
    mails = [row(ONE, "notifications.deliveries", "notify") for _ in range(9)]
    sealing = row(ONE, "ledger_sealing", "upkeep")
    looker, told = looking(monkeypatch, [*mails, sealing], room=10, slots=1)
    assert [looker.look() for _ in range(4)] == [1] * 4
    assert sealing in told
    assert len(set(mails) & set(told)) == 3


def test_what_was_told_is_not_told_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    flood = [lane(ONE, "undo") for _ in range(6)]
    looker, told = looking(monkeypatch, flood, room=4, slots=0)
    assert [looker.look() for _ in range(3)] == [4, 2, 0]
    assert told == flood
