"""What may overtake a flood: a row of another tenant that takes longer than the message at hand
may, and is no less urgent."""

from __future__ import annotations

import contextlib
import dataclasses
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from compensation.events import ENGINE_LANE
from config import tasks
from ledger.dispatch import hints, runner
from ledger.dispatch.hints import LaneWork, RowWork, Work
from ledger.dispatch.lanes import Lane
from ledger.ids import new_id

NAMED, ANOTHER = new_id(), new_id()
LANE = ENGINE_LANE


@contextlib.contextmanager
def message_of(task: Any, queue: str) -> Iterator[None]:
    """Be at a message of a queue while the body runs."""
    task.push_request(delivery_info={"routing_key": queue})
    try:
        yield
    finally:
        task.pop_request()


@pytest.mark.parametrize(
    ("queue", "waits", "seconds", "told"),
    [
        ("work", "work", 300.0, "overtakes"),
        ("work", "undo", 300.0, "overtakes"),
        ("undo", "work", 300.0, ""),
        ("undo", "upkeep", 3600.0, ""),
        ("nobody's", "undo", 300.0, ""),
        ("work", "work", 60.0, ""),
    ],
)
def test_what_overtakes(
    monkeypatch: pytest.MonkeyPatch, queue: str, waits: str, seconds: float, told: str
) -> None:
    another = RowWork(waits, "executions", ANOTHER, new_id(), seconds)
    named = RowWork("", "executions", NAMED, new_id(), 60.0)
    published: list[Work] = []
    worked: list[object] = []

    def take(works: Sequence[Work]) -> None:
        published.extend(works)

    def work_row(_source: str, _tenant: object, id_: object) -> bool:
        worked.append(id_)
        return True

    monkeypatch.setattr(hints, "_publish", take)
    monkeypatch.setattr(runner, "work_row", work_row)
    monkeypatch.setattr(tasks, "_waiting_elsewhere", lambda _tenant: [another])
    monkeypatch.setattr(tasks, "_takes_slot", lambda _work: False)
    with message_of(tasks.row, queue):
        tasks.row.run(named.source, str(named.tenant_id), str(named.id), named.seconds)
    overtaking = [dataclasses.replace(another, overtakes=True)]
    if seconds <= named.seconds:
        # What takes no longer is done under the message at hand, which is told again.
        assert (worked, published) == ([another.id], [dataclasses.replace(named, queue=waits)])
    else:
        assert (worked, published) == ([named.id], overtaking if told else [])


@pytest.mark.parametrize(
    ("waits", "took", "gave_way", "then"),
    [
        ("undo", 0.0, True, "done"),
        ("notify", 0.0, False, "done"),
        ("engine", 11.0, True, "overtakes"),
        ("notify", 11.0, False, ""),
    ],
)
def test_a_lane_gives_way_to_what_another_tenant_waits_with(
    monkeypatch: pytest.MonkeyPatch, waits: str, took: float, *, gave_way: bool, then: str
) -> None:
    """Between two batches, to what is as urgent; what it has no time for any more overtakes."""
    another = LaneWork(waits, Lane(ANOTHER, LANE, new_id()))
    worked: list[uuid.UUID] = []
    gave: list[bool] = []
    published: list[Work] = []
    clock = [100.0]

    def work_lane(
        at: Lane, *, gives_way: Callable[[], bool] = lambda: False, **_how: object
    ) -> int:
        worked.append(at.tenant_id)
        if at.tenant_id == NAMED:
            clock[0] += took
            gave.append(gives_way())
        return 1

    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(hints, "_publish", published.extend)
    monkeypatch.setattr(runner, "work_lane", work_lane)
    monkeypatch.setattr(tasks, "_waiting_elsewhere", lambda _tenant: [another])
    with message_of(tasks.lane, "engine"):
        tasks.lane.run(str(NAMED), LANE, str(new_id()))
    assert gave == [gave_way]
    assert worked == ([NAMED, ANOTHER] if then == "done" else [NAMED])
    overtaking = [dataclasses.replace(another, overtakes=True)]
    assert published == (overtaking if then == "overtakes" else [])
