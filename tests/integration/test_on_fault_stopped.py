"""Where what undoes a failed case breaks, the case that waits for that says so, and goes on."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import pytest
from django.urls import reverse

from cases import actions
from cases.events import SETTLED
from cases.startup import ON_FAULT_CONSUMER
from ledger.dispatch import consumer_registry, lanes
from ledger.dispatch.consumer_registry import Trouble
from tests.casework import case_row, deploy, finish, opened, undo
from tests.clients import api, browser
from tests.definitions import human
from tests.draining import drain, skip_backoffs
from tests.integration.test_undone_on_fault import failed, in_order, runs, says
from tests.states import actions_of
from tests.subcases import below, child, statuses
from tests.verifying import verify
from tests.world import World
from verbs.call import Call

WHY = "ConnectionError: away"


class Hearing:
    """Hears of failures as the real consumer does, unless it is `broken` for news of `action`."""

    def __init__(self) -> None:
        self.broken: Exception | None = None
        self.action = SETTLED

    def handle(self, events: Any, done: Any) -> None:
        if self.broken is not None and any(event.action == self.action for event in events):
            raise self.broken
        ON_FAULT_CONSUMER.handle(events, done)


@pytest.fixture
def hearing(monkeypatch: pytest.MonkeyPatch) -> Hearing:
    """What hears of failures in this test, which may be broken; its second attempt is its last."""
    hearing = Hearing()
    own = dataclasses.replace(ON_FAULT_CONSUMER, handle=hearing.handle, max_attempts=2)
    monkeypatch.setitem(consumer_registry._consumers, own.name, own)  # noqa: SLF001  -- there is no other way
    consumer_registry.consumers_of.cache_clear()
    return hearing


def two_that_failed(world: World) -> tuple[uuid.UUID, uuid.UUID]:
    """Return a case that found the rollback of the one below in its way, and that one."""
    deploy(world, says(in_order()) | {"name": "low"})
    deploy(world, says([human("own"), below("low", "low"), human("last")]))
    top = opened(world, "tests/failing")
    finish(world.analyst, top, "own", "OK")
    inner = child(world, top).id
    failed(world, inner, "b")
    drain()
    assert statuses(world, top) == ["FAULTED", "COMPENSATING"]
    return top, inner


def engine_entries(world: World, case_id: uuid.UUID) -> list[str]:
    return [each for each in actions_of(world, "case", case_id) if each.startswith("engine_")]


def test_the_case_above_says_that_it_has_stopped_and_is_undone_after_a_retry(
    world: World, hearing: Hearing
) -> None:
    top, inner = two_that_failed(world)
    hearing.broken = ConnectionError("away")
    undo(world.analyst, inner)
    drain(fast_forward=True)
    assert statuses(world, top) == ["FAULTED", "COMPENSATED"]
    assert case_row(world, top).stopped_error == WHY
    assert case_row(world, inner).stopped_since is None
    assert engine_entries(world, top) == ["engine_stopped"]
    assert engine_entries(world, inner) == []
    shown = api(world.operator).get(f"/api/v1/cases/{top}").json()
    assert shown["stopped"]["error"] == WHY
    assert {"action": "retry", "allowed": True, "reason": None} in shown["available_actions"]
    page = browser(world.operator).get(reverse("cases:detail", args=[top])).content.decode()
    assert "This case has stopped" in page
    hearing.broken = None
    actions.retry_case(top, call=Call(world.operator))
    drain()
    assert statuses(world, top) == ["COMPENSATING", "COMPENSATED"]
    assert [run.about_id for run in runs(world)] == [inner, top]
    assert case_row(world, top).stopped_since is None
    verify()


def in_trouble(
    world: World, hearing: Hearing, case_id: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let the trouble last for so long that the case says so, and be over then."""
    monkeypatch.setattr(lanes, "TROUBLE_SECONDS", 0)
    drain()
    skip_backoffs()
    drain()
    assert engine_entries(world, case_id) == ["engine_stopped"]
    assert case_row(world, case_id).stopped_since is not None
    hearing.broken = None
    skip_backoffs()
    drain()


def test_trouble_that_is_over_keeps_no_rollback_of_the_case_above_from_beginning(
    world: World, hearing: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    top, inner = two_that_failed(world)
    hearing.broken = Trouble("no process")
    undo(world.analyst, inner)
    in_trouble(world, hearing, top, monkeypatch)
    assert engine_entries(world, inner) == []
    assert engine_entries(world, top) == ["engine_stopped", "engine_resumed"]
    assert statuses(world, top) == ["COMPENSATING", "COMPENSATED"]
    assert actions_of(world, "case", top).count("compensation_refused") == 1
    verify()


def test_nor_one_of_the_case_itself(
    world: World, hearing: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(world, says(in_order()))
    case_id = opened(world, "tests/failing")
    hearing.broken, hearing.action = Trouble("no process"), "faulted"
    failed(world, case_id)
    in_trouble(world, hearing, case_id, monkeypatch)
    assert engine_entries(world, case_id) == ["engine_stopped", "engine_resumed"]
    assert (case_row(world, case_id).status, len(runs(world))) == ("COMPENSATING", 1)
    assert "compensation_refused" not in actions_of(world, "case", case_id)
    verify()


def test_a_sign_is_taken_down_by_news_after_which_nothing_begins(
    world: World, hearing: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(world, says(in_order()))
    case_id = opened(world, "tests/failing")
    hearing.broken, hearing.action = Trouble("no process"), "faulted"
    failed(world, case_id, "a")
    in_trouble(world, hearing, case_id, monkeypatch)
    assert engine_entries(world, case_id) == ["engine_stopped", "engine_resumed"]
    assert (case_row(world, case_id).status, runs(world)) == ("FAULTED", [])
