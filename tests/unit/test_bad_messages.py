"""Messages that name nothing there is: each is dropped with a line, and no error."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from config import tasks
from ledger.dispatch import runner
from ledger.ids import new_id

ID = str(new_id())


@pytest.mark.parametrize(
    "said",
    [
        (["executions"], ID, ID, 1),
        ({"source": "executions"}, ID, ID, 1),
        (None, ID, ID, 1),
        ("nobody", ID, ID, 1),
        ("executions", ID, "x", 1),
        ("executions", 7, ID, 1),
        ("executions", ID, ID, 10**400),
        ("executions", ID, ID, "soon"),
        ("executions", ID, ID),
        (),
    ],
)
def test_a_row_that_is_none(
    said: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    worked: list[object] = []
    monkeypatch.setattr(runner, "work_row", lambda *named: worked.append(named))
    with caplog.at_level(logging.WARNING, "config.tasks"):
        tasks.row.run(*said)
    assert [each.getMessage() for each in caplog.records] == ["dropped a message that names no row"]
    assert worked == []


@pytest.mark.parametrize(
    "said", [(ID, ["engine"], ID), (ID, {}, ID), (ID, None, ID), (ID, "engine"), (7, "engine", ID)]
)
def test_a_lane_that_is_none(
    said: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    worked: list[object] = []
    monkeypatch.setattr(runner, "work_lane", lambda *named, **_how: worked.append(named))
    with caplog.at_level(logging.WARNING, "config.tasks"):
        tasks.lane.run(*said)
    assert [each.getMessage() for each in caplog.records] == [
        "dropped a message that names no lane"
    ]
    assert worked == []
