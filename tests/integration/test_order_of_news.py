"""What a step has brought is taken into its case before its undo is, however late news comes."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection

from compensation.actions import following
from compensation.actions.plan_execution import execute
from ledger.dispatch import dead_tasks, lanes
from ledger.tenancy import system_scope
from tests.casework import (
    case_row,
    deploy,
    open_item,
    opened,
    plan_for,
    plan_items,
    roll_back,
    run_row,
    steps,
    undo,
)
from tests.definitions import definition, human
from tests.draining import drain, skip_backoffs
from tests.states import compensate, stored, work
from tests.world import World
from verbs import subject
from verbs.call import Call
from workitems.actions import create_work_item

_LATE = """
UPDATE ledger_outboxtask SET due_at = now() + interval '1 hour'
WHERE done_at IS NULL AND consumer = 'cases.engine' AND tenant_id = %s
"""
_KILL = """
UPDATE ledger_outboxtask SET dead_at = now()
WHERE done_at IS NULL AND consumer = 'cases.engine' AND tenant_id = %s
"""
_TASKS = """
SELECT attempts, dead_at IS NULL, due_at > now() FROM ledger_outboxtask
WHERE done_at IS NULL AND consumer = 'compensation.runs' AND tenant_id = %s
"""


def _change(world: World, statement: str) -> int:
    with system_scope("dispatch"), connection.cursor() as cursor:
        cursor.execute(statement, [world.operator.tenant_id])
        return int(cursor.rowcount)


def _finished_unheard(world: World, statement: str = _LATE) -> uuid.UUID:
    """A case whose first step is done, while the engine has not heard of it."""
    source = definition("gap", human("a"), human("b", when=".a != null and .b == null"))
    deploy(world, source)
    case_id = opened(world, "tests/gap")
    work(world.analyst, open_item(world.analyst, case_id, "a").id, None)
    assert _change(world, statement) == 1
    return case_id


def test_an_item_undone_before_the_engine_heard_of_it_is_invalidated(world: World) -> None:
    case_id = _finished_unheard(world)
    item = stored(world, plan_items(world, case_id)["a"].work[1])
    compensate(item, world.operator)
    undo(world.analyst, case_id)
    assert case_row(world, case_id).invalidated == []
    skip_backoffs()
    drain()
    case = case_row(world, case_id)
    assert ("a" in case.context, case.invalidated) == (True, ["a"])


def test_a_rollback_waits_for_the_engine(world: World) -> None:
    case_id = _finished_unheard(world)
    run = roll_back(world, case_id)
    assert [step.status for step in steps(world, run.id)] == ["PLANNED"]
    skip_backoffs()
    drain()
    undo(world.analyst, case_id)
    case = case_row(world, case_id)
    assert (run_row(world, run.id).status, case.status) == ("COMPLETED", "COMPENSATED")
    assert case.invalidated == ["a"]


def test_a_case_that_goes_on_knows_what_is_no_longer_valid(world: World) -> None:
    case_id = _finished_unheard(world)
    plan = plan_for(world, case_id, scope={"kind": "steps", "steps": ["a"], "only_this": True})
    execute(plan.id, call=Call(world.operator, digest=plan.digest), resume_after=True)
    skip_backoffs()
    drain()
    undo(world.analyst, case_id)
    case = case_row(world, case_id)
    assert (case.status, case.invalidated) == ("RUNNING", ["a"])


def test_a_dead_task_of_the_engine_holds_the_rollback(world: World) -> None:
    case_id = _finished_unheard(world, _KILL)
    run = roll_back(world, case_id)
    skip_backoffs()
    drain()
    assert [step.status for step in steps(world, run.id)] == ["PLANNED"]
    assert case_row(world, case_id).status == "COMPENSATING"


def test_news_of_an_unknown_kind_is_left_to_a_program_that_knows_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = create_work_item(call=Call(world.operator), title="Alone")
    work(world.analyst, item.id, None)
    drain()
    compensate(stored(world, item.id), world.operator)
    known = subject.known
    monkeypatch.setattr(following, "known", lambda type_: known(type_) if not type_ else None)
    drain()
    with system_scope("dispatch"), connection.cursor() as cursor:
        cursor.execute(_TASKS, [world.operator.tenant_id])
        assert cursor.fetchall() == [(0, True, True)]
    monkeypatch.undo()
    skip_backoffs()
    drain()
    with system_scope("dispatch"), connection.cursor() as cursor:
        cursor.execute(_TASKS, [world.operator.tenant_id])
        assert cursor.fetchall() == []


def test_what_nobody_knows_for_a_day_is_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = create_work_item(call=Call(world.operator), title="Alone")
    work(world.analyst, item.id, None)
    drain()
    compensate(stored(world, item.id), world.operator)
    monkeypatch.setattr(following, "known", lambda _type: None)
    monkeypatch.setattr(lanes, "STRANGE_SECONDS", -1)
    drain()
    mine = [
        each for each in dead_tasks.dead_letters() if each.tenant_id == world.operator.tenant_id
    ]
    assert [(each.consumer, each.last_error) for each in mine] == [
        ("compensation.runs", "nobody knows 'work_item'")
    ]
