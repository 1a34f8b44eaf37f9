"""Whose work comes next, where several tenants wait with lanes and rows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from ledger.dispatch import lanes, runner
from ledger.dispatch.hints import LaneWork, RowWork, Work
from ledger.dispatch.lanes import Lane
from ledger.ids import new_id

ONE, ANOTHER, THIRD = new_id(), new_id(), new_id()
Row = tuple[str, uuid.UUID, uuid.UUID, float]


class Found:
    """A table of due rows that finds these."""

    def __init__(self, *rows: Row) -> None:
        self.rows = list(rows)

    def due(self, _queues: Sequence[str], **_which: Any) -> list[Row]:
        return self.rows


def found(
    monkeypatch: pytest.MonkeyPatch, of_lanes: list[tuple[str, Lane]], *tables: Found
) -> list[Work]:
    monkeypatch.setattr(lanes, "due", lambda *_queues, **_which: of_lanes)
    named = [SimpleNamespace(name=f"test{n}", table=table) for n, table in enumerate(tables)]
    monkeypatch.setattr(runner, "sources", lambda: named)
    return runner.find_due()


def rows(queue: str, tenant_id: uuid.UUID, count: int) -> list[Row]:
    return [(queue, tenant_id, new_id(), 60.0) for _ in range(count)]


def of_engine(tenant_id: uuid.UUID, count: int) -> list[tuple[str, Lane]]:
    return [("engine", Lane(tenant_id, "engine", new_id())) for _ in range(count)]


def test_a_flood_of_lanes_comes_after_the_rows_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Found(*rows("engine", ANOTHER, 2)), Found(*rows("engine", THIRD, 1))
    works = found(monkeypatch, of_engine(ONE, 50), first, second)
    assert len(works) == 53
    assert {work.tenant_id for work in works[:3]} == {ONE, ANOTHER, THIRD}
    assert {work.tenant_id for work in works[3:5]} == {ONE, ANOTHER}
    assert {work.tenant_id for work in works[5:]} == {ONE}


def test_of_one_tenant_lanes_and_rows_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    of_lanes, table = of_engine(ONE, 3), Found(*rows("engine", ONE, 2))
    works = found(monkeypatch, of_lanes, table)
    assert [type(work).__name__ for work in works] == [
        "LaneWork", "RowWork", "LaneWork", "RowWork", "LaneWork",
    ]  # fmt: skip
    assert [work.lane for work in works if isinstance(work, LaneWork)] == [
        lane for _queue, lane in of_lanes
    ]
    assert [work.id for work in works if isinstance(work, RowWork)] == [
        row[2] for row in table.rows
    ]


def test_the_urgent_comes_first_whoever_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Found(*rows("notify", ANOTHER, 1), *rows("undo", ONE, 3))
    works = found(monkeypatch, of_engine(THIRD, 2), table)
    assert [work.queue for work in works] == ["undo"] * 3 + ["engine"] * 2 + ["notify"]


def test_who_is_first_of_the_first_is_drawn_by_lot(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Found(*rows("engine", ANOTHER, 1))
    firsts = {found(monkeypatch, of_engine(ONE, 1), table)[0].tenant_id for _ in range(200)}
    assert firsts == {ONE, ANOTHER}
