"""Several pieces of news at once: all are taken in, then the case goes on once."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases import actions
from cases.actions.engine import handle
from cases.models import PlanItem
from executions.actions import record_result
from json_values.jq.child_pool import Answer, EvaluatorError, JqPool
from ledger.dispatch.consumer_registry import Trouble
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from tests.casework import (
    case_row,
    counted,
    deploy,
    open_item,
    opened,
    plan_items,
    roll_back,
    run_row,
    steps,
)
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.engine_news import news_of
from tests.states import work
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.actions import reject, start


def pair(world: World, *more: dict[str, Any], **ends: str) -> tuple[uuid.UUID, list[uuid.UUID]]:
    """Open a case with two tasks side by side, and return it with them."""
    deploy(world, definition("pair", human("a"), human("b"), *more, **ends))
    case_id = opened(world, "tests/pair")
    return case_id, [open_item(world.analyst, case_id, name).id for name in ("a", "b")]


def entries_of(world: World, case_id: uuid.UUID, action: str) -> list[LedgerEntry]:
    with tenant_scope(world.operator.tenant_id):
        rows = LedgerEntry.objects.filter(case_id=case_id, action=action)
        return list(rows.order_by("at", "subject_seq"))


def test_both_results_are_in_before_anything_fires(world: World) -> None:
    after = human("c", when=".a != null and .b != null and .c == null")
    early = human("d", when=".a != null and .b == null and .d == null")
    case_id, tasks = pair(world, after, early)
    for task in tasks:
        work(world.analyst, task, "DONE")
    events = [news_of(world, task) for task in tasks]
    handle(events, lambda: None)
    items = plan_items(world, case_id)
    assert {name: item.status for name, item in items.items()} == {
        "a": "COMPLETED", "b": "COMPLETED", "c": "ACTIVE",
    }  # fmt: skip
    assert [items[name].completion_seq for name in ("a", "b")] == [1, 2]
    changes = entries_of(world, case_id, "context_changed")
    assert [each.caused_by_id for each in changes] == [event.id for event in events]
    created = entries_of(world, case_id, "created")[-1]
    assert (created.subject_id, created.caused_by_id) == (items["c"].target_id, events[-1].id)
    case = case_row(world, case_id)
    assert (case.version, case.triggered, set(case.context)) == (3, 3, {"a", "b"})
    drain()
    assert (case_row(world, case_id).version, len(plan_items(world, case_id))) == (3, 3)
    verify()


def test_the_same_news_twice_in_a_batch_counts_once(world: World) -> None:
    case_id, [task, _] = pair(world)
    work(world.analyst, task, "DONE")
    event = news_of(world, task)
    handle([event, event], lambda: None)
    assert len(entries_of(world, case_id, "context_changed")) == 1
    assert case_row(world, case_id).version == 2


def test_one_that_failed_fails_the_case_and_loses_no_result(world: World) -> None:
    case_id, [first, second] = pair(world, human("c", when=".b != null and .c == null"))
    start(first, call=Call(world.analyst))
    reject(first, call=Call(world.analyst), reason="No papers")
    work(world.analyst, second, "DONE")
    handle([news_of(world, first), news_of(world, second)], lambda: None)
    case = case_row(world, case_id)
    assert (case.status, case.fault) == ("FAULTED", "a: rejected, No papers")
    assert case.context["b"]["outcome"] == "DONE"
    assert set(plan_items(world, case_id)) == {"a", "b"}
    actions.retry_case(case_id, call=Call(world.operator))
    drain()
    assert {name: item.status for name, item in plan_items(world, case_id).items()} == {
        "a": "ACTIVE", "b": "COMPLETED", "c": "ACTIVE",
    }  # fmt: skip


def test_a_goal_reached_by_both_ends_the_case(world: World) -> None:
    case_id, tasks = pair(world, human("beside"), success=".a != null and .b != null")
    for task in tasks:
        work(world.analyst, task, "DONE")
    handle([news_of(world, task) for task in tasks], lambda: None)
    case = case_row(world, case_id)
    assert (case.status, case.version) == ("COMPLETED", 4)
    assert plan_items(world, case_id)["beside"].status == "CANCELLED"
    [off] = entries_of(world, case_id, "cancelled")
    over = entries_of(world, case_id, "completed")[-1]
    assert (over.subject_id, off.caused_by_id) == (case_id, over.id)


def test_results_that_come_in_during_a_rollback_are_undone_first(world: World) -> None:
    outside = [
        automated(name, f"erp.{name}", "true", "{n: 1}", compensation={"mode": "human"})
        for name in ("x", "y")
    ]
    deploy(world, definition("outside", human("a"), *outside))
    case_id = opened(world, "tests/outside")
    work(world.analyst, open_item(world.analyst, case_id, "a").id, "DONE")
    drain()
    run = roll_back(world, case_id)
    assert len(run_row(world, run.id).waits_for) == 2
    with tenant_scope(world.operator.tenant_id):
        owed = list(PlanItem.objects.filter(case_id=case_id, type="execution").order_by("binding"))
    for item in owed:
        record_result(item.target_id, call=Call(world.operator), outcome="succeeded", output={})
    handle([news_of(world, item.work[1]) for item in owed], lambda: None)
    assert [(step.original_name, step.status, step.amendment) for step in steps(world, run.id)] == [
        ("a", "PLANNED", False), ("x", "PLANNED", True), ("y", "RUNNING", True),
    ]  # fmt: skip


def test_without_jq_the_news_waits_uncounted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id, [task, _] = pair(world, human("c", when=".a != null and (.c | not)"))
    work(world.analyst, task, "DONE")
    event, before = news_of(world, task), counted(world)

    def away(*_asked: object) -> list[Answer]:
        raise EvaluatorError("no child can be started")

    with monkeypatch.context() as patched:
        patched.setattr(JqPool, "answer", away)
        with pytest.raises(Trouble):
            handle([event], lambda: None)
    assert (counted(world), case_row(world, case_id).version) == (before, 1)
    drain()
    assert plan_items(world, case_id)["c"].status == "ACTIVE"
