"""A case whose engine has stopped says so, tells the operators, and goes on after a retry."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.urls import reverse

from cases import actions
from cases.plan_state import CaseMoved
from cases.startup import ENGINE_CONSUMER
from compensation.actions.plan_execution import execute
from ledger.dispatch import consumer_registry, lanes
from ledger.dispatch.consumer_registry import Trouble
from ledger.models import OutboxTask
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from tests.casework import (
    case_row,
    counted,
    deploy,
    entries,
    open_item,
    opened,
    plan_for,
    plan_items,
    preview,
    undo,
)
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain, skip_backoffs
from tests.states import work
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem

WHY = "ConnectionError: the rule engine is away"


class Engine:
    """Handles news of cases as the real one does, unless it is `broken`."""

    def __init__(self) -> None:
        self.broken: Exception | None = None
        self.tried = 0

    def handle(self, events: Any, done: Any) -> None:
        self.tried += 1
        if self.broken is not None:
            raise self.broken
        ENGINE_CONSUMER.handle(events, done)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The engine of this test, which may be broken; its second attempt is its last."""
    engine = Engine()
    own = dataclasses.replace(ENGINE_CONSUMER, handle=engine.handle, max_attempts=2)
    monkeypatch.setitem(consumer_registry._consumers, own.name, own)  # noqa: SLF001  -- there is no other way
    consumer_registry.consumers_of.cache_clear()
    return engine


@pytest.fixture
def case_id(world: World, engine: Engine) -> uuid.UUID:
    """A case whose first step was finished, and whose engine died on the news of it."""
    deploy(world, definition("halt", human("a"), human("b", when=".a != null and .b == null")))
    case_id = opened(world, "tests/halt")
    engine.broken = ConnectionError("the rule engine is away")
    work(world.analyst, open_item(world.analyst, case_id, "a").id, None)
    drain(fast_forward=True)
    return case_id


def told(world: World) -> list[tuple[str, str]]:
    """Return who was told that a case has stopped, and how often."""
    with tenant_scope(world.operator.tenant_id):
        rows = Delivery.objects.filter(topic="engine_stopped", channel="in_app")
        names = {world.of(name).actor_id: name for name in ("operator", "admin", "analyst")}
        return sorted((names[row.recipient_id], row.subject_type) for row in rows)


def engine_entries(world: World, case_id: uuid.UUID) -> list[str]:
    return [e.action for e in entries(world, case_id) if e.action.startswith("engine_")]


def test_a_dead_engine_task_is_an_entry_a_notice_and_a_banner(
    world: World, case_id: uuid.UUID, engine: Engine
) -> None:
    assert engine.tried >= 2
    case = case_row(world, case_id)
    assert (case.status, case.stopped_error) == ("RUNNING", WHY)
    assert engine_entries(world, case_id) == ["engine_stopped"]
    assert told(world) == [("admin", "case"), ("operator", "case")]
    shown = api(world.operator).get(f"/api/v1/cases/{case_id}").json()
    assert shown["stopped"]["error"] == WHY
    assert {"action": "retry", "allowed": True, "reason": None} in shown["available_actions"]
    page = browser(world.operator).get(reverse("cases:detail", args=[case_id])).content.decode()
    assert "This case has stopped" in page
    assert "by itself: the rule engine is away." in page
    assert "ConnectionError" not in page


def test_no_rollback_starts_into_it(world: World, case_id: uuid.UUID) -> None:
    plan = plan_for(world, case_id)
    answer = api(world.operator).post(
        f"/api/v1/compensation-plans/{plan.id}/execute",
        {},
        content_type="application/json",
        headers={"If-Match": f'"{plan.digest}"', "Idempotency-Key": str(plan.id)},
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "engine_stopped")
    assert case_row(world, case_id).status == "RUNNING"


def test_no_undo_of_a_piece_starts_into_it(world: World, case_id: uuid.UUID) -> None:
    with tenant_scope(world.operator.tenant_id):
        item = WorkItem.objects.get(case_id=case_id, binding="a")
    refused = (409, "engine_stopped")
    plan = preview(("work_item", item.id), call=Call(world.operator), reason="Not so")
    client, before = api(world.operator), counted(world)
    answer = client.post(
        f"/api/v1/compensation-plans/{plan.id}/execute",
        {},
        content_type="application/json",
        headers={"If-Match": f'"{plan.digest}"', "Idempotency-Key": str(plan.id)},
    )
    assert (answer.status_code, answer.json()["code"]) == refused
    path = f"/api/v1/work-items/{item.id}"
    answer = client.post(
        f"{path}/compensate",
        {"reason": "Not so"},
        content_type="application/json",
        headers={"Idempotency-Key": str(item.id)},
    )
    assert (answer.status_code, answer.json()["code"]) == refused
    offers = {each["action"]: each for each in client.get(path).json()["available_actions"]}
    offer = offers["compensate"]
    assert (offer["allowed"], offer["reason"]) == (False, "engine_stopped")
    assert counted(world) == before
    actions.retry_case(case_id, call=Call(world.operator))
    offers = {each["action"]: each for each in client.get(path).json()["available_actions"]}
    assert offers["compensate"]["allowed"] is True


def test_after_a_retry_it_goes_on(world: World, case_id: uuid.UUID, engine: Engine) -> None:
    engine.broken = None
    actions.retry_case(case_id, call=Call(world.operator))
    case = case_row(world, case_id)
    assert (case.stopped_since, case.stopped_error) == (None, "")
    drain()
    assert plan_items(world, case_id)["b"].status == "ACTIVE"
    assert engine_entries(world, case_id) == ["engine_stopped", "engine_revived"]
    plan = plan_for(world, case_id)
    execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain()
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "COMPENSATED"


def test_one_that_dies_again_says_so_again(
    world: World, case_id: uuid.UUID, engine: Engine
) -> None:
    actions.retry_case(case_id, call=Call(world.operator))
    drain(fast_forward=True)
    assert case_row(world, case_id).stopped_error == WHY
    assert engine_entries(world, case_id) == ["engine_stopped", "engine_revived", "engine_stopped"]


@pytest.mark.parametrize(
    "trouble", [Trouble("no process"), OperationalError("away")], ids=["own", "database"]
)
def test_trouble_of_our_own_uses_up_no_attempts(
    world: World, engine: Engine, trouble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(world, definition("halt", human("a"), human("b", when=".a != null and .b == null")))
    case_id = opened(world, "tests/halt")
    engine.broken = trouble
    work(world.analyst, open_item(world.analyst, case_id, "a").id, None)
    for _ in range(5):
        drain()
        assert skip_backoffs() == 1, "it was buried"
    assert (engine.tried >= 5, told(world)) == (True, [])
    monkeypatch.setattr(lanes, "TROUBLE_SECONDS", 0)
    drain()
    drain()
    assert engine_entries(world, case_id) == ["engine_stopped"]
    assert told(world) == [("admin", "case"), ("operator", "case")]
    engine.broken = None
    skip_backoffs()
    drain()
    assert engine_entries(world, case_id) == ["engine_stopped", "engine_resumed"]
    assert case_row(world, case_id).stopped_since is None
    assert plan_items(world, case_id)["b"].status == "ACTIVE"


def test_a_busy_case_has_not_stopped(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long others keep moving it: nothing is broken, and nobody is told so."""
    deploy(world, definition("halt", human("a"), human("b", when=".a != null and .b == null")))
    case_id = opened(world, "tests/halt")
    engine.broken = CaseMoved("it moved")
    monkeypatch.setattr(lanes, "TROUBLE_SECONDS", 0)
    work(world.analyst, open_item(world.analyst, case_id, "a").id, None)
    for _ in range(5):
        drain()
        assert skip_backoffs() == 1, "it was buried"
    assert engine.tried >= 5
    with tenant_scope(world.operator.tenant_id):
        tasks = OutboxTask.objects.filter(shard=case_id, done_at__isnull=True)
        assert [(task.attempts, task.troubled_since) for task in tasks] == [(0, None)]
    engine.broken = None
    drain()
    assert (engine_entries(world, case_id), told(world)) == ([], [])
    assert case_row(world, case_id).stopped_since is None
    assert plan_items(world, case_id)["b"].status == "ACTIVE"


def test_a_statement_that_takes_too_long_is_a_failure_like_any_other(
    world: World, engine: Engine
) -> None:
    deploy(world, definition("halt", human("a"), human("b", when=".a != null and .b == null")))
    case_id = opened(world, "tests/halt")
    engine.broken = OperationalError("canceling statement")
    engine.broken.__cause__ = psycopg.errors.QueryCanceled("canceling statement")
    work(world.analyst, open_item(world.analyst, case_id, "a").id, None)
    drain(fast_forward=True)
    assert case_row(world, case_id).stopped_error.startswith("OperationalError")
    with tenant_scope(world.operator.tenant_id), connection.cursor() as cursor:
        cursor.execute(
            "SELECT attempts FROM ledger_outboxtask WHERE dead_at IS NOT NULL AND shard = %s",
            [case_id],
        )
        assert cursor.fetchall() == [(2,)]
